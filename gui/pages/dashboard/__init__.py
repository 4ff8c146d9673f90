"""The page `Dashboard`: how the engine is, what it holds and earns, what came last; the first steps of a newcomer."""

from __future__ import annotations

from gui.page import Page
from gui.pages.alerts import ACKNOWLEDGE, ALERTS
from gui.pages.dashboard import first, trial
from gui.pages.dashboard.curve import CURVE
from gui.pages.dashboard.figures import FIGURES
from gui.pages.dashboard.recent import RECENT
from gui.pages.dashboard.steering import LIFT, PAUSE, RESUME
from gui.pages.state import STATE

PAGE = Page(
    key="dashboard",
    title="Dashboard",
    path="/",
    topics=(STATE, ALERTS, FIGURES, CURVE, RECENT),
    verbs={
        "pause": PAUSE,
        "resume": RESUME,
        "lift_limit": LIFT,
        "acknowledge": ACKNOWLEDGE,
        "try_alert": trial.TRY,
    },
    routes=first.ROUTES,
)
