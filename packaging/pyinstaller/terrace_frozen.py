"""What both executables do before their own program: what a Python of their own would have done for them.

PyInstaller's starter leaves marks in the environment that children must not see, reads no PYTHON... variable and knows
no `-m`. The programs start parts of themselves by `sys.executable -m NAME`; here the names they use are understood.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from importlib import import_module
from pathlib import Path
from typing import NoReturn

MODULES = {
    "control": "control.__main__",
    "daemon": "daemon.__main__",
    "daemon.observe.send_message": "daemon.observe.send_message",
    "daemon.reports.ratio_worker": "daemon.reports.ratio_worker",
    "gui": "gui.__main__",
    "frozen_check": "frozen_check",
}
"""What may follow `-m`, and the module whose `main()` it is."""
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the certificates they trust. The OpenSSL that comes along knows the place of one system only."""
_STARTER = "_PYI_"
_TRACKER = "from multiprocessing.resource_tracker import main;main("


def start(program: str) -> NoReturn:
    """Runs `control` or `daemon`, or the part of them that was asked for by `-m`. Ends the process."""
    clean(os.environ)
    os.environ.setdefault("PATH", os.defpath)  # A library of the panel cannot do without one.
    trust(os.environ)
    if os.environ.get("PYTHONUNBUFFERED"):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv[0] = sys.executable
    be_a_child(sys.argv[1:])
    name = wanted(sys.argv[1:])
    if name:
        del sys.argv[1:3]
    sys.exit(import_module(MODULES[name or program]).main())


def clean(environ: MutableMapping[str, str]) -> None:
    """Takes the starter's marks away: another program must not load our libraries, our own ones start afresh."""
    for name in [name for name in environ if name.startswith(_STARTER)]:
        del environ[name]
    if not sys.platform.startswith("linux"):
        return
    before = environ.pop("LD_LIBRARY_PATH_ORIG", None)
    environ.pop("LD_LIBRARY_PATH", None)
    if before is not None:
        environ["LD_LIBRARY_PATH"] = before


def trust(environ: MutableMapping[str, str]) -> None:
    """Names the system's trusted certificates, or those that came along, where nobody has named any."""
    if sys.platform == "win32" or "SSL_CERT_FILE" in environ or "SSL_CERT_DIR" in environ:
        return  # Windows keeps them elsewhere; Python finds them there.
    own = str(Path(getattr(sys, "_MEIPASS", ".")) / "certifi" / "cacert.pem")
    environ["SSL_CERT_FILE"] = next(filter(os.path.isfile, CERTIFICATES), own)


def wanted(words: list[str]) -> str:
    """The part that is asked for, as in `python -m NAME ...`; empty: none."""
    return words[1] if len(words) > 1 and words[0] == "-m" and words[1] in MODULES else ""


def be_a_child(words: list[str]) -> None:
    """Does not return in a process that multiprocessing has started: a worker, or its tracker."""
    if words[:1] == ["--multiprocessing-fork"]:
        from multiprocessing import spawn

        spawn.freeze_support()
    if len(words) > 1 and words[-2] == "-c" and words[-1].startswith(_TRACKER):
        from multiprocessing import resource_tracker

        resource_tracker.main(int(words[-1].removeprefix(_TRACKER).rstrip(")")))
        sys.exit(0)
