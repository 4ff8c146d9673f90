"""Which reasons a method of the API can be refused for, read from the code of the daemon, without running it.

From a service's method along every function of `daemon/api` it reaches: helpers, its own class, classes it was given.
What an actor answers is not followed: a method that asks one can be refused for any reason of the engine.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.troubles.found import ROOT, tree_of

API = "daemon.api"
GATE = ("daemon/api/auth.py", "daemon/api/guard.py")
"""Every call passes these; so their reasons are those of every method."""
WAITING = "daemon/standby/server.py"
_ENUMS = frozenset({"Reason", "ApiReason"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Errors:
    """Names of reasons, sorted, and whether the engine is asked, whose refusals come on top."""

    reasons: tuple[str, ...]
    asks_engine: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """A function, and where its names are to be looked up."""

    path: Path
    owner: str
    name: str


def of_method(service: str, method: str) -> Errors:
    """`GroupService`, `CloseGroup`. KeyError if no file of `daemon/api` has it."""
    start = next((_Place(path, service, method) for path in _files() if method in _methods(path, service)), None)
    if start is None:
        raise KeyError(f"{service}.{method}")
    reached, waiting = {start}, [start]
    while waiting:
        for place in _called(waiting.pop()):
            if place not in reached:
                reached.add(place)
                waiting.append(place)
    names: set[str] = set()
    asks = False
    for place in reached:
        for reason in _raised(place.path, _function(place)):
            names.add(reason)
            asks = asks or not reason
    return Errors(tuple(sorted(names - {""})), asks)


def of_every_call() -> tuple[str, ...]:
    """Reasons of the gate itself: token, role, address, shape of the request."""
    found = {reason for name in GATE for reason in _raised(ROOT / name, tree_of(ROOT / name))}
    errors = ROOT / "daemon/api/errors.py"
    for made in ("faulty_field", "not_built"):
        found |= set(_raised(errors, _function(_Place(errors, "", made))))
    return tuple(sorted(found - {""} | {"INVALID_ARGUMENT", *_raised(ROOT / WAITING, tree_of(ROOT / WAITING))}))


# --- what a function says -------------------------------------------------------------------------


def _raised(path: Path, node: ast.AST) -> Iterator[str]:
    """Reasons of each error made under `node`; an empty one where the engine's own reason is handed on."""
    for call in _let_through(node):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute) and call.args):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
        if name == "Failed":
            yield from _reason(path, call.args[0])
        elif name == "_refused":  # The gate's: it logs, then makes the error of its reason.
            yield from (reason for argument in call.args for reason in _constants(argument))


def _reason(path: Path, value: ast.expr) -> Iterator[str]:
    constants = list(_constants(value))
    if constants:
        yield from constants
    elif isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name):  # A table of the module.
        for node in tree_of(path).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and target.id == value.value.id:
                yield from _constants(node)
    elif isinstance(value, ast.Attribute) and value.attr == "reason":
        yield ""


