"""Podman in Docker's place, and images made of Debian's packages in the place of those a registry would bring.

For machines without a registry. What is under test is ours as it stands: the Containerfile, line by line, and
compose.yaml with podman-compose. Only the images' names are set, by the variables that compose.yaml has for them, and
limits of open files are lowered to what this machine may give. Grafana is no package of Debian's, so it is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.install import debian
from tests.install.container_files import COMPOSE, CONTAINERFILE, ROOT

BUILD_S = 1800
COMMAND_S = 300
BASE = "localhost/terrace-test/python:bookworm"
OTHERS = "localhost/terrace-test/others:bookworm"
IMAGE = "localhost/terrace-test/terrace:local"
STANDING_IN = {
    "POSTGRES_IMAGE": "localhost/terrace-test/postgres:15",
    "NGINX_IMAGE": OTHERS,
    "PROMETHEUS_IMAGE": "localhost/terrace-test/prometheus:debian",
}
STARTED = ("prepare", "database", "daemon", "forwarder", "proxy", "panel", "prometheus")
"""All but Grafana."""
_SUITE_PACKAGES = "nginx postgresql-15 prometheus wget"
_DATABASE = """#!/bin/sh
# What the entry of PostgreSQL's own image does, as far as compose.yaml asks for it.
set -e
export PATH="/usr/lib/postgresql/15/bin:$PATH" PGDATA=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -o "-c listen_addresses= -k /var/run/postgresql" -w start
    createdb --host=/var/run/postgresql --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl -m fast -w stop
fi
exec "$@"
"""


class Missing(Exception):
    """What this machine has not, so that nothing can be run."""


def missing() -> str:
    """Why no container can be run here; empty where one can."""
    found = debian.missing()
    if found:
        return found
    absent = [name for name in ("podman", "podman-compose") if program(name) is None]
    return f"no {absent[0]} here" if absent else ""


def program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


@dataclass(kw_only=True)
class Engine:
    """One project of Compose, with names and ports of its own."""

    folder: Path
    variables: dict[str, str]
    project: str = field(default_factory=lambda: f"terrace-test-{os.getpid()}")
    took: dict[str, float] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TERRACE_")}
        own = {"CONTAINERS_CONF": str(self._settings()), "PYTHON_IMAGE": BASE, "TERRACE_IMAGE": IMAGE}
        return kept | own | STANDING_IN | self.variables

    def _settings(self) -> Path:
        """A machine that is itself a container may not raise limits, and crun wants control groups of one kind."""
        path = self.folder / "containers.conf"
        files, programs = self._most(resource.RLIMIT_NOFILE), self._most(resource.RLIMIT_NPROC)
        lines = ["[containers]", f'default_ulimits = ["nofile={files}:{files}", "nproc={programs}:{programs}"]']
        if shutil.which("runc"):
            lines += ["[engine]", 'runtime = "runc"']
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    # --- commands

    def run(self, *command: str, code: int | None = 0, limit_s: float = COMMAND_S, text: str = "") -> str:
        """Its standard output. AssertionError with all it said where it does not end as it should."""
        found = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
            env=self.environ,
            cwd=ROOT,
        )
        words = f"{shlex.join(command)}: {found.returncode}\n{found.stdout[-4000:]}\n{found.stderr[-4000:]}"
        assert code is None or found.returncode == code, words
        return found.stdout

    def podman(self, *words: str, **more: Any) -> str:
        return self.run(str(program("podman")), *words, **more)

    def compose(self, *words: str, **more: Any) -> str:
        first = (str(program("podman-compose")), "--project-name", self.project, "--file", str(COMPOSE))
        return self.run(*first, "--file", str(self._limits()), *words, **more)

    def up(self) -> None:
        """As `up --wait` would: an older podman-compose waits for who has to end, not for who has to be healthy."""
        self.compose("up", "--detach", "prepare", "database")
        self.until_healthy("database")
        self.compose("up", "--detach", "--no-deps", *[name for name in STARTED if name not in ("prepare", "database")])
        self.until_healthy(*[name for name in STARTED if name != "prepare"])

    def _limits(self) -> Path:
        path = self.folder / "limits.yaml"
        limits = {"core": 0, "nofile": self._most(resource.RLIMIT_NOFILE), "nproc": self._most(resource.RLIMIT_NPROC)}
        path.write_text(json.dumps({"services": {name: {"ulimits": limits} for name in STARTED}}), encoding="utf-8")
        return path

    @staticmethod
    def _most(what: int) -> int:
        return min(resource.getrlimit(what)[1] % (1 << 63), 32768)

    def name(self, service: str) -> str:
        """Of the service's container."""
        found = self.podman(
            *("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.service={service}"),
            *("--filter", f"label=com.docker.compose.project={self.project}"),
        )
        return found.strip()

    def inside(self, service: str, *command: str, **more: Any) -> str:
        return self.podman("exec", self.name(service), *command, **more)

    def python(self, service: str, line: str, **more: Any) -> str:
        return self.inside(service, "python", "-c", line, **more)

    def state(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.podman("inspect", self.name(service)))[0]
        return found

    def log(self, service: str) -> str:
        found = subprocess.run(
            [str(program("podman")), "logs", self.name(service)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=self.environ,
        )
        return found.stdout

    def until_healthy(self, *services: str) -> None:
        """Asks for the health check rather than waiting for its time."""
        for service in services:

            def is_well(service: str = service) -> bool:
                return (
                    self.podman("healthcheck", "run", self.name(service), code=None).strip() == ""
                    and (self.state(service)["State"]["Running"])
                )

            until(is_well, 120, f"{service} is not healthy", lambda service=service: self.log(service))  # type: ignore[misc]

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.took[what] = time.monotonic() - begun
        print(f"{what}: {self.took[what]:.1f} s")


def until(what: Callable[[], bool], limit_s: float, words: str, more: Callable[[], str] = str) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, f"{words}\n{more()}"
        time.sleep(0.5)


# --- images


def build(engine: Engine) -> None:
    """The image of ours, every line of its Containerfile."""
    ignored = f"{CONTAINERFILE}.dockerignore"
    engine.podman(
        *("build", "--format", "docker", "--file", str(CONTAINERFILE), "--ignorefile", ignored),
        *("--build-arg", f"PYTHON_IMAGE={BASE}", "--network", "host", "--tag", IMAGE, str(ROOT)),
        limit_s=BUILD_S,
    )


def stand_ins(engine: Engine) -> None:
    """Made once; they stay for the next time."""
    have = engine.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    if BASE in have and all(image in have for image in STANDING_IN.values()):
        return
    with tempfile.TemporaryDirectory(prefix="terrace-images-") as name:
        root = Path(name) / "root"
        made = _python(root)
        _import(engine, root, BASE)
        _others(made)
        _import(engine, root, OTHERS)
    _from_others(
        engine, STANDING_IN["POSTGRES_IMAGE"], ["docker-entrypoint.sh"], ["postgres", "-c", "listen_addresses=*"]
    )
    _from_others(engine, STANDING_IN["PROMETHEUS_IMAGE"], ["prometheus"], [])


def _python(root: Path) -> debian.Debian:
    mirror = next(iter(debian.mirrors()), "")
    wanted = "--include=python3,python3-venv,ca-certificates,tzdata"
    command = ["debootstrap", "--variant=minbase", wanted, debian.SUITE, str(root), *([mirror] if mirror else [])]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_S)
    for path in ("/etc/resolv.conf", "/etc/hosts"):
        if Path(path).is_file():
            shutil.copyfile(path, f"{root}{path}")
    reach = debian.reach()
    bundle = next((os.environ[name] for name in ("SSL_CERT_FILE", "PIP_CERT") if os.environ.get(name)), "")
    if bundle:
        shutil.copyfile(bundle, f"{root}{debian.BUNDLE}")
    settings = {"PIP_CERT": "cert", "PIP_INDEX_URL": "index-url", "PIP_EXTRA_INDEX_URL": "extra-index-url"}
    lines = [f"{key} = {reach[name]}" for name, key in settings.items() if reach.get(name)]
    Path(f"{root}/etc/pip.conf").write_text("\n".join(["[global]", *lines]) + "\n", encoding="utf-8")
    return debian.Debian(root=root)


