"""`terraced replay`: what is said at a terminal, and the file. Exit codes: 0 done, 1 the report cannot be
written, 2 usage or faulty input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TextIO

from daemon.replay.arguments import INTERRUPTED_WORDS
from daemon.replay.compare import comparison, shown_comparison
from daemon.replay.job import Job, run_job
from daemon.replay.model import Progress, ReplayFault
from daemon.replay.pair import run_pair
from daemon.replay.progress import ASSUMED_COLUMNS, Bar
from daemon.replay.report import Report, text_of
from daemon.replay.summary import summary

DONE, FAILED, FAULTY, INTERRUPTED = 0, 1, 2, 130
STDOUT = "-"


class Interrupt:
    """Ctrl-C, once. It may come while Python collects garbage, where an exception is only printed; so whoever shows
    progress asks again."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, *_: object) -> None:
        self.came = True
        raise KeyboardInterrupt

    def heeded(self, show: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """`show`, which ends what it is shown of once Ctrl-C came."""

        def take(progress: Progress) -> None:
            if self.came:
                raise KeyboardInterrupt
            show(progress)

        return take


def run(chosen: argparse.Namespace, config: Path, environ: Mapping[str, str]) -> int:
    """Does what the arguments say. `config` is the one of a plain replay."""
    interrupt = Interrupt()
    try:
        signal.signal(signal.SIGINT, interrupt)
        return _compare(chosen, environ, interrupt) if chosen.compare else _replay(chosen, config, environ, interrupt)
    except ReplayFault as fault:
        _say(f"{chosen.program} replay: {fault}")
        return FAULTY
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Once is enough.
        _say(f"{chosen.program} replay: {INTERRUPTED_WORDS}")
        return INTERRUPTED


def _replay(chosen: argparse.Namespace, config: Path, environ: Mapping[str, str], interrupt: Interrupt) -> int:
    _check_out(chosen.out)
    bar, start_s = _bar(), monotonic()
    try:
        report = run_job(_job(chosen, config), environ, interrupt.heeded(bar))
    finally:
        bar.close()
    _say_speed(report["candles"], monotonic() - start_s)
    _say_left_out(report)
    return _hand_out(report, summary(report), chosen)


def _compare(chosen: argparse.Namespace, environ: Mapping[str, str], interrupt: Interrupt) -> int:
    _check_out(chosen.out)
    if chosen.config:
        _say(f"{chosen.program} replay: note: --config plays no part beside --compare")
    jobs = [_job(chosen, config) for config in chosen.compare]
    bar, start_s = _bar(), monotonic()
    try:
        one, other = run_pair(jobs, environ, _both(interrupt.heeded(bar)))
    finally:
        bar.close()
    if one["input"]["signals"] != other["input"]["signals"]:
        raise ReplayFault("the two configs do not take the same lines of the signals: their sources differ")
    _say_speed(one["candles"] + other["candles"], monotonic() - start_s)
    found = comparison(one, other)
    _say_left_out(one, other)
    return _hand_out(found, shown_comparison(found), chosen)


def _job(chosen: argparse.Namespace, config: Path) -> Job:
    return Job(
        config=config, candles=chosen.candles, signals=chosen.signals, seed=chosen.seed, skip_bad=chosen.skip_bad
    )


def _both(bar: Callable[[Progress], None]) -> Callable[[int], Callable[[Progress], None]]:
    """One bar for two replays: it shows the one that is behind."""
    newest: dict[int, Progress] = {}

    def of(index: int) -> Callable[[Progress], None]:
        def take(progress: Progress) -> None:
            newest[index] = progress
            bar(min(newest.values(), key=lambda each: each.now_ms))

        return take

    return of


# --- what is said ---------------------------------------------------------------------------------


def _bar() -> Bar:
    return Bar(sys.stderr, monotonic, lambda: shutil.get_terminal_size((ASSUMED_COLUMNS, 24)).columns)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _say_speed(candles: int, seconds: float) -> None:
    """On stderr: it is not the same twice."""
    speed = f"{candles / seconds:,.0f}" if seconds > 0 else "?"
    _say(f"{candles:,} candles in {seconds:.1f} s, {speed} a second")


def _say_left_out(*reports: Report) -> None:
    for words in dict.fromkeys(words for report in reports for words in report["input"]["left_out"]):
        _say(f"note: {words}")


def _hand_out(report: Report, words: str, chosen: argparse.Namespace) -> int:
    out: str = chosen.out
    if out == STDOUT:
        _print(text_of(report), sys.stdout)
        return DONE
    _print(words + "\n", sys.stdout)
    if out:
        try:
            write_whole(Path(out), text_of(report))
        except OSError as error:
            _say(f"{chosen.program} replay: {out} cannot be written: {error.strerror or error}")
            return FAILED
        _say(f"report: {out}")
    return DONE


def _print(text: str, out: TextIO) -> None:
    out.write(text)
    out.flush()


def _check_out(out: str) -> None:
    """Before the work: a folder that is not there would be found out an hour later."""
    if out not in ("", STDOUT):
        folder = Path(out).parent
        if not folder.is_dir():
            raise ReplayFault(f"{out}: there is no folder {folder}")
        if Path(out).is_dir():
            raise ReplayFault(f"{out}: is a folder, not a file")


def write_whole(path: Path, text: str) -> None:
    """The file is there as a whole or not at all; what was there before stays until then."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
