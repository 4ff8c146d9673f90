"""Runs the fault matrix, each venue in a process of its own, and writes what came of it into docs/faults.md.

python -m tests.wire.fault_table              # the whole matrix, into docs/faults.md; exit code 1 if a case went wrong
python -m tests.wire.fault_table --venue binance --json FILE [--share]       # one venue, as JSON
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.wire.engine import DESKS, RECV_WINDOW_MS, SWEEP_S, TIMEOUT_MS, WINDOW_MS
from tests.wire.fault_cases import DEAF, ORDINARY, SOCKETS, STEPS, STREAM, WIDE, Result, cases_of, run, share
from tests.wire.stream_loss import GROUPS, MODES, PARTS, Figures, measure
from tests.wire.stream_loss import SWEEP_S as LOSS_SWEEP_S

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "faults.md"
LIMIT_S = 800.0

MEANING = {
    "refused": "the venue's refusal, nothing executed",
    "temporary": "the venue's \u201cnot now\u201d, nothing executed",
    "unknown_code": "an error code nobody has documented, nothing executed",
    "accept_then_reply": "executed, but the answer is the venue's \u201cI do not know\u201d",
    "accept_then_drop": "executed, the connection breaks before the answer",
    "accept_then_timeout": "executed, the answer never comes",
    "accept_then_5xx": "executed, the answer is HTTP 502 with a web page",
    "accept_then_truncated": "executed, the answer is cut in the middle",
    "accept_then_html": "executed, the answer is HTTP 200 with a web page",
    "drop_before_accept": "the connection breaks, nothing executed",
    "timeout_before_accept": "no answer, nothing executed",
    "5xx_before_accept": "HTTP 503 with a web page, nothing executed",
    "delay": "the request arrives late",
    "delay_past_timeout": "the request arrives after we have given up, and is executed",
    "delay_past_window": "the request arrives when it is not valid any more",
    "late_answer": "executed at once, the answer is late",
    "late_answer_past_timeout": "executed at once, the answer comes after we have given up",
    "late_visibility": "executed, the answer is lost, and look-ups do not find the order for a while",
    "fill_before_ack": "executed, and the fill is on the stream before the answer comes",
    "rate_limit": "the venue has enough of us for a second",
    "html_403": "a firewall's web page",
    "ban": "the address is shut out for two seconds",
    "ws_drop": "80 % of the account's frames are lost",
    "ws_duplicate": "every frame comes twice",
    "ws_reorder": "neighbouring frames change places",
    "ws_delay": "every frame is late",
    "ws_close_1001": "the venue closes the socket again and again",
    "ws_close_1006": "the socket breaks without a goodbye again and again",
    "ws_no_pong": "the socket stays open and says nothing any more",
    "listen_key_expired": "the key of the stream expires",
    "stream_terminated": "the venue ends the subscription",
}


def run_all(folder: Path, *, is_whole: bool) -> tuple[list[Result], list[Figures]]:
    """Every venue side by side; figures of stream loss only if whole. AssertionError where one could not be run."""
    started = []
    for name in DESKS:
        command = [sys.executable, "-m", "tests.wire.fault_table", "--venue", name, "--json", str(folder / name)]
        log = (folder / f"{name}.log").open("wb")
        options = [] if is_whole else ["--share"]
        started.append((name, log, subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=ROOT)))
    results: list[Result] = []
    figures: list[Figures] = []
    end = time.monotonic() + LIMIT_S
    try:
        for name, log, process in started:
            code = process.wait(timeout=max(1.0, end - time.monotonic()))
            log.close()
            assert code == 0, f"{name}: {(folder / f'{name}.log').read_text(errors='replace')[-4000:]}"
            more, measured = read_results(folder / name)
            results += more
            figures += measured
    finally:
        for _, log, process in started:
            if process.poll() is None:
                process.kill()
                process.wait()
            log.close()
    return results, figures


def read_results(file: Path) -> tuple[list[Result], list[Figures]]:
    found = json.loads(file.read_text())
    results = [Result(**{**fields, "problems": tuple(fields["problems"])}) for fields in found["results"]]
    figures = [Figures(**{**fields, "problems": tuple(fields["problems"])}) for fields in found["figures"]]
    return results, figures


def write_results(file: Path, results: Sequence[Result], figures: Sequence[Figures]) -> None:
    both = {"results": [asdict(each) for each in results], "figures": [asdict(each) for each in figures]}
    file.write_text(json.dumps(both))


# --- the table --------------------------------------------------------------------------------------


def page(results: Sequence[Result], figures: Sequence[Figures]) -> str:
    """Markdown. What the engine did, per fault, step and venue."""
    by_case = {result.case: result for result in results}
    bad = sum(bool(result.problems) for result in results)
    lines = [
        "# Faults",
        "",
        "What becomes of an order when the way to the exchange fails. Made by `make faults`, which lives every case",
        "with the real engine and unmodified ccxt against the simulated venues of `tests/wire`; not edited by hand.",
        "",
        f"{len(results)} cases, {bad} failed. In each, one request of a group meets the fault; then the venue's ledger",
        "is compared with the store. A case passes if every execution is stored exactly once, no place ever has two",
        "orders at the venue, no id is sent twice without the venue's word that the first had no effect, never more is",
        "sold than held, and the group ends as its story must, with nothing left at the venue.",
        "",
        f"In these runs a request times out after {TIMEOUT_MS} ms and may be accepted for {RECV_WINDOW_MS} ms (it is",
        f"taken for certain that it cannot after {WINDOW_MS} ms), and open orders are swept every {SWEEP_S} s; live,",
        "these are 15 s, 5 s, 7 s and `execution.sweep_interval_s`. *deaf*: the account's stream says nothing",
        "meanwhile. \u201cwent on\u201d: nothing had to be done, the answer or the stream told in time.",
        "",
    ]
    for name, desk in DESKS.items():
        lines += [f"## {name}", ""]
        steps = [step for step in STEPS if step != "amend" or desk.amend is not None]
        lines += ["| fault | " + " | ".join(step.replace("_", " ") for step in steps) + " |"]
        lines += ["|---" * (len(steps) + 1) + "|"]
        for fault, deaf in (*((f, "") for f in (*ORDINARY, *WIDE)), *((f, "-deaf") for f in DEAF)):
            cells = [_cell(by_case.get(f"{name}-{step}-{fault}{deaf}")) for step in steps]
            if any(cells):
                lines.append(f"| {fault}{', *deaf*' if deaf else ''} | " + " | ".join(cells) + " |")
        lines += ["", "| stream | outcome |", "|---|---|"]
        lines += [
            f"| {fault} | {_cell(found)} |" for fault in SOCKETS if (found := by_case.get(f"{name}-{STREAM}-{fault}"))
        ]
        lines += [""]
    lines += _stream_loss(figures)
    lines += ["## What the faults are", "", "| fault | what happens |", "|---|---|"]
    lines += [f"| {fault} | {MEANING[fault]} |" for fault in (*ORDINARY, *WIDE, *SOCKETS)]
    return "\n".join(lines) + "\n"


def _stream_loss(figures: Sequence[Figures]) -> list[str]:
    rows = [
        f"| {each.venue} | {each.mode} | {each.fills} | {each.median_ms} | {each.slowest_ms} |"
        f" {each.problems[0] if each.problems else 'ok'} |"
        for each in figures
    ]
    return [
        "## How long a fill stays unknown without the stream",
        "",
        f"{GROUPS} groups fill, each order in {PARTS} parts, with a sweep every {LOSS_SWEEP_S} s; from the venue's",
        "execution to the durable row. *dropped*: 80 % of the account's frames are lost; *killed*: its sockets break",
        "at random; *zombie*: they stay open and say nothing any more.",
        "",
        "| venue | stream | fills | median, ms | slowest, ms | |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    return f"{'FAILED: ' + result.problems[0] if result.problems else 'ok'}: {result.did}".replace("|", "/")


# --- the command ------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wire.fault_table", description=__doc__)
    parser.add_argument("--venue", choices=list(DESKS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--share", action="store_true", help="what every day's run takes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.venue is not None and given.json is not None:
            write_results(given.json, *run_one(given.venue, folder, is_whole=not given.share))
            return 0
        results, figures = run_all(folder, is_whole=True)
    TABLE.write_text(page(results, figures), encoding="utf-8")
    words = [
        *problems_of(results),
        *(f"{each.venue} {each.mode}: {words}" for each in figures for words in each.problems),
    ]
    print(*words, f"{len(results)} cases, written to {TABLE.relative_to(ROOT)}", sep="\n")
    return 1 if words else 0


def run_one(venue: str, folder: Path, *, is_whole: bool) -> tuple[list[Result], list[Figures]]:
    cases = cases_of(venue) if is_whole else share(venue)
    results = run(venue, cases, folder, lambda words: print(words, flush=True))
    figures = []
    for mode in MODES if is_whole else ():
        (folder / mode).mkdir()
        figures.append(measure(venue, mode, folder / mode))
    return results, figures


def problems_of(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        for problem in result.problems:
            yield f"{result.case}: {problem}"


if __name__ == "__main__":
    sys.exit(main())
