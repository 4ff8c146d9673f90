"""What the vault is locked with (`vault.key`): a key of this machine, an entry of its keyring, or what the user gives.

A key that is the vault's own (machine, keyring) is renewed by a rotation. For that it has two places: the new one is
put beside the old one, the file is locked with it, then it takes the old one's place. Wherever that is cut off, one of
the two opens the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from daemon.secret_sources.keyrings import Keyring, delete_keyring, read_keyring, write_keyring
from daemon.secrets import Secret, Unresolved, new_token, read_secret_file, resolve
from daemon.vault.crypto import DEFAULT_COST, ScryptCost, from_random, from_text
from daemon.vault.document import Lock
from daemon.vault.files import replace_file

MACHINE = "machine"
PASSPHRASE = "passphrase"
PASSPHRASE_FILE = "TERRACE_VAULT_PASSPHRASE_FILE"
SHORTEST_GIVEN = 12
"""Characters of a key that a person chose."""

Material = str
"""What a key is made from. As secret as the key itself."""


class KeySource(Protocol):
    """Where the vault's key comes from."""

    @property
    def kind(self) -> str:
        """A word for it in the file."""

    @property
    def where(self) -> str:
        """For a person."""

    @property
    def cost(self) -> ScryptCost | None:
        """How new locks are derived; None: without a slow derivation."""

    @property
    def is_renewed(self) -> bool:
        """Whether a rotation gives it a new one."""

    def read(self) -> tuple[Material, ...] | Unresolved:
        """The key, and after it the one a rotation that was cut off has put beside it. Never empty."""

    def make(self) -> Unresolved | None:
        """Makes the first one if there is none. Never replaces one."""

    def stage(self, material: Material) -> Unresolved | None:
        """Puts a new one beside it, durably."""

    def promote(self) -> Unresolved | None:
        """The one beside it takes its place."""

    def drop_staged(self) -> None:
        """Forgets the one beside it, which opens nothing."""

    def derive(self, material: Material, lock: Lock) -> bytes:
        """The key that seals the master key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineKey:
    """Random, in `vault.key`, mixed with the machine's id: the data directory alone opens nothing elsewhere."""

    folder: Path
    machine_id: str
    kind: str = MACHINE
    cost: ScryptCost | None = None
    is_renewed: bool = True

    @property
    def where(self) -> str:
        return f"the key of this machine ({self._file})"

    @property
    def _file(self) -> Path:
        return self.folder / "vault.key"

    @property
    def _staged(self) -> Path:
        return self.folder / "vault.key.next"

    def read(self) -> tuple[Material, ...] | Unresolved:
        if not self.machine_id:
            return self._no_machine()
        current, staged = read_secret_file(self._file), read_secret_file(self._staged)
        found = [each.reveal() for each in (current, staged) if isinstance(each, Secret)]
        return tuple(found) if found or isinstance(current, Secret) else current

    def make(self) -> Unresolved | None:
        if not self.machine_id:
            return self._no_machine()
        if os.path.lexists(self._file):
            return None
        return replace_file(self._file, new_token())

    def stage(self, material: Material) -> Unresolved | None:
        return replace_file(self._staged, material)

    def promote(self) -> Unresolved | None:
        try:
            os.replace(self._staged, self._file)
        except OSError as error:
            problem = f"cannot be renamed ({error.strerror})"
            return Unresolved(reference=f"file:{self._staged}", problem=problem, remedy="make its folder writable")
        return None

    def drop_staged(self) -> None:
        self._staged.unlink(missing_ok=True)

    def derive(self, material: Material, lock: Lock) -> bytes:
        return from_random(material.encode(), lock.salt, b"terrace vault machine " + self.machine_id.encode())

    def _no_machine(self) -> Unresolved:
        remedy = "name another key: vault: {key: keyring:terrace/vault}, systemd:NAME, file:PATH or passphrase"
        return Unresolved(reference="vault.key: machine", problem="this machine has no id", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyringKey:
    """`keyring:service/name`. Made there by the vault unless something stands there already."""

    name: str
    ring: Keyring | None = field(default=None, repr=False)
    cost: ScryptCost | None = DEFAULT_COST
    kind: str = "keyring"
    is_renewed: bool = True

    @property
    def where(self) -> str:
        return f"keyring:{self.name}"

    @property
    def _staged(self) -> str:
        return f"{self.name}.next"

    def read(self) -> tuple[Material, ...] | Unresolved:
        current = read_keyring(self.name, self.ring)
        staged = read_keyring(self._staged, self.ring)
        found = [each.reveal() for each in (current, staged) if isinstance(each, Secret)]
        return tuple(found) if found or isinstance(current, Secret) else current

    def make(self) -> Unresolved | None:
        if isinstance(read_keyring(self.name, self.ring), Secret):
            return None
        return write_keyring(self.name, new_token(), self.ring)

    def stage(self, material: Material) -> Unresolved | None:
        return write_keyring(self._staged, material, self.ring)

    def promote(self) -> Unresolved | None:
        staged = read_keyring(self._staged, self.ring)
        if isinstance(staged, Unresolved):
            return staged
        fault = write_keyring(self.name, staged.reveal(), self.ring)
        if fault is None:
            self.drop_staged()
        return fault

    def drop_staged(self) -> None:
        delete_keyring(self._staged, self.ring)

    def derive(self, material: Material, lock: Lock) -> bytes:
        return from_text(material, lock.salt, lock.cost or DEFAULT_COST)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenKey:
    """What the user keeps: a passphrase, or what a reference names. A rotation leaves it and renews the master key."""

    kind: str
    where: str
    get: Callable[[], Secret | Unresolved] = field(repr=False)
    cost: ScryptCost | None = DEFAULT_COST
    is_renewed: bool = False

    def read(self) -> tuple[Material, ...] | Unresolved:
        found = self.get()
        return found if isinstance(found, Unresolved) else (found.reveal(),)

    def make(self) -> Unresolved | None:
        found = self.get()
        if isinstance(found, Unresolved) or len(found.reveal()) >= SHORTEST_GIVEN:
            return found if isinstance(found, Unresolved) else None
        problem = f"is shorter than {SHORTEST_GIVEN} characters"
        return Unresolved(reference=self.where, problem=problem, remedy="choose a longer one")

    def stage(self, material: Material) -> Unresolved | None:
        del material
        return None

    def promote(self) -> Unresolved | None:
        return None

    def drop_staged(self) -> None:
        return None

    def derive(self, material: Material, lock: Lock) -> bytes:
        return from_text(material, lock.salt, lock.cost or DEFAULT_COST)


def key_source(
    chosen: str,
    data_dir: Path,
    environ: Mapping[str, str],
    *,
    machine_id: Callable[[], str],
    ask: Callable[[], str] | None = None,
    variable: str = PASSPHRASE_FILE,
) -> KeySource:
    """What `vault.key` names. `ask`: asks a person for the passphrase; None where nobody is there.

    `variable`: names the file of the passphrase.
    """
    if chosen == MACHINE:
        return MachineKey(folder=data_dir / "secrets", machine_id=machine_id())
    kind, _, name = chosen.partition(":")
    if chosen == PASSPHRASE:
        return GivenKey(kind=PASSPHRASE, where="the passphrase", get=Passphrase(environ, data_dir, ask, variable))
    if kind == "keyring":
        return KeyringKey(name=name)
    return GivenKey(kind="given", where=chosen, get=lambda: resolve(chosen, data_dir, environ))


class Passphrase:
    """From the file that a variable names (`TERRACE_VAULT_PASSPHRASE_FILE`), else asked for once."""

    def __init__(
        self,
        environ: Mapping[str, str],
        data_dir: Path,
        ask: Callable[[], str] | None,
        variable: str = PASSPHRASE_FILE,
    ) -> None:
        self._variable = variable
        self._file = environ.get(variable, "")
        self._data_dir = data_dir
        self._ask = ask
        self._found: Secret | None = None

    def __call__(self) -> Secret | Unresolved:
        if self._file:
            return read_secret_file(self._data_dir / self._file)
        if self._found is None and self._ask is not None:
            text = self._ask().strip()
            self._found = Secret(text) if text else None
        if self._found is not None:
            return self._found
        remedy = f"start at a terminal, or set {self._variable} to a file of mode 0600 that holds it"
        return Unresolved(reference="the passphrase of vault.key", problem="nobody gave it", remedy=remedy)
