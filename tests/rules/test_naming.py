"""Client order ids carry an order's place, and read back what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import naming
from actors.rules.model import Role
from actors.rules.naming import OrderName, is_ours, make_client_order_id, parse_client_order_id

ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyz"
installations = st.text(ALPHANUMERIC, min_size=4, max_size=4).filter(lambda text: text[0] != "t")
names = st.builds(
    OrderName,
    installation=installations,
    epoch=st.text(ALPHANUMERIC, min_size=2, max_size=2),
    group_id=st.text(ALPHANUMERIC, min_size=12, max_size=12),
    pyramid=st.none() | st.integers(0, naming.MAX_PYRAMID),
    leg=st.none() | st.integers(0, naming.MAX_LEG),
    role=st.sampled_from(Role),
    attempt=st.integers(1, naming.MAX_ATTEMPT),
)


def written(name: OrderName) -> str:
    return make_client_order_id(
        prefix=name.prefix,
        group_id=name.group_id,
        pyramid=name.pyramid,
        leg=name.leg,
        role=name.role,
        attempt=name.attempt,
    )


@pytest.mark.rule("ORD-2")
@given(names)
def test_an_id_reads_back_as_it_was_made_and_fits_every_exchange(name: OrderName) -> None:
    text = written(name)
    assert parse_client_order_id(text) == name
    assert len(text) == naming.CLIENT_ORDER_ID_CHARS
    assert text.isascii()
    assert text.isalnum()
    assert text == text.lower()
    assert not text.startswith("t")


@pytest.mark.rule("ORD-2")
@given(names, names)
def test_different_orders_have_different_ids(one: OrderName, other: OrderName) -> None:
    assert (written(one) == written(other)) == (one == other)


@pytest.mark.rule("ORD-2")
def test_an_id_is_made_of_installation_epoch_group_pyramid_leg_role_and_attempt() -> None:
    text = make_client_order_id(
        prefix="abcd00", group_id="0123456789ab", pyramid=10, leg=4, role=Role.TAKE_PROFIT, attempt=37
    )
    assert text == "abcd00" + "0123456789ab" + "0a" + "4" + "t" + "011"
    whole = make_client_order_id(
        prefix="abcd00", group_id="0123456789ab", pyramid=None, leg=None, role=Role.CLOSE, attempt=1
    )
    assert whole == "abcd00" + "0123456789ab" + "zz" + "z" + "c" + "001"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web_1234",
        "abcd000123456789ab0a4t01",  # One character short.
        "abcd000123456789ab0a4t0111",
        "Abcd000123456789ab0a4t011",
        "tbcd000123456789ab0a4t011",
        "abcd000123456789ab0a4x011",  # No such role.
        "abcd000123456789ab0a4t000",  # Attempts count from one.
        "abcd000123456789ab0a4t011\n",
    ],
)
def test_an_id_that_is_not_made_here_is_not_read(text: str) -> None:
    assert parse_client_order_id(text) is None
    assert not is_ours(text, "abcd")


def test_ours_are_the_ids_of_this_installation_in_any_epoch() -> None:
    assert is_ours("abcd000123456789ab0a4t011", "abcd")
    assert is_ours("abcd7z0123456789ab0a4t011", "abcd")
    assert not is_ours("abce000123456789ab0a4t011", "abcd")


@pytest.mark.parametrize(
    ("text", "valid"),
    [("abcd", True), ("0bcd", True), ("tbcd", False), ("abc", False), ("abcde", False), ("aBcd", False)],
)
def test_an_installation_has_four_letters_or_digits_and_no_leading_t(text: str, valid: bool) -> None:
    assert naming.is_installation_id(text) is valid


@pytest.mark.parametrize(
    "part",
    [
        {"prefix": "tbcd00"},
        {"prefix": "abcd0"},
        {"group_id": "short"},
        {"pyramid": naming.MAX_PYRAMID + 1},
        {"leg": naming.MAX_LEG + 1},
        {"leg": -1},
        {"attempt": 0},
        {"attempt": naming.MAX_ATTEMPT + 1},
    ],
)
def test_a_part_that_does_not_fit_is_an_error(part: dict[str, object]) -> None:
    whole = {"prefix": "abcd00", "group_id": "0123456789ab", "pyramid": 0, "leg": 0, "role": Role.ENTRY, "attempt": 1}
    with pytest.raises(ValueError, match="client order id"):
        make_client_order_id(**{**whole, **part})  # type: ignore[arg-type]
