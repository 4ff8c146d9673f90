"""One browser and one Terrace with its panel per test module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gui.browser.stage import CHROMIUM, Stage, open_browser

IS_WHOLE = "TERRACE_TEST_BROWSER" in os.environ
"""`make test-panel` sets it."""
SHARE = ("test_every_page.py", "test_positions.py")
"""What of them the whole suite runs."""
_LEFT_OUT = pytest.mark.skip(reason="`make test-panel` tries every page in a browser; the suite a share of them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them, so that they run behind the others: a browser's event loop is nothing for asyncio's own tests."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not IS_WHOLE and item.path.name not in SHARE:
                item.add_marker(_LEFT_OUT)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the panel was not tried in a browser (Debian: apt install chromium)")
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def stage(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Daemon, forwarder and panel, with the paper exchange; shared by the tests of a module."""
    with Stage(Path(tmp_path_factory.mktemp("panel")), browser) as opened:
        yield opened
