"""Tries a new key before an account that trades is handed over to it.

Key and secret are stored one after the other. Signing with halves of two pairs, or with a key that is not taken, would
have exits refused until the other half comes.
"""

from __future__ import annotations

from actors.rules.rates import Ask
from daemon.exchanges.connection import Connection, VenueFault
from daemon.exchanges.remedies import remedy
from daemon.exchanges.venues.settling import SetupFault

MAY_WITHDRAW = "THE KEY MAY WITHDRAW FUNDS; Terrace never needs that: make one that may not (accounts.{account})"
MAY_NOT_TRADE = "it may not trade: allow that at the exchange, or make one that may"


async def try_key(connection: Connection) -> str:
    """Reads the balances and what the key may do; closes the venue. Words if the account must not have this key."""
    venue = connection.venue
    account = venue.account
    try:
        await connection.call(Ask.BALANCES, venue.balances)
        allowed = await connection.call(Ask.SETUP, venue.permissions)
    except VenueFault as fault:
        return remedy(fault.verdict, account, venue.exchange)
    except SetupFault as fault:
        return str(fault)
    finally:
        await venue.close()
    if allowed.get("withdraw") and not account.allow_withdraw:
        return MAY_WITHDRAW.format(account=account.name)  # SEC-5
    if allowed.get("trade") is False:  # None: the venue does not say.
        return MAY_NOT_TRADE
    return ""
