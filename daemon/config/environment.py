"""Environment variables laid over the file: `TERRACE_API__ADDRESS` is `api.address`.

Two underscores stand for a step into the tree, letters may be upper case, a number steps into a list. A value is read
as a scalar of the file would be; one that begins with `[` or `{` is read as a list or map. A key of the top level
takes its name alone: `TERRACE_ROUTES` is `routes`. Other names without two underscores (`TERRACE_CONFIG`) are not keys,
and `TERRACE_DATA_DIR` has a meaning of its own, for which this is not the place.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config.document import Document, Place, Tree, parse, scalar
from daemon.config.fault import Fault, Path
from daemon.config.reload import changed_keys
from daemon.config.validate import TOP_LEVEL

PREFIX = "TERRACE_"
DATA_DIR = "TERRACE_DATA_DIR"


def overlay(document: Document, environ: Mapping[str, str]) -> None:
    """Lays the variables over the tree. What cannot be placed is added to the document's faults.

    A key that no schema knows is found by validation like one in the file, and named by its variable.
    """
    for name in sorted(environ):
        if name.startswith(PREFIX) and ("__" in name or _is_top_level(name)):
            _lay(document, name, environ[name])


def overridden(before: str, after: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Keys that two texts of the file set differently, without effect: the variable that overrides each, by key."""
    changed = changed_keys(parse(before, "").tree, parse(after, "").tree)
    names = {
        name: _steps(name) for name in environ if name.startswith(PREFIX) and ("__" in name or _is_top_level(name))
    }
    if environ.get(DATA_DIR):
        names[DATA_DIR] = ["data_dir"]
    found = {}
    for key in changed:
        steps = [step.casefold() for step in key.split(".")]
        for name, its in sorted(names.items()):
            shared = min(len(steps), len(its))
            if steps[:shared] == its[:shared]:
                found[key] = name
    return found


def _steps(name: str) -> list[str]:
    return [part.casefold() for part in name.removeprefix(PREFIX).split("__")]


def _is_top_level(name: str) -> bool:
    key = name.removeprefix(PREFIX).lower()
    return key in TOP_LEVEL and key != "data_dir"


def _lay(document: Document, name: str, text: str) -> None:
    parts = name.removeprefix(PREFIX).split("__")
    if not all(parts):
        document.faults.append(Fault(path="", line=0, message="not the name of a config key", source=name))
        return
    value, faults = _value(name, ".".join(parts).lower(), text)
    document.faults.extend(faults)
    if not faults:
        _put(document, name, parts, value)


def _value(name: str, path: str, text: str) -> tuple[Tree, list[Fault]]:
    if not text.lstrip().startswith(("[", "{")):
        return scalar(text.strip()), []
    inner = parse(f"value: {text}", name)
    message = "not a list or map in YAML's flow notation"
    return inner.tree.get("value"), [Fault(path=path, line=0, message=message, source=name) for _ in inner.faults[:1]]


def _put(document: Document, name: str, parts: list[str], value: Tree) -> None:
    where: Tree = document.tree
    path: Path = ()
    for depth, part in enumerate(parts):
        is_last = depth == len(parts) - 1
        step = _step(where, part)
        if step is None:
            document.places[path] = Place(name, 0)
            document.faults.append(document.fault(path, f"{part.lower()} does not lead anywhere here"))
            return
        path = (*path, step)
        if is_last:
            where[step] = value
            _claim(document, path, name)
        elif isinstance(where, dict) and where.get(str(step)) is None:
            where[step] = {}
            document.places[path] = Place(name, 0)
        where = where[step]


def _claim(document: Document, path: Path, name: str) -> None:
    """From now on this variable, not the file, answers for the key and all below it."""
    for below in [place for place in document.places if place[: len(path)] == path]:
        del document.places[below]
    document.places[path] = Place(name, 0)


def _step(where: Tree, part: str) -> str | int | None:
    """The key or index that `part` names in `where`; a new key is lower case, a new index is refused."""
    if isinstance(where, dict):
        return next((key for key in where if key.casefold() == part.casefold()), part.lower())
    if isinstance(where, list) and part.isdecimal() and int(part) < len(where):
        return int(part)
    return None
