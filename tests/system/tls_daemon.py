"""`terraced` for which every host is a simulator's TLS port: the venues' own addresses stay as ccxt has them.

python -m tests.system.tls_daemon --config FILE --tls-port PORT
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from daemon.app import run
from daemon.config.load import ConfigFaults, load_config
from tests.wire.core.tls import client_session


def main() -> int:
    parser = argparse.ArgumentParser(prog="tls_daemon", description="The daemon, led to a simulated venue by its names")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--tls-port", type=int, required=True)
    chosen = parser.parse_args()
    config = load_config(chosen.config, os.environ)
    if isinstance(config, ConfigFaults):
        print(config, file=sys.stderr)
        return 2
    return run(config, os.environ, connect=lambda: client_session(chosen.tls_port))


if __name__ == "__main__":
    sys.exit(main())
