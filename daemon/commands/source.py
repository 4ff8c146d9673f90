"""`terraced source` (and `terrace source`): the words of the command; what it does is `daemon.source_command`."""

from __future__ import annotations

import argparse
from typing import Any

from daemon.commands.common import add_config

NAME = "source"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        NAME,
        help="list the sources of alerts and rotate their secrets",
        description="Lists the sources of alerts and rotates their secrets, with or without a running daemon. Works on "
        "the configuration and the secret files; daemon and forwarder take it up by themselves within seconds.",
        epilog="Exit codes: 0 done, 1 the files cannot be written, 2 usage or refused, 3 no such source.",
        allow_abbrev=False,
    )
    add_config(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, text: str, example: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = verbs.add_parser(
            name, help=text, description=text, epilog=f"Example: terrace source {example}", allow_abbrev=False
        )
        made.add_argument("-o", "--output", choices=("table", "json"), default="table", help="how to print the answer")
        return made

    verb("list", "Show the sources and where their secrets are kept.", "list")
    rotate = verb("rotate", "Make a new secret; the old one is taken for a while.", "rotate tradingview --overlap 24h")
    rotate.add_argument(
        "--overlap", metavar="SPAN", default="24h", help="how long the old one is taken too; 0: ends now"
    )
    rotate.add_argument("--hmac", action="store_true", help="the key that signs alerts, not the secret in them")
    end = verb("end", "End a rotation: the old secret is refused from now on.", "end tradingview")
    for made in (rotate, end):
        made.add_argument("name", metavar="NAME")
        made.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from daemon.source_command import run as run_verb

    return run_verb(parser.prog, chosen)
