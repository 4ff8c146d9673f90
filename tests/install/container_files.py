"""Reads the files of packaging/container as an engine and Compose would: instructions, services, what is filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "packaging" / "container"
CONTAINERFILE = FOLDER / "Containerfile"
COMPOSE = FOLDER / "compose.yaml"
KEYS = FOLDER / "compose.keys.yaml"
EXAMPLE = FOLDER / "example.env"

Service = dict[str, Any]

_PLACE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?:(?P<kind>:-|:\?)(?P<words>[^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One of a Containerfile, its lines joined."""

    word: str
    rest: str

    @property
    def as_list(self) -> list[str]:
        """Of one that names no shell: `CMD ["a", "b"]`."""
        found: list[str] = json.loads(self.rest)
        return found


def instructions(text: str) -> list[Instruction]:
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    lines = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [Instruction(word=word, rest=re.sub(r"\s+", " ", rest).strip()) for word, rest in lines]


def stages(text: str) -> list[list[Instruction]]:
    """What stands before the first FROM, then each stage."""
    found: list[list[Instruction]] = [[]]
    for each in instructions(text):
        if each.word == "FROM":
            found.append([])
        found[-1].append(each)
    return found


def filled(text: str, environ: Mapping[str, str]) -> str:
    """`${NAME:-else}` and so on as Compose fills them in. KeyError where nothing is said and nothing stands for it."""

    def value(match: re.Match[str]) -> str:
        given = environ.get(match["name"], "")
        if given or match["kind"] == ":-":
            return given or match["words"]
        raise KeyError(match["name"])

    return _PLACE.sub(value, text)


def compose(environ: Mapping[str, str] | None = None, path: Path = COMPOSE) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(filled(path.read_text(encoding="utf-8"), environ or {}))
    return found


def services(environ: Mapping[str, str] | None = None) -> dict[str, Service]:
    found: dict[str, Service] = compose(environ)["services"]
    return found


def networks_of(service: Service) -> set[str]:
    return set(service.get("networks", ()))


def mounts(service: Service) -> Iterator[tuple[str, str, bool]]:
    """Source, place in the container, whether it may be written."""
    for line in service.get("volumes", ()):
        source, target, *mode = line.split(":")
        yield source, target, mode != ["ro"]


def names_filled_in() -> set[str]:
    """Every variable of both compose files."""
    both = COMPOSE.read_text(encoding="utf-8") + KEYS.read_text(encoding="utf-8")
    return {match["name"] for match in _PLACE.finditer(both)}


def defaults() -> dict[str, str]:
    """What Compose takes for a variable that is not set."""
    return {match["name"]: match["words"] for match in _PLACE.finditer(COMPOSE.read_text(encoding="utf-8"))}


def example(*, with_comments: bool = True) -> dict[str, str]:
    """The variables of example.env; also those that are commented out."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    pairs = (re.fullmatch(r"(#?)([A-Z_]+)=(.*)", line) for line in lines)
    return {match[2]: match[3] for match in pairs if match is not None and (with_comments or not match[1])}


def seconds(text: str) -> float:
    """Of `90s`, `2m`."""
    match = re.fullmatch(r"(\d+)(s|m)", text)
    assert match is not None, text
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]
