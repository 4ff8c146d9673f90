"""The gate: who calls, and may they (SEC-1).

A server interceptor. It denies by default and puts the caller where servicers find it. Who calls is told by a token,
or, where a call brings none, by the certificate its connection was made with. A call that is refused is ended before
its request is waited for. Refused logins are counted, slowed down per address, and logged without the token (LOG-4);
the first call of each caller since the start is recorded (LOG-3).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import structlog

from daemon.api import roles
from daemon.api.certificates import ClientCertificates
from daemon.api.edge_probe import Knock
from daemon.api.errors import ApiReason, Failed, abort
from daemon.api.kinds import Context, Handler
from daemon.api.throttle import Throttle, address_of
from daemon.api.unreadable import readable, reader
from daemon.tokens import Token, TokenFaults, TokenRole, TokenTable, load_tokens

_LOG = structlog.stdlib.get_logger("terrace.security")

TOKENS_CHECK_S = 2.0
"""How often the token file is looked at: a token taken out of it is refused this much later."""
LOG_REFUSALS_EVERY_S = 10.0
"""One line per method and time for refused calls; the rest are counted in it."""
MAX_REFUSAL_KINDS = 1_000
MAX_TOKEN_CHARS = 4_096
MAX_OPEN_STREAMS = 200
"""Streams of callers who have not said who they are: those that watch the daemon's health."""
MAX_BURST_EVENTS = 30
BURST_EVENTS_WITHIN_S = 60.0
"""Recorded bursts of wrong tokens: from more addresses than that at once, the log alone has them."""

