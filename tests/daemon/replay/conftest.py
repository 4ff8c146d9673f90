"""A small past for every test that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.replay.past import Past, day


@pytest.fixture
def past(tmp_path: Path) -> Past:
    folder = tmp_path / "past"
    folder.mkdir()
    return day(Past(folder))
