"""The dump a user can send: parts that fail by themselves, bounds, no secrets; and the memory profile."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from daemon.observe import diagnostics, memory
from daemon.observe.diagnostics import Diagnostics, Part
from daemon.observe.masking import MASK, Masker


def part(value: Any) -> Part:
    async def say() -> Any:
        return value

    return say


def dumped(parts: dict[str, Part], masker: Masker | None = None) -> dict[str, Any]:
    text, time_ms = asyncio.run(Diagnostics(parts, masker or Masker(), lambda: 1_000).dump())
    found: dict[str, Any] = json.loads(text)
    assert (found["format"], found["time"], time_ms) == (1, "1970-01-01T00:00:01.000Z", 1_000)
    return found


def test_a_part_that_fails_or_hangs_says_so_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "PART_LIMIT_S", 0.1)

    async def broken() -> Any:
        raise RuntimeError("no such table")

    start_s = time.monotonic()
    found = dumped({"well": part({"a": 1}), "broken": broken, "hangs": lambda: asyncio.sleep(60)})
    assert time.monotonic() - start_s < 5
    assert found["well"] == {"a": 1}
    assert found["broken"] == {"failed": "RuntimeError: no such table"}
    assert found["hangs"] == {"failed": "no answer within 0 s"}


@pytest.mark.rule("LOG-4")
def test_no_secret_is_in_a_dump_by_name_by_value_or_in_an_error() -> None:
    masker = Masker()
    masker.know(["s3cr3t-of-the-webhook"])

    async def broken() -> Any:
        raise RuntimeError("cannot use s3cr3t-of-the-webhook")

    parts: dict[str, Part] = {
        "config": part({"api_secret": "whatever", "url": "postgresql://me:pass-word-1@host/db"}),
        "log": part([{"message": "sent s3cr3t-of-the-webhook"}, {"message": "Bearer abcdefghijkl"}]),
        "broken": broken,
    }
    found = dumped(parts, masker)
    text = json.dumps(found)
    assert "s3cr3t" not in text
    assert "whatever" not in text
    assert "pass-word-1" not in text
    assert "abcdefghijkl" not in text
    assert text.count(MASK) >= 5


def test_a_part_keeps_its_newest_lines_and_the_whole_keeps_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "MAX_PART_BYTES", 2_000)
    monkeypatch.setattr(diagnostics, "MAX_DUMP_BYTES", 4_000)
    lines = [f"line {number}" for number in range(1_000)]
    found = dumped({"log": part(lines), "big": part({"x": "y" * 5_000})})
    assert found["log"][-1] == "line 999"
    assert 50 < len(found["log"]) < 1_000
    assert "more than a part may have" in found["big"]["left_out"]
    many = {f"part{number}": part(["z" * 300] * 5) for number in range(5)}
    found = dumped(many)
    assert len(json.dumps(found)) < 4_000
    assert any("too large" in str(each) for each in found.values())


def test_what_json_cannot_hold_is_written_all_the_same() -> None:
    found = dumped({"odd": part({"half": "a\ud800b", "large": 2**80, "none": None, "set": {1}})})
    assert found["odd"] == {"half": "a?b", "large": str(2**80), "none": None, "set": [1]}


def test_a_memory_profile_names_lines_that_hold_what_they_were_given_meanwhile() -> None:
    async def run() -> memory.Profile:
        task = asyncio.ensure_future(memory.MemoryProfiler().profile(0.5))
        await asyncio.sleep(0.2)
        held.extend(bytearray(50_000) for _ in range(40))
        return await task

    held: list[bytearray] = []
    found = asyncio.run(run())
    assert found.resident_bytes > 1024 * 1024
    (place,) = [each for each in found.places if "test_diagnostics.py:" in each.name and each.size_bytes > 1_900_000]
    assert place.name.startswith("daemon/observe/")
    assert place.count >= 40


def test_a_profile_of_what_is_held_counts_kinds_of_objects_and_two_at_once_are_refused() -> None:
    class Held:
        pass

    held = [Held() for _ in range(5_000)]

    async def run() -> memory.Profile:
        profiler = memory.MemoryProfiler()
        first = asyncio.ensure_future(profiler.profile(0.2))
        await asyncio.sleep(0.05)
        with pytest.raises(memory.Busy):
            await profiler.profile()
        await first
        return await profiler.profile(most=memory.MAX_PLACES)

    found = asyncio.run(run())
    assert len(found.places) <= memory.MAX_PLACES
    sizes = [place.size_bytes for place in found.places]
    assert sizes == sorted(sizes, reverse=True)
    assert any(place.name.endswith("Held") and place.count == len(held) for place in found.places)
