"""Versions to update from and to: wheels made of a tree of sources, in a second, without building anything."""

from __future__ import annotations

import base64
import configparser
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("actors", "control", "daemon", "protos")
"""Without the panel: it takes time to install and is not started."""
FIRST = "5657f69"
"""The first released state."""
_LEFT_OUT = ("__pycache__", ".pyc")
_SCRIPTS = "[console_scripts]\nterraced = daemon.__main__:main\nterrace = control.__main__:main\n"


def first_released() -> dict[str, bytes] | None:
    """The sources of 0.1.0 by name; None where the history is not there."""
    command = ["git", "-C", str(ROOT), "archive", FIRST, "setup.cfg", *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return None
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        files = [member for member in tar if member.isfile()]
        return {member.name: _content(tar, member) for member in files}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = tar.extractfile(member)
    assert found is not None
    return found.read()


def present() -> dict[str, bytes]:
    """The sources of this tree by name."""
    found = {"setup.cfg": (ROOT / "setup.cfg").read_bytes()}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not any(part in name for part in _LEFT_OUT):
                found[name] = path.read_bytes()
    return found


def changed(sources: Mapping[str, bytes], changes: Mapping[str, str]) -> dict[str, bytes]:
    """With text put at the end of some files, or files put in."""
    made = dict(sources)
    for name, text in changes.items():
        made[name] = made.get(name, b"") + text.encode()
    return made


def replaced(sources: Mapping[str, bytes], name: str, before: str, after: str) -> dict[str, bytes]:
    text = sources[name].decode()
    assert before in text, f"{name} has changed: {before!r} is not in it"
    return {**sources, name: text.replace(before, after).encode()}


def wheel(sources: Mapping[str, bytes], version: str, into: Path) -> Path:
    """As pip takes it."""
    into.mkdir(parents=True, exist_ok=True)
    info = f"terrace-{version}.dist-info"
    files = {name: data for name, data in sources.items() if name != "setup.cfg"}
    files[f"{info}/METADATA"] = _metadata(sources["setup.cfg"].decode(), version).encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = _SCRIPTS.encode()
    record = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    path = into / f"terrace-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _metadata(setup: str, version: str) -> str:
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(setup)
    lines = ["Metadata-Version: 2.1", "Name: terrace", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in config["options"]["install_requires"].split("\n") if line.strip()]
    for extra, listed in config["options.extras_require"].items():
        wanted = [line.strip() for line in listed.split("\n") if line.strip()]
        lines += [f"Provides-Extra: {extra}", *(f'Requires-Dist: {one}; extra == "{extra}"' for one in wanted)]
    return "\n".join(lines) + "\n"


def dependencies(folder: Path) -> Path:
    """What Terrace needs, as this environment has it, without Terrace itself: to be named by PYTHONPATH."""
    folder.mkdir(parents=True)
    for place in sys.path:
        if not place.endswith(("site-packages", "dist-packages")):
            continue
        for path in Path(place).iterdir():
            name = path.name.lower()
            link = folder / path.name
            if name.startswith(("terrace", "__editable__", "_terrace")) or name.endswith(".pth") or link.exists():
                continue
            link.symlink_to(path)
    return folder
