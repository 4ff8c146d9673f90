"""`terrace engine dead-letters`: list, show, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import CONTEXT, DryRun, Limit, Output, RequestId, Yes, noun
from control.printer import Column, Format, clean, pairs, say, table, when
from control.repeat import watchable
from control.session import Session, new_request_id, session

if TYPE_CHECKING:
    from protos.terrace.v1 import engine_pb2 as pb

HELP = """Show messages that stopped a part of the engine, newest first, and hand them out once more.

\b
Examples:
  terrace engine dead-letters
  terrace engine dead-letters --all
  terrace engine dead-letters show LETTER
  terrace engine dead-letters retry LETTER
"""
app = noun(HELP)

NO_LETTERS = "no message stopped a part of the engine (resolved ones: terrace engine dead-letters --all)"

Letter = Annotated[str, typer.Argument(metavar="LETTER", help="The dead letter's id.")]


@app.callback(invoke_without_command=True, no_args_is_help=False, context_settings=CONTEXT)
def dead_letters(
    ctx: typer.Context,
    resolved: Annotated[bool, typer.Option("--all", "-a", help="Resolved ones too.")] = False,
    limit: Limit = 50,
    output: Output = Format.TABLE,
) -> None:
    """What `HELP` says; without a verb they are listed."""
    if ctx.invoked_subcommand is not None:
        return
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    answer = run.pages(pb.ListDeadLettersRequest(include_resolved=resolved), pb.ListDeadLettersResponse, limit=limit)
    run.emit(answer, output, lambda: table(answer.dead_letters, COLUMNS, wide=output is Format.WIDE, none=NO_LETTERS))


@app.command("show")
@watchable
def show(ctx: typer.Context, letter: Letter, output: Output = Format.TABLE) -> None:
    """Show one of them whole: the message, the error, and what a retry does.

    \b
    Examples:
      terrace engine dead-letters show LETTER
    """
    from protos.terrace.v1 import engine_pb2 as pb

    run = session(ctx)
    answer = run.call(pb.GetDeadLetterRequest(dead_letter_id=letter), pb.GetDeadLetterResponse)
    run.emit(answer, output, lambda: letter_text(answer.dead_letter))


@app.command("retry")
def retry(
    ctx: typer.Context,
    letter: Letter,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Hand it to its part of the engine once more. If it stops that again, it stays a dead letter.

    \b
    Examples:
      terrace engine dead-letters retry LETTER
      terrace engine dead-letters retry LETTER --dry-run
    """
    retry_letter(session(ctx), letter, yes=yes, dry_run=dry_run, request_id=request_id, output=output)


def retry_letter(run: Session, letter: str, *, yes: bool, dry_run: bool, request_id: str, output: Format) -> None:
    from protos.terrace.v1 import engine_pb2 as pb

    if dry_run:
        found = run.call(pb.GetDeadLetterRequest(dead_letter_id=letter), pb.GetDeadLetterResponse)
        one = found.dead_letter
        say(f"a retry {one.remedy}" if one.retryable else f"it cannot be retried: {one.remedy or 'it is resolved'}")
        run.emit(found, output, lambda: table([one], COLUMNS, wide=output is Format.WIDE))
        return
    if not yes:
        before = run.call(pb.GetDeadLetterRequest(dead_letter_id=letter), pb.GetDeadLetterResponse).dead_letter
        if before.retryable:
            run.confirm(f"{before.message_type} for {before.actor}: a retry {before.remedy}. Do it?", yes=False)
    request = pb.RetryDeadLetterRequest(dead_letter_id=letter, request_id=new_request_id(request_id))
    answer = run.call(request, pb.RetryDeadLetterResponse)
    run.emit(answer, output, lambda: table([answer.dead_letter], COLUMNS, wide=output is Format.WIDE))
    if not answer.dead_letter.resolved:
        say(f"it stopped {answer.dead_letter.actor} again and stays a dead letter")
        raise typer.Exit(ExitCode.FAILED)
    say(answer.dead_letter.result)


def state_of(letter: pb.DeadLetter) -> str:
    if letter.resolved:
        return "resolved"
    return "failed again" if letter.HasField("retry_time") else "open"


def letter_text(letter: pb.DeadLetter) -> str:
    facts = [
        ("letter", letter.dead_letter_id),
        ("actor", letter.actor),
        ("message", letter.message_type),
        ("state", state_of(letter)),
        ("kept", when(letter, "create_time")),
        ("tries", letter.attempts),
        ("tried last", when(letter, "retry_time")),
        ("result", letter.result),
        ("a retry", letter.remedy),
    ]
    error = "\n".join(clean(line) for line in letter.error.strip().splitlines())
    return "\n\n".join([pairs(facts), f"CONTENT\n{clean(letter.content)}", f"ERROR\n{error}"])


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2]


COLUMNS: list[Column[Any]] = [
    Column(title="LETTER", value=lambda row: row.dead_letter_id),
    Column(title="TIME", value=lambda row: when(row, "create_time")),
    Column(title="ACTOR", value=lambda row: row.actor),
    Column(title="MESSAGE", value=lambda row: row.message_type),
    Column(title="TRIES", value=lambda row: row.attempts, right=True),
    Column(title="STATE", value=state_of),
    Column(title="ERROR", value=lambda row: _last_line(row.error), free=True),
    Column(title="A RETRY", value=lambda row: row.remedy or row.result, free=True),
    Column(title="CONTENT", value=lambda row: row.content, wide=True, free=True),
]
