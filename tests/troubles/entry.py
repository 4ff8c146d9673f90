"""What the page says of one word the program uses."""

from __future__ import annotations

import re
from typing import NamedTuple


class Entry(NamedTuple):
    """Both are sentences or clauses in Markdown, on one line. Neither is ever empty."""

    cause: str
    remedy: str


NOTHING = "Nothing has to be done."


def sentence(text: str) -> str:
    """A clause as a sentence: its first letter large, unless it begins with code, and a full stop."""
    text = text.strip()
    if re.match(r"[a-z]+'?[a-z]*([ ,;:]|\.( |$)|$)", text):  # Not `storage.url`.
        text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".?!:" else f"{text}."


def cell(text: str) -> str:
    """As it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")
