"""`make api`: writes docs/api.md from the contract's own comments, the table of roles, and the daemon's code."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from actors.rules.model import Reason
from daemon.api.errors import DOMAIN, ApiReason, code_of
from daemon.api.guard import MAX_REQUEST_ID_CHARS
from daemon.api.pages import DEFAULT_SIZE, MAX_SIZE
from daemon.api.roles import CHANGES, COMMANDS, ROLE_OF
from daemon.api.story_words import WHY
from tests.docs import api_errors, contract
from tests.docs.contract import Enumeration, Field, Message, Method, Service
from tests.troubles.found import ROOT
from tests.troubles.page import anchor
from tests.troubles.reasons import OF_A_CALL, OF_THE_API

PAGE = ROOT / "docs" / "api.md"
_ENGINE = "[those of the engine](troubleshooting.md#reasons)"
_HEAD = """# The API

Written by `make api` from `protos/terrace/v1`, the table of roles and the daemon's code; a test fails when it is not
current. Everything the command line, the forwarder and the panel do goes through this API, and so can your programs.

## Calling it

gRPC, package `terrace.v1`, at `api.address` (`127.0.0.1:7461`) and on the unix socket `terrace.sock` in the data
directory; with TLS where `api.tls` is set ([security.md](security.md)). A call carries a token in its metadata,
`authorization: Bearer TOKEN`, or comes with a certificate of `api.tls.client_ca`. `terrace token create` makes one with
the role it needs, [access.md](access.md) has the whole table. `grpc.health.v1.Health` answers everybody, server
reflection whoever may see.

The groups of a running daemon, in Python with the packages that Terrace brings (`data_dir` is `data`):

```python
{example}
```

The contract's files can be compiled for any language that has gRPC. For shell scripts `-o json` of the command line
prints the same messages with the same field names.

- **Decimals** are strings in plain notation, never binary numbers. An empty string is "there is none".
- **Times** are `google.protobuf.Timestamp`, UTC. A *timeframe* is normalised: `15m`, `1h`, `1d`.
- **Lists** have pages: `page_size` (0: {default}; at most {most:,}), `page_token` with the `next_page_token` of the
  page before and the same filters. The last page has none.
- **Changes** take a `request_id` of at most {id_chars} characters, made by you: the same id again gets the first answer
  and does nothing twice. `validate_only` says what would be done and does nothing; it needs the role of the real thing.
- **Streams** end when the daemon stops; `WatchEvents` is resumed with `after_sequence`.
- **Unknown values**: a newer daemon may send enumeration values and fields that an older client does not know.

## Errors

