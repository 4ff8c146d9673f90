"""Every `terrace`, `terraced` and `make` that a page shows, and whether such a command exists.

Taken from blocks (lines after `$ `, or lines that begin with a program of ours), indented ones too, and from `code` in
the text. In a block a command must be complete; in the text it may leave out what it needs.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

from control.cli import app
from control.quick import read_quickly
from control.repeat import fill_watch
from daemon.__main__ import _parser
from tests.docs.page import PROMPT, ROOT, blocks_of

PROGRAMS = ("terrace", "terraced", "make")
HANDED_ON = {
    ("token",),
    ("source",),
    ("db",),
    ("replay",),
    ("backup", "restore"),
    ("backup", "verify"),
    ("config", "migrate"),
}
"""Their options are `terraced`'s own."""
SHELL = ("", "console", "sh", "bash", "shell")
_JOINS = frozenset({"|", ";", "&&", "||", "&"})
_INLINE = re.compile(r"`([^`\n]+)`")
_INDENTED = re.compile(r"^    +\$ (.*)$", re.MULTILINE)
_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=\S*")
_MAY_BE = re.compile(r"\[(-[^\]|]*)\]")
_LEFT_OUT = frozenset({"...", "…"})
_WANTS_MORE = re.compile(r"^Missing|requires an argument|arguments? (are|is) required|nothing by itself")
_MAKE_VARIABLE = re.compile(r"\b([A-Z_]{2,})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One call of a program of ours. `words` begins with the program's name."""

    page: str
    line: int
    words: tuple[str, ...]
    is_whole: bool
    """It stands in a block: what it needs must be there."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' '.join(self.words)}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands_of(path: Path) -> Iterator[Command]:
    """All of a page, in order of their kind. One that stands there with alternatives (`a|b`) counts for each."""
    text = path.read_text(encoding="utf-8")
    page = path.relative_to(ROOT).as_posix()
    prose = text.splitlines()
    for block in blocks_of(text):
        for line in block.lines:
            prose[line.number - 1] = ""
        if block.language in SHELL:
            for number, typed in _typed(block.lines):
                yield from _calls(page, number, typed, is_whole=True)
    for number, said in enumerate(prose, 1):
        indented = _INDENTED.match(said)
        if indented:
            yield from _calls(page, number, indented[1], is_whole=True)
        for found in _INLINE.finditer(said):
            yield from _calls(page, number, found[1].replace("\\|", "|"), is_whole=False)


def _typed(lines: Sequence[Any]) -> Iterator[tuple[int, str]]:
    has_prompts = any(line.text.startswith(PROMPT) for line in lines)
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        text = line.text
        if has_prompts and not text.startswith(PROMPT):
            continue
        text = text.removeprefix(PROMPT)
        while text.endswith("\\") and rest:
            text = text[:-1] + rest.pop(0).text
        yield line.number, text


def _calls(page: str, line: int, text: str, *, is_whole: bool) -> Iterator[Command]:
    text = _MAY_BE.sub(r"\1", text)
    lexer = shlex.shlex(re.sub(r";(?=\s|$)", " ;", text), posix=True, punctuation_chars="")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # No whole line of a shell.
        return
    comment = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    call: list[str] = []
    for word in [*words[:comment], ";"]:
        if word not in _JOINS:
            call.append(word)
            continue
        found = _ours(call)
        call = []
        if found:
            whole = is_whole and not _LEFT_OUT & set(found)
            for one in _alternatives([part for part in found if part not in _LEFT_OUT]):
                yield Command(page=page, line=line, words=tuple(one), is_whole=whole)


def _ours(words: Sequence[str]) -> list[str]:
    """The call without what stands before and what is redirected; empty if it is none of ours."""
    rest = list(itertools.dropwhile(lambda word: word == "sudo" or _ASSIGNED.fullmatch(word) is not None, words))
    if not rest or rest[0].rsplit("/", 1)[-1] not in PROGRAMS or len(rest) == 1:
        return []
    kept = [rest[0].rsplit("/", 1)[-1]]
    skip = False
    for word in rest[1:]:
        if skip:
            skip = False
        elif re.fullmatch(r"\d?[<>]{1,3}(&\d)?", word):
            skip = "&" not in word
        elif not re.match(r"\d?[<>]", word) or (word.startswith("<") and word.endswith(">")):
            kept.append(word)
    return kept


def _alternatives(words: list[str]) -> Iterator[list[str]]:
    """`queue list|remove` is two commands; `[show|retry]` may be there or not."""
    choices: list[list[str | None]] = []
    for at, word in enumerate(words):
        is_optional = word.startswith("[") and word.endswith("]") and at > 0
        plain = word[1:-1] if is_optional else word
        names = plain.split("|") if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", plain) else [plain]
        choices.append([*names, None] if is_optional else [*names])
    for chosen in itertools.product(*choices):
        yield [word for word in chosen if word is not None]


# --- whether it exists ----------------------------------------------------------------------------


def fault_of(command: Command) -> str:
    """What is wrong with it; empty if it could be typed. In the text it may want more, or have a NAME for a value."""
    program, *words = command.words
    if program == "make":
        return _fault_of_make(words)
    fault = _fault_of_daemon(words, program) if program == "terraced" else _fault_of_terrace(words)
    if not command.is_whole and (_WANTS_MORE.search(fault) or any(word in fault for word in words if word.isupper())):
        return ""
    return fault


def _fault_of_make(words: Sequence[str]) -> str:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    for word in words:
        name, is_set, _ = word.partition("=")
        if is_set and name not in _MAKE_VARIABLE.findall(text):
            return f"the Makefile has no variable {name}"
        if not is_set and word not in targets:
            return f"the Makefile has no target {word}"
    return ""


def _fault_of_daemon(words: Sequence[str], program: str) -> str:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            _parser(program).parse_args(list(words))
    except SystemExit as ended:
        return said.getvalue().strip().rpartition("error: ")[2] if ended.code else ""
    return ""


@cache
def _root() -> Any:
    read_quickly()
    return typer.main.get_command(app)


def _fault_of_terrace(words: Sequence[str]) -> str:
    command = _root()
    above, rest, fault = _parsed(command, "terrace", fill_watch(list(words)), None)
    path: tuple[str, ...] = ()
    while not fault and rest and hasattr(command, "list_commands"):
        if rest[0] not in command.list_commands(above):
            return f"there is no {' '.join(('terrace', *path, rest[0]))}"
        path = (*path, rest.pop(0))
        if path in HANDED_ON:
            return _fault_of_daemon(_for_daemon(words, path), "terrace")
        command = command.get_command(above, path[-1])
        above, rest, fault = _parsed(command, path[-1], rest, above)
    if not fault and path and hasattr(command, "list_commands") and not command.invoke_without_command:
        return f"{' '.join(('terrace', *path))} does nothing by itself"
    return fault


def _for_daemon(words: Sequence[str], path: tuple[str, ...]) -> list[str]:
    """Words as they are handed over: a config named before the noun is taken along."""
    at = list(words).index(path[0])
    return [*(words[:at] if "--config" in words[:at] else ()), *words[at:]]


def _parsed(command: Any, name: str, given: list[str], above: Any) -> tuple[Any, list[str], str]:
    """The context, the words left for what stands below, and what is wrong."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            context = command.make_context(name, list(given), parent=above)
    except Exception as error:  # Of click, or of the click that typer brings along.
        if type(error).__name__ in ("Exit", "NoArgsIsHelpError"):
            return above, [], ""
        words = error.format_message() if hasattr(error, "format_message") else str(error)
        return above, [], words.replace("\n", " ")
    left = [*getattr(context, "_protected_args", ()), *context.args]
    return context, left, ""
