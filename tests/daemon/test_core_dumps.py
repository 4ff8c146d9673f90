"""Keys that are in memory do not come to lie on the disk because the process died (SEC-3)."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import daemon.app as app

class Looks:
    def __init__(self, *_: object, **__: object) -> None:
        pass

    async def run(self) -> None:
        print(*resource.getrlimit(resource.RLIMIT_CORE))

app.Daemon = Looks
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
app.run(None, {})
"""


@pytest.mark.rule("SEC-3")
def test_a_daemon_that_dies_leaves_no_dump_of_its_memory() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split()[0] == "0"
