"""The page `Queue`: the signals that wait, why each has its rank, and what can be done about it."""

from __future__ import annotations

from gui.live.topics import Topic
from gui.page import Page
from gui.pages.queue.presses import VERBS
from gui.pages.queue.rows import read_pool, read_queue

PAGE = Page(
    key="queue",
    title="Queue",
    path="/queue",
    topics=(Topic(name="queue", read=read_queue, every_ms=1_000), Topic(name="queue-pool", read=read_pool)),
    verbs=VERBS,
)
