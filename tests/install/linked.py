"""A quick installation: the wheel in an environment of its own that sees the packages of this one."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path

from tests.install.ways import Ground, run

PANEL = ("fastapi", "gradio", "jinja2", "plotly", "uvicorn")
"""What only the extra `panel` brings."""


def install(ground: Ground, *, without: Collection[str] = ()) -> Path:
    """The folder of the programs. `without`: packages that shall not be there."""
    folder = ground.home / "terrace"
    ground.run(ground.python, "-m", "venv", "--without-pip", folder)
    site = next((folder / "lib").glob("python3*/site-packages"))
    seen = ground.home / "seen"
    seen.mkdir(exist_ok=True)
    for place in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
        for entry in Path(place).iterdir():
            if _is_seen(entry.name, without) and not (seen / entry.name).exists():
                (seen / entry.name).symlink_to(entry)
    (site / "seen.pth").write_text(f"{seen}\n", encoding="utf-8")
    put_in(ground)
    return folder / "bin"


def _is_seen(name: str, without: Collection[str]) -> bool:
    return name not in without and not name.startswith(("terrace-", "__editable__", "__pycache__"))


def put_in(ground: Ground) -> None:
    _pip(ground, "install", "--no-deps", "--no-index", str(ground.packages.wheel))


def take_out(ground: Ground) -> None:
    _pip(ground, "uninstall", "--yes", "terrace")


def _pip(ground: Ground, *words: str) -> None:
    python = str(ground.home / "terrace" / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--quiet", "--python", python, *words]
    run(command, cwd=ground.home, environ={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
