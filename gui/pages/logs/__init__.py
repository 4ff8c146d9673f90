"""The page `Logs`: stored events and the daemon's own log, searched, followed, taken away as a file."""

from __future__ import annotations

from starlette.routing import Route

from gui.live.topics import Topic
from gui.page import Page
from gui.pages.logs.files import export
from gui.pages.logs.readers import read_events, read_lines

PAGE = Page(
    key="logs",
    title="Logs",
    path="/logs",
    topics=(
        Topic(name="events", read=read_events, every_ms=2000, is_spoken=False),
        Topic(name="lines", read=read_lines, every_ms=2000, is_spoken=False, follows_events=False),
    ),
    routes=(Route("/x/logs/events", export),),
)
