"""Values with an `__init__` that sets slots by themselves are made as dataclasses make them."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError, dataclass, field, make_dataclass
from typing import Any

import pytest

from actors.rules.quick import quick


@dataclass(frozen=True, slots=True)
class Slow:
    name: str
    count: int = 3
    parts: list[int] = field(default_factory=list)
    note: str = field(default="", kw_only=True)
    price: int = field(kw_only=True)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    count: int = 3
    parts: list[int] = field(default_factory=list)
    note: str = field(default="", kw_only=True)
    price: int = field(kw_only=True)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("a",), {"price": 1}),
        (("a", 4), {"price": 1, "note": "n"}),
        ((), {"name": "a", "parts": [1], "price": 0, "count": 0}),
    ],
)
def test_a_quick_value_has_the_fields_of_a_slow_one(words: tuple[Any, ...], named: dict[str, Any]) -> None:
    slow, made = Slow(*words, **named), Quick(*words, **named)
    assert repr(made) == repr(slow).replace("Slow", "Quick")
    assert made == Quick(*words, **named)


def test_it_is_called_like_a_slow_one() -> None:
    slow, made = inspect.signature(Slow), inspect.signature(Quick)
    assert [(each.name, each.kind) for each in made.parameters.values()] == [
        (each.name, each.kind) for each in slow.parameters.values()
    ]
    for words, named in (((), {}), (("a",), {}), (("a", 1, [], "n"), {"price": 1}), (("a",), {"price": 1, "odd": 2})):
        with pytest.raises(TypeError):
            Slow(*words, **named)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            Quick(*words, **named)  # type: ignore[arg-type]


def test_it_stays_as_it_was_made_and_shares_no_default() -> None:
    made = Quick("a", price=1)
    with pytest.raises(FrozenInstanceError):
        made.name = "b"  # type: ignore[misc]
    assert made.parts is not Quick("a", price=1).parts


def test_what_is_more_than_set_cannot_be_made_quick() -> None:
    loose = make_dataclass("Loose", [("name", str)], frozen=True)
    checked = make_dataclass("Checked", [("name", str)], frozen=True, slots=True, namespace={"__post_init__": print})
    derived = make_dataclass("Derived", [("name", str, field(init=False))], frozen=True, slots=True)
    for cls in (loose, checked, derived, int):
        with pytest.raises(TypeError):
            quick(cls)
