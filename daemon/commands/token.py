"""`terraced token` (and `terrace token`): the words of the command; what it does is `daemon.token_command`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from daemon.commands.common import FAULTY, add_config, read_config

NAME = "token"
ROLES = ("ingest", "viewer", "operator", "admin")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        NAME,
        help="make, list, revoke and rotate the tokens of the API",
        description="Makes, lists, revokes and rotates the tokens of the API, with or without a running daemon, which "
        "reads the token file again within two seconds.",
        epilog="Exit codes: 0 done, 1 the files cannot be written, 2 usage or refused, 3 no such token, 8 cancelled.",
        allow_abbrev=False,
    )
    add_config(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, text: str, example: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = verbs.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"Example: terrace token {example}",
            allow_abbrev=False,
        )
        made.add_argument("-o", "--output", choices=("table", "json"), default="table", help="how to print the answer")
        return made

    make = verb(
        "create",
        "Make a token; its text is shown once.",
        "create grafana --role viewer --expires 90d --out grafana.token",
    )
    make.add_argument("name", metavar="NAME")
    make.add_argument("--role", choices=ROLES, required=True, help="what it may do; docs/access.md has the table")
    make.add_argument("--expires", metavar="WHEN", default="never", help="90d, 2030-01-01T00:00:00Z, never (default)")
    _add_out(make)
    known = make.add_mutually_exclusive_group()
    known.add_argument("--certificate", metavar="PEM", help="no token: whoever shows this certificate")
    known.add_argument("--certificate-name", metavar="NAME", help="no token: whoever shows one made out to this name")
    verb("list", "Show the tokens, without their texts.", "list")
    end = verb("revoke", "End a token at once.", "revoke grafana")
    end.add_argument("name", metavar="NAME")
    _add_care(end)
    renew = verb(
        "rotate",
        "Give a token a new text; the old one works for a while.",
        "rotate grafana --overlap 1h --out grafana.token",
    )
    renew.add_argument("name", metavar="NAME")
    renew.add_argument("--overlap", metavar="SPAN", default="1h", help="how long the old text works too (default 1h)")
    renew.add_argument("--expires", metavar="WHEN", help="else as long as the old one was made for, from now")
    _add_out(renew)
    _add_care(renew, asks=False)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="write the text there, mode 0600, instead of showing it"
    )


def _add_care(parser: argparse.ArgumentParser, *, asks: bool = True) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    if asks:
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    config = read_config(chosen.config)
    if config is None:
        return FAULTY
    from daemon.token_command import run as run_verb

    return run_verb(parser.prog, chosen, config.daemon)
