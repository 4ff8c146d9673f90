"""The page `Performance`: what was earned and lost, over time and by what, with the ratios and what they mean.

Charts are Plotly's, drawn by the page's own script from the rows of one topic, with the library's file as the Python
package brings it: so they follow the theme at once, are saved as pictures without leaving the browser, and need no
`eval` under the content security policy. The library's chart component of Gradio restyles nothing when the theme
changes.
"""

from __future__ import annotations

from starlette.routing import Route

from gui.live.topics import Topic
from gui.page import Page
from gui.pages.performance.files import plotly, trades
from gui.pages.performance.readers import read_performance

EVERY_MS = 15_000

PAGE = Page(
    key="performance",
    title="Performance",
    path="/performance",
    topics=(
        Topic(name="performance", read=read_performance, every_ms=EVERY_MS, is_spoken=False, follows_events=False),
    ),
    routes=(Route("/x/performance/plotly.js", plotly), Route("/x/performance/trades", trades)),
)
