"""The first setup of an installation: tries the keys, then stores keys, source secrets and config, all or nothing.

What a person has answered comes in, words go out; asking and telling are the command line's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from daemon.config.fault import ConfigFaults
from daemon.config.file import ChangedMeanwhile, Standing, keep_beside, replace_file, standing_in
from daemon.config.first import Answers, first_config
from daemon.config.load import LoadedConfig, load_text
from daemon.secrets import Secret, make_private_folder, make_source_secrets
from daemon.store.lock import DirectoryLock, Held, take_lock
from daemon.vault.faults import VaultFault
from daemon.vault.opening import make_vault
from daemon.vault.vault import Vault

_CONFIG_MODE = 0o600
KEPT_AS = "bak"
"""Ending of the file that was there before."""
MAX_KEY_CHARACTERS = 8192
MASK = "****"


class SetupRefused(Exception):
    """Why it was not done. Words for a person, without a secret; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be written where."""

    path: Path
    answers: Answers
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`api_key` and so on, in clear."""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    path: Path
    kept: Path | None
    """Where the config of before is."""
    vault_names: tuple[str, ...]
    notes: tuple[str, ...]


def make_config(plan: Plan, environ: Mapping[str, str]) -> LoadedConfig | ConfigFaults:
    """The config as it would be, checked as a start would check it."""
    text = first_config(plan.answers, plan.path.name)
    return text if isinstance(text, ConfigFaults) else load_text(text, plan.path, environ)


def try_keys(plan: Plan, config: LoadedConfig, environ: Mapping[str, str], now: Callable[[], int]) -> str:
    """Asks the exchange with the keys; words if it does not take them, or they allow too much or too little."""
    from daemon.exchanges.opening import Opening
    from daemon.exchanges.venues.venue import Credentials

    missing = _missing(plan)
    if missing:
        return missing
    opening = Opening(data_dir=config.daemon.data_dir, clock=_Clock(now), environ=environ)
    given = Credentials(
        api_key=plan.keys["api_key"], secret=plan.keys["api_secret"], passphrase=plan.keys.get("passphrase", "")
    )
    try:
        words = opening.try_credentials(config.settings.accounts[plan.answers.account], given)
    finally:
        opening.loop.stop()
    return without_secrets(words, plan.keys)


def write_setup(
    plan: Plan,
    config: LoadedConfig,
    environ: Mapping[str, str],
    now: Callable[[], int],
    *,
    step: Callable[[str], None] = lambda _name: None,
) -> Written:
    """Keys into the vault, secrets of the sources, then the config file, last and whole. Raises SetupRefused.

    What fails on the way is undone. `step` is told before the next part.
    """
    missing = _missing(plan)
    if missing:
        raise SetupRefused(missing)
    standing = _standing(plan)
    lock = _locked(config.daemon.data_dir)
    undo: list[Callable[[], object]] = []
    try:
        notes = _notes(config)
        names = _store_keys(plan, make_vault(config.daemon, environ, now), undo, notes)
        step("vault")
        for made in make_source_secrets(config.settings, config.daemon.data_dir):
            undo.append(partial(made.unlink, missing_ok=True))
        step("sources")
        kept = _write_config(plan, config.text, standing, undo)
    except BaseException as error:
        for each in reversed(undo):
            with suppress(OSError):
                each()
        if isinstance(error, ChangedMeanwhile):
            raise SetupRefused(f"{plan.path} was saved by somebody else just now: nothing was changed") from None
        if isinstance(error, OSError):
            where = error.filename or plan.path
            raise SetupRefused(f"{where}: {error.strerror or error}; nothing was changed") from None
        raise
    finally:
        lock.release()
    return Written(path=plan.path, kept=kept, vault_names=names, notes=tuple(notes))


def without_secrets(words: str, keys: Mapping[str, str]) -> str:
    """An exchange's words may repeat what it was sent."""
    for secret in sorted(keys.values(), key=len, reverse=True):
        if len(secret) > 3:
            words = words.replace(secret, MASK)
    return words


class _Clock:
    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now

    def now_ms(self) -> int:
        return self._now()


def _missing(plan: Plan) -> str:
    for key in plan.answers.keys:
        if not 1 <= len(plan.keys.get(key, "")) <= MAX_KEY_CHARACTERS:
            return f"{key}: a key has 1 to {MAX_KEY_CHARACTERS} characters"
    return ""


def _standing(plan: Plan) -> Standing:
    """What is there now. Refused if that is a config and nobody said it may go."""
    if os.path.lexists(plan.path) and not plan.force:
        raise SetupRefused(f"{plan.path} is there already: --force writes it anew and keeps the old one beside it")
    if plan.path.is_dir():
        raise SetupRefused(f"{plan.path} is a folder")
    return standing_in(plan.path)


def _locked(data_dir: Path) -> DirectoryLock:
    """No daemon may be at work here, nor begin to while this is under way."""
    try:
        make_private_folder(data_dir)
        lock = take_lock(data_dir)
    except OSError as error:
        raise SetupRefused(f"{data_dir} cannot be used: {error.strerror}") from None
    if isinstance(lock, Held):
        whose = f" (pid {lock.pid})" if lock.pid else ""
        raise SetupRefused(
            f"a daemon{whose} is using {data_dir}: stop it first, or change its config with `terrace config set`"
        )
    return lock


def _notes(config: LoadedConfig) -> list[str]:
    notes = list(config.warnings)
    if config.daemon.storage.url.startswith("sqlite:") and config.daemon.storage.path.exists():
        notes.append(f"{config.daemon.storage.path} holds the books of an earlier start: they go on")
    return notes


def _store_keys(plan: Plan, vault: Vault, undo: list[Callable[[], object]], notes: list[str]) -> tuple[str, ...]:
    names = []
    for key in plan.answers.keys:
        name = plan.answers.vault_name(key)
        before = vault.get(name) if vault.exists() else None
        stored = vault.put(name, plan.keys[key])
        if isinstance(stored, VaultFault):
            raise SetupRefused(f"the vault {stored.problem}; {stored.remedy}")
        if isinstance(before, Secret):
            notes.append(f"the vault held {name} already: it has the new value now")
            undo.append(partial(vault.put, name, before.reveal()))
        else:
            undo.append(partial(vault.delete, name))
        names.append(name)
    return tuple(names)


def _write_config(plan: Plan, text: str, standing: Standing, undo: list[Callable[[], object]]) -> Path | None:
    plan.path.parent.mkdir(parents=True, exist_ok=True)
    kept = None
    if os.path.lexists(plan.path) and plan.path.exists():
        kept = keep_beside(plan.path, KEPT_AS)
        undo.append(partial(kept.unlink, missing_ok=True))
    replace_file(plan.path, text, standing)
    with suppress(OSError):  # The mode of the file before is kept by default; this one is for its owner.
        plan.path.chmod(_CONFIG_MODE)
    return kept
