"""The real daemon with its store on PostgreSQL: killed, cut off from its server, and with a server that hangs, always
under load. Nothing acknowledged is lost, nothing is done twice, and it goes on by itself (REC-1, REC-4, REC-5).

`make test` tries one, `make test-postgres` all of them.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control.client import ClientError
from protos.terrace.v1 import types_pb2 as t
from tests import postgres, stores
from tests.processes.proxy import Link, Proxy
from tests.processes.run import Plan, Run
from tests.processes.stage import loaded, settle_and_check
from tests.processes.test_disk_full import back_to_normal, status, takes_entries
from tests.processes.test_kills import kept
from tests.processes.works import Works, paper_config
from tests.system.stack import until

pytestmark = [
    pytest.mark.store("postgres"),
    pytest.mark.skipif(bool(postgres.why_not()), reason=postgres.why_not()),
]
thorough = pytest.mark.skipif(stores.KIND != "postgres", reason="TERRACE_TEST_STORE=postgres runs it")
SEED = 20270
CUT_S = 2.0
NOTICED_WITHIN_S = 30.0
"""Longer than the writer waits for an answer, and for the end of its lost session."""


@thorough
@pytest.mark.rule("REC-1", "REC-4", "SIG-9", "SIG-12", "ORD-2", "ORD-3", "ORD-5", "PNL-2")
@pytest.mark.parametrize("is_swap", [False, True], ids=["spot", "swap"])
def test_kills_under_load_break_no_promise(tmp_path: Path, is_swap: bool) -> None:
    kept(Run(Plan(seed=SEED + is_swap, kills=4, is_swap=is_swap), tmp_path).run())


@contextmanager
def cuttable(folder: Path) -> Iterator[tuple[Works, Proxy]]:
    """Ready; between the daemon and its server is a network."""
    server = postgres.server()
    with Proxy(server.port) as way, Works(folder, paper_config({"risk": {"enabled": False}})) as works:
        direct = server.tcp_url(stores.url_of(works.stack.data_dir).partition("@/")[2].partition("?")[0])
        secret = folder / "store-url"
        secret.write_text(direct.replace(f":{server.port}/", f":{way.port}/"))
        secret.chmod(0o600)
        works.stack.write_config({"storage": {"url": f"file:{secret}"}})
        works.begin()
        yield works, way


@pytest.mark.rule("REC-4", "REC-5", "SIG-9", "SIG-12")
def test_a_connection_cut_again_and_again_and_a_server_away_lose_nothing(tmp_path: Path) -> None:
    with cuttable(tmp_path) as (works, way), loaded(works) as load:
        for _ in range(5):
            time.sleep(0.3)
            way.cut()
        way.set(Link.REFUSED)
        until(lambda: "the store" in trouble(works), 10, "nobody notices that the server is away")
        assert said(works), "an entry was taken without a store"
        time.sleep(CUT_S)
        way.set(Link.OPEN)
        began_s = time.monotonic()
        until(lambda: said(works) == "", NOTICED_WITHIN_S, "no entry is taken although the server is back")
        print(
            f"takes entries {time.monotonic() - began_s:.1f} s after the server is back; {way.connections} connections"
        )
        back_to_normal(works)
        settle_and_check(works, load)


@thorough
@pytest.mark.rule("REC-4", "REC-5", "SIG-9", "SIG-12")
@pytest.mark.parametrize("link", [Link.RESET, Link.STALLED, Link.ANSWERS_LOST, Link.BLACK_HOLE, Link.SLOW], ids=str)
def test_whatever_happens_to_the_way_to_the_server_nothing_is_lost_or_doubled(tmp_path: Path, link: Link) -> None:
    with cuttable(tmp_path) as (works, way), loaded(works) as load:
        time.sleep(0.5)
        way.set(link)
        time.sleep(CUT_S)
        way.set(Link.OPEN)
        began_s = time.monotonic()
        until(lambda: said(works) == "", NOTICED_WITHIN_S, "it waits on the old connection")
        print(f"{link}: takes entries again after {time.monotonic() - began_s:.1f} s")
        back_to_normal(works)
        settle_and_check(works, load)


@thorough
@pytest.mark.rule("REC-4", "REC-5", "SIG-9", "SIG-12")
def test_a_server_that_hangs_degrades_the_engine_in_bounded_time_and_it_comes_back_by_itself(tmp_path: Path) -> None:
    """The writer's own session stands still; its network, the other sessions and the readers live."""
    with Works(tmp_path, paper_config({"risk": {"enabled": False}})) as works:
        works.begin()
        with loaded(works) as load:
            time.sleep(1)
            writers = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'terraced %:%' AND datname = ?"
            database = stores.url_of(works.stack.data_dir).partition("@/")[2].partition("?")[0]
            ((pid,),) = stores.rows(works.stack.data_dir, writers, (database,))
            os.kill(pid, signal.SIGSTOP)
            try:
                began_s = time.monotonic()
                until(lambda: "the store" in trouble(works), NOTICED_WITHIN_S, "it hangs as well")
                print(f"degraded after {time.monotonic() - began_s:.1f} s: {trouble(works)}")
                assert said(works), "an entry was taken without a store"
            finally:
                os.kill(pid, signal.SIGCONT)
            print(f"normal {back_to_normal(works):.1f} s after the server goes on")
            settle_and_check(works, load)


def said(works: Works) -> str:
    """Why an entry is not taken; empty: it is."""
    refused: Counter[str] = Counter()
    return "" if takes_entries(works, refused) else next(iter(refused))


def trouble(works: Works) -> str:
    """What the operator is told of the engine; empty: it is well."""
    try:
        found = status(works)
    except ClientError as error:
        return error.message
    if found.state == t.ENGINE_STATE_RUNNING:
        return ""
    return f"{t.EngineState.Name(found.state)}: {found.state_reason}"
