"""Writes docs/configuration.md, the reference of every key, from the schema (`make reference`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from daemon.config.describe import KeyDescription, all_keys
from daemon.config.explain import NEEDED, facts

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
_HEAD = """\
# Configuration: every key

This page is made from the schema (`make reference`); do not edit it. [configuring.md](configuring.md) tells how to
change the configuration of a running daemon.

The configuration is one file, `config.yaml`. A key that is left out has its default. The daemon refuses a file with any
fault as a whole and names every fault with its line; a key it does not know is a fault too. `terrace config explain
KEY` tells the same as this page, with the value your file gives the key.

- Paths are dotted. `*` stands for a name of your own, `[]` for an entry of a list: `accounts.*.fees.paid_in`,
  `strategy.default.levels[].gap_percent`. In the file each step is a level of indentation.
- Decimals stand in quotes: `"0.5"`. `null` means off, or what the key's text says. Units end the name: `_s` seconds,
  `_ms` milliseconds, `_percent` percent.
- A secret never stands in the file, only where it is kept: `env:NAME`, `file:PATH`, `keyring:`, `systemd:`, `vault:`.
- Any key can be set by an environment variable: `TERRACE_POOL__MAX_OPEN_GROUPS=20` is `pool.max_open_groups: 20`, and
  goes before the file. `TERRACE_ROUTES='{"*": paper}'` is all of `routes`.
- Keys marked *restart* are read at the start; a change of the others is taken while the daemon runs, and open trades
  keep the strategy they were opened with.
- Ids such as RISK-2 are rules of [rules.md](rules.md).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(text for section in _sections() for text in _section(section))])


def _sections() -> Iterator[list[KeyDescription]]:
    for _, keys in groupby(all_keys(), key=lambda key: key.path.partition(".")[0].partition("[")[0]):
        yield list(keys)


def _section(keys: list[KeyDescription]) -> Iterator[str]:
    top, *below = keys
    yield f"## {top.path}\n"
    yield f"{_help(top)}\n"
    if top.kind != "SECTION":
        yield from _block(top)
    for key in below:
        yield f"### `{key.path}`\n"
        yield f"{_help(key)}\n"
        if key.kind != "SECTION":
            yield from _block(key)


def _help(key: KeyDescription) -> str:
    text = key.help.replace("*", r"\*").replace("<", "&lt;")
    return f"{text} ({key.rule})" if key.rule else text


def _block(key: KeyDescription) -> Iterator[str]:
    """The facts as a list, in the order and the words of `config explain`."""
    for label, text in facts(key):
        if label == "change":
            if key.restart_required:
                yield "- *restart*"
        elif label == "kind":
            yield f"- {text}"
        elif label != "rule":
            yield f"- {label}: {text if text == NEEDED else _as_code(label, text)}"
    yield ""


def _as_code(label: str, text: str) -> str:
    return ", ".join(f"`{word}`" for word in (text.split(", ") if label == "allowed" else [text]))


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(all_keys())} keys")
    return 0


if __name__ == "__main__":
    sys.exit(main())
