"""A webhook secret is rotated while alerts come: no sender is refused that should not be."""

from __future__ import annotations

import threading
import time

import pytest

from tests.system.conftest import Starter
from tests.system.stack import alert, until


@pytest.mark.rule("SIG-5", "CFG-2")
def test_no_alert_is_refused_while_its_secret_is_rotated_and_the_old_one_ends_when_told(start: Starter) -> None:
    stack = start({}, "daemon", "forwarder")
    old, over = stack.secret(), threading.Event()
    seen: list[int] = []

    def send(secret: str) -> int:
        return stack.post({"secret": secret, **alert()}, secret=False)[0]

    def keep_sending() -> None:
        while not over.wait(0.02):
            seen.append(send(old))

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        stack.terrace("source", "rotate", "tradingview", "--overlap", "1h")
        new = stack.secret("tradingview.2")
        until(lambda: send(new) != 401, 20)
        time.sleep(0.5)
    finally:
        over.set()
        sender.join()
    assert len(seen) > 10
    assert set(seen) <= {200, 202}
    stack.terrace("source", "end", "tradingview")
    until(lambda: send(old) == 401, 20)
    assert send(new) in (200, 202)
    for name in ("daemon", "forwarder"):
        assert old not in stack.log(name)
        assert new not in stack.log(name)
