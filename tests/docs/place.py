"""Where a page is followed: an empty home, the programs of a bare installation, ports of its own."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.page import ROOT
from tests.ports import free_ports

HOME = "/home/you"
"""The home of who follows a page, as pages write it."""
PROGRAMS = ("terrace", "terraced")
PORTS = {
    "TERRACE_API__ADDRESS": 7461,
    "TERRACE_FORWARDER__ADDRESS": 8461,
    "TERRACE_PANEL__ADDRESS": 8462,
    "TERRACE_OBSERVE__ADDRESS": 9461,
}
"""The ports that pages name. Here others are used, so that tests stand side by side."""
CALM = {
    "TERRACE_ACCOUNTS__PAPER__SEED": "19933",
    "TERRACE_ALERTS__LATENCY_MS": "600000",
    "TERRACE_FORWARDER__DELIVER_TIMEOUT_MS": "2900",
}
"""Made-up prices that keep to what pages show for two minutes, and patience with a machine that is busy."""
_SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    home: Path
    environ: dict[str, str]
    ports: dict[int, int]
    """The page's -> the one in its place."""

    def of_page(self, text: str) -> str:
        """What the page says, as it is here."""
        return re.sub(r"(?<=127\.0\.0\.1:)\d+\b", lambda found: self._port(found[0]), text).replace(
            HOME, str(self.home)
        )

    def as_page(self, text: str) -> str:
        """What is seen here, as the page would say it."""
        text = text.replace(str(self.home), HOME)
        for written, real in self.ports.items():
            text = re.sub(rf"\b{real}\b", str(written), text)
        return text

    def _port(self, written: str) -> str:
        return str(self.ports.get(int(written), written))


@contextmanager
def clean_place(*, is_installed: bool = True) -> Iterator[Place]:
    """A home that is gone afterwards, with our programs on the path or not. Its path is short: sockets have to fit."""
    folder = Path(tempfile.mkdtemp(prefix="page-")).resolve()
    try:
        ports = dict(zip(PORTS.values(), free_ports(len(PORTS)), strict=True))
        path = f"{_linked(folder / 'bin')}:{_SYSTEM}" if is_installed else _SYSTEM
        home = folder / "you"
        home.mkdir(mode=0o700)
        environ = {
            "HOME": str(home),
            "PATH": path,
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PYTHONPATH": str(ROOT),
            **CALM,
            **{name: f"127.0.0.1:{ports[port]}" for name, port in PORTS.items()},
        }
        yield Place(home=home, environ=environ, ports=ports)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing(*tools: str) -> str:
    """Why a page cannot be followed on this machine; empty if it can."""
    own = [name for name in PROGRAMS if not (Path(sys.executable).parent / name).is_file()]
    if own:
        return f"{', '.join(own)} not installed beside this Python"
    gone = [tool for tool in ("bash", *tools) if shutil.which(tool, path=_SYSTEM) is None]
    return f"{', '.join(gone)} not on this machine" if gone else ""


def _linked(folder: Path) -> Path:
    """A folder with our programs and nothing else of the environment they are installed in."""
    folder.mkdir()
    for name in PROGRAMS:
        os.symlink(Path(sys.executable).parent / name, folder / name)
    return folder
