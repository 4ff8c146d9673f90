"""What mkdocs is helped with: called by it while it builds the site, see mkdocs.yml."""

from __future__ import annotations

import re
from typing import Any

_CELL = re.compile(r"(<t[dh][^>]*>)(.*?)(</t[dh]>)", re.DOTALL)
_CODE = re.compile(r"<code>.*?</code>", re.DOTALL)


def on_config(config: Any) -> Any:
    """Anchors as a repository page makes them, so that a link works in both places."""
    from pymdownx.slugs import slugify

    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_page_content(html: str, **_: Any) -> str:
    r"""A repository page needs `\|` for a bar in a table, in code too, where Python's Markdown leaves the stroke."""
    return _CELL.sub(lambda cell: f"{cell[1]}{_without_strokes(cell[2])}{cell[3]}", html)


def _without_strokes(cell: str) -> str:
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), cell)
