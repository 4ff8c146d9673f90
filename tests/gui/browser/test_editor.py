"""The page `Editor` in a browser: the configuration as text, in the library's editor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gui.browser.stage import Stage, violations

TEXT = "#editor-text .cm-content"
RESULT = "#editor-result textarea"


@pytest.fixture
def page(stage: Stage) -> Iterator[Any]:
    opened = stage.page("/editor")
    opened.locator(TEXT, has_text="config_version").wait_for()
    yield opened
    opened.close()


def says(page: Any, words: str) -> None:
    page.wait_for_function(f"() => document.querySelector('{RESULT}').value.includes({words!r})")


def write(page: Any, line: str) -> None:
    """Adds a line at the end of the text."""
    page.click(TEXT)
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\n" + line)
    page.locator(TEXT, has_text=line).wait_for()


@pytest.mark.rule("CFG-7")
def test_a_text_is_checked_and_put_in_force(page: Any, stage: Stage) -> None:
    write(page, "pool: {max_open_groups: 7}")
    page.click("#editor-check")
    says(page, "pool.max_open_groups")
    page.click("#editor-apply")
    says(page, "is in force")
    assert stage.stack.json("status")["status"]["max_open_groups"] == 7
    assert "max_open_groups: 7" in stage.stack.config_file.read_text(encoding="utf-8")
    assert not [one for one in stage.errors if "Content Security Policy" in one]
    assert stage.hosts == {stage.address}
    stage.picture(page, "editor-dark")


@pytest.mark.rule("CFG-1")
def test_a_fault_is_named_with_its_line_and_cannot_be_put_in_force(page: Any) -> None:
    write(page, "risk: {loss_threshold_percent: lots}")
    page.click("#editor-check")
    says(page, "Nothing was changed")
    assert page.locator("#editor-apply").is_disabled()


def test_what_was_changed_after_the_check_is_not_put_in_force(page: Any) -> None:
    write(page, "queue: {max_size: 77}")
    page.click("#editor-check")
    says(page, "queue.max_size")
    write(page, "# another thought")
    page.click("#editor-apply")
    says(page, "The text changed since")


def test_a_viewer_reads_and_checks_only(stage: Stage) -> None:
    page = stage.page("/editor", role="viewer")
    page.locator(TEXT, has_text="config_version").wait_for()
    says(page, "A token of the role admin")
    assert page.locator("#editor-apply").is_disabled()
    page.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_page_is_accessible(stage: Stage, theme: str) -> None:
    page = stage.page("/editor", theme=theme)
    page.locator(TEXT, has_text="config_version").wait_for()
    assert violations(page) == []
    stage.picture(page, f"editor-{theme}")
    page.close()
