"""`storage.url` as the store takes it: itself, or what the secret it refers to says."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from daemon.config.daemon_settings import DaemonSettings
from daemon.secrets import Secret, Unresolved, resolve
from daemon.store.link import Source
from daemon.store.refused import StoreRefused

_PLAIN = ("sqlite:", "postgres:", "postgresql:")


def store_url(
    url: str,
    resolve: Callable[[str], Secret | Unresolved],
    know: Callable[[Iterable[str]], None] = lambda _secrets: None,
) -> str | StoreRefused:
    """The URL itself. `know` is told the passwords in one that came out of a secret, so that no log shows them."""
    if url.startswith(_PLAIN):
        return url
    found = resolve(url)
    if isinstance(found, Unresolved):
        return StoreRefused(problem=f"storage.url: {found.reference} ({found.problem})", remedy=found.remedy)
    real = found.reveal().strip()
    know([real, *passwords_of(real)])
    if not real.startswith(_PLAIN):
        return StoreRefused(
            problem="what storage.url refers to is no URL of a store (value not shown)",
            remedy="Write it as postgresql://user:password@host:5432/database",
        )
    return real


def passwords_of(url: str) -> list[str]:
    """Every form in which a password stands in a URL, or would be said by somebody who read it."""
    try:
        parts = urlsplit(url)
        given = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    except ValueError:
        return []
    return [form for password in given for form in (password, unquote(password)) if form]


def stored_url(daemon: DaemonSettings) -> str | StoreRefused:
    """The URL of the store for a program beside the daemon: the vault is not open there."""
    url = store_url(daemon.storage.url, lambda reference: resolve(reference, daemon.data_dir, os.environ))
    if isinstance(url, str) and not url.startswith("sqlite:") and importlib.util.find_spec("psycopg") is None:
        return StoreRefused(
            problem="storage.url names a PostgreSQL server, and the driver for it is not installed",
            remedy="Install Terrace once more, with [postgres] behind its name",
        )
    return url


def stored_source(daemon: DaemonSettings) -> Source | StoreRefused:
    """Where a program beside the daemon reads what is stored, without changing it. For the caller to close."""
    url = stored_url(daemon)
    if isinstance(url, StoreRefused):
        return url
    if not url.startswith("sqlite:"):
        from daemon.store.postgres_open import source_of

        return source_of(url)
    from daemon.store.sqlite_link import SqliteSource

    if not daemon.storage.path.is_file():
        return StoreRefused(
            problem=f"there is no store at {daemon.storage.path}",
            remedy="It is made by the first start of the daemon",
        )
    return SqliteSource(daemon.storage.path)
