"""`terraced` with something in its way for as long as a file is there.

python -m tests.daemon.hindered_daemon --folder DIR --config FILE

`DIR/no-balances`: the paper exchange does not answer the question for balances, so its account is not reconciled.
`DIR/no-acks`: nor does it take orders. `DIR/hang`: the next message that Pool gets never returns.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOK_S = 0.02


def main() -> int:
    parser = argparse.ArgumentParser(prog="hindered_daemon")
    parser.add_argument("--folder", type=Path, required=True)
    chosen, rest = parser.parse_known_args()
    hinder(chosen.folder)
    from daemon.__main__ import main as terraced

    return terraced(rest)


def hinder(folder: Path) -> None:
    import daemon.app
    from actors.pool import Pool
    from daemon.exchanges.paper import _Port

    daemon.app.READY_LIMIT_S = 0.2  # It answers for itself early; whether it is ready is another thing.
    _Port.fetch_balances = after(folder / "no-balances", _Port.fetch_balances)  # type: ignore[method-assign]
    _Port.submit = after(folder / "no-acks", _Port.submit)  # type: ignore[method-assign]
    receive = Pool.receive

    def hang(pool: Pool, message: object) -> None:
        while (folder / "hang").exists():
            time.sleep(LOOK_S)
        receive(pool, message)

    setattr(Pool, "receive", hang)  # noqa: B010


def after(file: Path, work: Callable[..., None]) -> Callable[..., None]:
    """`work` that is done once the file is gone, in a thread of its own as long as it is there."""

    def begin(*arguments: Any) -> None:
        if not file.exists():
            work(*arguments)
            return

        def wait() -> None:
            while file.exists():
                time.sleep(LOOK_S)
            work(*arguments)

        threading.Thread(target=wait, daemon=True).start()

    return begin


if __name__ == "__main__":
    sys.exit(main())
