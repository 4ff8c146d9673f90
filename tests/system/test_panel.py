"""The panel as a process: it serves its page and ends when told."""

from __future__ import annotations

import contextlib
import signal
import sys
import urllib.request

from tests.ports import free_ports
from tests.system.conftest import Starter
from tests.system.stack import until


def test_the_panel_serves_its_page_and_ends_on_a_signal(start: Starter) -> None:
    port = free_ports(1)[0]
    stack = start({"panel": {"address": f"127.0.0.1:{port}"}})
    stack.spawn("panel", [sys.executable, "-m", "control", "--config", str(stack.config_file), "panel"])

    def page() -> str:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5) as answer,
        ):
            return str(answer.read().decode())
        return ""

    assert "Terrace" in until(page)
    assert stack.kill("panel", signal.SIGTERM) == 0
