"""Every page opens, alone and at once, and asks nobody else for anything."""

from __future__ import annotations

import pytest

from gui.pages.registry import PAGES
from tests.gui.browser.stage import Stage


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_a_page_opens_without_errors_and_without_other_hosts(stage: Stage, path: str) -> None:
    stage.errors.clear()
    page = stage.page(path)
    page.wait_for_timeout(500)
    assert stage.errors == []
    assert stage.hosts == {stage.address}
    stage.picture(page, "page-" + (path.strip("/") or "dashboard"))
