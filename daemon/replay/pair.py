"""Two replays, side by side in processes of their own where there are cores for both, else one after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from typing import Any

from daemon.replay.job import Job, run_job
from daemon.replay.model import Progress, ReplayFault
from daemon.replay.report import Report

SAY_EVERY_S = 0.2
"""How often a process tells how far it is."""
END_LIMIT_S = 5.0

OnProgress = Callable[[Progress], None]


def run_pair(jobs: Sequence[Job], environ: Mapping[str, str], on_progress: Callable[[int], OnProgress]) -> list[Report]:
    """Reports in the order of the jobs. `on_progress(index)` takes the progress of one of them.

    ReplayFault of the first that cannot be done; the others are ended.
    """
    if cores() < len(jobs):
        return [run_job(job, environ, on_progress(index)) for index, job in enumerate(jobs)]
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # Or the first process would start it, and let Ctrl-C through again.
    processes: list[SpawnProcess] = []
    readers: dict[Connection[Any, Any], int] = {}
    try:
        with _deaf():
            for index, job in enumerate(jobs):
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(job, dict(environ), theirs), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
                readers[ours] = index
        return _gathered(readers, on_progress)
    finally:
        for process in processes:
            _end(process)
        for reader in readers:
            reader.close()


@contextmanager
def _deaf() -> Iterator[None]:
    """A Ctrl-C waits. Processes that are started meanwhile never hear one, not even while they load their code."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gathered(readers: Mapping[Connection[Any, Any], int], on_progress: Callable[[int], OnProgress]) -> list[Report]:
    told = {index: on_progress(index) for index in readers.values()}
    reports: dict[int, Report] = {}
    left = dict(readers)
    while left:
        for reader in wait(list(left)):
            assert isinstance(reader, Connection)
            index = left[reader]
            try:
                said = reader.recv()
            except EOFError:
                raise ReplayFault("a replay ended without a report; run it alone to see why") from None
            if isinstance(said, Progress):
                told[index](said)
                continue
            if isinstance(said, str):
                raise ReplayFault(said)
            reports[index] = said
            del left[reader]
    return [reports[index] for index in sorted(reports)]


def _end(process: SpawnProcess) -> None:
    if process.is_alive():
        process.terminate()
    process.join(END_LIMIT_S)
    if process.is_alive():
        process.kill()
        process.join(END_LIMIT_S)
    process.close()


def _work(job: Job, environ: dict[str, str], out: Connection[Any, Any]) -> None:
    """In the other process. Ctrl-C reaches it too: who started it ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said_s = 0.0

    def say(progress: Progress) -> None:
        nonlocal said_s
        if monotonic() - said_s >= SAY_EVERY_S:
            said_s = monotonic()
            out.send(progress)

    try:
        out.send(run_job(job, environ, say))
    except ReplayFault as fault:
        out.send(str(fault))
