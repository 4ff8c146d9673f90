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
        config = session(ctx).local_config()
        named = ["--config", config] if config and "--config" not in ctx.args else []
        hand_over([name, *named, *ctx.args])

    return app


REPLAY = """Run the engine on recorded candles and alerts, on a virtual clock, and report what became of them.

No daemon and no network; the same input gives the same report. docs/replay.md tells more.

\b
Examples:
  terrace replay --candles candles/ --signals alerts.jsonl
  terrace replay --candles candles/ --signals alerts.jsonl --compare old.yaml new.yaml --out report.json
"""
TOKEN = """Make, list, revoke and rotate the API's tokens, with or without a running daemon.

\b
Examples:
  terrace token create grafana --role viewer --expires 90d --out grafana.token
  terrace token list -o json
  terrace token rotate grafana --overlap 1h --out grafana.token
  terrace token revoke grafana --dry-run
"""
SOURCE = """List the sources of alerts, and rotate their secrets with or without a running daemon.

\b
Examples:
  terrace source list
  terrace source --help
"""
DB = """Look after the store: check it, migrate it, take a migration back, give space back to the disk.

\b
Examples:
  terrace db check
  terrace db migrate
  terrace db downgrade --dry-run
  terrace db vacuum --dry-run
"""
APPS = {
    "replay": _app("replay", REPLAY),
    "token": _app("token", TOKEN),
    "source": _app("source", SOURCE),
    "db": _app("db", DB),
}
