"""Decoding, secrets and field maps of an alert's body."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.api.body import MASK, Body, decode, readable, without_secret
from daemon.api.errors import FieldFault
from daemon.api.field_map import apply_map

SECRET = "s3cret-value"


def decoded(data: bytes) -> Body:
    body = decode(data)
    assert isinstance(body, Body), body
    return body


@pytest.mark.rule("SIG-1")
def test_numbers_are_read_exactly() -> None:
    tree = decoded(b'{"a": 0.1000, "b": 12345678901234567890.123456789, "c": 7, "d": 1e-8}').tree
    assert str(tree["a"]) == "0.1000"
    assert tree["b"] == Decimal("12345678901234567890.123456789")
    assert (tree["c"], tree["d"]) == (7, Decimal("1E-8"))


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1}\n}', "line 2, column 1"),
        (b'{"a":\n  \xff}', "line 2, column 3"),
        (b"[" * 60_000, "nested too deeply"),
        (b"9" * 5_000, "absurd"),
        (b'{"a": 1e9999999999999999999999}', "absurd"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(data: bytes, words: str) -> None:
    fault = decode(data)
    assert isinstance(fault, FieldFault)
    assert words in fault.problem


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def dumped(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dumped(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumped(item) for item in value) + "]"
    return json.dumps(value)


@pytest.mark.rule("LOG-4")
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5), st.text(min_size=1, max_size=20))
def test_without_its_secret_a_body_is_the_same_json_otherwise(fields: dict[str, Any], secret: str) -> None:
    body = decoded(dumped({**fields, "secret": secret}).encode())
    kept = decoded(without_secret(body).text.encode()).tree

    def masked(value: Any) -> Any:
        if isinstance(value, str):
            return MASK if value == secret else value
        if isinstance(value, dict):
            return {name: masked(item) for name, item in value.items()}
        return [masked(item) for item in value] if isinstance(value, list) else value

    assert kept == masked({name: item for name, item in body.tree.items() if name != "secret"})


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_a_body_or_a_fault(data: bytes) -> None:
    body = decode(data)
    if isinstance(body, Body):
        without_secret(body)
    readable(data).encode()


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    "text",
    [
        f'{{"secret": "{SECRET}", oops',
        f"secret={SECRET} ticker=BTC",
        f"{{'Secret':'{SECRET}'",
        f'"passphrase" : "{SECRET}',
    ],
)
def test_what_looks_like_a_secret_in_a_broken_body_is_masked(text: str) -> None:
    assert SECRET not in readable(text.encode())


@pytest.mark.rule("SIG-13")
def test_a_map_puts_what_its_expressions_give_and_leaves_the_rest() -> None:
    tree = decoded(b'{"ticker": "BTCUSDT", "p": 1.50, "tv": {"exchange": "BINANCE", "action": "buy"}}').tree
    mapped = apply_map(tree, {"tv.symbol": "ticker", "tv.close_price": "p", "tv.timeframe": "'15m'", "tv.action": "x"})
    assert mapped.tree["tv"] == {
        "exchange": "BINANCE",
        "symbol": "BTCUSDT",
        "close_price": Decimal("1.50"),
        "timeframe": "15m",
    }
    assert tree["tv"] == {"exchange": "BINANCE", "action": "buy"}, "the body itself is not changed"


@pytest.mark.rule("SIG-13")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("to_number(text)", Decimal("1.5")),
        ("`0.1`", Decimal("0.1")),
        ("to_string(p)", "1.50"),
        ("abs(p)", Decimal("1.50")),
        ("sum([p, p])", Decimal("3.00")),
        ("max([p, n])", 7),
        ("p > `1`", True),
        ("to_number('nonsense')", None),
        ("not_null(missing, p)", Decimal("1.50")),
    ],
)
def test_expressions_keep_numbers_exact(expression: str, value: Any) -> None:
    tree = decoded(b'{"text": "1.5", "p": 1.50, "n": 7}').tree
    found = apply_map(tree, {"out": expression}).tree.get("out")
    assert found == value
    assert not isinstance(found, float)


@pytest.mark.rule("SIG-13")
@pytest.mark.parametrize("expression", ["(((", "nofunction(p)", "abs(text)", "sum([p, `0.5`])"])
def test_an_expression_that_does_not_fit_is_a_fault_of_its_field(expression: str) -> None:
    mapped = apply_map({"text": "x", "p": Decimal(1)}, {"tv.symbol": expression})
    assert [fault.path for fault in mapped.faults] == ["tv.symbol"]


@pytest.mark.parametrize("tree", [None, 1, "text", [], [1]])
def test_a_map_over_something_that_is_no_object_is_no_crash(tree: Any) -> None:
    assert apply_map(tree, {"tv.symbol": "ticker"}).tree == {"tv": {}}
