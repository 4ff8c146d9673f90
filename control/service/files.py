"""The files of services: filled in from templates, signed so that they are known again, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto, unique
from importlib.resources import files
from pathlib import Path

MAX_FILE_BYTES = 256 * 1024
MODE = 0o644
_SIGNED = re.compile(r"Written by `terrace service install`, ([0-9a-f]{16})")
_UNSIGNED = "Written by `terrace service install`, " + "0" * 16
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFile:
    path: Path
    text: str


@unique
class Found(Enum):
    """What is in a file's place."""

    NOTHING = auto()
    SAME = auto()
    OWN = auto()
    """Written by an earlier install, untouched since."""
    CHANGED = auto()
    """Written by an install, and changed by hand."""
    FOREIGN = auto()


def filled(template: str, values: Mapping[str, Sequence[str]]) -> str:
    """The template with its places filled in. A line that is one place and gets nothing is left out."""
    lines = []
    for line in files("control.service").joinpath("templates", template).read_text(encoding="utf-8").splitlines():
        alone = _PLACE.fullmatch(line.strip())
        if alone:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}{value}" for value in values[alone[1]]]
        else:
            lines.append(_PLACE.sub(lambda place: " ".join(values[place[1]]), line))
    return "\n".join(lines) + "\n"


def signed(text: str) -> str:
    """With its own sum in its head, in place of the zeros of the template."""
    assert _UNSIGNED in text
    return text.replace("0" * 16, _sum(text), 1)


def look(file: ServiceFile) -> Found:
    """What is there now. A link is nobody's but who made it: systemd masks a unit by one."""
    if not os.path.lexists(file.path):
        return Found.NOTHING
    if file.path.is_symlink() or not file.path.is_file():
        return Found.FOREIGN
    with file.path.open("rb") as opened:
        text = opened.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    if text == file.text:
        return Found.SAME
    sign = _SIGNED.search(text)
    if sign is None:
        return Found.FOREIGN
    return Found.OWN if _sum(text.replace(sign[1], "0" * 16, 1)) == sign[1] else Found.CHANGED


def write(file: ServiceFile) -> None:
    """Under another name, synced, then put in its place."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    draft = file.path.with_name(f".{file.path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(file.text)
            opened.flush()
            os.fchmod(opened.fileno(), MODE)
            os.fsync(opened.fileno())
        os.replace(draft, file.path)
    finally:
        draft.unlink(missing_ok=True)


def shown(command: Sequence[str]) -> str:
    """A command as it could be typed."""
    return shlex.join(command)


def _sum(unsigned: str) -> str:
    return hashlib.sha256(unsigned.encode()).hexdigest()[:16]
