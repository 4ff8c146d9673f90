"""`/readyz` and `/healthz` of a real daemon whose disk is full, or whose exchange is dead; the dump while it is so."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.daemon.observe.test_service_files import ONLY_AT_AN_EXCHANGE, with_series
from tests.processes.disk import NoDisk, fill_up, make_room, small_disk
from tests.system.stack import Stack, alert, until
from tests.system.venues import Place, VenueStack
from tests.wire.run import Running


def page(stack: Stack, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports[2]}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def failed(stack: Stack, path: str = "/readyz") -> dict[str, str]:
    """What the checks that failed say."""
    return {each["name"]: each["message"] for each in json.loads(page(stack, path)[1])["checks"] if not each["passed"]}


@pytest.mark.store("sqlite")
@pytest.mark.rule("REC-4")
def test_a_full_disk_makes_it_not_ready_but_alive_and_room_makes_it_ready_again(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", 64) as disk:
            stack = Stack(tmp_path, {"data_dir": str(disk / "data"), "storage": {"durability": "full"}})
            stack.data_dir = disk / "data"
            try:
                stack.start("daemon")
                assert page(stack, "/readyz")[0] == 200
                fill_up(disk)
                stack.terrace("signal", "send", "-", code=None, text=json.dumps(alert()))
                until(lambda: "store" in failed(stack), 30, "the full disk is not seen")
                assert page(stack, "/healthz")[0] == 200
                found = tmp_path / "dump.json"
                stack.terrace("diag", "dump", "--file", str(found))
                dump = json.loads(found.read_text(encoding="utf-8"))
                assert dump["disk"]["data_dir"]["free_bytes"] < 20 * 1024 * 1024
                assert dump["engine"]["store"]["on_reserve"] or not dump["condition"]["store_ok"]
                make_room(disk)
                until(lambda: page(stack, "/readyz")[0] == 200, 60, lambda: f"not ready: {failed(stack)}")
            finally:
                stack.stop()
    except NoDisk as why:
        print(f"skipped: {why}")
        pytest.skip(str(why))


def test_a_dead_exchange_makes_it_not_ready_but_alive(tmp_path: Path) -> None:
    place = Place(venue="binance", market="spot")
    venue = Running(place.venue, process=True)
    with venue:
        stack = VenueStack(tmp_path, place, venue.endpoints)
        try:
            stack.start("daemon")
            until(lambda: page(stack, "/readyz")[0] == 200, 30, lambda: f"not ready: {failed(stack)}")
            stack.send(stack.alert("ETH", price="3000"))

            def missing() -> set[str]:
                return ONLY_AT_AN_EXCHANGE - with_series(page(stack, "/metrics")[1])

            until(lambda: not missing(), 30, lambda: f"no numbers of {missing()}")
            submitted = 'terrace_exchange_requests_total{account="venue",request="submit",result="answered"} 0.0'
            until(lambda: submitted not in page(stack, "/metrics")[1], 30, "no request was counted")
            assert venue._process is not None
            venue._process.kill()
            until(lambda: page(stack, "/readyz")[0] == 503, 60, "a dead exchange is not seen")
            said = failed(stack)
            assert {"reconciled", "streams"} & said.keys(), said
            assert "venue" in " ".join(said.values())
            assert page(stack, "/healthz")[0] == 200
            dump = json.loads(stack.terrace("diag", "dump", "--file", "-"))
            assert dump["accounts"]["venue"]["streams"]
        finally:
            stack.stop()
