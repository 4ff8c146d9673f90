"""`terrace replay` and `terrace db`: handed to `terraced` as they stand."""

from __future__ import annotations

import typer

from control.handover import hand_over
from control.session import session

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _app(name: str, help_text: str) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.command(name, context_settings=_PASS_ON, help=help_text)
    def run(ctx: typer.Context) -> None:
        config = session(ctx).flags.config
        named = ["--config", config] if config and "--config" not in ctx.args else []
        hand_over([name, *named, *ctx.args])

    return app


APPS = {
    "replay": _app("replay", "Run the engine on recorded prices and signals; see `terraced replay --help`."),
    "token": _app("token", "Make, list, revoke and rotate the API's tokens; see `terraced token --help`."),
    "db": _app("db", "Look after the store; see `terraced db --help`."),
}
