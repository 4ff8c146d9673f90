"""The application: pages of the library, our own routes, the guard before all of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
import warnings
from collections.abc import AsyncIterator, Mapping, Sequence

import fastapi
import gradio
from starlette.requests import ClientDisconnect

from control.client import Target
from gui.callers import Caller
from gui.doors import Paths
from gui.frame import dresser
from gui.guard import Asgi, Guard
from gui.hosts import Hosts
from gui.http import Doors, fault, late
from gui.live.hub import Hub
from gui.live.topics import Topic
from gui.login import Login
from gui.options import Options
from gui.page import Page
from gui.pages.registry import PAGES
from gui.panel import Panel
from gui.sessions import Sessions
from gui.verbs import Verb

SWEEP_S = 30.0
_LOG = logging.getLogger("terrace.panel")


def build(target: Target, options: Options, pages: Sequence[Page] = PAGES) -> Asgi:
    """The whole panel as one ASGI application."""
    sessions = Sessions(options, now_s=time.monotonic, new_id=lambda: secrets.token_urlsafe(32))
    hub = Hub(_topics(pages), refresh_ms=options.refresh_ms, on_unknown=sessions.end_caller)
    panel = Panel(options=options, target=target, sessions=sessions, hub=hub)
    sessions.on_end = lambda caller: _forget(hub, caller)

    @contextlib.asynccontextmanager
    async def lifespan(_app: fastapi.FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(sessions))
        yield
        sweeper.cancel()
        await hub.close()

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_exception_handler(Exception, fault)
    app.add_exception_handler(ClientDisconnect, late)
    app.state.panel = panel  # For the routes of pages.
    app.router.routes.extend([*Doors(panel, _verbs(pages)).routes(), *Login(panel).routes()])
    for page in pages:
        app.router.routes.extend(page.routes)
    warnings.filterwarnings("ignore", "SSR mode is not supported", UserWarning)  # It is not asked for.
    gradio.mount_gradio_app(
        app,
        _blocks(panel, pages),
        path="",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        show_error=False,
        max_file_size="1mb",
        theme=gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
    )
    hosts = Hosts([options.host, *options.hosts])
    return Guard(app, sessions, Paths(pages), hosts, dresser(options, pages))  # type: ignore[arg-type]


def _blocks(panel: Panel, pages: Sequence[Page]) -> gradio.Blocks:
    first, *others = pages
    with gradio.Blocks(title="Terrace", analytics_enabled=False) as blocks:
        gradio.Navbar(visible=False)
        _forms(panel, first)
    for page in others:
        with blocks.route(page.title, page.path):
            _forms(panel, page)
    return blocks


def _forms(panel: Panel, page: Page) -> None:
    """One page's components. A fault in them is shown there and leaves the other pages alone."""
    try:
        page.forms(panel)
    except Exception:
        _LOG.exception("the page %s could not be built", page.key)
        gradio.Markdown("This part of the page could not be built. The panel's log says why.")


def _topics(pages: Sequence[Page]) -> Mapping[str, Topic]:
    return {topic.name: topic for page in pages for topic in page.topics}


def _verbs(pages: Sequence[Page]) -> Mapping[str, Verb]:
    return {name: verb for page in pages for name, verb in page.verbs.items()}


async def _sweep(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        sessions.sweep()


def _forget(hub: Hub, caller: Caller) -> None:
    hub.drop(caller)
    with contextlib.suppress(RuntimeError):  # No loop: the process ends.
        asyncio.get_running_loop().create_task(caller.client.close())
