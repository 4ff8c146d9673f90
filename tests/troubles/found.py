"""What the code can say, read from the code: reasons, answers, alerts, exit codes, and why a program stops.

From the syntax, without running anything, so that a word nobody documented is found on the day it is written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from actors.rules.notifying import type_of_alert

ROOT = Path(__file__).resolve().parents[2]
HOLE = "…"
"""Stands for what is filled in when the words are said."""
_REASON = re.compile(r"[A-Z][A-Z0-9_]+")
_TYPE = re.compile(r"[A-Z_]+")
_RAISING = frozenset({"raise_", "raise_again", "raise_alert", "alert", "_Kind"})
"""Calls whose first argument names an alert; of `_alert` it is the first or the second."""
_SAYING = frozenset({"RaiseAlert", "_note", "note", "_decide"})
"""Calls whose `alert` or `alert_key` names one."""
_REFUSALS = frozenset({"StoreRefused", "Refuse", "BackupFailed", "Refused"})
"""Calls with what stands in the way and what helps."""
_LAST_WORDS = frozenset({"StartRefused", "WaitRefused", "SocketRefused", "AddressInUse", "SpoolInUse"})
"""Calls with both in one text."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def files(*rooms: str) -> list[Path]:
    """Python files of rooms or single files, those that are generated left out. Every one of them must be there."""
    found: list[Path] = []
    for room in rooms:
        path = ROOT / room
        assert path.exists(), f"{room} is not there any more"
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path for path in found if "_pb2" not in path.name]


# --- reasons --------------------------------------------------------------------------------------


def reasons(*rooms: str) -> dict[str, str]:
    """Every `reason="WORD"` and `{"reason": "WORD"}`, with the file it stands in."""
    found: dict[str, str] = {}
    for path in files(*rooms):
        for node in ast.walk(tree_of(path)):
            for value in (*_given(node, "reason"), *_answered(node)):
                for word in _words(value):
                    found.setdefault(word, str(path.relative_to(ROOT)))
    return found


def _given(node: ast.AST, name: str) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from (keyword.value for keyword in node.keywords if keyword.arg == name)
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        yield from (default for argument, default in arguments if argument.arg == name and default is not None)


def _answered(node: ast.AST) -> Iterator[ast.expr]:
    """The second of `_answer(403, "WORD", ...)`."""
    if isinstance(node, ast.Call) and _name(node.func) == "_answer" and len(node.args) > 1:
        yield node.args[1]


def _words(value: ast.expr) -> Iterator[str]:
    """The constant, or those of a choice: `"A" if ... else "B"`, `x or "B"`."""
    parts: Sequence[ast.expr] = (value,)
    if isinstance(value, ast.IfExp):
        parts = (value.body, value.orelse)
    elif isinstance(value, ast.BoolOp):
        parts = value.values
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _REASON.fullmatch(part.value):
            yield part.value


# --- HTTP -----------------------------------------------------------------------------------------


def statuses(room: str) -> set[int]:
    """Statuses that stand in calls of `answer`, and in bytes of an answer."""
    found: set[int] = set()
    for path in files(room):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and _name(node.func) == "answer" and node.args:
                choice = node.args[0]
                parts = (choice.body, choice.orelse) if isinstance(choice, ast.IfExp) else (choice,)
                values = [part.value for part in parts if isinstance(part, ast.Constant)]
                found.update(value for value in values if isinstance(value, int))
            elif isinstance(node, ast.Constant) and isinstance(node.value, bytes):
                said = re.match(rb"HTTP/1\.1 (\d{3})", node.value)
                found.update({int(said[1])} if said else ())
    return found


# --- alerts ---------------------------------------------------------------------------------------


