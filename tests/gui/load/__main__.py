"""Measures a panel under load: `python -m tests.gui.load --seconds 600`.

Four browser contexts look at 200 groups whose prices all change twice a second. Told: the lag from a price being set
to the page showing it, memory and processor time of the panel, memory of the pages, and what else the machine did.
Ends with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.gui.browser.stage import CHROMIUM, Stage, open_browser
from tests.gui.load.crowd import Mover, config, open_groups
from tests.gui.load.usage import PageUse, busy_s, cpu_s, rss_mib

MAX_LAG_P50_MS = 300.0
MAX_PANEL_PERCENT = 40.0
MAX_GROWTH_MIB = 16.0
"""Between the first tenth of the run and its end, of panel and of each page; what is over it counts as growth."""
CONTEXTS = ("admin", "admin", "viewer", "viewer")
SAMPLE_S = 20.0
PATIENCE_MS = 180_000
PROBE = """() => {
  window.shown = [];
  const first = new Map();
  for (const tr of document.querySelectorAll("table.live tbody tr[data-row]")) {
    const pair = tr.querySelector('[data-key="pair"]')?.textContent;
    if (pair && !first.has(pair)) first.set(pair, tr.querySelector('[data-key="mark"]'));
  }
  for (const [pair, td] of first)
    new MutationObserver(() => window.shown.push([pair, td.textContent, performance.timeOrigin + performance.now()]))
      .observe(td, {characterData: true, childList: true, subtree: true});
  return first.size;
}"""


class PatientStage(Stage):
    """A stage whose pages wait for a busy machine."""

    def context(self, **options: Any) -> Any:
        opened = super().context(**options)
        opened.set_default_timeout(PATIENCE_MS)
        return opened


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gui.load", description="Measures a panel under load.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--groups", type=int, default=200)
    given = parser.parse_args()
    if CHROMIUM is None:
        print("no chromium on this machine: nothing was measured (Debian: apt install chromium)")
        return 0
    with (
        tempfile.TemporaryDirectory() as folder,
        open_browser() as browser,
        PatientStage(Path(folder), browser, config(given.groups)) as stage,
    ):
        open_groups(stage.stack, given.groups)
        return measure(stage, given.seconds, given.groups)


def measure(stage: Stage, seconds: float, groups: int) -> int:
    """Prints what was seen; 1 where a goal was missed."""
    mover = Mover(stage.stack)
    mover.start()
    pages = [stage.page("/positions", role=role) for role in CONTEXTS]
    for page in pages:
        page.wait_for_function(
            "(count) => document.querySelectorAll('tr[data-row]').length >= Math.min(count, 40)",
            arg=groups,
            polling=300,
        )
        page.wait_for_timeout(1000)
        assert page.evaluate(PROBE) == 10
    uses = [PageUse(page) for page in pages]
    pids = {name: process.pid for name, process in stage.stack.processes.items()}
    samples: list[dict[str, Any]] = []
    lags: list[list[float]] = [[] for _ in pages]
    start_s, before, beside = time.monotonic(), {name: cpu_s(pid) for name, pid in pids.items()}, busy_s()
    while time.monotonic() - start_s < seconds:
        pages[0].wait_for_timeout(min(SAMPLE_S, seconds) * 1000)
        for page, found in zip(pages, lags, strict=True):
            shown = page.evaluate("() => window.shown.splice(0)")
            found.extend(_lags(mover, shown))
        samples.append(
            {
                "at_s": time.monotonic() - start_s,
                "panel_mib": rss_mib(pids["panel"]),
                "pages": [use.now() for use in uses],
                "load": os.getloadavg()[0],
            }
        )
        one = samples[-1]
        print(
            f"{one['at_s']:5.0f} s  panel {one['panel_mib']:.1f} MiB  pages "
            + " ".join(f"{use['heap_mib']:.2f}" for use in one["pages"])
            + f" MiB  lag p50 {_at(lags[0][-200:], 50):.0f} ms  load {one['load']:.1f}",
            flush=True,
        )
    took_s = time.monotonic() - start_s
    mover.end()
    used = {name: (cpu_s(pid) - before[name]) / took_s * 100 for name, pid in pids.items()}
    return _report(lags, samples, used, (busy_s() - beside) / took_s * 100, mover)


def _lags(mover: Mover, shown: list[list[Any]]) -> list[float]:
    """Milliseconds from a price being set to the page showing it. A price that comes again is its latest setting."""
    asked: dict[tuple[str, str], list[float]] = {}
    for symbol, price, at_s in mover.moved[-4000:]:
        asked.setdefault((symbol, price.rstrip("0").rstrip(".")), []).append(at_s * 1000)
    found = []
    for pair, text, at_ms in shown:
        earlier = [at for at in asked.get((pair, text.rstrip("0").rstrip(".")), []) if at <= at_ms]
        if earlier:
            found.append(at_ms - earlier[-1])
    return found


def _at(values: list[float], percent: int) -> float:
    return quantiles(values, n=100)[percent - 1] if len(values) > 1 else float("nan")


def _report(
    lags: list[list[float]],
    samples: list[dict[str, Any]],
    used: dict[str, float],
    machine: float,
    mover: Mover,
) -> int:
    worst = max(_at(found, 50) for found in lags)
    early, late = samples[len(samples) // 10], samples[-1]
    growth = late["panel_mib"] - early["panel_mib"]
    page_growth = [b["heap_mib"] - a["heap_mib"] for a, b in zip(early["pages"], late["pages"], strict=True)]
    node_growth = [b["nodes"] - a["nodes"] for a, b in zip(early["pages"], late["pages"], strict=True)]
    span_s = late["at_s"] - samples[0]["at_s"] or 1
    busy = [(b["task_s"] - a["task_s"]) / span_s * 100 for a, b in zip(samples[0]["pages"], late["pages"], strict=True)]
    print(f"prices set        {len(mover.moved)}, each in p50 {_at(mover.took_s, 50) * 1000:.1f} ms")
    for number, found in enumerate(lags):
        print(
            f"lag, context {number + 1}    p50 {_at(found, 50):.0f} ms  p90 {_at(found, 90):.0f}"
            f"  p99 {_at(found, 99):.0f}  max {max(found, default=0):.0f}  of {len(found)} ({CONTEXTS[number]})"
        )
    print(f"processor         {', '.join(f'{name} {share:.1f} %' for name, share in used.items())} of one core")
    print(f"machine           {machine:.0f} % of one core in all; load {min(s['load'] for s in samples):.1f}", end=" ")
    print(f"to {max(s['load'] for s in samples):.1f}")
    print(f"panel memory      {early['panel_mib']:.1f} -> {late['panel_mib']:.1f} MiB")
    print(f"page memory       {', '.join(f'{one:+.2f}' for one in page_growth)} MiB; nodes {node_growth}; main thread")
    print(f"                  {', '.join(f'{share:.1f} %' for share in busy)} of one core")
    missed = [
        words
        for words, is_missed in (
            (f"lag p50 {worst:.0f} ms is over {MAX_LAG_P50_MS:.0f}", not worst <= MAX_LAG_P50_MS),
            (f"panel {used['panel']:.1f} % is over {MAX_PANEL_PERCENT:.0f} %", used["panel"] > MAX_PANEL_PERCENT),
            (f"the panel grew by {growth:.1f} MiB", growth > MAX_GROWTH_MIB),
            (f"a page grew by {max(page_growth):.1f} MiB", max(page_growth) > MAX_GROWTH_MIB),
        )
        if is_missed
    ]
    print("missed: " + "; ".join(missed) if missed else "all goals met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
