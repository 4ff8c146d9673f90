"""Generated ladders: `levels: {generate: {...}}` written out as legs before the schema sees them (DCA-1)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from actors.rules.settings import MAX_LEGS
from daemon.config.document import Tree
from daemon.config.fault import Path
from daemon.config.kinds import Amount, Whole
from daemon.config.schema_strategy import SHARE, TARGET
from daemon.config.section import Section

_GRAIN = Decimal("0.000001")
"""Percentages of a generated ladder are rounded to this."""


class GenerateModel(Section):
    """`count` legs: gaps grow by `step_percent`, each step `step_scale` times the one before, likewise the weights."""

    count: Annotated[int, Whole(1, MAX_LEGS, "legs")]
    first_gap_percent: Annotated[Decimal, Amount("-100", "100", "%", above=True, below=True)] = Decimal(0)
    step_percent: Annotated[Decimal, SHARE]
    step_scale: Annotated[Decimal, Amount("0", "10", "", above=True)] = Decimal(1)
    weight_scale: Annotated[Decimal, Amount("0", "10", "", above=True)] = Decimal(1)
    tp_percent: Annotated[Decimal, TARGET]


def generate_places(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    """Every place of the tree where a ladder is generated, with the map under `generate`."""
    strategy = _get(tree, "strategy")
    yield from _in_strategy(_get(strategy, "default"), ("strategy", "default"))
    overrides = _get(strategy, "overrides")
    for index, override in enumerate(overrides if isinstance(overrides, list) else []):
        yield from _in_strategy(_get(override, "set"), ("strategy", "overrides", index, "set"))


def expand(wanted: GenerateModel) -> list[dict[str, str]]:
    """The legs, as the file would hold them. Weights sum to exactly 100: the last leg takes what rounding left."""
    gaps, step = [abs(wanted.first_gap_percent)], wanted.step_percent
    weights = [Decimal(1)]
    for _ in range(wanted.count - 1):
        gaps.append(gaps[-1] + step)
        weights.append(weights[-1] * wanted.weight_scale)
        step *= wanted.step_scale
    total = sum(weights, Decimal(0))
    shares = [_round(weight * 100 / total) for weight in weights]
    shares[-1] += 100 - sum(shares, Decimal(0))
    return [
        {
            "gap_percent": _text(_round(gap)),
            "weight_percent": _text(share),
            "tp_percent": _text(wanted.tp_percent),
        }
        for gap, share in zip(gaps, shares, strict=True)
    ]


def _in_strategy(strategy: Tree, path: Path) -> Iterator[tuple[Path, Tree]]:
    levels = _get(strategy, "levels")
    if isinstance(levels, dict) and "generate" in levels:
        yield (*path, "levels"), levels
    by_pyramid = _get(strategy, "pyramid_levels")
    for index, ladder in by_pyramid.items() if isinstance(by_pyramid, dict) else ():
        if isinstance(ladder, dict) and "generate" in ladder:
            yield (*path, "pyramid_levels", index), ladder


def _get(tree: Tree, key: str) -> Tree:
    return tree.get(key) if isinstance(tree, dict) else None


def _round(value: Decimal) -> Decimal:
    return value.quantize(_GRAIN, rounding=ROUND_HALF_EVEN)


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
