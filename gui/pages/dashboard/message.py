"""The message to paste into a TradingView alert: the command line's own, so that both show the same. Pure."""

from __future__ import annotations

from control.client import alert_message

KINDS = alert_message.KINDS
SECRET = alert_message.SECRET
REQUIRED = ("tv.exchange", "tv.symbol", "tv.timeframe", "tv.action")
field_map = alert_message.field_map
placed = alert_message.placed
body = alert_message.message
