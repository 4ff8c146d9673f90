"""Shared by all tests. Markers and limits are in setup.cfg."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import stores


@pytest.fixture(autouse=True)
def _no_database_is_left() -> Iterator[None]:
    """Databases of a test are given back after it."""
    first = stores.count_made()
    yield
    stores.give_back(first)
