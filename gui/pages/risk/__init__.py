"""The page `Risk`: who may be closed at a loss, who would pay for it, what was done; and the limits of the engine."""

from __future__ import annotations

from gui.live.topics import Topic
from gui.page import Page
from gui.pages.risk.groups import read_groups, read_offers
from gui.pages.risk.history import read_action, read_history
from gui.pages.risk.limits import read_limits
from gui.pages.risk.plan import read_plan
from gui.pages.risk.presses import VERBS
from gui.pages.risk.state import read_running, read_state

PAGE = Page(
    key="risk",
    title="Risk",
    path="/risk",
    topics=(
        Topic(name="risk", read=read_state),
        Topic(name="risk-groups", read=read_groups, every_ms=1_000),
        Topic(name="risk-offers", read=read_offers, every_ms=1_000),
        Topic(name="risk-plan", read=read_plan, every_ms=1_000),
        Topic(name="risk-running", read=read_running),
        Topic(name="risk-history", read=read_history, every_ms=5_000),
        Topic(name="risk-action", read=read_action, every_ms=2_000),
        Topic(name="limits", read=read_limits, every_ms=2_000),
    ),
    verbs=VERBS,
)
