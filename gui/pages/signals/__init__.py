"""The page `Signals`: every alert with what became of it and why, its story, running it again, trying one out."""

from __future__ import annotations

from gui.live.topics import Topic
from gui.page import Page
from gui.pages.signals.presses import AS_NEW, CHECK, DRY_RUN
from gui.pages.signals.readers import read_signals, read_story

PAGE = Page(
    key="signals",
    title="Signals",
    path="/signals",
    topics=(
        Topic(name="signals", read=read_signals, every_ms=2000),
        Topic(name="story", read=read_story, every_ms=2000),
    ),
    verbs={"replay_dry": DRY_RUN, "replay_as_new": AS_NEW, "check_alert": CHECK},
)
