"""What every subcommand needs: exit codes, the config, a question to a person."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.config.load import LoadedConfig

DONE, FAILED, FAULTY, CANCELLED, INTERRUPTED = 0, 1, 2, 8, 130
DEFAULT_CONFIG = "config.yaml"


def add_config(parser: argparse.ArgumentParser, default: str | None = argparse.SUPPRESS) -> None:
    """`--config`. Of a subcommand the default is suppressed, so that one given before it stands."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=default,
        help=f"the configuration (else TERRACE_CONFIG, else {DEFAULT_CONFIG} here)",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """`-o`, as the other commands have it."""
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="how to print the answer")


def print_json(values: Mapping[str, object]) -> None:
    print(json.dumps(values, indent=2, default=str))


def config_path(given: str | None) -> Path:
    return Path(given or os.environ.get("TERRACE_CONFIG") or DEFAULT_CONFIG)


def read_config(given: str | None) -> LoadedConfig | None:
    """The config; None after its faults were told on standard error."""
    from daemon.config.load import ConfigFaults, load_config

    config = load_config(config_path(given), os.environ)
    if isinstance(config, ConfigFaults):
        print(config, file=sys.stderr)
        return None
    return config


def agreed(question: str) -> bool:
    """A person's yes. Anything else, also the end of the input, is a no."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


def failed(words: object) -> int:
    """Says why it was not done."""
    print(f"terraced: {words}", file=sys.stderr)
    return FAILED
