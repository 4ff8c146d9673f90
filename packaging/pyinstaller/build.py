"""Builds the folder with the executables `terrace` and `terraced`, looks it through, and packs it on request.

    python packaging/pyinstaller/build.py [--dist DIR] [--archive]

Run it with the Python of an environment that holds Terrace with all extras. Each system builds for itself.
Exit codes: 0 done, 1 not built or not complete, 2 something to build with is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import contents

NEEDED = ("PyInstaller", "gradio", "psycopg", "opentelemetry.sdk", "apprise", "ccxt", "keyring", "tzdata")
"""Without one of these the folder would lack a part."""
CHECK_S = 600.0
NAMED_PARTS = 12
EXE = ".exe" if sys.platform == "win32" else ""


def main() -> int:
    given = _arguments()
    missing = [name for name in NEEDED if not _is_there(name)]
    if missing:
        words = f"not in this Python's environment: {', '.join(missing)}"
        print(f'{words}\n  pip install -e ".[dev,panel,postgres,traces]"', file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        _build(given.dist, given.work)
    except subprocess.CalledProcessError:
        return 1
    folder = given.dist / "terrace"
    shutil.copy(contents.ROOT / "LICENSE", folder / "LICENSE")
    print(f"built {folder} in {time.monotonic() - began:.0f} s")
    _say_sizes(folder)
    code = subprocess.run([folder / f"terraced{EXE}", "-m", "frozen_check"], timeout=CHECK_S, check=False).returncode
    if code:
        return 1
    if given.archive:
        _pack(folder)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Builds the executables of Terrace.")
    parser.add_argument("--dist", type=Path, default=contents.ROOT / "dist", help="where the folder goes")
    parser.add_argument("--work", type=Path, default=contents.ROOT / "build" / "pyinstaller", help="for the while")
    parser.add_argument("--archive", action="store_true", help="pack it too, with its checksum")
    return parser.parse_args()


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _build(dist: Path, work: Path) -> None:
    where = ["--distpath", str(dist), "--workpath", str(work), str(contents.HERE / "terrace.spec")]
    subprocess.run([sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", *where], check=True)


def _say_sizes(folder: Path) -> None:
    sizes: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.relative_to(folder).parts
            part = inside[1] if len(inside) > 1 else inside[0]
            sizes[part] = sizes.get(part, 0) + path.stat().st_size
    largest = sorted(sizes.items(), key=lambda one: -one[1])[:NAMED_PARTS]
    print(f"{sum(sizes.values()) / 1e6:.0f} MB: " + ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest))


def _pack(folder: Path) -> None:
    """One archive named for version, system and processor, and its SHA-256 as `sha256sum -c` reads it."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    name = f"terrace-{contents.version()}-{system}-{platform.machine().lower()}"
    kind = "zip" if sys.platform == "win32" else "gztar"
    packed = Path(shutil.make_archive(str(folder.parent / name), kind, folder.parent, folder.name))
    with packed.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    packed.with_name(packed.name + ".sha256").write_text(f"{digest}  {packed.name}\n", encoding="utf-8", newline="\n")
    print(f"packed {packed} ({os.path.getsize(packed) / 1e6:.0f} MB)")


if __name__ == "__main__":
    sys.exit(main())
