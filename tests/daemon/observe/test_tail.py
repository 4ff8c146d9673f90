"""The log's tail: what is there, what comes, and a reader that is too slow (LOG-2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.api import translate_log
from daemon.observe.tail import MAX_READERS, MAX_WAITING, RING_LINES, LogTail
from protos.terrace.v1 import record_pb2 as pb

pytestmark = pytest.mark.rule("LOG-2")


def line(number: int, **changed: Any) -> dict[str, Any]:
    plain = {"time": "2026-01-02T03:04:05.678Z", "severity": "info", "category": "order", "message": f"line {number}"}
    return {**plain, **changed}


def everything(_line: dict[str, Any]) -> bool:
    return True


def test_a_reader_begins_with_the_newest_lines_it_wants_and_goes_on_with_what_comes() -> None:
    async def run() -> list[str]:
        tail = LogTail()
        tail.put([line(number) for number in range(10)])
        reader = tail.open(asyncio.get_running_loop(), lambda one: not one["message"].endswith("9"), 3)
        assert reader is not None
        tail.put([line(10), line(19)])
        taken, gap = await reader.next(100, 1)
        assert not gap
        reader.close()
        tail.put([line(11)])
        assert await reader.next(100, 0.01) == ([], False)
        return [one["message"] for one in taken]

    assert asyncio.run(run()) == ["line 6", "line 7", "line 8", "line 10"]


def test_a_reader_that_is_too_slow_loses_the_oldest_lines_and_is_told_once() -> None:
    async def run() -> None:
        tail = LogTail()
        reader = tail.open(asyncio.get_running_loop(), everything, 0)
        assert reader is not None
        for number in range(MAX_WAITING + 1):
            tail.put([line(number)])
        taken, gap = await reader.next(MAX_WAITING, 1)
        assert gap
        assert taken[-1]["message"] == f"line {MAX_WAITING}"
        assert len(taken) <= MAX_WAITING
        tail.put([line(1)])
        assert (await reader.next(10, 1))[1] is False

    asyncio.run(run())


def test_lines_and_readers_are_bounded() -> None:
    async def run() -> None:
        tail, loop = LogTail(), asyncio.get_running_loop()
        tail.put([line(number) for number in range(RING_LINES + 100)])
        readers = [tail.open(loop, everything, RING_LINES + 100) for _ in range(MAX_READERS)]
        assert None not in readers
        assert tail.open(loop, everything, 0) is None
        first = readers[0]
        assert first is not None
        first.close()
        assert tail.open(loop, everything, 0) is not None

    asyncio.run(run())


def test_a_line_becomes_an_entry_with_its_ids_and_further_facts() -> None:
    entry = translate_log.entry(
        line(
            1, signal_id="s1", group_id="g1", account="main", attributes={"price": "100"}, sequence=7, logger="urllib3"
        ),
    )
    assert (entry.signal_id, entry.group_id, entry.account, entry.logger) == ("s1", "g1", "main", "urllib3")
    assert dict(entry.attributes) == {"price": "100", "sequence": "7"}
    assert entry.time.ToMilliseconds() == 1767323045678
    odd = translate_log.entry(line(2, message="\ud800", calls={"a": [1]}, nothing=None))
    assert odd.message == "?"
    assert odd.attributes["calls"] == '{"a": [1]}'


@pytest.mark.parametrize(
    ("request_", "is_wanted"),
    [
        ({}, True),
        ({"categories": ["CATEGORY_ORDER"]}, True),
        ({"categories": ["CATEGORY_RISK"]}, False),
        ({"min_severity": "SEVERITY_INFO"}, True),
        ({"min_severity": "SEVERITY_WARNING"}, False),
        ({"text": "REJECTED order"}, True),
        ({"text": "order filled"}, False),
        ({"account": "main"}, True),
        ({"account": "other"}, False),
        ({"symbol": "BTC/USDT"}, False),
    ],
)
def test_filters_must_all_fit(request_: dict[str, Any], is_wanted: bool) -> None:
    wanted = translate_log.wanted(pb.TailLogsRequest(**request_))
    assert wanted(line(1, message="Order was rejected", account="main")) is is_wanted
