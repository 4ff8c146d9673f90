"""Malformed alerts through the webhook: a clear refusal, no 500, no traceback."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Stack, alert

SHARED = Path(__file__).parents[3] / "shared" / "data" / "webhooks" / "webhooks.jsonl"
GARBAGE_SEED = 20240601


def signed(stack: Stack, raw: bytes) -> tuple[int, dict[str, Any]]:
    """Posts any bytes with valid authentication: an HMAC over the body, whatever it is."""
    stamp = str(int(time.time()))
    key = b"correct horse battery staple"
    mac = hmac.new(key, stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    connection = HTTPConnection("127.0.0.1", stack.ports[1], timeout=30)
    try:
        headers = {"X-Terrace-Signature": f"t={stamp},v1={mac}"}
        connection.request("POST", "/hook/tradingview", raw, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def start_signing(start: Starter, folder: Path) -> Stack:
    """A stack whose source signs with a secret of the user's own."""
    secret = folder / "signing"
    secret.write_text("correct horse battery staple", encoding="utf-8")
    secret.chmod(0o600)
    return start({"sources": {"tradingview": {"hmac_secret": f"file:{secret}"}}}, "daemon", "forwarder")


def check_refusals(stack: Stack, bodies: list[bytes]) -> dict[int, int]:
    """Posts all; every refusal must say what is wrong. How often each status came."""
    seen: dict[int, int] = {}
    for raw in bodies:
        status, answer = signed(stack, raw)
        seen[status] = seen.get(status, 0) + 1
        assert status in (200, 202, 400, 413), (status, raw[:200], answer)
        if status == 400:
            names_the_fault(raw, answer)
    for name in ("daemon", "forwarder"):
        assert "Traceback" not in stack.log(name)
    return seen


def names_the_fault(raw: bytes, answer: dict[str, Any]) -> None:
    text = json.dumps(answer)
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        assert "line" in text, (raw[:200], answer)
        assert "column" in text, (raw[:200], answer)
    else:
        assert answer["problems"], (raw[:200], answer)
        assert all(fault["path"] is not None and fault["message"] for fault in answer["problems"])


@pytest.mark.rule("SIG-2", "SIG-5")
@pytest.mark.skipif(not SHARED.exists(), reason="the recorded alert bodies are not here")
def test_every_published_alert_body_is_taken_or_refused_with_its_faults(start: Starter, tmp_path: Path) -> None:
    stack = start_signing(start, tmp_path)
    bodies = [json.loads(line)["body"].encode() for line in SHARED.read_text(encoding="utf-8").splitlines()]
    seen = check_refusals(stack, bodies)
    assert sum(seen.values()) == len(bodies) == 75
    assert stack.client.is_serving()


@pytest.mark.rule("SIG-2")
def test_generated_garbage_is_refused_with_its_faults(start: Starter, tmp_path: Path) -> None:
    stack = start_signing(start, tmp_path)
    seen = check_refusals(stack, list(garbage(random.Random(GARBAGE_SEED), 200)))
    assert seen.get(400, 0) > 100
    assert stack.client.is_serving()


def garbage(rng: random.Random, count: int) -> list[bytes]:
    """Broken text, broken JSON, and good alerts with one field made wrong."""
    made = []
    for _ in range(count):
        kind = rng.randrange(4)
        good = json.dumps(alert(price="100"))
        if kind == 0:
            made.append(rng.randbytes(rng.randrange(1, 300)))
        elif kind == 1:
            cut = rng.randrange(1, len(good))
            made.append(good[:cut].encode())
        elif kind == 2:
            made.append(json.dumps(rng.choice([[], 7, "text", None, True, [[[[[[[[[[1]]]]]]]]]]])).encode())
        else:
            broken = alert(price=rng.choice(["{{close}}", "abc", [], {}, "1e999", "-" * 40, True]))
            del broken["tv"][rng.choice(["symbol", "action", "timeframe"])]
            made.append(json.dumps(broken).encode())
    return made
