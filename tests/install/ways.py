"""The ways of installing: each puts the programs somewhere below a person's home and says where.

They take packages from whatever index pip and uv are set up for.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.install.packages import ROOT, Packages

INSTALL_S = 1800
PROBE = "pykka==4.5.0"
"""A small package that Terrace needs anyhow: whether the index answers."""
PROBE_S = 60


class Failed(Exception):
    """A command of a way ended with an error; its words."""


class NotHere(Exception):
    """A way that cannot be gone on this machine, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a way is gone: a new home, the packages, and the Python to use."""

    home: Path
    packages: Packages
    python: str
    cache: Path

    def environ(self) -> dict[str, str]:
        """For the installers: how this machine reaches its index, and nothing of our own environment."""
        left_out = ("TERRACE_", "VIRTUAL_ENV", "PYTHON", "PIPX_", "UV_TOOL", "MAKE", "MFLAGS", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        own = Path(os.environ.get("XDG_CONFIG_HOME", "") or Path.home() / ".config")
        return kept | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(own),  # pip's and uv's own settings stand there.
            "PIP_CACHE_DIR": str(self.cache / "pip"),
            "UV_CACHE_DIR": str(self.cache / "uv"),
            "UV_PYTHON_DOWNLOADS": "never",
            "LANG": "C.UTF-8",
        }

    def run(self, *command: str | Path, cwd: Path | None = None, more: Mapping[str, str] | None = None) -> str:
        """In the home; `more`: further variables."""
        environ = {**self.environ(), **(more or {})}
        return run([str(word) for word in command], cwd=cwd or self.home, environ=environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """`install` gives the folder of the programs. `has_panel`: whether the panel must be there."""

    name: str
    title: str
    install: Callable[[Ground], Path]
    has_panel: bool = True
    needs_index: bool = True
    python: str = ""
    uninstall: Callable[[Ground], object] | None = None


def run(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], limit_s: float = INSTALL_S) -> str:
    """Its standard output. Failed with all it said."""
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit_s,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


# --- pip ------------------------------------------------------------------------------------------


def venv(ground: Ground) -> Path:
    """A bare one, at ~/terrace; the folder of its programs."""
    ground.run(ground.python, "-m", "venv", "terrace")
    return ground.home / "terrace" / "bin"


def pip(ground: Ground, *words: str | Path) -> Path:
    programs = venv(ground)
    ground.run(programs / "pip", "install", "--quiet", *words)
    return programs


def pip_uninstall(ground: Ground) -> None:
    ground.run(ground.home / "terrace" / "bin" / "pip", "uninstall", "--yes", "--quiet", "terrace")


def by_wheel(ground: Ground) -> Path:
    return pip(ground, f"{ground.packages.wheel}[panel]")


def by_wheel_alone(ground: Ground) -> Path:
    return pip(ground, ground.packages.wheel)


def by_sdist(ground: Ground) -> Path:
    return pip(ground, f"{ground.packages.sdist}[panel]")


def by_constraints(ground: Ground) -> Path:
    return pip(ground, *pinned(ground))


# --- pipx and uv ----------------------------------------------------------------------------------


def tool(name: str) -> str:
    """The program beside this Python, else on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise NotHere(f"no {name} here")
    return found


def by_pipx(ground: Ground) -> Path:
    where = {"PIPX_HOME": str(ground.home / "pipx"), "PIPX_BIN_DIR": str(ground.home / "bin")}
    where |= {"PIPX_MAN_DIR": str(ground.home / "man"), "PIPX_DEFAULT_PYTHON": ground.python}
    pip_args = f"--pip-args=-c {ground.packages.constraints}"
    ground.run(tool("pipx"), "install", pip_args, f"{ground.packages.wheel}[panel]", more=where)
    return ground.home / "bin"


def pinned(ground: Ground) -> tuple[str, ...]:
    """The wheel with its panel, and the versions that were tested."""
    return ("-c", str(ground.packages.constraints), f"{ground.packages.wheel}[panel]")


def by_uv_tool(ground: Ground) -> Path:
    where = {"UV_TOOL_DIR": str(ground.home / "tools"), "UV_TOOL_BIN_DIR": str(ground.home / "bin")}
    ground.run(tool("uv"), "tool", "install", "--quiet", "--python", ground.python, *pinned(ground), more=where)
    return ground.home / "bin"