def _others(made: debian.Debian) -> None:
    Path(f"{made.root}/usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    Path(f"{made.root}/usr/sbin/policy-rc.d").chmod(0o755)
    made.sh(
        "mkdir -p /etc/postgresql-common && echo create_main_cluster=false > /etc/postgresql-common/createcluster.conf"
    )
    made.sh(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {_SUITE_PACKAGES} >/dev/null 2>&1")
    made.sh("apt-get clean && usermod --uid 999 postgres && groupmod --gid 999 postgres")
    made.sh("install -d -o 999 -g 999 -m 1777 /var/lib/postgresql/data /var/run/postgresql")
    made.sh("install -d -o 65534 -g 65534 /prometheus")
    entry = Path(f"{made.root}/usr/local/bin/docker-entrypoint.sh")
    entry.write_text(_DATABASE, encoding="utf-8")
    entry.chmod(0o755)
    for name in ("pg_isready", "postgres"):
        Path(f"{made.root}/usr/local/bin/{name}").symlink_to(f"/usr/lib/postgresql/15/bin/{name}")


def _import(engine: Engine, root: Path, image: str) -> None:
    path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    archive = root.parent / "root.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True, timeout=BUILD_S)
    engine.podman("import", "--change", path, str(archive), image, limit_s=BUILD_S)
    archive.unlink()


def _from_others(engine: Engine, image: str, entry: list[str], command: list[str]) -> None:
    text = f"FROM {OTHERS}\nENTRYPOINT {json.dumps(entry)}\nCMD {json.dumps(command)}\n"
    engine.podman("build", "--format", "docker", "--tag", image, "--file", "-", str(engine.folder), text=text)
