"""A version installed into a folder of its own, by pip or uv, while the old one goes on trading.

Python is run with -P: what lies in the folder somebody happens to be in is never imported.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from control.exits import ExitCode
from control.update.home import Home, order_of
from control.update.program import Program, run
from control.update.refused import StepFailed, UpdateRefused

INSTALL_S = 1800.0
VENV_S = 120.0
NO_NAME = (
    "name the wheel: terrace update FILE, or --find-links DIR with the wheels in it. Terrace is not fetched from a "
    "package index: the name belongs to another project there"
)
_WHEEL = re.compile(r"terrace-(?P<version>[^-]+)(-\d[^-]*)?-py3-none-any\.whl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be installed."""

    version: str
    source: str
    """The file the installer is given. Never a name: `terrace` of a package index is somebody else's."""
    find_links: str = ""
    is_offline: bool = False

    @property
    def index_options(self) -> list[str]:
        options = ["--no-index"] if self.is_offline else []
        return [*options, *(["--find-links", self.find_links] if self.find_links else [])]


def wanted(given: str, *, find_links: str, is_offline: bool) -> Wanted:
    """A wheel; or, of the wheels in the folder `find_links`, that of a version or the newest. UpdateRefused otherwise.

    No index is ever asked for Terrace itself, only for what it needs.
    """
    path = Path(given).expanduser().absolute() if given.endswith(".whl") else _in_folder(find_links, given)
    named = _WHEEL.fullmatch(path.name)
    if named is None:
        raise UpdateRefused(f"{path.name} is no wheel of Terrace", ExitCode.USAGE)
    if not path.is_file():
        raise UpdateRefused(f"there is no file {path}", ExitCode.USAGE)
    return Wanted(version=named["version"], source=str(path), find_links=find_links, is_offline=is_offline)


def _in_folder(find_links: str, version: str) -> Path:
    """The wheel of that version, or the newest. Empty: none is named."""
    if not find_links:
        raise UpdateRefused(NO_NAME, ExitCode.USAGE)
    folder = Path(find_links).expanduser().absolute()
    if not folder.is_dir():
        raise UpdateRefused(f"there is no folder {folder}", ExitCode.USAGE)
    named = [(found["version"], path) for path in folder.iterdir() if (found := _WHEEL.fullmatch(path.name))]
    wheels = [(order_of(one), path) for one, path in named if version in ("", one)]
    if not wheels:
        raise UpdateRefused(f"{folder} holds no wheel of Terrace {version}".rstrip(), ExitCode.USAGE)
    return max(wheels)[1]


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def install(home: Home, wanted: Wanted, extras: Sequence[str]) -> None:
    """Complete when this returns; StepFailed with nothing left of it otherwise. A complete one is left as it is."""
    if home.is_complete(wanted.version):
        return
    folder = home.folder(wanted.version)
    shutil.rmtree(folder, ignore_errors=True)  # Half of one, of an install that died.
    before = os.umask(0o022)  # Whoever the services run as reads it.
    try:
        _install(folder, wanted, extras)
        told = Program(version=wanted.version, folder=folder, config="").asked_version()
        if told.code or told.out.split()[-1:] != [wanted.version]:
            raise StepFailed(f"what was installed is not version {wanted.version}: it says {told.words}")
        home.complete(wanted.version)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StepFailed(f"{folder} cannot be written: {error.strerror or error}") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.umask(before)


def _install(folder: Path, wanted: Wanted, extras: Sequence[str]) -> None:
    made = run([sys.executable, "-P", "-m", "venv", "--without-pip", str(folder)], limit_s=VENV_S)
    if made.code:
        raise StepFailed(f"no environment could be made in {folder}: {made.words}")
    python = str(folder / "bin" / "python")
    done = run([*_installer(python), *wanted.index_options, _with_extras(wanted, extras)], limit_s=INSTALL_S)
    if done.code:
        raise StepFailed(f"{wanted.source} could not be installed: {done.words}")
    if run([python, "-P", "-c", "import pip"]).code:
        run(
            [python, "-P", "-m", "ensurepip"], limit_s=VENV_S
        )  # For the next update; where it cannot be, uv or this one helps.


def _with_extras(wanted: Wanted, extras: Sequence[str]) -> str:
    if not extras:
        return wanted.source
    return f"{wanted.source}[{','.join(extras)}]"


def _installer(python: str) -> list[str]:
    """pip of the program that runs, working in the new environment; else uv."""
    if _has_pip():
        quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
        return [sys.executable, "-P", "-m", "pip", "--python", python, "install", *quiet]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", python]
    if run([python, "-P", "-m", "ensurepip"], limit_s=VENV_S).code:
        raise StepFailed("neither pip nor uv is there to install with: put uv on the path")
    return [python, "-P", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
