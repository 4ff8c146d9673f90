"""A measured row, how it stands to its floor and its goal, and how all of them are written down."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DIGITS = 4
"""Significant digits of what is printed and written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. `goal` bounds the ratio to the floor if `goal_of` is "ratio", else the value itself."""

    name: str
    value: float
    unit: str
    floor: float
    goal: float
    goal_of: str = "value"
    at_least: bool = False
    """The goal is the least that is wanted; else the most."""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.value / self.floor if self.floor else float("inf")

    @property
    def is_met(self) -> bool:
        judged = self.ratio if self.goal_of == "ratio" else self.value
        return judged >= self.goal if self.at_least else judged <= self.goal

    @property
    def goal_text(self) -> str:
        sign, unit = (">=" if self.at_least else "<="), ("x floor" if self.goal_of == "ratio" else self.unit)
        return f"{sign} {self.goal:g} {unit}"

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": short(self.value),
            "unit": self.unit,
            "floor": short(self.floor),
            "ratio": short(self.ratio),
            "goal": self.goal,
            "goal_of": self.goal_of,
            "goal_is": "at_least" if self.at_least else "at_most",
            "met": self.is_met,
            "details": dict(self.details),
        }


def short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


def table(rows: Iterable[Row]) -> str:
    cells = [("row", "value", "unit", "floor", "ratio", "goal", "met")]
    cells += [
        (
            row.name,
            f"{short(row.value):g}",
            row.unit,
            f"{short(row.floor):g}",
            f"{row.ratio:.2f}",
            row.goal_text,
            "yes" if row.is_met else "no",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def write(path: Path, rows: Iterable[Row], *, quick: bool, directory: Path) -> None:
    """Replaces the file whole. `quick`: the run was too short for its figures to be compared."""
    document = {"quick": quick, "machine": machine(directory), "rows": [row.plain() for row in rows]}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def machine(directory: Path) -> dict[str, Any]:
    """The shape of what this was measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(directory),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": [short(load) for load in os.getloadavg()],
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or sys.platform


def _file_system(directory: Path) -> str:
    """Type of the file system the measured files were on."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    real = str(directory.resolve())
    mounts = [(point, kind) for point, kind in (line.split()[1:3] for line in lines)]
    fitting = [(point, kind) for point, kind in mounts if (real + "/").startswith(point.rstrip("/") + "/")]
    return max(fitting, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]
