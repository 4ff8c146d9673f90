"""The page says what the gate does."""

from __future__ import annotations

import pytest

from daemon.api.access_page import PAGE, page


@pytest.mark.rule("SEC-1")
def test_the_page_of_who_may_do_what_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m daemon.api.access_page`"
