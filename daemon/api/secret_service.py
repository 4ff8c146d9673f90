"""SecretService: the vault by name. No answer ever holds a secret's value."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.translate import timestamp
from daemon.store.pages import page_size
from daemon.vault.document import MAX_VALUE_BYTES, NAME
from daemon.vault.faults import VaultFault, VaultTrouble
from daemon.vault.vault import Stored, Vault
from protos.terrace.v1 import secret_pb2 as pb
from protos.terrace.v1 import secret_pb2_grpc

T = TypeVar("T")

_REASON = {
    VaultTrouble.LOCKED: ApiReason.VAULT_LOCKED,
    VaultTrouble.NEWER: ApiReason.VAULT_LOCKED,
    VaultTrouble.DAMAGED: ApiReason.VAULT_DAMAGED,
    VaultTrouble.FULL: ApiReason.VAULT_FULL,
    VaultTrouble.NOT_WRITTEN: ApiReason.VAULT_NOT_WRITTEN,
}


class SecretUsers(Protocol):
    """Who refers to the secrets of the vault."""

    def paths(self, name: str) -> Sequence[str]:
        """Keys of the configuration in force that hold `vault:name`."""

    def take_up(self, name: str) -> Sequence[str]:
        """Has those who can use the new value at once do so; a sentence for each user. Off the loop."""

    def deleted(self, name: str) -> None:
        """Shows who goes on with what is not stored any more."""


class SecretService(secret_pb2_grpc.SecretServiceServicer):
    def __init__(self, engine: Engine, vault: Vault, users: SecretUsers, know: Callable[[Sequence[str]], None]) -> None:
        """`know`: keeps a value out of the log from before it is stored."""
        self._engine = engine
        self._vault = vault
        self._users = users
        self._know = know

    async def SetSecret(self, request: pb.SetSecretRequest, _context: Context) -> pb.SetSecretResponse:
        name, value = _name(request.name), _value(request.value)
        self._know([value])
        stored = _done(await asyncio.to_thread(self._vault.put, name, value))
        notes = await asyncio.to_thread(self._users.take_up, name)
        return pb.SetSecretResponse(secret=self._shown(stored), notes=notes)

    async def ListSecrets(self, request: pb.ListSecretsRequest, _context: Context) -> pb.ListSecretsResponse:
        if request.page_size < 0:
            raise faulty_field("page_size", "must not be negative")
        after = _after(request.page_token)
        stored = _done(await asyncio.to_thread(self._vault.list))
        rest = [each for each in stored if each.name > after]
        page = rest[: page_size(request.page_size)]
        token = _token(page[-1].name) if len(page) < len(rest) else ""
        return pb.ListSecretsResponse(secrets=[self._shown(each) for each in page], next_page_token=token)

    async def DeleteSecret(self, request: pb.DeleteSecretRequest, _context: Context) -> pb.DeleteSecretResponse:
        name = _name(request.name)
        if request.validate_only:
            stored = _done(await asyncio.to_thread(self._vault.list))
            found = next((each for each in stored if each.name == name), None)
        else:
            found = _done(await asyncio.to_thread(self._vault.delete, name))
        if found is None:
            raise not_found("secret", name)
        if not request.validate_only:
            self._users.deleted(name)
        return pb.DeleteSecretResponse(secret=self._shown(found))

    async def RotateKeys(self, _request: pb.RotateKeysRequest, _context: Context) -> pb.RotateKeysResponse:
        count = _done(await asyncio.to_thread(self._vault.rotate))
        return pb.RotateKeysResponse(secret_count=count, rotate_time=timestamp(self._engine.clock.now_ms()))

    def _shown(self, stored: Stored) -> pb.Secret:
        return pb.Secret(
            name=stored.name,
            mask=stored.mask,
            create_time=timestamp(stored.create_ms),
            update_time=timestamp(stored.update_ms),
            config_paths=self._users.paths(stored.name),
        )


def _done(answer: T | VaultFault) -> T:
    if isinstance(answer, VaultFault):
        raise Failed(_REASON[answer.trouble], str(answer))
    return answer


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        words = "must be 1 to 128 letters, digits and . _ - /, beginning with a letter or digit: binance/api_key"
        raise faulty_field("name", words)
    return name


def _value(value: str) -> str:
    """What is wrong with it is said without it."""
    if not value.strip():
        raise faulty_field("value", "must not be empty")
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise faulty_field("value", f"is longer than {MAX_VALUE_BYTES} bytes")
    if "\0" in value:
        raise faulty_field("value", "must be text")
    return value


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _after(token: str) -> str:
    """The name the page before ended with; empty for the first page."""
    try:
        name = base64.b64decode(token[:256], altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        raise faulty_field("page_token", "is not a token of this list") from None
    if name and not NAME.fullmatch(name):
        raise faulty_field("page_token", "is not a token of this list")
    return name