def by_uv_venv(ground: Ground) -> Path:
    uv, folder = tool("uv"), ground.home / "terrace"
    ground.run(uv, "venv", "--quiet", "--python", ground.python, folder)
    ground.run(uv, "pip", "install", "--quiet", "--python", folder, *pinned(ground))
    return folder / "bin"


# --- without packages -----------------------------------------------------------------------------


def by_clone(ground: Ground) -> Path:
    """`git clone` and `make setup`; with what is changed here and not yet committed."""
    tool("make")
    clone = ground.home / "terrace"
    cloned(clone)
    ground.run("make", f"PYTHON={ground.python}", "setup", cwd=clone)
    return clone / ".venv" / "bin"


def cloned(target: Path) -> None:
    """A clone of this repository, brought to the state of the working tree."""
    if not (ROOT / ".git").exists():
        raise NotHere("this is no clone")
    git, here = tool("git"), dict(os.environ)
    run([git, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(target)], cwd=ROOT, environ=here)
    changed = run([git, "ls-files", "-z", "-mo", "--exclude-standard"], cwd=ROOT, environ=here)
    for name in filter(None, changed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
        else:
            (target / name).unlink(missing_ok=True)


def by_folder(ground: Ground) -> Path:
    """The executables of `make package`, copied to where a person keeps programs."""
    built = ROOT / "dist" / "terrace"
    if not (built / "terrace").is_file():
        raise NotHere("dist/terrace is not built (make package)")
    shutil.copytree(built, ground.home / "programs", symlinks=True)
    return ground.home / "programs"


WAYS = (
    Way(name="pip", title="pip, from the wheel", install=by_wheel, uninstall=pip_uninstall),
    Way(name="pip-bare", title="pip, without the panel", install=by_wheel_alone, has_panel=False),
    Way(name="pip-sdist", title="pip, from the source package", install=by_sdist),
    Way(name="pip-constraints", title="pip, with the versions that were tested", install=by_constraints),
    Way(name="pipx", title="pipx", install=by_pipx),
    Way(name="uv-tool", title="uv tool install", install=by_uv_tool),
    Way(name="uv-venv", title="uv, into a virtual environment", install=by_uv_venv),
    Way(name="clone", title="a clone, `make setup`", install=by_clone),
    Way(name="folder", title="the executables of `make package`", install=by_folder, needs_index=False),
    Way(name="python3.12", title="pip, Python 3.12", install=by_wheel_alone, has_panel=False, python="python3.12"),
    Way(name="python3.13", title="pip, Python 3.13", install=by_wheel_alone, has_panel=False, python="python3.13"),
)


# --- what is here ---------------------------------------------------------------------------------


def python_of(way: Way) -> str:
    """The Python of a way by its full path; NotHere where the machine has none of that name."""
    if not way.python:
        return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
    for place in places(way.python):
        done = subprocess.run([place, "-c", "import sys; print(sys.executable)"], capture_output=True, check=False)
        if done.returncode == 0:
            return done.stdout.decode().strip()
    raise NotHere(f"no {way.python} here")


def places(name: str) -> list[str]:
    """Programs of this name on the path, and beside the Python that runs this (several versions often lie so)."""
    on_path = shutil.which(name)
    beside = sorted(Path(sys.base_prefix).parent.glob(f"*/bin/{name}"))
    return [*([on_path] if on_path else []), *map(str, beside)]


@functools.cache
def index_fault() -> str:
    """Why the index cannot be used; empty where it answers."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        pip_download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
        try:
            run([*pip_download, "-d", folder, PROBE], cwd=Path(folder), environ=os.environ, limit_s=PROBE_S)
        except (Failed, subprocess.TimeoutExpired) as fault:
            return f"the package index does not answer: {str(fault).strip().splitlines()[-1]}"
    return ""


def versions(python: str) -> str:
    """`3.11.7` and so on."""
    code = "import platform; print(platform.python_version())"
    return run([python, "-c", code], cwd=ROOT, environ=os.environ).strip()


def size_mb(folder: Path) -> int:
    """What the files below a folder take, each once."""
    seen = {(stat.st_dev, stat.st_ino): stat.st_size for path in folder.rglob("*") if (stat := path.lstat())}
    return round(sum(seen.values()) / 1_000_000)
