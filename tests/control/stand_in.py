"""`terrace up` with a stand-in for the daemon: `python -m tests.control.stand_in up [ARGS]`.

Started as `... daemon` it is that stand-in: it listens where the config says and says when it is told to stop.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from control import handover
from control.__main__ import main
from control.config_file import read_config
from daemon.store.lock import DirectoryLock, take_lock
from tests.control.fake_daemon import FakeDaemon

STOPPED = "stopped"
"""A file in the data directory: the stand-in has ended as it was told to."""


def _daemon() -> int:
    if os.environ.get("STAND_IN_FAILS"):
        print("config.yaml: line 3: no such key", file=sys.stderr)
        return 2
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    data_dir = read_config().data_dir
    lock = take_lock(data_dir)
    assert isinstance(lock, DirectoryLock)
    port = int(read_config().text("api.address").rpartition(":")[2])
    daemon = FakeDaemon(port=port).start()
    print("stand-in ready", flush=True)
    stopped.wait()
    print("stand-in told to stop", flush=True)
    daemon.stop()
    (data_dir / STOPPED).touch()
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "daemon":
        sys.exit(_daemon())
    handover.daemon_command = lambda: [sys.executable, "-m", "tests.control.stand_in", "daemon"]
    main(sys.argv[1:])
