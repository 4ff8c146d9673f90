"""Looking for planted secrets: in every file of an installation, packed ones too, and in everything that was said."""

from __future__ import annotations

import base64
import gzip
import io
import json
import secrets
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

PIECE = 12
"""A piece of a secret as long as this is a leak, too."""


@dataclass(slots=True)
class Hunt:
    """`plant` gives a secret of a name; `found` says where one can be read."""

    planted: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, bytes]] = field(default_factory=list)
    """Everything that was answered or printed, and by whom."""

    def plant(self, name: str) -> str:
        """A value that stands nowhere else; its first piece names nothing."""
        self.planted[name] = secrets.token_urlsafe(30).replace("-", "x").replace("_", "y")
        return self.planted[name]

    def know(self, name: str, value: str) -> None:
        """A secret that somebody else made."""
        self.planted[name] = value

    def hear(self, who: str, what: bytes | str) -> None:
        self.said.append((who, what.encode() if isinstance(what, str) else what))

    def found(self, folder: Path, homes: Mapping[str, str]) -> list[str]:
        """Where which secret can be read. `homes`: by secret, the one file that may hold it."""
        wanted = {name: _forms(value) for name, value in self.planted.items()}
        places = [*_files(folder), *((who, data) for who, data in self.said)]
        return [
            f"{name} in {where}"
            for where, data in places
            for name, forms in wanted.items()
            if where != str(folder / homes.get(name, "?")) and any(form in data for form in forms)
        ]


def _forms(value: str) -> list[bytes]:
    """Every piece of it, as it is, and the whole in other letters."""
    pieces = [value[start : start + PIECE] for start in range(0, len(value) - PIECE + 1, 4)]
    data = value.encode()
    stable = [base64.b64encode(b"\0" * before + data)[(0, 2, 3)[before] : -4] for before in range(3)]
    return [*(piece.encode() for piece in pieces), *stable, data.hex().encode(), quote(value, safe="").encode()]


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            yield str(path), data
            yield from _unpacked(str(path), data)


def _unpacked(where: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:2] != b"\x1f\x8b":
        return
    plain = gzip.decompress(data)
    yield f"{where} (unpacked)", plain
    if tarfile.is_tarfile(io.BytesIO(plain)):
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            for member in tar:
                opened = tar.extractfile(member)
                yield f"{where}:{member.name}", opened.read() if opened is not None else b""


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()
