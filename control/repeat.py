"""`--watch`: a verb that shows something shows it again and again, until Ctrl-C.

On a terminal each frame takes the place of the one before; into a pipe a frame is written when it differs.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

from control.ending import explain
from control.exits import ExitCode
from control.printer import cells_of, say, write
from control.session import Stop

OPTION = "--watch"
DEFAULT_S = 2.0
LEAST_S = 0.5
TERMINATED = 128 + signal.SIGTERM
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_PASSES = frozenset({ExitCode.FAILED, ExitCode.UNAVAILABLE, ExitCode.REFUSED})
"""Ends of one frame that the next may not have: watching goes on."""

Watch = Annotated[
    float | None,
    typer.Option(
        OPTION, metavar="[S]", min=LEAST_S, help="Show it again every S seconds (2 if S is not said), until Ctrl-C."
    ),
]


def fill_watch(arguments: Sequence[str]) -> list[str]:
    """The arguments with the seconds after each `--watch` that has none."""
    found: list[str] = []
    for place, argument in enumerate(arguments):
        if argument == "--":
            return [*found, *arguments[place:]]
        found.append(argument)
        if argument == OPTION and not _is_number(arguments[place + 1 : place + 2]):
            found.append(str(DEFAULT_S))
    return found


def _is_number(following: Sequence[str]) -> bool:
    try:
        return bool(following) and float(following[0]) == float(following[0])
    except ValueError:
        return False


def watchable(command: Callable[..., None]) -> Callable[..., None]:
    """The verb with a `--watch` of its own."""
    own = inspect.signature(command, eval_str=True)
    parameter = inspect.Parameter("watch", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Watch)

    @functools.wraps(command)
    def run(*args: Any, watch: float | None = None, **options: Any) -> None:
        once = functools.partial(command, *args, **options)
        if watch is None:
            once()
        else:
            _repeat(once, watch)

    run.__annotations__ = {**command.__annotations__, "watch": Watch}
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), parameter])  # type: ignore[attr-defined]
    return run


def _repeat(once: Callable[[], None], every_s: float) -> None:
    with contextlib.suppress(KeyboardInterrupt), _terminated():
        if sys.stdout.isatty():
            _on_screen(once, every_s)
        else:
            _into_pipe(once, every_s)


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    """A polite end leaves the terminal as it was."""

    def leave(*_: object) -> None:
        raise typer.Exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _into_pipe(once: Callable[[], None], every_s: float) -> None:
    last: str | None = None
    while True:
        text = _frame(once)
        if text != last:
            write(text)
            sys.stdout.flush()
        last = text
        time.sleep(every_s)


def _on_screen(once: Callable[[], None], every_s: float) -> None:
    last = ""
    sys.stdout.write(_ENTER)
    try:
        while True:
            last = _frame(once)
            write_raw(_drawn(last, every_s))
            time.sleep(every_s)
    finally:
        sys.stdout.write(_LEAVE)
        write(last)  # What was seen last stays to be read.
        sys.stdout.flush()


def write_raw(text: str) -> None:
    write(text)
    sys.stdout.flush()


def _drawn(text: str, every_s: float) -> str:
    """The frame for the terminal: what is longer than it is cut below, and says so."""
    import shutil

    columns, rows = shutil.get_terminal_size()
    lines = text.split("\n")
    kept: list[str] = []
    room = rows - 3
    for line in lines:
        room -= max(-(-cells_of(line) // max(columns, 1)), 1)
        if room < 0:
            kept.append(f"... {len(lines) - len(kept)} more lines: a taller window shows them")
            break
        kept.append(line)
    clock = time.strftime("%H:%M:%SZ", time.gmtime())
    head = f"{clock}  every {every_s:g} s, Ctrl-C ends"
    return _HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in [head, "", *kept]) + _REST_OF_SCREEN


class _Caught(io.StringIO):
    """Takes what a verb writes, and looks to it like the stream it stands for."""

    def __init__(self, like: Any) -> None:
        super().__init__()
        self._like = like

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._like.encoding or "utf-8"

    def isatty(self) -> bool:
        return bool(self._like.isatty())


def _frame(once: Callable[[], None]) -> str:
    """What the verb writes, and what it says. Raises what waiting cannot mend, after it is told."""
    data, words = _Caught(sys.stdout), _Caught(sys.stderr)
    code: int = ExitCode.DONE
    with contextlib.redirect_stdout(data), contextlib.redirect_stderr(words):
        try:
            once()
        except typer.Exit as ended:
            code = ended.exit_code
        except Stop as stop:
            say(f"terrace: {stop.message}")
            code = stop.code
        except Exception as error:
            found = explain(error)
            if found is None:
                raise
            code = found
    if code not in (ExitCode.DONE, *_PASSES):
        say(words.getvalue().rstrip("\n"))
        raise typer.Exit(code)
    return data.getvalue() + words.getvalue()
