"""The lines of the daemon's log as they are written, more than the stored events: for `terrace log tail --all`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from control.printer import Format, as_json, as_yaml, clean, plain, say, when, word, write
from control.session import Session

if TYPE_CHECKING:
    from protos.terrace.v1 import record_pb2

RECONNECT_S = 1.0
QUIET_S = 1.0
"""Without --follow: this long without an answer is the end of what was there."""


def tail_log(run: Session, request: record_pb2.TailLogsRequest, output: Format, *, follow: bool) -> None:
    """Comes back when the daemon does; what was written in between is in its file."""
    from control.errors import Unavailable
    from protos.terrace.v1 import record_pb2 as pb

    is_lost = False
    while True:
        try:
            for answer in run.client.stream(request, pb.TailLogsResponse, timeout_s=None if follow else QUIET_S):
                if is_lost:
                    say("-- connected again")
                is_lost = False
                if answer.gap:
                    say("-- some lines were left out: they came faster than they were read")
                for entry in answer.entries:
                    _print(entry, output)
                request.backlog = 0
        except Unavailable as error:
            if not follow and error.code == "DEADLINE_EXCEEDED":
                return
            if not follow:
                raise
        if not is_lost:
            say("-- reconnecting")
        is_lost = True
        time.sleep(RECONNECT_S)


def _print(entry: record_pb2.LogEntry, output: Format) -> None:
    if output is Format.JSON:
        write(as_json(plain(entry), indent=None) + "\n")
    elif output is Format.YAML:
        write("---\n" + as_yaml(plain(entry)))
    else:
        facts = [f"{name}={value}" for name, value in sorted(entry.attributes.items())]
        about = [entry.account, entry.symbol, entry.timeframe, entry.signal_id, entry.group_id, entry.client_order_id]
        head = [when(entry, "time"), f"{word(entry, 'severity'):8}", f"{word(entry, 'category'):9}", entry.message]
        rest = [*filter(None, about), *facts] if output is Format.WIDE else [*filter(None, about[:3])]
        write(clean("  ".join([*head, " ".join(rest)]).rstrip()) + "\n")
    sys.stdout.flush()
