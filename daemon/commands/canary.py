"""`terraced canary`: this program on a copy of the data, reading the exchanges and sending nothing."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.canary import NICENESS, TIMEOUT_S
from daemon.commands.common import DONE, FAULTY, INTERRUPTED, add_config, failed, print_json, read_config

if TYPE_CHECKING:
    from daemon.canary.folder import Copied
    from daemon.canary.report import Report
    from daemon.config.load import LoadedConfig
    from daemon.observe.masking import Masker

NAME = "canary"
NOT_READY, DIFFERS = 5, 6
MAX_TOLD = 3
"""Differences that are named on standard error; all of them are in the answer."""


def add_parser(commands: Any) -> None:
    canary = commands.add_parser(
        NAME,
        help="try this version on a copy of the data, sending nothing",
        description="Migrates a copy of the data directory, starts the engine on it with the accounts of the config, "
        "reads from the exchanges, compares, and ends. Never sends, cancels or changes anything at an exchange, opens "
        "no port and tells nobody. A daemon may be running on the real data. Prints one JSON object.",
        epilog="Example:\n  terraced --config config.yaml canary --data /path/to/restored/data\n\n"
        "Exit codes: 0 ready and no difference, 1 it could not be tried, 2 usage or a faulty config, 5 not ready in "
        "time, 6 something differs, 130 interrupted.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_config(canary)
    canary.add_argument("--data", metavar="DIR", type=Path, required=True, help="the copy: it is changed")
    canary.add_argument(
        "--timeout-s", metavar="S", type=int, default=TIMEOUT_S, help=f"how long it may take to be ready ({TIMEOUT_S})"
    )


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if not 0 < chosen.timeout_s <= 3600:
        parser.error("--timeout-s must be between 1 and 3600")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    config = read_config(chosen.config)
    return FAULTY if config is None else _run(config, chosen)


def _leave(_number: int, _frame: object) -> None:
    """At once: all that is cut off is a copy, and nothing is under way at an exchange."""
    os.write(2, b"terraced canary: interrupted; nothing but the copy was touched\n")
    os._exit(INTERRUPTED)


def _run(config: LoadedConfig, chosen: argparse.Namespace) -> int:
    from daemon.app import program_version
    from daemon.canary.folder import CanaryRefused, find_copy
    from daemon.canary.report import Report, as_json
    from daemon.core_dumps import forbid_core_dumps
    from daemon.observe.masking import Masker

    forbid_core_dumps()
    with suppress(OSError):
        os.nice(NICENESS)
    masker = Masker()
    copied = find_copy(config.daemon, chosen.data)
    found = copied if isinstance(copied, CanaryRefused) else _looked(config, copied, chosen.timeout_s, masker)
    if not isinstance(found, Report):
        words = masker.text(str(found))
        print_json({"version": program_version(), "ready": False, "why": words})
        return failed(words)
    print_json(masker.fields(as_json(found)))
    return _said(found, masker.text)


def _looked(config: LoadedConfig, copied: Copied, timeout_s: float, masker: Masker) -> Report | object:
    """What was found, or why nothing was. Its log goes to the copy: the daemon's own is being written."""
    from daemon.app import program_version
    from daemon.canary.folder import CanaryRefused
    from daemon.canary.looking import look
    from daemon.observe.logging import Log

    with open(os.devnull, "w", encoding="utf-8") as nobody:
        log = Log(replace(config.daemon.logging, file=copied.log), masker, nobody)
        log.start()
        try:
            return look(config, os.environ, copied, timeout_s, masker=masker, version=program_version())
        except Exception as error:  # This version cannot cope with the data: to find that is what a canary is for.
            logging.getLogger("terrace.system").exception("canary_failed")
            remedy = f"Do not update; {copied.log} has the details"
            return CanaryRefused(
                problem=f"this version fails on the copy ({type(error).__name__}: {error})", remedy=remedy
            )
        finally:
            log.stop()


def _said(report: Report, mask: Callable[[str], str]) -> int:
    if report.differences:
        for difference in report.differences[:MAX_TOLD]:
            words = f"{difference.what}, {difference.where}: {difference.copy} in the copy, {difference.now} now"
            print(f"terraced: {mask(words)}", file=sys.stderr)
        print(f"terraced: {len(report.differences)} differences", file=sys.stderr)
        return DIFFERS
    if not report.is_ready:
        print(f"terraced: not ready: {mask(report.why)}", file=sys.stderr)
        return NOT_READY
    return DONE
