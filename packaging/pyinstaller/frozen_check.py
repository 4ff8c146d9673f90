"""`terraced -m frozen_check`: whether the built folder holds all that is loaded only when it is needed.

Prints one line for each look, exit 1 if one fails. Modules that need a part of Python which this system does not have
(`fcntl` on Windows) are listed and are no fault of the folder.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path

POSIX_ONLY = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "tty"}
ROOMS = ("actors", "control", "daemon", "gui", "protos")
LEAST_SERVICES = 100
"""Messaging services apprise knows; far fewer are found where its files are missing."""


def main() -> int:
    print(f"python {sys.version.split()[0]} on {sys.platform}, {version('terrace')}")
    looks: list[Callable[[], str]] = [own_modules, exchanges, services, keyrings, migrations, zones, panel, ratios]
    return 1 if [look.__name__ for look in looks if not _holds(look)] else 0


def _holds(look: Callable[[], str]) -> bool:
    try:
        words = look()
    except Exception as error:
        if _is_foreign(error):
            print(f"not on this system: {look.__name__}: {error}")
            return True
        print(f"FAILED  {look.__name__}: {type(error).__name__}: {error}")
        return False
    print(f"ok      {look.__name__}: {words}")
    return True


def _is_foreign(error: Exception) -> bool:
    """Whether it is about a part of Python that Windows does not have."""
    if isinstance(error, ImportError):
        return (error.name or "") in POSIX_ONLY
    return sys.platform == "win32" and isinstance(error, AttributeError)


def own_modules() -> str:
    """Every module of Terrace can be loaded."""
    names, strangers = _module_names(), dict[str, str]()
    for name in names:
        try:
            import_module(name)
        except (ImportError, AttributeError) as error:
            if not _is_foreign(error):
                raise
            strangers[name] = str(error)
    for name, why in strangers.items():
        print(f"not on this system: {name}: {why}")
    return f"{len(names) - len(strangers)} of {len(names)}"


def _module_names() -> list[str]:
    base, names = _folder(), []
    for room in ROOMS:
        for path in sorted((base / room).rglob("*.pyc")):
            parts = path.relative_to(base).with_suffix("").parts
            if parts[-1] != "__main__" and "migrations" not in parts:
                names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    if not names:
        raise FileNotFoundError(f"no modules in {base}")
    return names


def _folder() -> Path:
    return Path(str(getattr(sys, "_MEIPASS", "")))


def exchanges() -> str:
    """The client of every exchange can be made, with what it loads then."""
    from daemon.exchanges.venues import _VENUES, venue_class

    kinds = [kind for place in _VENUES if not isinstance(kind := venue_class(*place), str)]
    ids = sorted({kind.ccxt_id for kind in kinds})
    for ccxt_id in ids:
        asyncio.run(_made(ccxt_id))
    return ", ".join(ids)


async def _made(ccxt_id: str) -> None:
    from daemon.exchanges.venues.client import make_client

    client = make_client(ccxt_id, keys={}, options={}, session=None, urls={}, to_testnet=None)
    await client.close()


def services() -> str:
    """apprise finds its services, which it looks for as files."""
    import apprise

    found = len(apprise.Apprise().details()["schemas"])
    if found < LEAST_SERVICES:
        raise LookupError(f"apprise knows {found} services only")
    return f"{found} services"


def keyrings() -> str:
    import keyring
    from keyring.backend import get_all_keyring

    keyring.get_keyring()
    return f"{len(entry_points(group='keyring.backends'))} kinds, {len(get_all_keyring())} of use here"


def migrations() -> str:
    from daemon.store.migrate import known

    if not known():
        raise LookupError("no migration is known")
    return known()[-1]


def zones() -> str:
    """Time zones, also where the system has none."""
    from zoneinfo import ZoneInfo, reset_tzpath

    reset_tzpath([])
    try:
        return str(ZoneInfo("Europe/Berlin"))
    finally:
        reset_tzpath()


def panel() -> str:
    """The panel's library with the files it serves."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gradio
    from gradio.route_utils import STATIC_PATH_LIB  # type: ignore[attr-defined,unused-ignore]

    if not Path(str(STATIC_PATH_LIB)).is_dir():
        raise FileNotFoundError(str(STATIC_PATH_LIB))
    return str(gradio.__version__)


def ratios() -> str:
    from daemon.reports.ratio_worker import ratios as computed

    return str(sorted(computed([0.01, -0.02, 0.03])))
