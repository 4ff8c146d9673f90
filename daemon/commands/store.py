"""Where the store of a config is, for subcommands that look at it beside the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.config.load import LoadedConfig
    from daemon.store.link import Source
    from daemon.store.refused import StoreRefused


def store_url_of(config: LoadedConfig) -> str | StoreRefused:
    from daemon.store_url import stored_url

    return stored_url(config.daemon)


def source_of(config: LoadedConfig) -> Source | StoreRefused:
    """For the caller to close."""
    from daemon.store_url import stored_source

    return stored_source(config.daemon)
