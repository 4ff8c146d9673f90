"""What is wrong with a config, said so that it can be mended without reading code (CFG-1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]
"""Where a key stands: `("strategy", "default", "levels", 0, "gap_percent")`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Never holds the value of a secret."""

    path: str
    """Dotted path of the key; empty for the file as a whole."""
    line: int
    """Line in the file from 1; 0 where there is none (an environment variable, a missing file)."""
    message: str
    allowed: tuple[str, ...] = ()
    """What may stand there: words, or a range with its unit."""
    source: str = "config.yaml"
    """The file, or the environment variable that set the value."""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        key = f" {self.path}:" if self.path else ""
        allowed = f" (allowed: {', '.join(self.allowed)})" if self.allowed else ""
        return f"{place}:{key} {self.message}{allowed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFaults:
    """A config that was refused, with all its faults in the order they stand in the file."""

    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each fault once, as a reader meets them: by line, then by path."""
    return tuple(sorted(set(faults), key=lambda fault: (fault.line == 0, fault.line, fault.path, fault.message)))


def dotted(path: Path) -> str:
    """The path as people write it: `strategy.default.levels[0].gap_percent`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name the user probably meant, if one is near enough."""
    candidates: Sequence[str] = list(known)
    folded = {candidate.casefold(): candidate for candidate in candidates}
    wanted = name.strip().casefold()
    found = get_close_matches(wanted, list(folded), n=1, cutoff=0.6)
    if found:
        return folded[found[0]]
    longer = [candidate for candidate in folded if len(wanted) > 1 and candidate.startswith(f"{wanted}_")]
    return folded[longer[0]] if len(longer) == 1 else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`, did you mean X?` or nothing."""
    found = nearest(name, known)
    return f", did you mean {found}?" if found else ""
