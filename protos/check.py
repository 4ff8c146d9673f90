"""Checks the contract: naming, comments, and that the generated code is current. Part of `make lint`.

The rules are buf's STANDARD ones, and the project's own: decimals are strings, every element has a comment, times are
Timestamps named `*_time`, lists have pages.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

from protos.build import PACKAGE, ROOT, generate, generated_files, protoc

PASCAL = re.compile(r"([A-Z][a-z0-9]*)+")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
TIMESTAMP = ".google.protobuf.Timestamp"
BINARY_FLOATS = (FieldDescriptorProto.TYPE_FLOAT, FieldDescriptorProto.TYPE_DOUBLE)

# Field numbers in descriptor.proto, of which the paths of source locations are made.
FILE_MESSAGE, FILE_ENUM, FILE_SERVICE = 4, 5, 6
MESSAGE_FIELD, MESSAGE_NESTED, MESSAGE_ENUM, MESSAGE_ONEOF = 2, 3, 4, 8
ENUM_VALUE = SERVICE_METHOD = 2

Place = tuple[int, ...]
# Once per element (place, name, ""), which asks for its comment; besides (place, name, fault) per fault.
Found = Iterator[tuple[Place, str, str]]


def faults(root: Path = ROOT) -> list[str]:
    """Every breach of the naming rules in the contract under `root`, one line each."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "set"
        protoc(root, f"--descriptor_set_out={target}", "--include_source_info")
        files = FileDescriptorSet.FromString(target.read_bytes()).file
    found = [f"{file.name}: {fault}" for file in files for fault in _file_faults(file)]
    return found + list(_shared_requests(files))


def stale(root: Path = ROOT) -> list[str]:
    """Names of generated files under `root` that are not what the contract gives."""
    fresh, present = generate(root), generated_files(root)
    return sorted(name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name))


def main() -> int:
    """Prints what is wrong; exit code 1 if anything is."""
    found = faults()
    found += [f"{PACKAGE / name}: not what the contract gives; run `make protos`" for name in stale()]
    for line in found:
        print(line)
    if not found:
        print("contract: names, comments and generated code are in order")
    return 1 if found else 0


def _file_faults(file: FileDescriptorProto) -> Iterator[str]:
    commented = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()}
    if file.package != "terrace.v1" or Path(file.name).parent != PACKAGE:
        yield "a file of package terrace.v1 lies in terrace/v1"
    if not SNAKE.fullmatch(Path(file.name).stem):
        yield "file names are lower_snake_case"
    if len(file.service) > 1:
        yield "one service per file"
    elements = [
        *(_message_faults(message, (FILE_MESSAGE, i)) for i, message in enumerate(file.message_type)),
        *(_enum_faults(enum, (FILE_ENUM, i)) for i, enum in enumerate(file.enum_type)),
        *(_service_faults(service, (FILE_SERVICE, i)) for i, service in enumerate(file.service)),
    ]
    for element in elements:
        for path, name, fault in element:
            if fault:
                yield f"{name}: {fault}"
            elif path not in commented:
                yield f"{name}: has no comment"
    yield from _unpaged_lists(file)


def _message_faults(message: DescriptorProto, path: Place) -> Found:
    yield path, message.name, ""
    if not PASCAL.fullmatch(message.name):
        yield path, message.name, "message names are PascalCase"
    if message.options.map_entry:
        return
    for i, field in enumerate(message.field):
        yield from _field_faults(field, message.name, (*path, MESSAGE_FIELD, i))
    for i, oneof in enumerate(message.oneof_decl):
        if not oneof.name.startswith("_"):  # That would be the compiler's own, made for `optional`.
            yield (*path, MESSAGE_ONEOF, i), f"{message.name}.{oneof.name}", ""
    for i, enum in enumerate(message.enum_type):
        yield from _enum_faults(enum, (*path, MESSAGE_ENUM, i))
    for i, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message_faults(nested, (*path, MESSAGE_NESTED, i))


def _field_faults(field: FieldDescriptorProto, owner: str, path: Place) -> Found:
    name = f"{owner}.{field.name}"
    yield path, name, ""
    if not SNAKE.fullmatch(field.name):
        yield path, name, "field names are lower_snake_case"
    if field.type in BINARY_FLOATS:
        yield path, name, "decimals are strings"
    if (field.type_name == TIMESTAMP) != (field.name == "time" or field.name.endswith("_time")):
        yield path, name, "times are Timestamps named `*_time`, and nothing else is named so"


def _enum_faults(enum: EnumDescriptorProto, path: Place) -> Found:
    yield path, enum.name, ""
    if not PASCAL.fullmatch(enum.name):
        yield path, enum.name, "enum names are PascalCase"
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"
    for i, value in enumerate(enum.value):
        yield (*path, ENUM_VALUE, i), value.name, ""
        if not UPPER.fullmatch(value.name) or not value.name.startswith(prefix):
            yield path, value.name, f"values are UPPER_SNAKE_CASE and begin with {prefix}"
        if (value.number == 0) != (value.name == prefix + "UNSPECIFIED"):
            yield path, value.name, f"zero, and only zero, is {prefix}UNSPECIFIED"


def _service_faults(service: ServiceDescriptorProto, path: Place) -> Found:
    yield path, service.name, ""
    if not PASCAL.fullmatch(service.name) or not service.name.endswith("Service"):
        yield path, service.name, "service names are PascalCase and end in Service"
    for i, method in enumerate(service.method):
        yield (*path, SERVICE_METHOD, i), method.name, ""
        if not PASCAL.fullmatch(method.name):
            yield path, method.name, "method names are PascalCase"
        if method.input_type != f".terrace.v1.{method.name}Request":
            yield path, method.name, f"its request is {method.name}Request"
        if method.output_type != f".terrace.v1.{method.name}Response":
            yield path, method.name, f"its response is {method.name}Response"


def _unpaged_lists(file: FileDescriptorProto) -> Iterator[str]:
    fields = {message.name: {field.name for field in message.field} for message in file.message_type}
    for method in (method for service in file.service for method in service.method if method.name.startswith("List")):
        if not {"page_size", "page_token"} <= fields.get(f"{method.name}Request", set()):
            yield f"{method.name}: its request has page_size and page_token"
        if "next_page_token" not in fields.get(f"{method.name}Response", set()):
            yield f"{method.name}: its response has next_page_token"


def _shared_requests(files: Iterable[FileDescriptorProto]) -> Iterator[str]:
    seen: set[str] = set()
    for file in files:
        for method in (method for service in file.service for method in service.method):
            if method.name in seen:
                yield f"{file.name}: {method.name}: two services have a method of this name"
            seen.add(method.name)


if __name__ == "__main__":
    sys.exit(main())
