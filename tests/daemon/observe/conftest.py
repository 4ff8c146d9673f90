"""The served daemon of the API's tests, here too, and a collector of traces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.daemon.api.conftest import serve, served

if TYPE_CHECKING:
    from tests.daemon.observe.collector import Collector

__all__ = ["collector", "serve", "served"]


@pytest.fixture
def collector() -> Iterator[Collector]:
    pytest.importorskip("opentelemetry.sdk")
    from tests.daemon.observe.collector import Collector

    with Collector() as running:
        yield running
