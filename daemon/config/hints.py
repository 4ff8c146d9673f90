"""What a person probably meant by a value that was refused, as the end of a sentence; empty where nothing is near."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400}
_SECONDS |= {"day": 86_400, "w": 604_800, "week": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})\s*([a-z]+)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:[,_ '][0-9]{3})+(?:\.[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_WITHIN = re.compile(r"[^0-9.+-]*([+-]?[0-9]+(?:\.[0-9]+)?)[^0-9.]*")
_QUOTES = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
_SECRETIVE = re.compile(r"[\w.-]*(?:secret|key|passphrase|password|token)[\w.-]*\s*[:=]", re.IGNORECASE)
_TELLING_URL = re.compile(r"(?!(?:https?|wss?)://)[a-z][a-z0-9+.-]*://|[a-z]+://(?:[^/]*@|[^/]+/.)", re.IGNORECASE)
LONGEST = 64


def number_meant(text: str, unit: str = "", *, whole: bool = False) -> str:
    """`, did you mean "1.5"?` for `1,5`, `1.5 %`, `1_000`, `$5` and the like; a time in words becomes the unit's."""
    text = text.strip().strip(_QUOTES)
    if not text or len(text) > LONGEST:
        return ""
    meant = _duration(text, unit)
    if meant is None:
        return ""
    if not meant and _THOUSANDS.fullmatch(text):
        meant = re.sub(r"[,_ ']", "", text)
    elif not meant and _COMMA.fullmatch(text):
        meant = text.replace(",", ".")
    elif not meant:
        within = _WITHIN.fullmatch(text)
        meant = within[1] if within else ""
    if whole:
        meant = re.sub(r"\.0+", "", meant)
        return f", did you mean {meant}?" if re.fullmatch(r"[+-]?[0-9]+", meant) else ""
    return f', did you mean "{meant}"?' if meant else ""


def _duration(text: str, unit: str) -> str | None:
    """A length of time in the unit; empty if it is none, None if there is no telling."""
    found = _DURATION.fullmatch(text)
    scale = {"s": 1, "ms": 1000}.get(unit.partition(",")[0])
    if found is None or scale is None:
        return ""
    word = found[2].lower()
    if word == "ms":
        return found[1] if scale == 1000 else None
    seconds = _SECONDS.get(word, _SECONDS.get(word.removesuffix("s")))
    return None if seconds is None else str(int(found[1]) * seconds * scale)


def as_map(value: object) -> str:
    """For what stands where a map of keys should."""
    if value is None:
        return ": leave the line out, or write keys below it, indented"
    if isinstance(value, str):
        return as_key(value)
    return ": its entries begin without a dash" if isinstance(value, list | tuple) else ""


def as_list(value: object) -> str:
    """For what stands where a list should."""
    if isinstance(value, str) and value and not is_secretive(value):
        return f": write it in brackets, [{value}]" if len(value) <= LONGEST else ": write it in brackets"
    return ": each entry begins with a dash" if isinstance(value, dict) else ""


def unseen(name: str) -> str:
    """For a key with characters in it that nobody sees."""
    is_seen = name.isprintable() and name == name.strip()
    return "" if is_seen else " (it holds a character that is not seen)"


def as_key(text: str) -> str:
    """For a text that stands where keys should: a colon without a space, or a sign of equality."""
    match = re.fullmatch(r"\s*([A-Za-z_][\w-]*)\s*[:=]\s*\S.*", text, re.DOTALL)
    is_url = match is not None and "://" in text
    return f": write {match[1]}: and a space before the value" if match and not is_url else ""


def is_secretive(text: str) -> bool:
    """Whether the text looks like a secret's key with its value, or like a URL that may hold one: it is not shown."""
    return _SECRETIVE.match(text) is not None or _TELLING_URL.match(text) is not None


def syntax(problem: str, context_line: int) -> str:
    """What is wrong with a text that is no YAML, in a trader's words; the parser's own where there are none."""
    begun = f" (it begins in line {context_line})" if context_line else ""
    for pattern, words in _SYNTAX:
        if re.search(pattern, problem):
            return words.format(begun=begun)
    return problem


_SYNTAX = (
    (r"\\t", "a tab: indent with spaces"),
    (r"expected <block end>", "the indentation does not fit the lines above: keys of one section begin in one column"),
    (r"mapping values are not allowed", "a second colon in the line: put a value that holds ': ' in quotes"),
    (r"unexpected end of stream", "a quote that is never closed{begun}"),
    (r"expected ',' or '[\]}}]'", "a bracket that is never closed, or a comma that is missing{begun}"),
    (r"expected alphabetic or numeric", 'a value that begins with * or & must stand in quotes: "*"'),
    (r"undefined alias", 'a value that begins with * must stand in quotes: "*"'),
    (r"found character '(.)' that cannot start", "a value that begins with such a character must stand in quotes"),
    (r"could not find expected ':'", "a line that is no key: a key is followed by a colon and a space"),
    (r"found unknown escape character", "a \\ in double quotes is special: use single quotes"),
)
