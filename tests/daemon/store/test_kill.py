"""kill -9 in the middle of writing: what was acknowledged is there, what was not is there wholly or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.rules.records import changes
from daemon.store.tools import Checked, check
from tests.daemon.store import samples

WRITER = """
import sys
from pathlib import Path
from tests.daemon.store import samples

store = samples.opened(Path(sys.argv[1]), sys.argv[2])
first = int(sys.argv[3])
for start in range(first, first + 100_000, 3):
    store.apply([(str(number), samples.opening(number)) for number in range(start, start + 3)])
    print(start + 2, flush=True)
"""


def write_and_kill(data_dir: Path, durability: str, first: int, after: int) -> int:
    """Runs a writer until it has acknowledged enough, kills it; the last number it acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(data_dir), durability, str(first)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    try:
        last = first
        while last < first + after:
            line = writer.stdout.readline()
            assert line, "the writer ended by itself"
            last = int(line)
        time.sleep(0.003 * (after % 7))
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    return max([last, *(int(line) for line in rest if line)])


@pytest.mark.rule("REC-1", "SIG-9")
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, durability: str) -> None:
    acknowledged = -1
    for after in (5, 40, 131):
        acknowledged = write_and_kill(tmp_path, durability, acknowledged + 1, after)
        store = samples.opened(tmp_path)
        try:
            assert not store.boot.was_clean
            groups = store.live_groups()
            assert len(groups) in (acknowledged + 1, acknowledged + 4), "a batch is there wholly or not at all"
            assert groups == [samples.group(number) for number in range(len(groups))]
            acknowledged = len(groups) - 1
        finally:
            store.close()
    checked = check("sqlite:///terrace.db", tmp_path)
    assert isinstance(checked, Checked)
    assert checked.is_well
    store = samples.opened(tmp_path)
    assert len(list(changes(None, store.live_groups()[0]))) == 12
    store.close()
