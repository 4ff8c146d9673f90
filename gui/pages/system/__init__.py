"""The page `System`: accounts, forwarder, store, parts, what broke; and the emergency close."""

from __future__ import annotations

from gui.page import Page
from gui.pages.system import closing, files, forwarder, tools
from gui.pages.system.accounts import ACCOUNTS, CHECK_ACCOUNT
from gui.pages.system.drift import DRIFT, RESOLVE_DRIFT
from gui.pages.system.letters import LETTERS, RETRY_LETTER

PAGE = Page(
    key="system",
    title="System",
    path="/system",
    topics=(ACCOUNTS, DRIFT, LETTERS),
    verbs={
        "check_account": CHECK_ACCOUNT,
        "resolve_drift": RESOLVE_DRIFT,
        "retry_letter": RETRY_LETTER,
        "restart_part": tools.RESTART,
        "look_inside": tools.LOOK,
        "check_store": tools.CHECK_STORE,
        "profile_memory": tools.MEMORY,
        "verify_audit": tools.AUDIT,
        "close_all": closing.CLOSE_ALL,
    },
    routes=(*files.ROUTES, *forwarder.ROUTES),
)
