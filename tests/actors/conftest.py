"""Both runtimes, one after the other, for tests that ask for a `face`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actors.small import Face, SteppedFace, ThreadedFace


@pytest.fixture(params=["stepped", "threaded"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    chosen: Face = SteppedFace() if request.param == "stepped" else ThreadedFace()
    yield chosen
    chosen.system.stop_all()


@pytest.fixture
def threaded() -> Iterator[ThreadedFace]:
    chosen = ThreadedFace()
    yield chosen
    chosen.system.stop_all()
