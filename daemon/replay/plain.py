"""Messages of the contract as plain values, as scripts know them from `-o json`: proto field names, enum values without
their prefix, every field there, times in RFC 3339, decimals as the strings they are.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from daemon.api.translate import timestamp


def plain_message(message: Message) -> dict[str, Any]:
    return {field.name: _value(message, field) for field in message.DESCRIPTOR.fields}


def time_text(time_ms: int) -> str:
    """A time as the messages show it."""
    return timestamp(time_ms).ToJsonString()


def word(enum: Any, number: int) -> str:
    """Name of an enum's value without the prefix that all of its values carry."""
    return _names(enum.DESCRIPTOR)[number]


@cache
def _names(enum: Any) -> dict[int, str]:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    return {value.number: value.name.removeprefix(prefix) for value in enum.values}


def _value(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_single(field, each) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _single(field, value)


def _single(field: Any, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        is_time = value.DESCRIPTOR.full_name == "google.protobuf.Timestamp"
        return value.ToJsonString() if is_time else plain_message(value)
    return _names(field.enum_type)[value] if field.type == FieldDescriptor.TYPE_ENUM else value
