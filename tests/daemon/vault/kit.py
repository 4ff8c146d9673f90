"""A vault in a folder of a test, with a key that costs nothing, and a keyring in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from daemon.secret_sources.value import Secret, Unresolved
from daemon.vault.crypto import ScryptCost
from daemon.vault.keys import GivenKey, KeySource, MachineKey
from daemon.vault.vault import Vault

CHEAP = ScryptCost(n=2**4, r=1, p=1)
MACHINE_ID = "0123456789abcdef"


class MemoryKeyring:
    """As the library's module behaves with a backend that works."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service_name: str, username: str) -> str | None:
        return self.kept.get((service_name, username))

    def set_password(self, service_name: str, username: str, password: str) -> None:
        self.kept[service_name, username] = password

    def delete_password(self, service_name: str, username: str) -> None:
        del self.kept[service_name, username]


def machine_key(folder: Path, machine_id: str = MACHINE_ID) -> MachineKey:
    return MachineKey(folder=folder, machine_id=machine_id)


def given_key(text: str | None, kind: str = "given") -> GivenKey:
    missing = Unresolved(reference="env:KEY", problem="the variable is not set", remedy="set KEY")
    return GivenKey(kind=kind, where="env:KEY", get=lambda: Secret(text) if text else missing, cost=CHEAP)


def vault_in(folder: Path, key: KeySource | None = None, step: Callable[[str], None] = lambda _name: None) -> Vault:
    clock = itertools.count(1_000)
    return Vault(folder, key or machine_key(folder), now_ms=lambda: next(clock), step=step)


def values(vault: Vault, *names: str) -> list[str]:
    """The values of these; an assertion where one cannot be read."""
    found = [vault.get(name) for name in names]
    assert all(isinstance(each, Secret) for each in found), found
    return [each.reveal() for each in found if isinstance(each, Secret)]
