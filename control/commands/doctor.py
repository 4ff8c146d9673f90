"""`terrace doctor`."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from control.exits import ExitCode
from control.health_check import FAILED, OK, WARNING, Check
from control.options import CONTEXT, Output
from control.printer import GAP, LEAST_FREE, Format, cells_of, clean, fit, screen_columns, wrapped
from control.repeat import watchable
from control.session import session

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("doctor", context_settings=CONTEXT)
@watchable
def doctor(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Check everything from the config file to the backups; each trouble with its remedy.

    Looked at: the config and what a start would meet (folders, ports, secrets), the data directory, your token, the
    daemon and its version, each engine, whether each exchange takes its key and whether that key could withdraw,
    alerts, backups, the forwarder and its spool, the secrets of sources, the clock, the disk. Nothing is changed.

    Exits 1 if something is wrong. Warnings alone exit 0.

    \b
    Examples:
      terrace doctor
      terrace doctor -o json
      terrace --context prod doctor
      terrace doctor --watch 60
    """
    from control.health import examine

    run = session(ctx)
    checks = examine(run.meant)
    run.emit({"checks": [check.plain() for check in checks]}, output, lambda: _text(checks))
    if any(check.result == FAILED for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def _text(checks: Sequence[Check]) -> str:
    """A line for each check, its remedy below it; the count at the end."""
    names = max(cells_of(check.name) for check in checks)
    start = RESULT_WIDTH + GAP + names + GAP
    room = screen_columns()
    left = room - start if room - start >= LEAST_FREE else 0
    below = "\n" + " " * start
    lines = []
    for check in checks:
        found = below.join(wrapped(clean(check.found), left))
        if check.remedy:
            found += below + below.join(wrapped(f"-> {clean(check.remedy)}", left))
        lines.append(f"{fit(_shown(check.result), RESULT_WIDTH + GAP)}{fit(check.name, names + GAP)}{found}")
    counts = [(sum(check.result == kind for check in checks), word) for kind, word in KINDS]
    return "\n".join([*lines, "", ", ".join(f"{count} {_plural(word, count)}" for count, word in counts if count)])


def _plural(word: str, count: int) -> str:
    return f"{word}s" if word == "warning" and count > 1 else word


def _shown(result: str) -> str:
    """What has failed stands out without a colour too."""
    return result if result == FAILED else result.lower()


KINDS = ((FAILED, "failed"), (WARNING, "warning"), (OK, "well"))
RESULT_WIDTH = 7
