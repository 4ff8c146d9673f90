"""`terrace up`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from control.options import CONTEXT
from control.session import session

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("up", context_settings=CONTEXT)
def up(
    ctx: typer.Context,
    config: Annotated[
        str, typer.Option("--config", metavar="FILE", help="The config file; else the one before the noun.")
    ] = "",
    panel: Annotated[bool, typer.Option("--panel/--no-panel", help="Start the panel too.")] = True,
) -> None:
    """Start daemon, webhook forwarder and panel together. One Ctrl-C stops all of them in order.

    Prints the addresses and a ready-to-paste alert.

    \b
    Examples:
      terrace up
      terrace up --config my.yaml --no-panel
    """
    from control.together import run

    flags = session(ctx).flags
    raise typer.Exit(run(replace(flags, config=config) if config else flags, panel=panel))
