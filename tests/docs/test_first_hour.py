"""Somebody with an empty home follows the pages for newcomers, word by word."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.commands import pages
from tests.docs.page import ROOT, Deed, section_of, steps_of
from tests.docs.place import Place, clean_place, missing
from tests.docs.walk import Walk

FIRST_HOUR = ROOT / "docs" / "first-hour.md"
README = ROOT / "README.md"
CLONED = "git clone ADDRESS terrace"
_CLONE = ("Makefile", "config.yaml", "requirements.lock", "setup.cfg", "pyproject.toml")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_who_follows_the_first_hour_sees_what_it_says() -> None:
    if reason := missing("curl"):
        pytest.skip(reason)
    with clean_place() as place:
        Walk(page="docs/first-hour.md", place=place).follow(steps_of(FIRST_HOUR.read_text(encoding="utf-8")))


def test_every_page_that_says_what_is_seen_is_followed() -> None:
    written = {path.name for path in pages() if steps_of(path.read_text(encoding="utf-8"))}
    untried = "blocks of the language `console` are followed: have a test follow the page, or leave the language out"
    assert written == {"README.md", "first-hour.md", "tradingview.md"}, untried
    readme = README.read_text(encoding="utf-8")
    assert len(steps_of(section_of(readme, "## Five minutes"))) == len(steps_of(readme))


def test_the_first_hour_shows_what_it_promises() -> None:
    text = FIRST_HOUR.read_text(encoding="utf-8")
    steps = steps_of(text)
    typed = [step.at.text for step in steps if step.deed is Deed.TYPE]
    for command in (
        "terrace init --paper",
        "terrace status",
        "terrace risk history",
        "terrace queue list",
        "kill -9 $(cat tour/terrace.lock)",
        "terrace report profit --by symbol",
    ):
        assert command in typed
    shown = "\n".join(line.text for step in steps for line in step.expected)
    for outcome in ("OPENED", "DUPLICATE", "PYRAMIDED", "QUEUED", "EXITED", "SPOOLED"):
        assert f'"outcome": "{outcome}"' in shown
    silent = [step.at for step in steps if step.deed is Deed.TYPE and not step.expected]
    assert [at.text for at in silent if at.text.startswith("terrace ")] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_five_minutes_of_the_readme_show_what_they_say() -> None:
    if reason := missing("curl", "make"):
        pytest.skip(reason)
    if not (Path(sys.prefix) / "bin" / "activate").is_file():
        pytest.skip("this Python is in no virtual environment")
    steps = steps_of(section_of(README.read_text(encoding="utf-8"), "## Five minutes"))
    assert steps[0].at.text == CLONED
    with clean_place(is_installed=False) as place:
        Walk(page="README.md", place=place, instead={CLONED: _clone(place)}).follow(steps)


def _clone(place: Place) -> str:
    """What is typed in place of the cloning: a clone whose `.venv` is the one of these tests, as if set up just now."""
    script = place.home.parent / "clone.sh"
    lines = ["set -e", "mkdir -p terrace/.venv"]
    lines += [f"cp '{ROOT / name}' terrace/" for name in _CLONE]
    lines += [f"ln -s '{path}' terrace/.venv/" for path in sorted(Path(sys.prefix).iterdir()) if path.name[0] != "."]
    lines += ["touch terrace/.venv/.locked; sleep 0.1; touch terrace/.venv/.ready"]
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"bash '{script}'"
