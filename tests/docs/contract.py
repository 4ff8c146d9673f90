"""The contract as a tree of what a reader wants to know: services, methods, messages, enumerations, their comments."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

from protos.build import ROOT, protoc

# Field numbers of descriptor.proto, by which SourceCodeInfo names places.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_INNER = 2
_ONEOF = 8
_PACKAGE = ".terrace.v1."
_TYPES: Mapping[int, str] = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_INT64: "int64",
    FieldDescriptorProto.TYPE_UINT32: "uint32",
    FieldDescriptorProto.TYPE_UINT64: "uint64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`type` is a scalar's name, or a message's or enumeration's without its package. `one_of`: the choice it is in."""

    name: str
    type: str
    is_ours: bool
    is_repeated: bool
    is_optional: bool
    one_of: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    name: str
    comment: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enumeration:
    """`values`: name and comment of each, in the order of the contract."""

    name: str
    comment: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    name: str
    comment: str
    request: Message
    response: Message
    is_stream: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    comment: str
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """`messages` and `enumerations` by name, sorted; requests and responses are with their methods."""

    services: tuple[Service, ...]
    messages: tuple[Message, ...]
    enumerations: tuple[Enumeration, ...]

    def uncommented(self) -> list[str]:
        """Names of elements nobody has explained."""
        with_methods = [
            part for service in self.services for one in service.methods for part in (one.request, one.response)
        ]
        named = [
            *((service.name, service.comment) for service in self.services),
            *((f"{service.name}.{one.name}", one.comment) for service in self.services for one in service.methods),
            *((message.name, message.comment) for message in (*self.messages, *with_methods)),
            *(
                (f"{message.name}.{field.name}", field.comment)
                for message in (*self.messages, *with_methods)
                for field in message.fields
            ),
            *((one.name, one.comment) for one in self.enumerations),
            *((value, comment) for one in self.enumerations for value, comment in one.values),
        ]
        return sorted(name for name, comment in named if not comment)


@cache
def read() -> Contract:
    """The contract as it stands in protos/terrace/v1. RuntimeError if protoc refuses it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "set"
        protoc(ROOT, f"--descriptor_set_out={target}", "--include_source_info")
        files = FileDescriptorSet.FromString(target.read_bytes()).file
    messages = {message.name: message for file in files for message in _messages(file)}
    services = tuple(service for file in files for service in _services(file, messages))
    enumerations = [one for file in files for one in _enumerations(file)]
    with_methods = {
        part.name for service in services for one in service.methods for part in (one.request, one.response)
    }
    return Contract(
        services=services,
        messages=tuple(messages[name] for name in sorted(messages.keys() - with_methods)),
        enumerations=tuple(sorted(enumerations, key=lambda one: one.name)),
    )


class _Comments:
    def __init__(self, file: FileDescriptorProto) -> None:
        self._of = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def at(self, *place: int) -> str:
        """On one line; empty where there is none."""
        return " ".join(self._of.get(place, "").split())


def _messages(file: FileDescriptorProto) -> Iterator[Message]:
    comments = _Comments(file)
    for index, message in enumerate(file.message_type):
        yield _message(message, comments, _FILE_MESSAGE, index)


def _message(message: DescriptorProto, comments: _Comments, *place: int) -> Message:
    maps = {nested.name: nested for nested in message.nested_type if nested.options.map_entry}
    assert len(maps) == len(message.nested_type), f"{message.name}: messages inside messages have no place on the page"
    assert not message.enum_type, f"{message.name}: enumerations inside messages have no place on the page"
    fields = []
    for index, field in enumerate(message.field):
        choice = ""
        if field.HasField("oneof_index") and not field.proto3_optional:
            choice = message.oneof_decl[field.oneof_index].name
            choice = f"{choice}: {comments.at(*place, _ONEOF, field.oneof_index)}"
        comment = comments.at(*place, _INNER, index)
        fields.append(_field(field, maps, choice, comment))
    return Message(name=message.name, comment=comments.at(*place), fields=tuple(fields))


def _field(field: FieldDescriptorProto, maps: Mapping[str, DescriptorProto], choice: str, comment: str) -> Field:
    entry = maps.get(field.type_name.rpartition(".")[2])
    name = _type(field)
    if entry is not None:
        name = f"map of {_type(entry.field[0])} to {_type(entry.field[1])}"
    return Field(
        name=field.name,
        type=name,
        is_ours=entry is None and field.type_name.startswith(_PACKAGE),
        is_repeated=entry is None and field.label == FieldDescriptorProto.LABEL_REPEATED,
        is_optional=field.proto3_optional,
        one_of=choice,
        comment=comment,
    )


def _type(field: FieldDescriptorProto) -> str:
    """`string`, `Timestamp`, `Group`. KeyError for a scalar that no field of the contract has had so far."""
    return field.type_name.rpartition(".")[2] or _TYPES[field.type]


def _enumerations(file: FileDescriptorProto) -> Iterator[Enumeration]:
    comments = _Comments(file)
    for index, enum in enumerate(file.enum_type):
        yield _enumeration(enum, comments, index)


def _enumeration(enum: EnumDescriptorProto, comments: _Comments, index: int) -> Enumeration:
    values = tuple((one.name, comments.at(_FILE_ENUM, index, _INNER, at)) for at, one in enumerate(enum.value))
    return Enumeration(name=enum.name, comment=comments.at(_FILE_ENUM, index), values=values)


def _services(file: FileDescriptorProto, messages: Mapping[str, Message]) -> Iterator[Service]:
    comments = _Comments(file)
    for index, service in enumerate(file.service):
        yield _service(service, comments, index, messages)


def _service(
    service: ServiceDescriptorProto, comments: _Comments, index: int, messages: Mapping[str, Message]
) -> Service:
    methods = tuple(
        Method(
            name=one.name,
            comment=comments.at(_FILE_SERVICE, index, _INNER, at),
            request=messages[one.input_type.rpartition(".")[2]],
            response=messages[one.output_type.rpartition(".")[2]],
            is_stream=one.server_streaming,
        )
        for at, one in enumerate(service.method)
    )
    return Service(name=service.name, comment=comments.at(_FILE_SERVICE, index), methods=methods)
