"""What every command has in common, walked through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from control import manual
from control.cli import NOUNS, app
from control.quick import read_quickly
from control.repeat import fill_watch
from tests.control.conftest import Ran
from tests.control.fake_daemon import FakeDaemon

Cli = Callable[..., Ran]
HANDED_ON = {"token", "source", "db", "replay", "backup restore", "backup verify"}
"""Their options are `terraced`'s own."""
WITHOUT_ANSWER = {
    "up",
    "panel",
    "completion",  # A script.
    "config export",  # Its answer is the file.
    "config migrate",  # Handed on.
    "diag dump",  # Its answer is the file.
    "service logs",  # The journal as it stands.
}
SHOWS = ("list", "show", "status", "history", "drift", "preview", "profit", "equity", "stats", "daily")
WITHOUT_WATCH = {"config show", "context list", "context show"}


def verbs() -> Iterator[tuple[str, Any]]:
    """Every verb with its whole name, but those that are handed on."""
    read_quickly()
    root: Any = typer.main.get_command(app)
    context = typer.Context(root)

    def walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "list_commands"):
            yield path, command
            return
        for name in command.list_commands(context):
            yield from walk(f"{path} {name}", command.get_command(context, name))

    for noun in NOUNS:
        yield from walk(noun, root.get_command(context, noun))


VERBS = dict(verbs())
OPTIONS = {
    path: {name for param in verb.params for name in (*param.opts, *param.secondary_opts)}
    for path, verb in VERBS.items()
}


def own() -> list[str]:
    return [path for path in VERBS if path not in HANDED_ON]


def test_every_verb_answers_in_the_format_that_is_asked_for() -> None:
    assert [path for path in own() if path not in WITHOUT_ANSWER and "--output" not in OPTIONS[path]] == []


def test_every_verb_that_asks_can_be_tried_dry_and_answered_beforehand() -> None:
    asking = [path for path in own() if "--yes" in OPTIONS[path]]
    assert len(asking) > 15
    assert [path for path in asking if "--dry-run" not in OPTIONS[path]] == []


def test_every_verb_that_only_shows_can_be_watched() -> None:
    showing = [path for path in own() if path.split()[-1] in SHOWS and path not in WITHOUT_WATCH]
    assert len(showing) > 20
    assert [path for path in showing if "--watch" not in OPTIONS[path]] == []


def test_every_verb_has_help_with_an_example_of_itself() -> None:
    assert [path for path, verb in VERBS.items() if f"terrace {path}" not in (verb.help or "")] == []
    # An example is one that can be typed: its options are there.
    for path in own():
        for line in (VERBS[path].help or "").splitlines():
            example = line.strip().partition(" | ")[0]
            if example.startswith(f"terrace {path} "):
                used = {word.partition("=")[0] for word in example.split() if word.startswith("--")}
                assert used <= OPTIONS[path] | {"--context"}, (path, example)


def test_the_manual_is_what_the_commands_say() -> None:
    assert manual.PAGE.read_text(encoding="utf-8") == manual.page(), "make manual writes it"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["group", "list", "--watch"], ["group", "list", "--watch", "2.0"]),
        (["group", "list", "--watch", "5"], ["group", "list", "--watch", "5"]),
        (["group", "list", "--watch", "-o", "json"], ["group", "list", "--watch", "2.0", "-o", "json"]),
        (["log", "search", "--", "--watch"], ["log", "search", "--", "--watch"]),
    ],
)
def test_watch_needs_no_seconds(given: list[str], meant: list[str]) -> None:
    assert fill_watch(given) == meant


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("group list", "terrace group list --all"),
        ("queue list", "terrace signal list"),
        ("alert list", "nothing needs you"),
        ("account drift", "agree"),
        ("backup list", "terrace backup create"),
        ("engine dead-letters", "--all"),
    ],
)
def test_an_empty_list_says_what_that_means(daemon: FakeDaemon, cli: Cli, words: str, hint: str) -> None:
    ran = cli(*words.split())
    assert (ran.code, ran.out) == (0, "")
    assert hint in ran.err


def test_an_empty_list_is_a_list_for_programs(daemon: FakeDaemon, cli: Cli) -> None:
    ran = cli("group", "list", "-o", "json")
    assert '"groups": []' in ran.out
    assert ran.err == ""
