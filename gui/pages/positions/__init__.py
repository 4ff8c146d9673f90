"""The page `Positions`: every live group, its ladder, what can be done to it, and the groups that have closed."""

from __future__ import annotations

from starlette.routing import Route

from gui.live.topics import Topic
from gui.page import Page
from gui.pages.positions import readers, verbs
from gui.pages.positions.closed import closed_page

PAGE = Page(
    key="positions",
    title="Positions",
    path="/positions",
    topics=(
        Topic(name="groups", read=readers.read_groups),
        Topic(name="group", read=readers.read_group),
        Topic(name="group-orders", read=readers.read_orders),
    ),
    verbs=verbs.VERBS,
    routes=(Route("/x/positions/closed", closed_page),),
)
