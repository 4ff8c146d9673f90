"""Stored events as a file: text, CSV, or one JSON object a line; newest first, at most `MOST_EVENTS`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from control.client import AioClient, ClientError
from gui.http import json_answer, world_of
from gui.pages.asked import Asked
from gui.pages.logs.request import events_request
from gui.verbs import told
from protos.terrace.v1 import record_pb2 as pb
from protos.terrace.v1.common_pb2 import Event
from protos.terrace.v1.types_pb2 import Category, Severity, World

MOST_EVENTS = 100_000
PAGE_SIZE = 1000
FIELDS = (
    "sequence",
    "time",
    "category",
    "severity",
    "type",
    "message",
    "signal_id",
    "group_id",
    "client_order_id",
    "account",
    "symbol",
    "timeframe",
    "attributes",
)


async def export(request: Request) -> Response:
    """`form` (txt, csv, json) and the page's filters. The first page is read before anything is sent, so that a
    refusal is an answer of its own."""
    asked = Asked(request.url.query)
    form = asked.text("form")
    write = _WRITERS.get(form)
    if write is None:
        return json_answer({"error": {"reason": "INVALID_FIELD", "message": "form is one of txt, csv, json"}}, 422)
    wanted = events_request(asked, world_of(request))
    wanted.page_size = PAGE_SIZE
    client = request.state.session.caller.client
    try:
        first = await client.call(wanted, pb.ListEventsResponse)
    except ClientError as error:
        return json_answer({"error": told(error)}, 503)
    headers = {"content-disposition": f'attachment; filename="terrace-events.{form}"', "cache-control": "no-store"}
    return StreamingResponse(_file(client, wanted, first, write), media_type=_TYPES[form], headers=headers)


async def _file(
    client: AioClient, wanted: pb.ListEventsRequest, first: pb.ListEventsResponse, write: Callable[[Event | None], str]
) -> AsyncIterator[bytes]:
    yield write(None).encode()
    page, count = first, 0
    while True:
        yield "".join(write(event) for event in page.events).encode()
        count += len(page.events)
        if not page.next_page_token:
            return
        if count >= MOST_EVENTS:
            yield _cut(write, count)
            return
        wanted.page_token = page.next_page_token
        page = await client.call(wanted, pb.ListEventsResponse)


def _cut(write: Callable[[Event | None], str], count: int) -> bytes:
    """What stands at the end where there was more: as a line of the same form."""
    words = f"cut after {count} events: narrow the time, or use `terrace log export`"
    return write(Event(type="EXPORT_CUT", message=words)).encode()


def values_of(event: Event) -> dict[str, str]:
    """Every field as text, as the command line writes it."""
    return {
        "sequence": str(event.sequence),
        "time": event.time.ToJsonString() if event.HasField("time") else "",
        "category": Category.Name(event.category).removeprefix("CATEGORY_"),
        "severity": Severity.Name(event.severity).removeprefix("SEVERITY_"),
        "type": event.type,
        "message": event.message,
        "signal_id": event.signal_id,
        "group_id": event.group_id,
        "client_order_id": event.client_order_id,
        "account": event.account,
        "symbol": event.symbol,
        "timeframe": event.timeframe,
        "attributes": json.dumps(dict(event.attributes), sort_keys=True, ensure_ascii=False)
        if event.attributes
        else "",
    }


def as_csv(event: Event | None) -> str:
    """A line; of None the header. A cell never begins what a spreadsheet takes for a formula."""
    out = io.StringIO()
    cells = FIELDS if event is None else tuple(_harmless(values_of(event)[name]) for name in FIELDS)
    csv.writer(out).writerow(cells)
    return out.getvalue()


def as_json(event: Event | None) -> str:
    """One object, named and ordered as the command line has it."""
    if event is None:
        return ""
    values: dict[str, object] = dict(values_of(event))
    world = World.Name(event.world).removeprefix("WORLD_")
    whole = values | {"sequence": event.sequence, "world": world, "attributes": dict(sorted(event.attributes.items()))}
    return json.dumps(whole, ensure_ascii=False) + "\n"


def as_text(event: Event | None) -> str:
    if event is None:
        return ""
    values = values_of(event)
    about = " ".join(filter(None, (values["account"], values["symbol"], values["timeframe"])))
    begin = (values["time"], f"{values['severity'].lower():8}", f"{values['category'].lower():9}", values["type"])
    ids = (values["signal_id"], values["group_id"], values["client_order_id"])
    line = "  ".join(filter(None, (*begin, values["message"], about, *ids)))
    return "".join(one if one.isprintable() else " " for one in line) + "\n"


def _harmless(cell: str) -> str:
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


_WRITERS: Mapping[str, Callable[[Event | None], str]] = {"txt": as_text, "csv": as_csv, "json": as_json}
_TYPES = {"txt": "text/plain; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/x-ndjson"}
