"""The gate: who calls, and may they (SEC-1).

A server interceptor. It denies by default and puts the caller where servicers find it. A refused login is counted and
logged without the token (LOG-4).
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import structlog

from daemon.api import roles
from daemon.api.errors import ApiReason, Failed, abort
from daemon.api.kinds import Context, Handler
from daemon.tokens import TokenFaults, TokenRole, TokenTable, load_tokens

_LOG = structlog.stdlib.get_logger("terrace.security")

TOKENS_CHECK_S = 2.0
"""How often the token file is looked at: a token taken out of it is refused this much later."""
LOG_REFUSALS_EVERY_S = 10.0
"""One line per method and time for refused calls; the rest are counted in it."""
MAX_REFUSAL_KINDS = 1_000

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the token's name and role."""

    name: str
    role: TokenRole


CALLER: ContextVar[Caller] = ContextVar("terrace_caller")


def caller() -> Caller:
    """Whoever makes the current call. LookupError outside of one."""
    return CALLER.get()


class Identities:
    """The token file, read again when it changes. A file that turned faulty changes nothing and is logged."""

    def __init__(self, path: Path, table: TokenTable) -> None:
        self._path = path
        self._table = table
        self._stamp = self._stat()
        self._next_check = 0.0

    def find(self, token: str) -> Caller | None:
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + TOKENS_CHECK_S
            self._look_again()
        owner = self._table.find(token, datetime.now(UTC))
        return None if owner is None else Caller(owner.name, owner.role)

    def _look_again(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        loaded = load_tokens(self._path)
        if isinstance(loaded, TokenFaults):
            _LOG.error("token_file_refused", faults=str(loaded))
        else:
            self._table = loaded
            _LOG.info("token_file_read", tokens=len(loaded.tokens))

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


Guard = Callable[[Handler, str], Handler]


class Gate(grpc.aio.ServerInterceptor):
    """Lets a call through to its servicer, or ends it."""

    def __init__(self, identities: Identities, guard: Guard) -> None:
        """`guard` wraps the handler of a method once, the first time somebody may call it."""
        self._identities = identities
        self._guard = guard
        self._guarded: dict[str, Handler] = {}
        self._refusals: dict[str, _Refusals] = {}
        self.refused_calls = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if method in roles.OPEN and handler is not None:
            return handler
        who = self._identities.find(_token(handler_call_details))
        if who is None:
            return self._refuse(
                method, handler, ApiReason.UNAUTHENTICATED, "a valid token is needed: authorization: Bearer TOKEN"
            )
        if handler is None:
            return _ending(None, Failed(ApiReason.UNKNOWN_METHOD, f"there is no method {method[:200]}"))
        if not roles.may(who.role, method):
            words = f"the role {who.role.value} may not call {method.rpartition('/')[2]}"
            return self._refuse(method, handler, ApiReason.PERMISSION_DENIED, words, who)
        CALLER.set(who)
        guarded = self._guarded.get(method)
        if guarded is None:
            guarded = self._guarded[method] = self._guard(handler, method)
        return guarded

    def _refuse(
        self, method: str, handler: Handler | None, reason: ApiReason, words: str, who: Caller | None = None
    ) -> Handler:
        self.refused_calls += 1
        kind = f"{method if handler is not None else '?'} {reason.value}"
        if kind not in self._refusals and len(self._refusals) >= MAX_REFUSAL_KINDS:
            self._refusals.clear()
        refusals = self._refusals.setdefault(kind, _Refusals())
        count = refusals.due(time.monotonic())
        if count:
            name = who.name if who is not None else ""
            _LOG.warning("call_refused", method=method[:200], reason=reason.value, caller=name, calls=count)
        return _ending(handler, Failed(reason, words))


class _Refusals:
    """Refused calls of one kind since the last line about them."""

    def __init__(self) -> None:
        self._count = 0
        self._next_line = 0.0

    def due(self, now: float) -> int:
        """Counts one; how many the line that is due now speaks of, 0 for none."""
        self._count += 1
        if now < self._next_line:
            return 0
        self._next_line = now + LOG_REFUSALS_EVERY_S
        count, self._count = self._count, 0
        return count


def _token(details: grpc.HandlerCallDetails) -> str:
    for key, value in details.invocation_metadata or ():
        if key == "authorization":
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            return text[len(_BEARER) :].strip() if text[: len(_BEARER)].lower() == _BEARER else ""
    return ""


def _ending(handler: Handler | None, failed: Failed) -> Handler:
    """A handler of the same kind that only ends the call."""

    async def end(_request: Any, context: Context) -> None:
        await abort(context, failed)

    end_any: Any = end
    if handler is not None and handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(end_any)
    if handler is not None and handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(end_any)
    return grpc.unary_unary_rpc_method_handler(end_any)
