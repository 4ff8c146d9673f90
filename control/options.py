"""Options that many verbs share, and how a noun is made."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from control import complete
from control.printer import Format

CONTEXT = {"help_option_names": ["-h", "--help"]}


class WorldName(StrEnum):
    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


Output = Annotated[Format, typer.Option("-o", "--output", help="How to print the answer.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, do nothing.")]
RequestId = Annotated[
    str, typer.Option(metavar="ID", help="Your own id for this request: repeating it with the same id is harmless.")
]
World = Annotated[
    WorldName | None, typer.Option("--world", help="Needed where accounts of several worlds are configured.")
]
Account = Annotated[str, typer.Option(metavar="ACCOUNT", help="Only this account.", autocompletion=complete.accounts)]
Symbol = Annotated[
    str,
    typer.Option(metavar="SYMBOL", help="Only this unified symbol, e.g. BTC/USDT.", autocompletion=complete.symbols),
]
Timeframe = Annotated[str, typer.Option(metavar="TIMEFRAME", help="Only this timeframe, e.g. 15m.")]
Limit = Annotated[int, typer.Option(min=0, metavar="N", help="Most rows to show; 0: all.")]


def noun(help_text: str) -> typer.Typer:
    """A group of verbs."""
    return typer.Typer(
        help=help_text,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )
