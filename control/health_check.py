"""One finding of `terrace doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OK = "OK"
WARNING = "WARNING"
FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    result: str
    found: str
    remedy: str = ""

    def plain(self) -> dict[str, Any]:
        return {"name": self.name, "result": self.result, "found": self.found, "remedy": self.remedy}


def ok(name: str, found: str) -> Check:
    return Check(name=name, result=OK, found=found)


def warning(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, result=WARNING, found=found, remedy=remedy)


def failed(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, result=FAILED, found=found, remedy=remedy)