_BEARER = "bearer "
_NEEDED = "a valid token is needed: authorization: Bearer TOKEN"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name and role of an entry of the token file."""

    name: str
    role: TokenRole


CALLER: ContextVar[Caller] = ContextVar("terrace_caller")


def caller() -> Caller:
    """Whoever makes the current call. LookupError outside of one."""
    return CALLER.get()


Audit = Callable[[str, str, str, Mapping[str, str]], None]
"""Records what the gate saw: severity, type, message, attributes."""


def _unheard(_severity: str, _type: str, _message: str, _attributes: Mapping[str, str]) -> None:
    """Records nothing."""


class Identities:
    """The token file, read again when it changes. One that turned faulty or is gone changes nothing and is logged."""

    def __init__(self, path: Path, table: TokenTable) -> None:
        self._path = path
        self._table = table
        self._stamp = self._stat()
        self._next_check = 0.0
        self._certificates = ClientCertificates()
        self.audit: Audit = _unheard

    def owner(self, token: str) -> Token | None:
        """Whose token this is, expired or not."""
        self._refresh()
        return self._table.owner(token, datetime.now(UTC))

    def find(self, token: str) -> Caller | None:
        owner = self.owner(token)
        return None if owner is None or owner.is_expired(datetime.now(UTC)) else Caller(owner.name, owner.role)

    def of_connection(self, context: Context) -> Caller | None:
        """Whoever's certificate the connection was made with."""
        self._refresh()
        shown = self._certificates.of(context.auth_context()) if self._table.has_certificates else None
        now = datetime.now(UTC)
        if shown is None or now >= shown.not_after:  # A connection may outlive its certificate.
            return None
        owner = self._table.of_certificate(shown.fingerprint, shown.names)
        return None if owner is None or owner.is_expired(now) else Caller(owner.name, owner.role)

    @property
    def knows_certificates(self) -> bool:
        self._refresh()
        return self._table.has_certificates

    def _refresh(self) -> None:
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + TOKENS_CHECK_S
            self._look_again()

    def _look_again(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if stamp is None:  # Moved away by an editor, or by a slip: who must close positions is not locked out by it.
            _LOG.error("token_file_gone", file=str(self._path), callers=len(self._table.tokens))
            return
        loaded = load_tokens(self._path)
        if isinstance(loaded, TokenFaults):
            _LOG.error("token_file_refused", faults=str(loaded))
            return
        before, self._table = self._table, loaded
        _LOG.info("token_file_read", callers=len(loaded.tokens))
        changed = _changed(before, loaded)
        if changed:
            self.audit(
                "info", "api.tokens_changed", f"the token file changed: {changed}"[:500], {"changed": changed[:500]}
            )

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _changed(before: TokenTable, after: TokenTable) -> str:
    """Which callers came, went, and are others now."""
    old, new = ({token.name: token for token in table.tokens} for table in (before, after))
    words = [f"{name} ({token.role.value}) is new" for name, token in new.items() if name not in old]
    words += [f"{name} is gone" for name in old if name not in new]
    words += [f"{name} ({new[name].role.value}) changed" for name in old if name in new and old[name] != new[name]]
    return ", ".join(words)


Guard = Callable[[Handler, str], Handler]


class Gate(grpc.aio.ServerInterceptor):
    """Lets a call through to its servicer, or ends it."""

    def __init__(self, identities: Identities, guard: Guard, audit: Audit = _unheard) -> None:
        """`guard` wraps the handler of a method once, the first time somebody may call it."""
        self._identities = identities
        self._guard = guard
        self._audit = audit
        identities.audit = audit
        self._guarded: dict[str, Handler] = {}
        self._refusals: dict[str, _Refusals] = {}
        self._throttle = Throttle()
        self._seen: set[str] = set()
        self._bursts = _Bursts()
        self._open_streams = 0
        self.knock = Knock()
        """How the daemon finds out what callers wait before they come here."""
        self.refused_calls = 0
        self.throttled_calls = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if method in roles.OPEN and handler is not None:
            return self._bounded(handler) if handler.response_streaming else _answering(handler)
        token = _token(handler_call_details)
        if token == self.knock.token:
            self.knock.hear()
            return _HEARD
        if not token:
            return self._by_certificate(method, handler)
        owner = self._identities.owner(token)
        if owner is None or owner.is_expired(datetime.now(UTC)):
            return self._wrong_token(method, handler, owner)
        who = Caller(owner.name, owner.role)
        if who.name in self._seen and self._throttle.is_quiet(
            time.monotonic()
        ):  # Nothing the peer's address could change.
            return self._admit(who, method, handler)
        return self._looking_at_peer(who, method, handler, "token")

    # --- ways in

    def _admit(self, who: Caller, method: str, handler: Handler | None) -> Handler:
        """By role."""
        if handler is None:
            return _ending(Failed(ApiReason.UNKNOWN_METHOD, f"there is no method {method[:200]}"))
        if not roles.may(who.role, method):
            words = f"the role {who.role.value} may not call {method.rpartition('/')[2]}"
            return self._refuse(method, handler, ApiReason.PERMISSION_DENIED, words, who)
        CALLER.set(who)
        guarded = self._guarded.get(method)
        if guarded is None:
            guarded = self._guarded[method] = self._watched(self._guard(handler, method), method)
        return guarded

    def _looking_at_peer(self, who: Caller, method: str, handler: Handler | None, by: str) -> Handler:
        """A valid token whose address matters: it may be closed, or this is the first call of its owner."""
        admitted = self._admit(who, method, handler)

        async def check(context: Context) -> None:
            address = address_of(context.peer())
            wait_s = self._throttle.holds_back(address, who.name, time.monotonic())
            if wait_s:
                await self._throttled(context, wait_s)
            self._login(who, address, by)

        return _checked(admitted, check)

    def _by_certificate(self, method: str, handler: Handler | None) -> Handler:
        """No token: the certificate of the connection says who it is. Its address has proved itself with it."""
        if handler is None or not self._identities.knows_certificates:
            return self._refuse(method, handler, ApiReason.UNAUTHENTICATED, _NEEDED)
        guarded = self._guarded.get(method)
        if guarded is None:
            guarded = self._guarded[method] = self._watched(self._guard(handler, method), method)

        async def check(context: Context) -> None:
            who = self._identities.of_connection(context)
            if who is None:
                await abort(context, self._refused(method, True, ApiReason.UNAUTHENTICATED, _NEEDED))
            if not roles.may(who.role, method):
                words = f"the role {who.role.value} may not call {method.rpartition('/')[2]}"
                await abort(context, self._refused(method, True, ApiReason.PERMISSION_DENIED, words, who))
            CALLER.set(who)
            self._login(who, address_of(context.peer()), "certificate")

        return _checked(guarded, check)

    def _wrong_token(self, method: str, handler: Handler | None, owner: Token | None) -> Handler:
        """Nobody's token, or one that has expired: its address pays for it."""
        words = _NEEDED
        if owner is not None and owner.expires is not None:
            words = (
                f"the token {owner.name} expired {owner.expires:%Y-%m-%dT%H:%M:%SZ}: rotate it (terrace token rotate)"
            )

        async def refuse(context: Context) -> None:
            address, now_s = address_of(context.peer()), time.monotonic()
            wait_s = self._throttle.wait_s(address, now_s)
            if wait_s:
                await self._throttled(context, wait_s)
            failures = self._throttle.failed(address, now_s)
            if failures and self._bursts.take(now_s):
                self._audit(
                    "warning",
                    "api.login_refused",
                    f"{failures} calls with a wrong token from {address}: it is slowed down",
                    {"address": address, "failures": str(failures)},
                )
            await abort(context, self._refused(method, handler is not None, ApiReason.UNAUTHENTICATED, words))

        return refusing(refuse)

    async def _throttled(self, context: Context, wait_s: float) -> None:
        self.throttled_calls += 1
        wait_s = max(wait_s, 0.001)
        words = f"too many wrong tokens from your address: try again in {wait_s:.1f} s"
        await abort(context, Failed(ApiReason.LOGIN_THROTTLED, words, retry_after_s=wait_s))

    def _login(self, who: Caller, address: str, by: str) -> None:
        if not self._throttle.knows(address, who.name):
            self._throttle.proved(address, who.name)
        if who.name in self._seen:
            return
        self._seen.add(who.name)
        self._audit(
            "info",
            "api.login",
            f"{who.name} ({who.role.value}) calls for the first time since the start, from {address}, by {by}",
            {"who": who.name, "role": who.role.value, "address": address, "by": by},
        )

    # --- streams

    def _watched(self, guarded: Handler, method: str) -> Handler:
        """A stream ends once its caller may not call any more: a token that is revoked does not listen on."""
        if guarded.request_streaming or not guarded.response_streaming:
            return guarded
        stream: Any = guarded.unary_stream

        async def watch(request: Any, context: Context) -> AsyncIterator[Any]:
            token, next_look_s = _token_in(context.invocation_metadata()), time.monotonic() + TOKENS_CHECK_S
            async with contextlib.aclosing(stream(request, context)) as responses:
                async for response in responses:
                    if time.monotonic() >= next_look_s:
                        next_look_s = time.monotonic() + TOKENS_CHECK_S
                        who = self._identities.find(token) if token else self._identities.of_connection(context)
                        if who is None or not roles.may(who.role, method):
                            words = "you may not listen any more: the token was revoked, rotated, or has expired"
                            await abort(context, self._refused(method, True, ApiReason.UNAUTHENTICATED, words))
                    yield response

        watch_any: Any = watch
        return grpc.unary_stream_rpc_method_handler(
            watch_any, guarded.request_deserializer, guarded.response_serializer
        )

    def _bounded(self, handler: Handler) -> Handler:
        """A stream anybody may open: so many and no more."""
        stream: Any = handler.unary_stream

        async def open_stream(request: Any, context: Context) -> None:
            if self._open_streams >= MAX_OPEN_STREAMS:
                words = f"{MAX_OPEN_STREAMS} streams without a token are open already"
                await abort(context, Failed(ApiReason.TOO_MANY_STREAMS, words, retry_after_s=1.0))
            self._open_streams += 1
            try:
                await stream(await _read(request, context), context)
            finally:
                self._open_streams -= 1

        open_any: Any = open_stream
        return grpc.unary_stream_rpc_method_handler(open_any, reader(handler), handler.response_serializer)

    # --- refusals

    def _refuse(
        self, method: str, handler: Handler | None, reason: ApiReason, words: str, who: Caller | None = None
    ) -> Handler:
        return _ending(self._refused(method, handler is not None, reason, words, who))

    def _refused(self, method: str, is_known: bool, reason: ApiReason, words: str, who: Caller | None = None) -> Failed:
        """Counts a refusal and answers its error."""
        self.refused_calls += 1
        kind = f"{method if is_known else '?'} {reason.value}"
        if kind not in self._refusals and len(self._refusals) >= MAX_REFUSAL_KINDS:
            self._refusals.clear()
        refusals = self._refusals.setdefault(kind, _Refusals())
        count = refusals.due(time.monotonic())
        if count:
            name = who.name if who is not None else ""
            _LOG.warning("call_refused", method=method[:200], reason=reason.value, caller=name, calls=count)
        return Failed(reason, words)


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


class _Bursts:
    """How many bursts are recorded."""

    def __init__(self) -> None:
        self._count = 0
        self._begin_s = float("-inf")

    def take(self, now_s: float) -> bool:
        if now_s - self._begin_s >= BURST_EVENTS_WITHIN_S:
            self._begin_s, self._count = now_s, 0
        self._count += 1
        return self._count <= MAX_BURST_EVENTS


def _token(details: grpc.HandlerCallDetails) -> str:
    return _token_in(details.invocation_metadata)


def _token_in(metadata: Any) -> str:
    for key, value in metadata or ():
        if key == "authorization":
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            is_bearer = len(text) <= MAX_TOKEN_CHARS and text[: len(_BEARER)].lower() == _BEARER
            return text[len(_BEARER) :].strip() if is_bearer else ""
    return ""


async def _read(request: Any, context: Context) -> Any:
    try:
        return readable(request)
    except Failed as failed:
        await abort(context, failed)


def _answering(handler: Handler) -> Handler:
    """An open method, with a reader that does not fail."""
    one: Any = handler.unary_unary

    async def answer(request: Any, context: Context) -> Any:
        return await one(await _read(request, context), context)

    answer_any: Any = answer
    return grpc.unary_unary_rpc_method_handler(answer_any, reader(handler), handler.response_serializer)


Check = Callable[[Context], Awaitable[None]]


def refusing(refuse: Check) -> Handler:
    """A handler that ends the call before its request has come: who may not call need not be listened to.

    On the wire a call is a call, whatever the method's kind: this one waits for nothing.
    """

    async def end(_requests: Any, context: Context) -> None:
        await refuse(context)

    end_any: Any = end
    return grpc.stream_stream_rpc_method_handler(end_any)


def _ending(failed: Failed) -> Handler:
    return refusing(lambda context: abort(context, failed))


_HEARD = _ending(Failed(ApiReason.UNAUTHENTICATED, "the daemon has heard itself"))


def _checked(handler: Handler, check: Check) -> Handler:
    """The same handler, with something to pass before."""
    if handler.response_streaming:
        many: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream
        if asyncio.iscoroutinefunction(many):  # A refusal, or a stream that writes by itself.

            async def answer_itself(request: Any, context: Context) -> None:
                await check(context)
                await many(request, context)

            answered: Any = answer_itself
        else:

            async def answer_many(request: Any, context: Context) -> AsyncIterator[Any]:
                await check(context)
                async for response in many(request, context):
                    yield response

            answered = answer_many
        make = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        return make(answered, handler.request_deserializer, handler.response_serializer)
    one: Any = handler.unary_unary

    async def answer_one(request: Any, context: Context) -> Any:
        await check(context)
        return await one(request, context)

    one_any: Any = answer_one
    return grpc.unary_unary_rpc_method_handler(one_any, handler.request_deserializer, handler.response_serializer)
