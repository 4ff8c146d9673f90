"""What processes and pages use, as the system and the browser count it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor seconds a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def busy_s() -> float:
    """Processor seconds all processes of the machine have used, summed over the cores."""
    user, nice, system, _, _, irq, soft, steal = (
        int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) * TICK_S


class PageUse:
    """Memory of one tab after a collection, in MiB, and its nodes."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")
        self._session.send("HeapProfiler.enable")

    def now(self) -> dict[str, float]:
        self._session.send("HeapProfiler.collectGarbage")
        found = {one["name"]: one["value"] for one in self._session.send("Performance.getMetrics")["metrics"]}
        return {
            "heap_mib": found["JSHeapUsedSize"] / 2**20,
            "nodes": found["Nodes"],
            "listeners": found["JSEventListeners"],
            "task_s": found["TaskDuration"],
        }
