"""Schema of the section about the built-in store of secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from daemon.config.kinds import Facts, Kind, SecretReference, refuse
from daemon.config.section import Section

WORDS = ("machine", "passphrase")
"""Keys of the vault that are no references."""


@dataclass(frozen=True)
class VaultKey(Kind):
    """What the vault is locked with. The value found is never echoed: it may be the key itself."""

    @property
    def facts(self) -> Facts:
        return Facts("SECRET")

    def check(self, value: object) -> str:
        if isinstance(value, str) and value in WORDS:
            return value
        allowed = (*WORDS, "keyring:service/name", "systemd:NAME", "file:PATH", "env:NAME")
        if isinstance(value, str) and value.startswith("vault:"):
            raise refuse("the vault's key cannot lie in the vault", *allowed)
        if isinstance(value, str) and ":" in value:
            return SecretReference().check(value)
        raise refuse("must be a word or a reference, not the key itself (value not shown)", *allowed)


class VaultModel(Section):
    key: Annotated[str, VaultKey()] = Field(
        default="machine",
        description="What opens the built-in store of secrets: machine (a key file mixed with this machine's id), "
        "passphrase (asked for at the start, or TERRACE_VAULT_PASSPHRASE_FILE), or a reference.",
    )
