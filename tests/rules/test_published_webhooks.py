"""Alerts as people publish them: none breaks the reader, and every refusal names fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from actors.rules.alert import Alert, AlertFaults, read_alert
from tests.rules.builders import DATA, needs_data

pytestmark = needs_data


def published() -> Iterator[dict[str, Any]]:
    for line in (DATA / "webhooks" / "webhooks.jsonl").read_text().splitlines():
        yield json.loads(line)


def decoded(text: str) -> Any:
    """The JSON of a body, None if it is none."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except ValueError:
        return None


@pytest.mark.rule("SIG-2")
def test_every_published_body_is_refused_with_the_paths_of_its_faults() -> None:
    """None has our shape, so the required fields are missing from all; placeholders are named besides."""
    read_count = 0
    for record in published():
        data = decoded(record["body"])
        if data is None:
            continue
        read_count += 1
        read = read_alert(data)
        assert isinstance(read, AlertFaults), record["id"]
        paths = {fault.path for fault in read.faults}
        if isinstance(data, dict) and "tv" not in data:
            assert {"tv.exchange", "tv.symbol", "tv.timeframe", "tv.action"} <= paths, record["id"]
        for placeholder in set(re.findall(r"\{\{[^{}\"\\]*\}\}", json.dumps(data, default=str))):
            assert placeholder in str(read), record["id"]
    assert read_count >= 30


@pytest.mark.rule("SIG-1")
def test_published_bodies_mapped_to_the_wire_fields_are_read() -> None:
    """A plain mapping of the commonest names, and the placeholders filled in, make alerts of most of them."""
    filled = 0
    for record in published():
        data = decoded(re.sub(r"\{\{[^{}]*\}\}", "1", record["body"]))
        if not isinstance(data, dict):
            continue
        action = str(data.get("action") or data.get("side") or "").lower()
        tv = {
            "exchange": "BINANCE",
            "symbol": data.get("ticker") or data.get("symbol"),
            "timeframe": "15",
            "action": action if action in ("buy", "sell", "long", "short") else "buy",
            "entry_price": data.get("price"),
        }
        read = read_alert({**data, "tv": tv, "timestamp": None, "secret": None, "source": None})
        filled += isinstance(read, Alert)
    assert filled >= 15