def _let_through(node: ast.AST) -> Iterator[ast.AST]:
    """As `ast.walk`, without what is tried where every error is caught and none is raised on."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Try) and child in node.body and any(_swallows(handler) for handler in node.handlers):
            continue
        yield from _let_through(child)


def _swallows(handler: ast.ExceptHandler) -> bool:
    caught = {"Exception"}
    if handler.type is not None:
        caught = {part.id for part in ast.walk(handler.type) if isinstance(part, ast.Name)}
    return bool(caught & {"Failed", "Exception"}) and not any(isinstance(part, ast.Raise) for part in ast.walk(handler))


def _constants(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in _ENUMS:
            yield part.attr


# --- where it leads -------------------------------------------------------------------------------


def _called(place: _Place) -> Iterator[_Place]:
    """Functions of `daemon/api` that are named in this one, called there or handed on."""
    function = _function(place)
    types = {**_aliases(place, function), **{one.arg: one.annotation for one in _arguments(function)}}
    for node in _let_through(function):
        if isinstance(node, ast.Name):
            yield from _by_name(place.path, node.id)
        elif isinstance(node, ast.Attribute):
            yield from _by_attribute(place, node, types)


def _aliases(place: _Place, function: _Function) -> dict[str, ast.expr | None]:
    """Types of local names for what the object has: `engine = self._engine`, also several at once."""
    known, found = _attributes(place.path, place.owner), dict[str, ast.expr | None]()
    for line in ast.walk(function):
        if not isinstance(line, ast.Assign):
            continue
        target, value = line.targets[0], line.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=False))
        for one, given in pairs:
            if isinstance(one, ast.Name) and isinstance(given, ast.Attribute) and given.attr in known:
                found[one.id] = known[given.attr]
    return found


def _by_name(path: Path, name: str) -> Iterator[_Place]:
    found = _where(path, name)
    if found is not None and isinstance(_top(*found), _Function):
        yield _Place(found[0], "", found[1])


def _by_attribute(place: _Place, node: ast.Attribute, types: dict[str, ast.expr | None]) -> Iterator[_Place]:
    base = node.value
    if isinstance(base, ast.Name) and base.id == "self":
        if node.attr in _methods(place.path, place.owner):
            yield _Place(place.path, place.owner, node.attr)
        return
    if isinstance(base, ast.Name) and base.id not in types:  # A module: `pages.slice_of`.
        path = _module(place.path, base.id)
        if path is not None and isinstance(_top(path, node.attr), _Function):
            yield _Place(path, "", node.attr)
        return
    annotation: ast.expr | None = None
    if isinstance(base, ast.Name):
        annotation = types[base.id]
    elif isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name) and base.value.id == "self":
        annotation = _attributes(place.path, place.owner).get(base.attr)
    if isinstance(annotation, ast.Name):
        found = _where(place.path, annotation.id)
        if found is not None and node.attr in _methods(*found):
            yield _Place(found[0], found[1], node.attr)


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted((ROOT / API.replace(".", "/")).glob("*.py")))


def _arguments(function: _Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _function(place: _Place) -> _Function:
    found = _methods(place.path, place.owner)[place.name] if place.owner else _top(place.path, place.name)
    assert isinstance(found, _Function), place
    return found


@cache
def _tops(path: Path) -> dict[str, ast.stmt]:
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name: node for node in tree_of(path).body if isinstance(node, named)}


def _top(path: Path, name: str) -> ast.stmt | None:
    return _tops(path).get(name)


@cache
def _methods(path: Path, owner: str) -> dict[str, _Function]:
    node = _top(path, owner)
    body = node.body if isinstance(node, ast.ClassDef) else []
    return {one.name: one for one in body if isinstance(one, _Function)}


@cache
def _attributes(path: Path, owner: str) -> dict[str, ast.expr | None]:
    """Type of each `self.x`, where its `__init__` or its field says it."""
    node = _top(path, owner)
    found: dict[str, ast.expr | None] = {}
    for one in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            found[one.target.id] = one.annotation
    maker = _methods(path, owner).get("__init__")
    types = {argument.arg: argument.annotation for argument in _arguments(maker)} if maker else {}
    for line in ast.walk(maker) if maker else ():
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Attribute):
            value = line.value
            made = value.func if isinstance(value, ast.Call) else None
            found[line.targets[0].attr] = made or (types.get(value.id) if isinstance(value, ast.Name) else None)
    return found


@cache
def _imports(path: Path) -> dict[str, tuple[str, str]]:
    """Name -> module and what of it; empty for the module itself."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("daemon"):
            for alias in node.names:
                found[alias.asname or alias.name] = (node.module, alias.name)
    return found


def _where(path: Path, name: str) -> tuple[Path, str] | None:
    """File of `daemon/api` and name there of what a module calls `name`."""
    if name in _tops(path):
        return path, name
    module, original = _imports(path).get(name, ("", ""))
    if not module.startswith(API):
        return None
    source = ROOT / f"{module.replace('.', '/')}.py"
    return (source, original) if source.is_file() and original in _tops(source) else None


def _module(path: Path, name: str) -> Path | None:
    module, original = _imports(path).get(name, ("", ""))
    source = ROOT / f"{module.replace('.', '/')}" / f"{original}.py"
    return source if module == API and source.is_file() else None