def alerts(*rooms: str) -> tuple[dict[str, str], set[str]]:
    """Types of alerts with the file that raises them; and places whose words come from elsewhere, as `file: code`."""
    found: dict[str, str] = {}
    elsewhere: set[str] = set()
    for path in files(*rooms):
        for node in ast.walk(tree_of(path)):
            values = list(_alert_of(node))
            types = {type_of_alert(head) for value in values for head in _heads(path, value)}
            types = {found_type for found_type in types if _TYPE.fullmatch(found_type)}
            for found_type in types:
                found.setdefault(found_type, str(path.relative_to(ROOT)))
            if values and not types:
                elsewhere.add(f"{path.relative_to(ROOT)}: {', '.join(ast.unparse(value) for value in values)}")
    return found, elsewhere


def _alert_of(node: ast.AST) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Call):
        return
    name = _name(node.func)
    if name == "_alert":
        yield from node.args[:2]
    elif name in _RAISING:
        yield from node.args[:1]
    elif name in _SAYING:
        yield from (one.value for one in node.keywords if one.arg in ("alert", "alert_key"))


def _heads(path: Path, value: ast.expr, depth: int = 0) -> Iterator[str]:
    """How the text begins, as far as the code says: constants, f-strings, names of them, functions that make them."""
    if depth > 4:
        return
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        yield from _heads_of_parts(path, value.values, depth)
    elif isinstance(value, ast.Name):
        for found_in, named in _named(path, value.id):
            yield from _heads(found_in, named, depth + 1)
    elif isinstance(value, ast.Call):
        yield from _heads_of_call(path, value, depth)


def _heads_of_parts(path: Path, parts: Sequence[ast.expr], depth: int) -> Iterator[str]:
    first = parts[0]
    if isinstance(first, ast.Constant):
        text = str(first.value)
        if "/" in text or ":" in text:
            yield text
        elif len(parts) > 1 and isinstance(parts[1], ast.FormattedValue):
            yield from (f"{text}{word}" for word in _passed(path, parts[1].value))
    elif isinstance(first, ast.FormattedValue):
        yield from _heads(path, first.value, depth + 1)


def _heads_of_call(path: Path, call: ast.Call, depth: int) -> Iterator[str]:
    name = _name(call.func)
    if name == "get" and isinstance(call.func, ast.Attribute):  # A table, and what is said where it has nothing.
        for found_in, table in _named(path, _name(call.func.value)):
            for value in table.values if isinstance(table, ast.Dict) else ():
                yield from _heads(found_in, value, depth + 1)
        for default in call.args[1:]:
            yield from _heads(path, default, depth + 1)
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for line in ast.walk(node):
                if isinstance(line, ast.Return) and line.value is not None:
                    yield from _heads(path, line.value, depth + 1)


def _passed(path: Path, value: ast.expr) -> Iterator[str]:
    """What calls in this file hand to the parameter of this name."""
    if not isinstance(value, ast.Name):
        return
    for function in ast.walk(tree_of(path)):
        if not isinstance(function, ast.FunctionDef):
            continue
        places = [at for at, argument in enumerate(function.args.args) if argument.arg == value.id]
        for call in ast.walk(tree_of(path)) if places else ():
            if isinstance(call, ast.Call) and _name(call.func) == function.name and len(call.args) > places[0]:
                given = call.args[places[0]]
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


def _named(path: Path, name: str) -> Iterator[tuple[Path, ast.expr]]:
    """What a name of the module stands for, also where it is imported from another room of ours."""
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign):
            yield from ((path, value) for value in _assigned(node, name))
        elif isinstance(node, ast.AnnAssign) and _name(node.target) == name and node.value is not None:
            yield path, node.value
        elif isinstance(node, ast.ImportFrom) and node.module:
            source = ROOT / f"{node.module.replace('.', '/')}.py"
            for alias in node.names if source.is_file() else ():
                if (alias.asname or alias.name) == name:
                    yield from _named(source, alias.name)


def _assigned(node: ast.Assign, name: str) -> Iterator[ast.expr]:
    for target in node.targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=True)
            yield from (value for one, value in pairs if _name(one) == name)


