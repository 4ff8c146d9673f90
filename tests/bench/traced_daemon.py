"""The daemon, unchanged, with one ear at its paper exchange: when was which order accepted there?

`python -m tests.bench.traced_daemon TRACE_FILE --config config.yaml`. A line of the trace is the value of
`time.monotonic_ns`, which is one clock for all processes of a machine, and the client order ids that were accepted.
It is taken when the venue has committed its books and is about to answer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from actors.messages import Answered, AnsweredAll, Fate
from actors.rules.naming import parse_client_order_id
from daemon.__main__ import main
from daemon.exchanges.paper_requests import Outgoing, Request
from daemon.exchanges.paper_venue import PaperVenue


def listen(path: Path) -> None:
    """Notes every accepted order from here on."""
    trace = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    handle = PaperVenue.handle

    def noting(venue: PaperVenue, requests: Sequence[Request], incarnation: int, now_ms: int) -> list[Outgoing]:
        out = handle(venue, requests, incarnation, now_ms)
        stamp = time.monotonic_ns()
        accepted = " ".join(_accepted(out))
        if accepted:
            os.write(trace, f"{stamp} {accepted}\n".encode())
        return out

    PaperVenue.handle = noting  # type: ignore[method-assign, assignment]


def _accepted(out: Iterable[Outgoing]) -> Iterator[str]:
    for item in out:
        answers: Sequence[object] = (item.message,)
        if isinstance(item.message, AnsweredAll):
            answers = item.message.answers
        for answer in answers:
            if isinstance(answer, Answered) and answer.request == "submit" and answer.fate == Fate.ACCEPTED:
                yield answer.client_order_id


class Trace:
    """What a trace file holds, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.first_ns: dict[str, int] = {}
        """Group id -> when its first order was accepted."""
        self.orders = 0
        self.last_ns = 0

    def read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return
        self._at += len(whole) + 1
        for line in whole.decode().splitlines():
            stamp, *client_order_ids = line.split()
            self.last_ns = int(stamp)
            self.orders += len(client_order_ids)
            for client_order_id in client_order_ids:
                name = parse_client_order_id(client_order_id)
                assert name is not None, client_order_id
                self.first_ns.setdefault(name.group_id, self.last_ns)


if __name__ == "__main__":
    listen(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
