"""Faults on demand: what goes wrong, for which requests, how often.

    faults.add(Fault(kind="accept_then_drop", path="order", client_order_id="abc", count=1))
    POST /_admin/fault {"kind": "reply:-1008", "path": "/api/v3/order", "method": "POST", "count": 2}

A fault with an empty `path`, `method` or `client_order_id` matches any; `path` is found anywhere in the request's path.
The client id of a cancel or a look-up is the one it names; of a cancel-and-replace the new order's.
`count` is how many requests (frames) it hits, 0: until the faults are reset. `skip` lets that many pass first.
The first fault added that matches is the one that happens; each request meets at most one.

Request kinds (what stands after the colon may also be given as `value`):
    reply:<code>            the venue's own error of that code; not executed
    drop_before_accept      the connection is cut; not executed
    timeout_before_accept   no answer for `ms` (60 s unless given), then the connection is cut; not executed
    5xx_before_accept       HTTP `status` (503) with HTML; not executed
    html_403                HTTP 403 with HTML, as a firewall answers; not executed
    ban:<s>                 the address is banned for that long: this and every further request is refused
    rate_limit:<s>          the venue's "too many requests" with Retry-After; not executed
    delay:<ms>              arrives that much later, then goes on as usual
    late_answer:<ms>        executed at once, answered that much later
    accept_then_drop, accept_then_timeout, accept_then_5xx, accept_then_truncated, accept_then_html
                            executed, the answer is lost, never comes, is HTTP `status` (502) with HTML, is cut in the
                            middle, is HTTP 200 with HTML
    accept_then_reply:<code>    executed, but the answer is the venue's error of that code (-1007, 10016, ...)
                            (with `hide_ms`, look-ups do not find the order for that long either)
    late_visibility:<ms>    executed and answered; look-ups do not find the order for that long
    fill_before_ack         executed; then it fills whole, the streams say so, and `ms` (50) later comes the answer as
                            it was before the fill
Stream kinds (`path` is matched against the socket's path; they last until reset unless `count` is given):
    ws_drop:<percent>, ws_duplicate, ws_reorder (neighbours change places), ws_delay:<ms>
    ws_no_pong              zombie: the socket stays open, but nothing comes any more, not even pongs
Happening once, at once:
    ws_close:<code>         closes every socket that matches (1006: without a goodbye)
    listen_key_expired, stream_terminated      where the venue has such a thing
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

BEFORE = frozenset(
    {
        "reply",
        "drop_before_accept",
        "timeout_before_accept",
        "5xx_before_accept",
        "html_403",
        "ban",
        "rate_limit",
        "delay",
    }
)
AFTER = frozenset(
    {
        "late_answer",
        "accept_then_drop",
        "accept_then_timeout",
        "accept_then_5xx",
        "accept_then_truncated",
        "accept_then_html",
        "accept_then_reply",
        "late_visibility",
        "fill_before_ack",
    }
)
FRAMES = frozenset({"ws_drop", "ws_duplicate", "ws_reorder", "ws_delay", "ws_no_pong"})
AT_ONCE = frozenset({"ws_close", "listen_key_expired", "stream_terminated"})
KINDS = BEFORE | AFTER | FRAMES | AT_ONCE

LONG_MS = 60_000


@dataclass(slots=True, kw_only=True)
class Fault:
    """`kind` is the word before the colon, `value` what stands after it."""

    kind: str
    value: str = ""
    path: str = ""
    method: str = ""
    client_order_id: str = ""
    count: int = 1
    """Left; 0: until reset."""
    skip: int = 0
    ms: int | None = None
    hide_ms: int = 0
    """What was accepted is not found for that long, whatever becomes of the answer."""
    status: int | None = None
    hits: int = 0

    def __post_init__(self) -> None:
        kind, colon, value = self.kind.partition(":")
        if colon:
            self.kind, self.value = kind, value
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(sorted(KINDS))}")

    def is_for(self, method: str, path: str, client_order_id: str) -> bool:
        return (
            self.path in path
            and self.method in ("", method)
            and (not self.client_order_id or self.client_order_id == client_order_id)
        )

    def number(self, otherwise: int = 0) -> int:
        """The value as a whole number."""
        return int(self.value) if self.value else otherwise


@dataclass(slots=True)
class Frames:
    """What becomes of the next frame: it is sent `copies` times (0: lost), `delay_ms` later, or behind the next one."""

    copies: int = 1
    delay_ms: int = 0
    is_held: bool = False


@dataclass(slots=True)
class Faults:
    """Those waiting to happen, and those that did (`happened`, with hits)."""

    waiting: list[Fault] = field(default_factory=list)
    happened: list[Fault] = field(default_factory=list)
    seed: int = 1
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def reset(self) -> None:
        self.waiting.clear()
        self._random = random.Random(self.seed)

    def take(self, method: str, path: str, client_order_id: str) -> Fault | None:
        """The fault this request meets, used up."""
        for fault in self.waiting:
            if fault.kind in FRAMES or not fault.is_for(method, path, client_order_id):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            self._use(fault)
            return fault
        return None

    def frame(self, path: str) -> Frames:
        """What the next event on a socket of this path meets; several kinds add up."""
        frames = Frames()
        for fault in [each for each in self.waiting if each.kind in FRAMES and each.path in path]:
            if fault.kind == "ws_no_pong":
                frames.copies = 0
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.kind == "ws_drop" and self._random.random() * 100 >= fault.number(100):
                continue
            self._use(fault)
            if fault.kind == "ws_drop":
                frames.copies = 0
            elif fault.kind == "ws_duplicate":
                frames.copies *= 2
            elif fault.kind == "ws_delay":
                frames.delay_ms += fault.number(100)
            else:
                frames.is_held = True
        return frames

    def is_zombie(self, path: str) -> bool:
        return any(fault.kind == "ws_no_pong" and fault.path in path for fault in self.waiting)

    def _use(self, fault: Fault) -> None:
        if not fault.hits:
            self.happened.append(fault)
        fault.hits += 1
        if fault.count:
            fault.count -= 1
            if not fault.count:
                self.waiting.remove(fault)
