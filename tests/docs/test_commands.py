"""What pages tell to type exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.commands import PROGRAMS, Command, commands_of, fault_of, pages

SHOWN = [command for path in pages() for command in commands_of(path)]


def test_pages_show_commands_of_every_program() -> None:
    assert len(SHOWN) > 500
    assert {command.words[0] for command in SHOWN} == set(PROGRAMS)
    assert {"README.md", "docs/first-hour.md", "docs/going-live.md", "docs/tradingview.md"} <= {c.page for c in SHOWN}


def test_every_command_on_a_page_exists_with_its_options() -> None:
    wrong = {f"{command}: {fault}" for command in SHOWN if (fault := fault_of(command))}
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    ("words", "is_whole"),
    [
        ("terrace group list --al", True),
        ("terrace group lists", False),
        ("terrace groups list", False),
        ("terrace group show", True),
        ("terrace group list extra", True),
        ("terrace config set a", True),
        ("terrace status -o xml", True),
        ("terrace engine", True),
        ("terrace --conf x status", False),
        ("terrace token create x --role king", True),
        ("terrace db repair", False),
        ("terraced backup verify", True),
        ("terraced --chek", False),
        ("make tests", True),
        ("make run CONFIGURATION=x", True),
    ],
)
def test_a_command_that_does_not_exist_is_found(words: str, is_whole: bool) -> None:
    assert fault_of(Command(page="", line=1, words=tuple(words.split()), is_whole=is_whole)) != ""


@pytest.mark.parametrize(
    "words",
    [
        "terrace group list --all --watch",
        "terrace --config x.yaml status -o json",
        "terrace engine dead-letters",
        "terrace engine dead-letters show LETTER",
        "terrace token create anna --role operator --out anna.token",
        "terrace --config x.yaml db check",
        "terraced --check --config config.yaml",
        "make run CONFIG=x",
    ],
)
def test_a_command_that_exists_is_not_faulted(words: str) -> None:
    assert fault_of(Command(page="", line=1, words=tuple(words.split()), is_whole=True)) == ""


def test_commands_are_found_in_blocks_and_in_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Say `terrace queue list|remove`, or `terrace engine dead-letters [show|retry]`.\n\n"
        "```\n$ X=1 sudo terrace status | jq .; .venv/bin/terrace doctor > out   # all\nterrace 0.2.0  PAPER\n```\n"
        "```\nterrace up\n```\n```yaml\nmake: nothing\n```\n\n    $ printf x | terrace secret set a\n"
    )
    monkeypatch.setattr("tests.docs.commands.ROOT", tmp_path)
    assert [" ".join(command.words) for command in commands_of(page)] == [
        "terrace status",
        "terrace doctor",
        "terrace up",
        "terrace queue list",
        "terrace queue remove",
        "terrace engine dead-letters show",
        "terrace engine dead-letters retry",
        "terrace engine dead-letters",
        "terrace secret set a",
    ]