# --- why a program stops --------------------------------------------------------------------------


def refusals(*rooms: str) -> list[tuple[str, str]]:
    """What stands in the way of a start, a store or a backup, and what helps, where both stand in the code."""
    found: dict[str, list[str]] = {}
    for path in files(*rooms):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and _name(node.func) in _REFUSALS:
                given = {one.arg: one.value for one in node.keywords if one.arg in ("problem", "remedy")}
                values = [*node.args, *(given[name] for name in ("problem", "remedy") if name in given)][:2]
                texts = [_text(path, value) for value in values]
                if len(texts) == 2 and all(text.replace(HOLE, "").strip(" .:") for text in texts):
                    remedies = found.setdefault(texts[0], [])
                    remedies += [] if texts[1] in remedies else [texts[1]]
    joined = ((problem, "; or: ".join(remedies)) for problem, remedies in found.items())
    return sorted(joined, key=lambda pair: pair[0].strip(f"{HOLE} ").lower())


def last_words(*rooms: str) -> set[str]:
    """What a program says at its end, where problem and remedy are one text."""
    found: set[str] = set()
    for path in files(*rooms):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and _name(node.func) in _LAST_WORDS:
                values = [*node.args, *(one.value for one in node.keywords if one.arg == "words")]
                found.update(_text(path, value) for value in values[:1])
    return {text for text in found if text.replace(HOLE, "").strip(" .:\n")}


def _text(path: Path, value: ast.expr) -> str:
    """The words with a hole for what is filled in; empty where the code alone does not say."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        parts = [_text(path, part) if isinstance(part, ast.Constant) else HOLE for part in value.values]
        return re.sub(f"{HOLE}+", HOLE, "".join(parts))
    if isinstance(value, ast.Name):
        return next((_text(found_in, one) for found_in, one in _named(path, value.id)), "")
    return ""


# --- exit codes -----------------------------------------------------------------------------------


def exit_codes(*paths: str) -> set[int]:
    """Numbers that these files name as exit codes (`DONE, FAILED = 0, 1`), return, or leave with (`os._exit(8)`)."""
    found: set[int] = set()
    for path in files(*paths):
        for node in ast.walk(tree_of(path)):
            value: ast.expr | None = None
            if isinstance(node, ast.Return | ast.Assign):
                value = node.value
            elif isinstance(node, ast.Call) and _name(node.func) in ("_exit", "exit") and node.args:
                value = node.args[0]
            if isinstance(node, ast.Assign) and not _is_constant(node.targets[0]):
                continue
            values = value.elts if isinstance(value, ast.Tuple) and isinstance(node, ast.Assign) else [value]
            numbers = {one.value for one in values if isinstance(one, ast.Constant) and type(one.value) is int}
            found.update(number for number in numbers if 0 <= number < 256)
    return found


def _is_constant(target: ast.expr) -> bool:
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    return all(_REASON.fullmatch(_name(name)) and not _name(name).startswith("MAX_") for name in names)


# --- the contract ---------------------------------------------------------------------------------


def codes_of_the_contract() -> set[str]:
    """The codes that the comment of `Degradation.code` lists."""
    text = (ROOT / "protos/terrace/v1/engine.proto").read_text(encoding="utf-8")
    comment = text.partition("message Degradation {")[2].partition("string code")[0]
    return set(_REASON.findall(comment.partition("stable:")[2]))


def codes_of_the_daemon() -> set[str]:
    """The codes that daemon/api/degraded.py gives."""
    found: set[str] = set()
    for node in ast.walk(tree_of(ROOT / "daemon/api/degraded.py")):
        if isinstance(node, ast.Call) and _name(node.func) == "Degraded":
            found.update(word for one in node.keywords if one.arg == "code" for word in _words(one.value))
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            found.update(_words(node.elts[0]))
    return found


def _name(node: ast.AST) -> str:
    """The last part of a dotted name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
