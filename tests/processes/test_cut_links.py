"""The way between forwarder and daemon fails in every way a network can: nothing is lost or doubled, and once it is
open again what waits arrives soon (SIG-12, REC-5).
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.processes.proxy import Link
from tests.processes.stage import loaded, settle_and_check
from tests.processes.troubles import LINKS
from tests.processes.works import Works, paper_config
from tests.system.stack import until

CUT_S = 0.5
ARRIVES_WITHIN_S = 30.0
"""A half-open connection is found out within ten seconds; the rest is for a slow machine."""


@pytest.mark.rule("SIG-12", "SIG-9", "SIG-7", "REC-5")
def test_whatever_happens_to_the_link_every_alert_arrives_once(tmp_path: Path) -> None:
    with Works(tmp_path, paper_config()) as works:
        works.begin()
        with loaded(works) as load:
            for link in LINKS:
                works.front.set(link)
                time.sleep(CUT_S)
                works.front.set(Link.OPEN)
                time.sleep(CUT_S)
            load.stop()
            began = time.monotonic()
            until(lambda: not works.spooled(), ARRIVES_WITHIN_S, "the spool does not empty")
            print(f"{len(load.sent)} alerts; the spool is empty {time.monotonic() - began:.2f} s after the last one")
            settle_and_check(works, load)
        assert {heard.outcome for item in load.sent for heard in item.heard} >= {"SPOOLED", "OPENED"}
