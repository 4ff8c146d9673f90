"""Fixtures: a stack per test, with manual prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.system.stack import Stack

Starter = Callable[..., Stack]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """`start(config, "daemon", "forwarder")` gives a running stack; all are stopped at the end."""
    stacks: list[Stack] = []

    def begin(config: Mapping[str, Any] | None = None, *names: str) -> Stack:
        folder = tmp_path / f"stack{len(stacks)}"
        folder.mkdir()
        stack = Stack(folder, config)
        stacks.append(stack)
        stack.start(*(names or ("daemon",)))
        return stack

    yield begin
    for stack in stacks:
        stack.stop()
