"""What could stand here, for a shell that asks: names of accounts, groups, symbols and contexts, from the daemon.

A shell must not wait, nor be told of errors: who cannot be asked in time completes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from control.client import Client

PATIENCE_S = 1.0
MOST = 200


def _client(ctx: typer.Context) -> Client:
    """The daemon that the words typed so far mean."""
    from control.client import Client
    from control.session import Session
    from control.target import TargetFlags, find_target

    given = ctx.find_root().params
    flags = TargetFlags(
        **{
            name: given.get(name) or ""
            for name in ("config", "context", "address", "token_file", "tls_ca", "tls_cert", "tls_key")
        },
        timeout_s=PATIENCE_S,
    )
    return Client(find_target(Session(flags=flags).meant))


def _matching(found: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in found if name.startswith(incomplete)})[:MOST]


def _asked(ctx: typer.Context, request: Any, answer: Any) -> Any:
    """The daemon's answer, an empty one if there is none."""
    from control.config_file import ConfigFault
    from control.errors import ClientError

    try:
        with _client(ctx) as client:
            return client.call(request, answer, timeout_s=PATIENCE_S)
    except (ClientError, ConfigFault, OSError):
        return answer()


def accounts(ctx: typer.Context, incomplete: str) -> list[str]:
    from protos.terrace.v1 import account_pb2 as pb

    found = _asked(ctx, pb.ListAccountsRequest(page_size=MOST), pb.ListAccountsResponse).accounts
    return _matching((one.account for one in found), incomplete)


def _groups(ctx: typer.Context) -> Any:
    from protos.terrace.v1 import group_pb2 as pb

    request = pb.ListGroupsRequest(page_size=MOST, view=pb.GROUP_VIEW_BASIC)
    return _asked(ctx, request, pb.ListGroupsResponse).groups


def groups(ctx: typer.Context, incomplete: str) -> list[str]:
    return _matching((one.group_id for one in _groups(ctx)), incomplete)


def symbols(ctx: typer.Context, incomplete: str) -> list[str]:
    """Those of live groups."""
    return _matching((one.symbol for one in _groups(ctx)), incomplete)


def queued(ctx: typer.Context, incomplete: str) -> list[str]:
    from protos.terrace.v1 import queue_pb2 as pb

    found = _asked(ctx, pb.ListQueuedSignalsRequest(page_size=MOST), pb.ListQueuedSignalsResponse).queued_signals
    return _matching((one.signal_id for one in found), incomplete)


def contexts(incomplete: str) -> list[str]:
    import os

    from control.config_file import ConfigFault
    from control.contexts import read_contexts

    try:
        return _matching(read_contexts(os.environ), incomplete)
    except ConfigFault:
        return []
