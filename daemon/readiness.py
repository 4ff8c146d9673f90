"""What start-up would trip over, found without starting: folders, tokens, certificates, secrets, addresses.

Nothing is made or changed. A fault keeps the daemon from starting; a warning leaves a part of it without effect.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from actors.rules.settings import PaperPrices, Settings
from daemon.config.document import Place, parse
from daemon.config.fault import Fault
from daemon.config.kinds import split_address
from daemon.config.load import LoadedConfig
from daemon.secrets import Unresolved, file_of, read_secret_file, resolve
from daemon.store.lock import holder
from daemon.tokens import OWN_TOKENS, TokenFaults, load_tokens, token_file

VAULT_FILE = "vault.json"
_POSTGRES = ("postgres://", "postgresql://")

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What stands in the way. Holds no part of a secret."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    is_running: bool
    """A daemon holds the data directory, so its addresses are taken rightly."""


def look(config: LoadedConfig, environ: Mapping[str, str]) -> Readiness:
    """Looks at everything. May take a moment where a keyring has to be asked."""
    places = _Places(config)
    is_running = holder(config.daemon.data_dir) is not None
    faults = [*_folders(config, places), *_tokens(config, places), *_certificates(config, places)]
    faults += [*_store(config, environ, places), *_addresses(config, places, is_running=is_running)]
    warnings = [*_secrets(config, environ, places), *_other_folders(config, places), *_candles(config, places)]
    return Readiness(faults=tuple(faults), warnings=tuple(warnings), is_running=is_running)


def secrets_to_make(settings: Settings, data_dir: Path) -> Iterator[str]:
    """References of sources whose file is missing and is made by the daemon itself when it takes the config."""
    for source in settings.sources.values():
        if source.secret is not None and source.secret.startswith("file:"):
            path = Path(os.path.abspath(file_of(source.secret, data_dir)))
            if path.is_relative_to(os.path.abspath(data_dir)) and not path.exists():
                yield source.secret


class _Places:
    """Where each key stands in the file."""

    def __init__(self, config: LoadedConfig) -> None:
        self._name = config.daemon.config_path.name
        self._document = parse(config.text, self._name)

    def fault(self, path: Path_, message: str, allowed: tuple[str, ...] = ()) -> Fault:
        """A key that the file leaves out has no line."""
        if path[:1] and path[0] not in self._document.tree:
            self._document.places.setdefault(path[:1], Place(self._name, 0))
        return self._document.fault(path, message, allowed)


# --- folders --------------------------------------------------------------------------------------


def _folders(config: LoadedConfig, places: _Places) -> Iterator[Fault]:
    problem = _not_writable(config.daemon.data_dir)
    if problem:
        remedy = "a folder the user Terrace runs as may write to"
        yield places.fault(("data_dir",), f"{config.daemon.data_dir} cannot be used: {problem}", (remedy,))
        return
    secrets = config.daemon.secrets_dir
    problem = _not_writable(secrets)
    if problem:
        yield places.fault(("data_dir",), f"{secrets} cannot be used: {problem}", ("a folder of mode 0700",))


def _other_folders(config: LoadedConfig, places: _Places) -> Iterator[Fault]:
    daemon = config.daemon
    if _not_writable(daemon.data_dir):
        return  # Said as a fault; most of these lie below it.
    found: list[tuple[Path_, Path]] = [(("logging", "file"), daemon.logging.file.parent)]
    found.append((("forwarder", "spool"), daemon.forwarder.spool.parent))
    if daemon.backup.every_hours:
        found.append((("backup", "directory"), daemon.backup.directory))
    for path, folder in found:
        problem = _not_writable(folder)
        if problem:
            yield places.fault(path, f"{folder} cannot be used: {problem}")


def _not_writable(folder: Path) -> str:
    """Why nothing can be written below the folder, made first if it is missing; empty: it can."""
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    try:
        mode = existing.stat().st_mode
    except OSError as error:
        return f"{existing}: {error.strerror}"
    if not stat.S_ISDIR(mode):
        return f"{existing} is not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} is not writable"
    return "" if existing == folder else _would_not_be_made(existing)


def _would_not_be_made(parent: Path) -> str:
    """Some file systems say that they are writable and take no folder."""
    return f"no folder can be made in {parent}" if parent.parts[:2] in (("/", "proc"), ("/", "sys")) else ""


# --- tokens, certificates, store ------------------------------------------------------------------


def _tokens(config: LoadedConfig, places: _Places) -> Iterator[Fault]:
    path = ("api", "tokens")
    table = load_tokens(config.daemon.api.tokens)
    if isinstance(table, TokenFaults):
        yield from (places.fault(path, f"cannot be used: {fault}") for fault in table.faults)
        return
    for name, _ in OWN_TOKENS:
        file = token_file(config.daemon, name)
        if table.named(name) is None and os.path.lexists(file):
            text = read_secret_file(file)
            if isinstance(text, Unresolved):
                yield places.fault(path, str(text))


def _certificates(config: LoadedConfig, places: _Places) -> Iterator[Fault]:
    tls = config.daemon.api.tls
    if tls.certificate is None:
        return
    from daemon.api.certificates import read_server_certificate  # Loads gRPC, which a check rarely needs.

    try:
        read_server_certificate(tls)
    except OSError as error:
        words = f"{error.filename} cannot be read ({error.strerror})"
        yield places.fault(("api", "tls"), words, ("a PEM file the user Terrace runs as may read",))
    except ValueError as error:
        yield places.fault(("api", "tls"), str(error))


def _store(config: LoadedConfig, environ: Mapping[str, str], places: _Places) -> Iterator[Fault]:
    url = config.daemon.storage.url
    if url.startswith("sqlite:"):
        parent = config.daemon.storage.path.parent
        problem = "" if parent == config.daemon.data_dir else _not_writable(parent)
        if problem:
            yield places.fault(("storage", "url"), f"{parent} cannot be used: {problem}")
        return
    if not url.startswith(_POSTGRES):
        found = _resolved(url, config, environ)
        if isinstance(found, Unresolved):
            yield places.fault(("storage", "url"), str(found))
            return
    if find_spec("psycopg") is None:
        remedy = "Terrace installed with [postgres] behind its name"
        yield places.fault(("storage", "url"), "the driver for PostgreSQL is not installed", (remedy,))


def _candles(config: LoadedConfig, places: _Places) -> Iterator[Fault]:
    for name, account in config.settings.accounts.items():
        is_replay = account.is_paper and account.prices is PaperPrices.REPLAY
        if is_replay and account.candles is not None and not Path(account.candles).exists():
            yield places.fault(("accounts", name, "candles"), f"{account.candles} is not there: {name} is not traded")


# --- secrets --------------------------------------------------------------------------------------


def _secrets(config: LoadedConfig, environ: Mapping[str, str], places: _Places) -> Iterator[Fault]:
    made = set(secrets_to_make(config.settings, config.daemon.data_dir))
    for path, reference, effect in _references(config):
        if reference in made:
            continue
        found = _resolved(reference, config, environ)
        if isinstance(found, Unresolved):
            yield places.fault(path, f"{found.reference} ({found.problem}), so {effect}; {found.remedy}")


def _references(config: LoadedConfig) -> Iterator[tuple[Path_, str, str]]:
    """Key, reference, and what goes without it."""
    settings = config.settings
    for name, source in settings.sources.items():
        for key in ("secret", "hmac_secret", "previous_secret", "previous_hmac_secret"):
            reference = getattr(source, key)
            if reference is not None:
                yield ("sources", name, key), reference, "alerts that need it are refused"
    for name, account in settings.accounts.items():
        for key in ("api_key", "api_secret", "passphrase"):
            reference = getattr(account, key)
            if reference is not None:
                yield ("accounts", name, key), reference, f"{name} is not traded"
    for index, channel in enumerate(settings.notifications):
        yield ("notifications", index, "url"), channel.url, "nothing is sent there"
    if settings.alerts.heartbeat_url is not None:
        yield ("alerts", "heartbeat_url"), settings.alerts.heartbeat_url, "no heartbeat is sent"
    if config.daemon.backup.passphrase is not None:
        yield ("backup", "passphrase"), config.daemon.backup.passphrase, "no backup is made"


def _resolved(reference: str, config: LoadedConfig, environ: Mapping[str, str]) -> object:
    """What it gives. The vault is not opened here: it may ask for a passphrase."""
    data_dir = config.daemon.data_dir
    if not reference.startswith("vault:"):
        return resolve(reference, data_dir, environ)
    if (config.daemon.secrets_dir / VAULT_FILE).exists():
        return None
    name = reference.removeprefix("vault:")
    return Unresolved(
        reference=reference,
        problem="there is no vault yet",
        remedy=f"`terrace secret set {name}` with the daemon running",
    )


# --- addresses ------------------------------------------------------------------------------------


def _addresses(config: LoadedConfig, places: _Places, *, is_running: bool) -> Iterator[Fault]:
    """The daemon's own listeners: of this machine, and free unless it is the daemon of this config that has them."""
    for name, address in (("api", config.daemon.api.address), ("observe", config.daemon.observe.address)):
        path = (name, "address")
        host, port = split_address(address)
        words = _not_listened(host, 0)
        if words:
            yield places.fault(path, f"{address}: {words}", ("an address of this machine", "127.0.0.1:PORT"))
        elif not is_running and port != "0":
            words = _not_listened(host, int(port))
            if words:
                yield places.fault(path, f"{address}: {words}", ("stop that program, or another port",))


def _not_listened(host: str, port: int) -> str:
    """Why it cannot be listened at; empty: it can. The port is held for no longer than the look takes."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        return f"the host is not known ({error.strerror})"
    family, kind, protocol, _, at = found[0]
    try:
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(at)
            tried.listen(1)
    except OSError as error:
        return {
            errno.EADDRINUSE: "another program listens there",
            errno.EADDRNOTAVAIL: "is no address of this machine",
            errno.EACCES: "the user may not listen on this port; ports below 1024 need a right for it",
        }.get(error.errno or 0, str(error.strerror))
    return ""