A call that fails has a gRPC code and, in its details, a `google.rpc.ErrorInfo` of the domain `{domain}` with a stable
`reason`: decide by that, and show the message to people. Faulty fields come as `google.rpc.BadRequest`, what is not
there as `ResourceInfo`, and when to come again as `RetryInfo`. `DEADLINE_EXCEEDED` with `OUTCOME_UNKNOWN` means that it
may have been done: look, or repeat it with the same `request_id`. [troubleshooting.md](troubleshooting.md#reasons) has
cause and remedy of each reason.

Any method may answer with one of these; further ones stand with the method. *Refusals of the engine* are the other
reasons of that list, `FAILED_PRECONDITION` mostly.

{common}

## Services

{services}
"""
EXAMPLE = """from pathlib import Path

import grpc

from protos.terrace.v1 import group_pb2, group_pb2_grpc

token = Path("data/secrets/admin.token").read_text().strip()
with grpc.insecure_channel("127.0.0.1:7461") as channel:
    groups = group_pb2_grpc.GroupServiceStub(channel)
    answer = groups.ListGroups(
        group_pb2.ListGroupsRequest(page_size=10),
        metadata=[("authorization", f"Bearer {token}")],
        timeout=10,
    )
for group in answer.groups:
    print(group.group_id, group.symbol, group.quantity)"""


def page() -> str:
    """The whole page."""
    found = contract.read()
    order = list(dict.fromkeys(path.split("/")[1].removeprefix("terrace.v1.") for path in ROLE_OF))
    in_order = sorted(found.services, key=lambda service: order.index(service.name))
    services = _table(
        ("service", "what it is for"), ((_link(one.name, code=True), _cell(one.comment)) for one in in_order)
    )
    head = _HEAD.format(
        example=EXAMPLE,
        default=DEFAULT_SIZE,
        most=MAX_SIZE,
        id_chars=MAX_REQUEST_ID_CHARS,
        domain=DOMAIN,
        common="\n".join(_common()),
        services="\n".join(services),
    )
    parts = [head]
    for service in in_order:
        parts += _service(service)
    parts.append("## Messages\n\nRequests and responses stand with their methods.\n")
    for message in found.messages:
        parts += [f"### {message.name}\n", f"{_sentence(message.comment)}\n", *_fields(message), ""]
    parts.append("## Enumerations\n\nThe command line prints their values without the prefix.\n")
    for enum in found.enumerations:
        parts += _enumeration(enum)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _common() -> Iterator[str]:
    words = {reason.value: entry.cause for reason, entry in {**OF_A_CALL, **OF_THE_API}.items()}
    words = {reason.value: cause for reason, (cause, _) in WHY.items()} | words
    of = {reason.value: reason for reason in (*Reason, *ApiReason)}
    names = api_errors.of_every_call()
    rows = ((_reason(name), f"`{code_of(of[name]).name}`", _cell(words[name])) for name in names)
    return _table(("reason", "gRPC", "when"), rows)


def _service(service: Service) -> Iterator[str]:
    yield f"## {service.name}\n\n{_sentence(service.comment)}\n"
    rows = (
        (_link(f"{service.name}.{one.name}", one.name), f"`{_role(service, one)}`", _cell(one.comment))
        for one in service.methods
    )
    yield from _table(("method", "role", "what it does"), rows)
    yield ""
    for method in service.methods:
        yield from _method(service, method)


def _method(service: Service, method: Method) -> Iterator[str]:
    yield f"### {service.name}.{method.name}\n\n{_sentence(method.comment)}\n"
    path = f"/terrace.v1.{service.name}/{method.name}"
    words = [f"Role `{_role(service, method)}`"]
    if path in CHANGES:
        words.append("recorded with who called it")
    if path in COMMANDS or method.name == "SubmitSignal":
        words.append("refused in read-only mode")
    if method.is_stream:
        words.append("answers with a stream")
    errors = api_errors.of_method(service.name, method.name)
    given = [_reason(name) for name in errors.reasons if name not in api_errors.of_every_call()]
    given += [_ENGINE] if errors.asks_engine else []
    yield f"{', '.join(words)}. Errors: {', '.join(given) or 'only those of every call'}.\n"
    for what, message in (("Request", method.request), ("Response", method.response)):
        more = re.sub(rf"^{what} of {method.name}\.\s*", "", message.comment)
        said = f"**{what}** `{message.name}`"
        yield f"{said}: no fields.\n" if not message.fields else f"{said}{': ' + more if more else ''}\n"
        if message.fields:
            yield from _fields(message)
            yield ""


def _fields(message: Message) -> Iterator[str]:
    rows = ((f"`{one.name}`", _type(one), _cell(one.comment) + _choice(one)) for one in message.fields)
    return _table(("field", "type", ""), rows)


def _type(field: Field) -> str:
    words = _link(field.type, code=True) if field.is_ours else field.type
    if field.is_repeated:
        return f"list of {words}"
    return f"{words}, optional" if field.is_optional else words


def _choice(field: Field) -> str:
    name, _, comment = field.one_of.partition(": ")
    return f" *One of `{name}`*: {_cell(comment)}" if name else ""


def _enumeration(enum: Enumeration) -> Iterator[str]:
    yield f"### {enum.name}\n\n{_sentence(enum.comment)}\n"
    yield from _table(("value", ""), ((f"`{name}`", _cell(comment)) for name, comment in enum.values))
    yield ""


def _role(service: Service, method: Method) -> str:
    return ROLE_OF[f"/terrace.v1.{service.name}/{method.name}"].value


def _reason(name: str) -> str:
    return f"[`{name}`](troubleshooting.md#{anchor('reason', name)})"


def _link(heading: str, text: str = "", *, code: bool = False) -> str:
    words = text or heading
    return f"[{f'`{words}`' if code else words}](#{re.sub(r'[^a-z0-9_-]', '', heading.lower())})"


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = tuple(titles)
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return text if text.endswith((".", ":")) else f"{text}."


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
