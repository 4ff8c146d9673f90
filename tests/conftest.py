"""Shared by all tests. Markers and limits are in setup.cfg."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import stores


@pytest.fixture(autouse=True)
def _no_database_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Databases of a test are given back after it. `store` chooses where its stores are."""
    chosen = request.node.get_closest_marker("store")
    before = stores.IS_POSTGRES
    if chosen is not None:
        stores.IS_POSTGRES = chosen.args[0] == "postgres"
    first = stores.count_made()
    yield
    stores.give_back(first)
    stores.IS_POSTGRES = before
