"""The panel: a gRPC client like any other. For now one screen per world: groups, sums, accounts that are not ready."""

from __future__ import annotations

import gradio

from control.client import Client, ClientError
from gui import views
from gui.worlds import statuses

CSS = ".terrace th {text-align: left; padding-right: 2em} .terrace td {font-variant-numeric: tabular-nums}"
MIN_REFRESH_MS = 100


def overview(client: Client) -> str:
    """The screen as it is now."""
    try:
        return "".join(views.overview(status) for status in statuses(client))
    except ClientError as error:
        return views.unreachable(str(error))


def build(client: Client, *, refresh_ms: int) -> gradio.Blocks:
    """The page, refreshed every `refresh_ms`."""
    with gradio.Blocks(title="Terrace", analytics_enabled=False) as page:
        gradio.Markdown("# Terrace")
        gradio.HTML(lambda: overview(client), every=gradio.Timer(max(refresh_ms, MIN_REFRESH_MS) / 1000))
    return page
