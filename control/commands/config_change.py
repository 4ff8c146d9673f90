"""How every verb changes the configuration: show what would change, ask, change exactly that."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import TYPE_CHECKING, Any

from control.printer import Column, Format, pairs, say, table, when, word
from control.session import Session, new_request_id

if TYPE_CHECKING:
    from protos.terrace.v1 import config_pb2

WIDTH = 100
MAX_VALUE_CHARS = 40
"""Of a value in the table; JSON and YAML have all of it."""
BEFORE_CHARS = 18
"""Of what is the same, before what differs."""


def apply(
    run: Session,
    request: config_pb2.ApplyConfigRequest,
    *,
    yes: bool,
    dry_run: bool,
    output: Format,
    question: str = "Apply this",
) -> None:
    """Without an etag of its own a whole text is bound to what the preview was made of: what comes in between refuses
    it."""
    from protos.terrace.v1 import config_pb2 as pb

    request.source = "CONFIG_SOURCE_CLI"  # type: ignore[assignment]
    request.request_id = new_request_id(request.request_id)
    request.validate_only = True
    preview = run.call(request, pb.ApplyConfigResponse)
    _finish(run, request, preview, pb.ApplyConfigResponse, yes=yes, dry_run=dry_run, output=output, question=question)


def restore(
    run: Session,
    request: config_pb2.RestoreConfigRequest,
    *,
    yes: bool,
    dry_run: bool,
    output: Format,
    question: str,
) -> None:
    """As `apply`."""
    from protos.terrace.v1 import config_pb2 as pb

    request.source = "CONFIG_SOURCE_CLI"  # type: ignore[assignment]
    request.request_id = new_request_id(request.request_id)
    request.validate_only = True
    preview = run.call(request, pb.RestoreConfigResponse)
    _finish(run, request, preview, pb.RestoreConfigResponse, yes=yes, dry_run=dry_run, output=output, question=question)


def _finish(
    run: Session, request: Any, preview: Any, kind: Any, *, yes: bool, dry_run: bool, output: Format, question: str
) -> None:
    for note in preview.notes:
        say(f"note: {note}")
    if dry_run:
        run.emit(preview, output, lambda: changes(preview.changes))
        return
    if not yes:
        say(changes(preview.changes))
        run.confirm(f"{question} on {where(run)}?", yes=False)
    request.validate_only = False
    if not getattr(request, "edits", ()) or request.yaml:  # Edits alone are made to whatever is there: none is lost.
        request.etag = request.etag or preview.config.etag
    answer = run.call(request, kind)
    run.emit(answer, output, lambda: _applied(answer))


def where(run: Session) -> str:
    """Every account with its world: a configuration is about all of them."""
    from protos.terrace.v1 import account_pb2 as pb

    accounts = run.pages(pb.ListAccountsRequest(), pb.ListAccountsResponse, limit=0).accounts
    return ", ".join(f"{one.account} ({word(one, 'world').upper() or '?'})" for one in accounts) or "no account"


def changes(found: Iterable[config_pb2.ConfigChange]) -> str:
    """The keys as a table, and below it what each of them would do."""
    rows = list(found)
    if not rows:
        return "no key changes"
    told = [f"{row.path}\n{_as_list(row.effects)}" for row in rows if row.effects]
    return "\n".join([table(rows, COLUMNS), *(["", "What it would do:", *told] if told else [])])


def _as_list(effects: Iterable[str]) -> str:
    return "\n".join(fill(each, WIDTH, initial_indent="  - ", subsequent_indent="    ") for each in effects)


def _short(value: str, other: str) -> str:
    """At most `MAX_VALUE_CHARS` of the value, with where it differs from the other in it."""
    if len(value) <= MAX_VALUE_CHARS:
        return value
    pairs_of_chars = enumerate(zip(value, other, strict=False))
    same = next((at for at, (one, its) in pairs_of_chars if one != its), min(len(value), len(other)))
    start = min(max(0, same - BEFORE_CHARS), len(value) - MAX_VALUE_CHARS + 6)
    if start == 0:
        return f"{value[: MAX_VALUE_CHARS - 3]}..."
    end = start + MAX_VALUE_CHARS - 6
    return f"...{value[start:end]}{'...' if end < len(value) else ''}"


def _applied(answer: Any) -> str:
    config, waiting = answer.config, [one.path for one in answer.changes if one.restart_required]
    facts: list[tuple[str, Any]] = [
        ("version", config.version),
        ("etag", config.etag),
        ("time", when(config, "create_time")),
    ]
    if waiting:
        facts.append(("after restart", ", ".join(waiting)))
    return pairs(facts)


COLUMNS: list[Column[Any]] = [
    Column(title="KEY", value=lambda row: row.path),
    Column(title="FROM", value=lambda row: _short(row.old_value, row.new_value)),
    Column(title="TO", value=lambda row: _short(row.new_value, row.old_value)),
    Column(title="RESTART", value=lambda row: "needed" if row.restart_required else ""),
]
