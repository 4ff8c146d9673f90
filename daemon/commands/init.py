"""`terraced init`: what `terrace init` cannot do itself, being no part of the engine. Speaks JSON, asks nothing.

Answers come on standard input, keys among them, so that they stand on no command line; one JSON document goes out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.common import DONE, FAULTY

if TYPE_CHECKING:
    from daemon.first_setup import Plan

NAME = "init"
MAX_INPUT_BYTES = 256 * 1024
_INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        NAME,
        help="the engine's side of `terrace init`",
        description="For programs; `terrace init` is for people. facts: what can be chosen. render: the config of the "
        "answers, as text. try: asks the exchange with their keys. write: stores keys and config, all or nothing. "
        "The answers are one JSON object on standard input.",
        epilog="Exit codes: 0 answered, refusals included, 2 usage or an input that is no answer.",
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=("facts", "render", "try", "write"))


def run(chosen: argparse.Namespace, _parser: argparse.ArgumentParser) -> int:
    if chosen.action == "facts":
        from daemon.config.first import facts

        return _print(facts())
    try:
        plan = _plan(sys.stdin.buffer.read(MAX_INPUT_BYTES + 1))
    except (ValueError, TypeError, KeyError) as error:
        print(f"terraced init: the input is no answer ({type(error).__name__})", file=sys.stderr)  # It may hold keys.
        return FAULTY
    return _print(_done(chosen.action, plan))


def _done(action: str, plan: Plan) -> Mapping[str, Any]:
    from daemon.clock import SystemClock
    from daemon.config.fault import ConfigFaults
    from daemon.first_setup import SetupRefused, make_config, try_keys, write_setup

    config = make_config(plan, os.environ)
    if isinstance(config, ConfigFaults):
        return {"faults": [str(fault) for fault in config.faults]}
    now = SystemClock().now_ms
    if action == "render":
        return {"text": config.text, "notes": list(config.warnings)}
    if action == "try":
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once and without words: nothing has begun.
        return {"refused": try_keys(plan, config, os.environ, now)}
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)  # A moment's work, done whole.
    try:
        written = write_setup(plan, config, os.environ, now)
    except SetupRefused as refused:
        return {"refused": str(refused)}
    return {
        "config": str(written.path),
        "kept": str(written.kept) if written.kept is not None else "",
        "data_dir": str(config.daemon.data_dir),
        "vault": list(written.vault_names),
        "notes": list(written.notes),
    }


def _plan(data: bytes) -> Plan:
    """What came in. Raises ValueError, TypeError or KeyError."""
    from daemon.config.first import Answers
    from daemon.first_setup import Plan

    if len(data) > MAX_INPUT_BYTES:
        raise ValueError("size")
    tree = json.loads(data)
    ladder = tree.get("ladder")
    answers = Answers(
        exchange=_word(tree, "exchange"),
        account=_word(tree, "account"),
        market=_word(tree, "market"),
        testnet=bool(tree.get("testnet")),
        capital=str(tree["capital"]) if tree.get("capital") is not None else None,
        ladder=tuple((str(gap), str(weight), str(target)) for gap, weight, target in ladder) if ladder else None,
        pool=int(tree["pool"]) if tree.get("pool") is not None else None,
    )
    keys = {str(key): str(value) for key, value in tree.get("keys", {}).items()}
    return Plan(path=Path(_word(tree, "config")), answers=answers, keys=keys, force=bool(tree.get("force")))


def _word(tree: Mapping[str, Any], key: str) -> str:
    found = tree[key]
    if not isinstance(found, str):
        raise TypeError(key)
    return found


def _print(values: Mapping[str, Any]) -> int:
    print(json.dumps(values))
    return DONE
