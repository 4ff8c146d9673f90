"""The page `Settings`: the configuration as forms, its versions, secrets, backups, accounts, notifications.

The forms are the page's own elements, made from DescribeConfig, and not components of the library: which fields there
are is known only when a login asks (maps hold names of the user's own), while the library's are laid out once for all
at start; a native field has label, unit, bounds and fault beside it for a reader of screens too, keeps a decimal as the
text it is. Measured side by side on a busy machine of two cores: all of the configuration takes the library 4 to 6 s to
draw, the page's own elements 1.7 s; one section 0.3 to 1.7 s against 0.05 to 0.5 s.
"""

from __future__ import annotations

from gui.page import Page
from gui.pages.settings.config_verbs import CONFIG_VERBS
from gui.pages.settings.other_verbs import OTHER_VERBS
from gui.pages.settings.routes import ROUTES
from gui.pages.settings.topics import TOPICS

PAGE = Page(
    key="settings",
    title="Settings",
    path="/settings",
    topics=TOPICS,
    verbs={**CONFIG_VERBS, **OTHER_VERBS},
    routes=ROUTES,
)
