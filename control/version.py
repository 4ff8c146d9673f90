"""The version of this installation."""

from __future__ import annotations


def own_version() -> str:
    """As the package's metadata says; `unknown` where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("terrace")
    except PackageNotFoundError:
        return "unknown"
