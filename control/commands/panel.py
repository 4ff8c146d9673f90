"""`terrace panel`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from control.exits import ExitCode
from control.handover import NOTHING_FROM_HERE
from control.options import CONTEXT
from control.session import Stop, session

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

MISSING = "the panel is not installed: install Terrace once more, with [panel] behind its name"


@app.command("panel", context_settings=CONTEXT)
def panel(
    ctx: typer.Context,
    config: Annotated[
        str, typer.Option("--config", metavar="FILE", help="The config file; else the one before the noun.")
    ] = "",
) -> None:
    """Run the panel alone.

    \b
    Examples:
      terrace panel
      terrace panel --config /etc/terrace/config.yaml
    """
    if not is_installed():
        raise Stop(MISSING, ExitCode.FAILED)
    path = config or session(ctx).flags.config
    environ = {**os.environ, **NOTHING_FROM_HERE}
    if path:
        environ["TERRACE_CONFIG"] = os.path.abspath(path)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "gui"], environ)


def is_installed() -> bool:
    """Whether the panel's own dependencies are there."""
    return find_spec("gradio") is not None and find_spec("gui") is not None
