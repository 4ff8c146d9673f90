"""Bringing an account's settings at the venue to what the config wants, and proving it by reading them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from daemon.exchanges.refusal_text import clean


class SetupFault(Exception):
    """The account is not set up as the config wants it. Words for a person, with the remedy."""


async def settle(
    what: str, wanted: str, read: Callable[[], Awaitable[str]], write: Callable[[], Awaitable[Any]], remedy: str
) -> None:
    """Writes only where reading shows another value. A refusal to write counts only if reading still does.

    Raises `SetupFault` where the value stays another; trouble with the network goes through.
    """
    from ccxt.base.errors import ExchangeError

    found = await read()
    if found == wanted:
        return
    refusal = ""
    try:
        await write()
    except ExchangeError as error:  # "No need to change" is among them.
        refusal = clean(str(error))
    found = await read()
    if found != wanted:
        words = f"{what} is {found or 'unknown'}, wanted is {wanted}"
        said = f" The exchange said: {refusal}" if refusal else ""
        raise SetupFault(f"{words}. {remedy}{said}")
