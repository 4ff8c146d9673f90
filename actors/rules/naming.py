"""Client order ids: every order carries its own place in the books (ORD-2).

25 characters, lower-case letters and digits, valid on every supported exchange:

    iiii ee gggggggggggg pp l r aaa
    |    |  |            |  | | attempt, base 36, from 1
    |    |  |            |  | role: e(ntry) t(ake profit) s(top) c(lose)
    |    |  |            |  leg, base 36, z: not of one leg
    |    |  |            pyramid, base 36, zz: not of one pyramid
    |    |  group
    |    standby epoch
    installation; never begins with `t`, because one venue puts `t-` before ids and another reads them so

The attempt makes an id unique among the orders of one place, so a second try is a new order by name, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from actors.rules.model import Order, Role

INSTALLATION_CHARS = 4
EPOCH_CHARS = 2
PREFIX_CHARS = INSTALLATION_CHARS + EPOCH_CHARS
GROUP_CHARS = 12
CLIENT_ORDER_ID_CHARS = 25
MAX_ATTEMPT = 36**3 - 1
"""Most orders one place of a group can have in its life."""
MAX_PYRAMID = 36**2 - 2
MAX_LEG = 34

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ROLE_CODES = {Role.ENTRY: "e", Role.TAKE_PROFIT: "t", Role.STOP: "s", Role.CLOSE: "c"}
_ROLES = {code: role for role, code in _ROLE_CODES.items()}
_INSTALLATION = re.compile(r"(?!t)[a-z0-9]{4}")
_EPOCH = re.compile(r"[a-z0-9]{2}")
_GROUP = re.compile(r"[a-z0-9]{12}")
_ID = re.compile(r"((?!t)[a-z0-9]{4})([a-z0-9]{2})([a-z0-9]{12})([a-z0-9]{2})([a-z0-9])([etsc])([a-z0-9]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderName:
    """What a client order id says. Pyramid and leg None: the order is not of one of them."""

    installation: str
    epoch: str
    group_id: str
    pyramid: int | None
    leg: int | None
    role: Role
    attempt: int

    @property
    def prefix(self) -> str:
        return self.installation + self.epoch


def is_installation_id(text: str) -> bool:
    """Whether text can name an installation: four lower-case letters or digits, the first no `t`."""
    return _INSTALLATION.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Whether text is an installation id with a standby epoch behind it."""
    return is_installation_id(text[:INSTALLATION_CHARS]) and _EPOCH.fullmatch(text[INSTALLATION_CHARS:]) is not None


def is_group_id(text: str) -> bool:
    """Whether text can name a group: twelve lower-case letters or digits."""
    return _GROUP.fullmatch(text) is not None


def make_client_order_id(
    *, prefix: str, group_id: str, pyramid: int | None, leg: int | None, role: Role, attempt: int
) -> str:
    """The id of one attempt at one place. ValueError if a part does not fit its field: that is a bug of the caller."""
    if not is_prefix(prefix) or not is_group_id(group_id):
        raise ValueError(f"{prefix!r} and {group_id!r} do not make a client order id")
    if pyramid is not None and not 0 <= pyramid <= MAX_PYRAMID:
        raise ValueError(f"pyramid {pyramid} does not fit a client order id")
    if leg is not None and not 0 <= leg <= MAX_LEG:
        raise ValueError(f"leg {leg} does not fit a client order id")
    if not 1 <= attempt <= MAX_ATTEMPT:
        raise ValueError(f"attempt {attempt} does not fit a client order id")
    place = ("zz" if pyramid is None else _base36(pyramid, 2)) + ("z" if leg is None else _base36(leg, 1))
    return f"{prefix}{group_id}{place}{_ROLE_CODES[role]}{_base36(attempt, 3)}"


def parse_client_order_id(text: str) -> OrderName | None:
    """What an id says, or None if it is not one of Terrace's."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    installation, epoch, group_id, pyramid, leg, role, attempt = found.groups()
    number = int(attempt, 36)
    if number == 0:
        return None
    return OrderName(
        installation=installation,
        epoch=epoch,
        group_id=group_id,
        pyramid=None if pyramid == "zz" else int(pyramid, 36),
        leg=None if leg == "z" else int(leg, 36),
        role=_ROLES[role],
        attempt=number,
    )


def is_ours(text: str, installation: str) -> bool:
    """Whether an order at an exchange was made by this installation, in any epoch. The rest is not to be touched."""
    return text.startswith(installation) and parse_client_order_id(text) is not None


def next_attempt(orders: Iterable[Order], pyramid: int | None, leg: int | None, role: Role) -> int:
    """One more than the highest attempt made at this place."""
    made = (
        order.attempt
        for order in orders
        if order.leg == leg and order.pyramid == pyramid and order.role is role  # Cheapest tests first.
    )
    return max(made, default=0) + 1


def _base36(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
