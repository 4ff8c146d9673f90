"""What happens around every call: read-only mode, repeated requests, the record of who did what, and errors.

Everything a servicer raises leaves as a status with an `ErrorInfo.reason` (AIP-193); what is a bug is logged and told
as INTERNAL without its words.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import grpc
import structlog
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from actors.rules.choices import EngineMode
from actors.rules.model import Reason
from daemon.api import roles
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, abort, faulty_field, not_built
from daemon.api.kinds import Context, Handler
from daemon.api.recorder import Recorder
from daemon.api.unreadable import readable, reader
from protos.terrace.v1.signal_pb2 import ReplaySignalRequest

_LOG = structlog.stdlib.get_logger("terrace.system")

MAX_REMEMBERED = 10_000
"""Requests whose answers are kept for a repetition under the same `request_id` (AIP-155)."""
MAX_REQUEST_ID_CHARS = 128
MAX_SHOWN_CHARS = 64
READ_ONLY_WORDS = (
    "the engine is in read-only mode: no command is taken, from nobody (CFG-6). Set engine.mode to normal in the file"
)

_Unary = Callable[[Any, Context], Awaitable[Any]]


class Guard:
    """Wraps the handlers of the server."""

    def __init__(self, engine: Engine, recorder: Recorder) -> None:
        self._engine = engine
        self._recorder = recorder
        self._repeats = Repeats()
        self.on_call: Callable[[str, float, str], None] = lambda _method, _seconds, _result: None
        """Told of each call that is not a stream: its name, how long it took, `OK` or the reason it failed for."""

    def wrap(self, handler: Handler, method: str) -> Handler:
        if handler.request_streaming:
            return handler  # Reflection, the only one, is not ours.
        if handler.response_streaming:
            many: Any = self._stream(handler.unary_stream, method)
            return grpc.unary_stream_rpc_method_handler(many, reader(handler), handler.response_serializer)
        unary: Any = handler.unary_unary
        if method in roles.CHANGES:
            unary = self._change(unary, method)
        one: Any = self._answer(unary, method)
        return grpc.unary_unary_rpc_method_handler(one, reader(handler), handler.response_serializer)

    def _answer(self, unary: _Unary, method: str) -> _Unary:
        name = method.rpartition("/")[2]

        async def answer(request: Any, context: Context) -> Any:
            start_s, result = time.perf_counter(), "CANCELLED"
            try:
                response = await unary(readable(request), context)
                result = "OK"
                return response
            except Failed as failed:
                result = failed.reason.value
                await abort(context, failed)
            except NotImplementedError:  # The generated servicer's own: nobody has written the method.
                result = Reason.NOT_BUILT.value
                await abort(context, not_built(name))
            except Exception as error:
                result = ApiReason.INTERNAL.value
                await _broken(context, method, error)
            finally:
                self.on_call(name, time.perf_counter() - start_s, result)

        return answer

    def _stream(self, stream: Any, method: str) -> Callable[[Any, Context], AsyncIterator[Any]]:
        async def answer_many(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async for response in stream(readable(request), context):
                    yield response
            except Failed as failed:
                await abort(context, failed)
            except NotImplementedError:  # The generated servicer's own: nobody has written the method.
                await abort(context, not_built(method.rpartition("/")[2]))
            except Exception as error:
                await _broken(context, method, error)

        return answer_many

    def _change(self, unary: _Unary, method: str) -> _Unary:
        """A method that changes something: refused while read-only, done once per request id, recorded."""
        is_command = method in roles.COMMANDS

        async def change(request: Any, context: Context) -> Any:
            if _only_looks(request):
                return await unary(request, context)
            if is_command and self._engine.settings().engine.mode is EngineMode.READ_ONLY:
                raise Failed(Reason.READ_ONLY, READ_ONLY_WORDS)
            _refuse_nul(request)
            if getattr(request, "validate_only", False):
                return await unary(request, context)
            return await self._repeats.once(method, request, lambda: self._recorded(unary, method, request, context))

        return change

    async def _recorded(self, unary: _Unary, method: str, request: Any, context: Context) -> Any:
        try:
            response = await unary(request, context)
        except Failed as failed:
            self._note(method, request, failed.reason.value)
            raise
        except asyncio.CancelledError:
            self._note(method, request, "CANCELLED")
            raise
        self._note(method, request, "OK")
        return response

    def _note(self, method: str, request: Message, result: str) -> None:
        who, name = caller(), method.rpartition("/")[2]
        shown = describe(request)
        about = ", ".join(f"{field} {value}" for field, value in shown.items() if field != "request_id")
        event = self._recorder.event(
            "api.call",
            f"{who.name} called {name}{f' ({about})' if about else ''}: {result}",
            {**shown, "who": who.name, "role": who.role.value, "method": name, "result": result},
        )
        self._recorder.commit((event,))


def _only_looks(request: Any) -> bool:
    """A replay that is not submitted changes nothing, so it may be asked for in read-only mode, too (SIG-11)."""
    return isinstance(request, ReplaySignalRequest) and not request.submit


def _refuse_nul(request: Message) -> None:
    """No database of ours but one holds a NUL: a reason with one in it would be refused by the store, and cost the
    part that was to remember it its life."""
    for field, value in request.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING and any("\0" in text for text in _texts(value)):
            raise faulty_field(field.name, "must be text: there is a NUL in it")


def _texts(value: Any) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value


class Repeats:
    """Answers by request id. A repetition gets the first answer, also while the first call is under way.

    What failed is forgotten: a repetition of it tries again.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str, str], asyncio.Task[Any]] = OrderedDict()

    async def once(self, method: str, request: Any, call: Callable[[], Awaitable[Any]]) -> Any:
        request_id: str = getattr(request, "request_id", "")
        if not request_id:
            return await call()
        if len(request_id) > MAX_REQUEST_ID_CHARS:
            raise faulty_field("request_id", f"is longer than {MAX_REQUEST_ID_CHARS} characters")
        key = (caller().name, method, request_id)
        task = self._answers.get(key)
        if task is None:
            task = self._answers[key] = asyncio.ensure_future(_of(call()))
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            self._make_room()
        # The call goes on if the one who began it hangs up: somebody may ask for its answer again.
        return await asyncio.shield(task)

    def _forget_failed(self, key: tuple[str, str, str], done: asyncio.Task[Any]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._answers.get(key) is done:
            del self._answers[key]

    def _make_room(self) -> None:
        while len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)


async def _of(call: Awaitable[Any]) -> Any:
    return await call


def describe(request: Message) -> dict[str, str]:
    """What a request says, for the record: its short fields by name, nothing secret (LOG-4)."""
    shown = {}
    for field, value in request.ListFields():
        if field.GetOptions().debug_redact or field.type in (FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE):
            continue
        is_list = not isinstance(value, str | int | float | bool)
        text = ", ".join(str(item) for item in value) if is_list else str(value)
        if field.enum_type is not None and not is_list:
            known = field.enum_type.values_by_number.get(value)
            text = known.name if known is not None else text
        shown[field.name] = text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}..."
    return shown


async def _broken(context: Context, method: str, error: Exception) -> None:
    """A bug: the caller is told so and no more, the log holds the rest."""
    if isinstance(error, grpc.aio.AbortError | grpc.aio.UsageError):
        raise error
    _LOG.error("call_failed", method=method, exc_info=error)
    await abort(context, Failed(ApiReason.INTERNAL, "the daemon made a mistake; its log says which"))
