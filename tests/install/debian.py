"""A Debian nothing was ever installed on, made by debootstrap, and Terrace installed there as a person would.

Needs root. Every command runs in mounts and process ids of its own, so that nothing is left behind when it ends.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.install.packages import Packages
from tests.install.ways import NotHere, cloned, run, tool

SUITE = "bookworm"
USER = "trader"
HOME = "/home/Jörg Müller"
PARCEL = "/var/parcel"
"""Where the packages and the story lie in the new root."""
BUNDLE = "/etc/ssl/certs/of-the-host.pem"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAKE_S = 1800
_LOCATORS = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "http_proxy", "https_proxy", "no_proxy")
_SETTINGS = ("global.index-url", "global.extra-index-url", "global.timeout")
_INSIDE = """
set -e
mount -t proc proc {root}/proc
mount --bind /dev {root}/dev
exec chroot {user} {root} /usr/bin/env -i {environ} /bin/sh -c {command}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debian:
    """A root of its own. `sh` runs a line in it."""

    root: Path

    def sh(self, line: str, *, user: str = "root") -> str:
        """As this user, in the user's home; its standard output. Failed with all it said."""
        home = "/root" if user == "root" else HOME
        named = {
            "HOME": home,
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }
        environ = " ".join(f"{name}={shlex.quote(value)}" for name, value in (reach() | named).items())
        script = _INSIDE.format(
            root=shlex.quote(str(self.root)),
            user="" if user == "root" else f"--userspec={user}:{user}",
            environ=environ,
            command=shlex.quote(f"cd {shlex.quote(home)} && {line}"),
        )
        private = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
        return run([*private, "sh", "-c", script], cwd=self.root, environ=os.environ)


def missing() -> str:
    """Why no such root can be made here; empty where it can."""
    if not sys.platform.startswith("linux"):
        return "this is no Linux"
    if os.geteuid() != 0:
        return "debootstrap needs root"
    absent = [name for name in ("debootstrap", "unshare", "chroot") if shutil.which(name) is None]
    return f"no {absent[0]} here" if absent else ""


def make(folder: Path, packages: Packages) -> Debian:
    """The smallest Debian there is, with a person in it and our packages beside."""
    if fault := missing():
        raise NotHere(fault)
    made = Debian(root=folder)
    mirror = next(iter(mirrors()), "")
    command = [tool("debootstrap"), "--variant=minbase", SUITE, str(folder), *([mirror] if mirror else [])]
    run(command, cwd=folder.parent, environ=os.environ, limit_s=MAKE_S)
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        if Path(name).is_file():
            shutil.copyfile(name, f"{folder}{name}")
    bundle = next((os.environ[name] for name in _LOCATORS if Path(os.environ.get(name, "")).is_file()), "")
    if bundle:
        Path(f"{folder}{BUNDLE}").parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle, f"{folder}{BUNDLE}")
    made.sh(f"useradd --create-home --home-dir {shlex.quote(HOME)} --shell /bin/sh {USER}")
    parcel = Path(f"{folder}{PARCEL}")
    parcel.mkdir()
    for path in (packages.wheel, packages.sdist, packages.constraints, Path(__file__).parent / "story.py"):
        shutil.copyfile(path, parcel / path.name)
    cloned(parcel / "clone")
    made.sh(f"chmod -R a+rX {PARCEL}")
    return made


def mirrors() -> Iterator[str]:
    """Where this machine's apt has the suite from; empty on other systems."""
    apt = shutil.which("apt-get")
    if apt is None:
        return
    command = [apt, "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, check=False)
    for line in done.stdout.decode().splitlines():
        codename, component, address = line.split(" ", 2)
        if (codename, component) == (SUITE, "main"):
            yield address


def reach() -> dict[str, str]:
    """How this machine reaches its package index, for the new root."""
    found = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    for name, value in pip_settings().items():
        found.setdefault(name, value)
    if any(os.environ.get(name) for name in _LOCATORS):
        found |= {"PIP_CERT": BUNDLE, "SSL_CERT_FILE": BUNDLE, "GIT_SSL_CAINFO": BUNDLE}
    return found | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "DEBIAN_FRONTEND": "noninteractive"}


def pip_settings() -> dict[str, str]:
    """What pip's own files say about the index, as variables. What lies on this machine's disk is not there inside."""
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, check=False)
    found: dict[str, str] = {}
    for line in done.stdout.decode().splitlines():
        name, _, value = line.partition("=")
        addresses = [word for word in value.strip("'\"").split() if not word.startswith(("file:", "/"))]
        if name in _SETTINGS and addresses:
            found["PIP_" + name.partition(".")[2].upper().replace("-", "_")] = " ".join(addresses)
    return found
