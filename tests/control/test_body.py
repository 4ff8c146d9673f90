"""Reading a body, and cutting its secret out."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.forwarder.body import Body, cut_secrets, read_body

SECRET = "a-long-enough-secret"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def body_of(text: str) -> Body:
    found = read_body(text.encode())
    assert isinstance(found, Body), found
    return found


@pytest.mark.rule("SIG-5")
@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["secret", "a", "b", "tv"]) | st.text(max_size=3), JSON), max_size=6),
    st.sampled_from(["", " ", "\n\t "]),
    st.booleans(),
)
def test_only_the_secret_goes(members: list[tuple[str, Any]], space: str, ascii_only: bool) -> None:
    written = (
        f"{json.dumps(key, ensure_ascii=ascii_only)}{space}:{space}{json.dumps(value)}" for key, value in members
    )
    text = space + "{" + space + f"{space},{space}".join(written) + space + "}" + space
    found = read_body(text.encode("utf-8", "surrogatepass"))
    if not isinstance(found, Body):
        return  # Nested too deeply, or half a surrogate pair.
    kept = json.loads(cut_secrets(found, [SECRET]))
    assert kept == {key: value for key, value in members if key != "secret"}


@pytest.mark.rule("SIG-5")
@settings(max_examples=200, deadline=None)
@given(JSON.map(lambda tree: {"note": [tree, f"x{SECRET}y"], SECRET: 1, "secret": SECRET}), st.booleans())
def test_the_secret_is_nowhere_in_what_is_kept(tree: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(tree, ensure_ascii=ascii_only).replace(
        f"x{SECRET}", "x" + "".join(f"\\u{ord(c):04x}" for c in SECRET)
    )
    found = read_body(text.encode("utf-8", "surrogatepass"))
    if isinstance(found, Body):
        kept = cut_secrets(found, [SECRET])
        assert SECRET.encode() not in kept
        assert SECRET not in json.dumps(json.loads(kept), ensure_ascii=False)


@pytest.mark.rule("SIG-1")
def test_numbers_keep_their_digits() -> None:
    text = '{"secret": "x", "a": 1.10, "b": 1E+5, "c": 123456789012345678901234567890.5, "d": NaN, "e": -0}'
    kept = cut_secrets(body_of(text), ["x"]).decode()
    assert kept == '{"a": 1.10, "b": 1E+5, "c": 123456789012345678901234567890.5, "d": NaN, "e": -0}'


def test_a_short_secret_is_not_looked_for_in_other_words() -> None:
    body = body_of('{"secret": "buy", "tv": {"action": "buy"}}')
    assert cut_secrets(body, ["buy"]) == b'{"tv": {"action": "buy"}}'
    mapped = body_of('{"key": "buy", "tv": 1}')
    assert cut_secrets(mapped, [], mapped=["buy"]) == b'{"key": "****", "tv": 1}'


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    ("raw", "reason", "line", "column"),
    [
        (b"", "NOT_JSON", 1, 1),
        (b"buy BTCUSDT", "NOT_JSON", 1, 1),
        (b'{"a": 1,\n "b": }', "NOT_JSON", 2, 7),
        (b'{"a": "x\ny"}', "NOT_JSON", 1, 9),
        (b"{'a': 1}", "NOT_JSON", 1, 2),
        (b'{"a": 1} {"b": 2}', "NOT_JSON", 1, 10),
        (b'{"a":\n "\xff"}', "NOT_UTF8", 2, 3),
        (b"[1]", "WRONG_TYPE", 1, 1),
        (b"null", "WRONG_TYPE", 1, 1),
        (b'{"a":\n[[[[[[[[1]]]]]]]]}', "TOO_DEEP", 2, 8),
    ],
)
def test_what_is_no_object_is_told_its_place(raw: bytes, reason: str, line: int, column: int) -> None:
    found = read_body(raw)
    assert isinstance(found, tuple)
    assert (found[0].reason, found[0].line, found[0].column) == (reason, line, column)


def test_a_byte_order_mark_and_absurd_numbers_do_not_matter() -> None:
    assert isinstance(read_body(b"\xef\xbb\xbf{}"), Body)
    assert body_of('{"a": ' + "9" * 10_000 + "}").tree["a"] > 1
    assert body_of('{"a": 1e99999999999999999999}').tree["a"] == Decimal("Infinity")


@pytest.mark.rule("SIG-2")
@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b'\\"' * 32_000,
        b'{"a":"' + b'\\"' * 32_000,
        b'"' * 65_000,
        b"{" * 65_000,
        b"{{" * 32_000,
        b'[{"a":' * 10_000,
        b'{"a":' + b"{{a}}" * 12_000,
        b"[" * 8 + b"1," * 30_000,
    ],
)
def test_hostile_bodies_cost_little(raw: bytes) -> None:
    start = time.perf_counter()
    assert not isinstance(read_body(raw), Body)
    assert time.perf_counter() - start < 0.5
