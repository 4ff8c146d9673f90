"""Files of the page: the library that draws, and closed groups as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from control.client import AioClient, ClientError
from gui.http import json_answer, world_of
from gui.pages.asked import Asked
from gui.pages.performance.scope import scope_of
from gui.verbs import told
from protos.terrace.v1 import report_pb2 as pb

PAGE_SIZE = 5000
MOST_PAGES = 400
A_DAY_S = 86_400


async def plotly(_request: Request) -> Response:
    """The library as its Python package brings it."""
    path = files("plotly") / "package_data" / "plotly.min.js"
    headers = {"cache-control": f"private, max-age={A_DAY_S}"}
    return FileResponse(str(path), media_type="text/javascript", headers=headers)


async def trades(request: Request) -> Response:
    """Closed groups of the page's scope. The first page is read before anything is sent."""
    wanted = pb.ExportTradesRequest(
        scope=scope_of(Asked(request.url.query), world_of(request)), format="EXPORT_FORMAT_CSV", page_size=PAGE_SIZE
    )
    client = request.state.session.caller.client
    try:
        first = await client.call(wanted, pb.ExportTradesResponse)
    except ClientError as error:
        return json_answer({"error": told(error)}, 503)
    headers = {"content-disposition": 'attachment; filename="terrace-trades.csv"', "cache-control": "no-store"}
    return StreamingResponse(_pages(client, wanted, first), media_type="text/csv; charset=utf-8", headers=headers)


async def _pages(
    client: AioClient, wanted: pb.ExportTradesRequest, page: pb.ExportTradesResponse
) -> AsyncIterator[bytes]:
    for _ in range(MOST_PAGES):
        yield page.content
        if not page.next_page_token:
            return
        wanted.page_token = page.next_page_token
        page = await client.call(wanted, pb.ExportTradesResponse)
