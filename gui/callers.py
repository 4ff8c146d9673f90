"""Who is logged in, as the daemon knows them: one client and one identity per token, shared by its logins and tabs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from control.client import AioClient, Target, TokenFile
from protos.terrace.v1 import engine_pb2


class HeldToken(TokenFile):
    """A token somebody logged in with. It is in memory only."""

    def __init__(self, text: str) -> None:
        super().__init__(Path())
        self._text = text

    def read(self) -> str:
        self.fault = "log in again with a token this daemon knows"
        return self._text

    def __repr__(self) -> str:
        return "HeldToken(****)"


@dataclass(slots=True, eq=False)
class Caller:
    """One token. Every call it makes is its own, so that the daemon decides what it may do (SEC-1)."""

    key: str
    """Hash of the token; names it without telling it."""
    client: AioClient
    name: str
    role: str
    """`VIEWER`, `OPERATOR` or `ADMIN`."""
    methods: frozenset[str] = field(default_factory=frozenset)
    """Methods it may call, as `Service/Method`: what is shown and enabled. The daemon enforces them."""


async def identify(target: Target, token: str) -> Caller:
    """Asks the daemon whose token it is. Raises ClientError."""
    client = AioClient(replace(target, token=HeldToken(token)))
    try:
        answer = await client.call(engine_pb2.GetIdentityRequest(), engine_pb2.GetIdentityResponse)
    except BaseException:
        await client.close()
        raise
    found = answer.identity
    role = engine_pb2.TokenRole.Name(found.role).removeprefix("TOKEN_ROLE_")
    return Caller(
        key=hashlib.sha256(token.encode()).hexdigest(),
        client=client,
        name=found.name,
        role=role,
        methods=frozenset(found.methods),
    )
