"""Requests made from the contract itself: valid in shape, odd in everything else."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

MAX_DEPTH = 3
_F = FieldDescriptor
_SIGNED_32 = (0, 1, -1, 2, 10, 1000, 2**31 - 1, -(2**31))
_UNSIGNED_32 = (0, 1, 2, 1000, 2**32 - 1)
_SIGNED_64 = (*_SIGNED_32, 2**53 + 1, 2**63 - 1, -(2**63))
_UNSIGNED_64 = (*_UNSIGNED_32, 2**53 + 1, 2**64 - 1)
_SECONDS = (0, 1, -1, 1_700_000_000, 253_402_300_799, 253_402_300_800, -62_135_596_800, -62_135_596_801, 2**63 - 1)
_NUMBERS = ("0", "1", "-1", "0.1", "100", "1e5", "1e999999", "-0", "NaN", "Infinity", "9" * 400, "0." + "0" * 400 + "1")
_WORDS = ("paper", "live", "BTC/USDT", "BTCUSDT", "ETH/USDT", "15m", "60", "tradingview", "admin", "pool", "long")
_ODD = (
    "",
    " ",
    "\x00",
    "a\nb",
    "../../etc/passwd",
    "/dev/zero",
    "%s%n{0}{}",
    "'; DROP TABLE events; --",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "\N{GRINNING FACE}" * 50,
    "e\N{COMBINING ACUTE ACCENT}" * 300,
    "x" * 200,
    "x" * 70_000,
    "\uffff\ufffe",
    "٣",
    "__class__",
    "env:HOME",
    "file:/etc/passwd",
    "2026-01-01T00:00:00Z",
    '{"a": [1, 2}',
    "*",
    "[" * 5_000,
    "(" * 3_000,
)

TEXTS = st.one_of(st.sampled_from(_WORDS), st.sampled_from(_NUMBERS), st.sampled_from(_ODD), st.text(max_size=40))
_PLAIN: dict[int, st.SearchStrategy[Any]] = {
    _F.TYPE_STRING: TEXTS,
    _F.TYPE_BYTES: st.one_of(st.binary(max_size=60), TEXTS.map(lambda text: text.encode())),
    _F.TYPE_BOOL: st.booleans(),
    _F.TYPE_DOUBLE: st.floats(),
    _F.TYPE_FLOAT: st.floats(width=32),
    **dict.fromkeys((_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32), st.sampled_from(_SIGNED_32)),
    **dict.fromkeys((_F.TYPE_UINT32, _F.TYPE_FIXED32), st.sampled_from(_UNSIGNED_32)),
    **dict.fromkeys((_F.TYPE_INT64, _F.TYPE_SINT64, _F.TYPE_SFIXED64), st.sampled_from(_SIGNED_64)),
    **dict.fromkeys((_F.TYPE_UINT64, _F.TYPE_FIXED64), st.sampled_from(_UNSIGNED_64)),
}


@st.composite
def requests(draw: st.DrawFn, descriptor: Descriptor, depth: int = 0) -> Message:
    """Any message of this type: each field left out or set, to something likely or to something odd."""
    made: Message = GetMessageClass(descriptor)()
    if descriptor.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        made.seconds = draw(st.sampled_from(_SECONDS))  # type: ignore[attr-defined]
        made.nanos = draw(st.sampled_from((0, 1, -1, 999_999_999, 10**9, 2**31 - 1)))  # type: ignore[attr-defined]
        return made
    for field in descriptor.fields:
        if draw(st.integers(0, 2)):
            _fill(draw, made, field, depth)
    return made


def _fill(draw: st.DrawFn, made: Message, field: Any, depth: int) -> None:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        for _ in range(draw(st.integers(0, 2))):
            key = draw(_value(entry.fields_by_name["key"], depth))
            value = draw(_value(entry.fields_by_name["value"], depth))
            if isinstance(value, Message):
                getattr(made, field.name)[key].CopyFrom(value)
            else:
                getattr(made, field.name)[key] = value
    elif field.is_repeated:
        count = draw(st.sampled_from((0, 1, 1, 2, 3, 300)))
        value = draw(_value(field, depth)) if count else None
        getattr(made, field.name).extend([value] * count)
    elif entry is not None:
        if depth < MAX_DEPTH:
            getattr(made, field.name).CopyFrom(draw(_value(field, depth)))
    else:
        setattr(made, field.name, draw(_value(field, depth)))


def _value(field: Any, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return (
            requests(field.message_type, depth + 1)
            if depth < MAX_DEPTH
            else st.just(GetMessageClass(field.message_type)())
        )
    if field.enum_type is not None:
        known = [value.number for value in field.enum_type.values]
        return st.sampled_from([*known, *known, -1, 999, 2**31 - 1, -(2**31)])
    return _PLAIN[field.type]


@st.composite
def wires(draw: st.DrawFn, descriptor: Descriptor) -> bytes:
    """What is sent: a request, one that was damaged on its way, or noise."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=200))
    data = draw(requests(descriptor)).SerializeToString()
    if kind > 2 or not data:
        return data
    at = draw(st.integers(0, len(data) - 1))
    return data[:at] if kind == 1 else data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
