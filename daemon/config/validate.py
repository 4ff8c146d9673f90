"""Runs the schema over a document, section by section, and turns what pydantic says into faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from daemon.config.document import Document, Tree
from daemon.config.fault import Fault, Path, did_you_mean, dotted, nearest
from daemon.config.hints import as_key, as_list, as_map, unseen
from daemon.config.kinds import REFUSED, Kind, Text, found
from daemon.config.ladders import GenerateModel, expand, generate_places
from daemon.config.schema import (
    AlertsModel,
    EngineModel,
    ExecutionModel,
    LimitsModel,
    PoolModel,
    PrecisionModel,
    QueueModel,
    RiskModel,
)
from daemon.config.schema_accounts import (
    EXCHANGES,
    MAX_ACCOUNTS,
    MAX_SOURCES,
    PAPER,
    AccountName,
    ExchangeAccountModel,
    PaperAccountModel,
    SourceModel,
)
from daemon.config.schema_notify import NotificationModel
from daemon.config.schema_process import (
    ApiModel,
    BackupModel,
    ForwarderModel,
    LoggingModel,
    ObserveModel,
    PanelModel,
    StorageModel,
)
from daemon.config.schema_strategy import StrategyBookModel
from daemon.config.schema_vault import VaultModel
from daemon.config.section import FILE, Section

MAX_ROUTES = 10_000
MAX_NOTIFICATIONS = 100

AccountModel = PaperAccountModel | ExchangeAccountModel
ROUTE = Text("the exchange name TradingView sends, a source, or *", r"\*|[^\s*]+", 64)

SECTIONS: Mapping[str, type[Section]] = {
    "engine": EngineModel,
    "strategy": StrategyBookModel,
    "pool": PoolModel,
    "queue": QueueModel,
    "risk": RiskModel,
    "limits": LimitsModel,
    "precision": PrecisionModel,
    "execution": ExecutionModel,
    "storage": StorageModel,
    "vault": VaultModel,
    "api": ApiModel,
    "forwarder": ForwarderModel,
    "panel": PanelModel,
    "observe": ObserveModel,
    "logging": LoggingModel,
    "alerts": AlertsModel,
    "backup": BackupModel,
}
TOP_LEVEL = ("config_version", "data_dir", "accounts", "routes", "sources", *SECTIONS, "notifications")

DEFAULTS: Mapping[str, Mapping[str, Tree]] = {
    "accounts": {"paper": {}},
    "routes": {"*": "paper"},
    "sources": {"tradingview": {"secret": "file:secrets/tradingview"}},
}
"""Maps from names that a file may leave out as a whole."""


@dataclass(slots=True, kw_only=True)
class Checked:
    """What of the document holds. A section with a fault is missing; the faults are in the document."""

    data_dir: str = "./data"
    sections: dict[str, Section] = field(default_factory=dict)
    accounts: dict[str, AccountModel] = field(default_factory=dict)
    account_names: frozenset[str] = frozenset()
    """All accounts of the file, those with faults too."""
    routes: dict[str, str] = field(default_factory=dict)
    sources: dict[str, SourceModel] = field(default_factory=dict)
    notifications: tuple[NotificationModel, ...] = ()


def put_defaults(document: Document) -> None:
    """Puts in the maps the file leaves out, so that the environment can change single keys of them."""
    for name, default in DEFAULTS.items():
        document.tree.setdefault(name, deepcopy(dict(default)))


def check_schema(document: Document) -> Checked:
    """Checks every section by itself; all faults are added to the document. `put_defaults` goes before."""
    _expand_ladders(document)
    checked, tree = Checked(), document.tree
    for name in tree:
        if name not in TOP_LEVEL:
            document.faults.append(_unknown_key(document, (name,), TOP_LEVEL))
    data_dir = _checked(document, ("data_dir",), Annotated[str, FILE], tree.get("data_dir", checked.data_dir))
    checked.data_dir = data_dir or checked.data_dir
    for name, model in SECTIONS.items():
        section = _checked(document, (name,), model, tree.get(name, {}))
        if section is not None:
            checked.sections[name] = section
    _check_accounts(document, checked)
    _check_sources(document, checked)
    routes = _checked(
        document,
        ("routes",),
        dict[Annotated[str, ROUTE], AccountName],
        tree.get("routes", {}),
        most=MAX_ROUTES,
    )
    checked.routes = routes or {}
    notifications: Any = tuple[NotificationModel, ...]
    given = tree.get("notifications", [])
    checked.notifications = _checked(document, ("notifications",), notifications, given, most=MAX_NOTIFICATIONS) or ()
    return checked


def known_keys(hint: Any, path: Path) -> tuple[str, ...]:
    """Names of the keys of the section that `path` leads to, starting at the type `hint`."""
    section = _section_at(hint, path)
    return tuple(section.model_fields) if section is not None else ()


def _expand_ladders(document: Document) -> None:
    for path, ladder in list(generate_places(document.tree)):
        _checked(document, path, dict[Annotated[str, Text("generate alone", "generate")], Any], ladder)
        wanted = _checked(document, (*path, "generate"), GenerateModel, ladder["generate"])
        _replace(document.tree, path, expand(wanted) if wanted is not None else None)


def _replace(tree: Tree, path: Path, value: Tree) -> None:
    """Puts the legs in the place of the recipe; a faulty recipe goes away, its faults are noted."""
    for step in path[:-1]:
        tree = tree[step]
    if value is None:
        del tree[path[-1]]
    else:
        tree[path[-1]] = value


def _check_accounts(document: Document, checked: Checked) -> None:
    accounts = _named(document, "accounts", MAX_ACCOUNTS)
    checked.account_names = frozenset(accounts)
    if not accounts and not any(fault.path == "accounts" for fault in document.faults):
        document.faults.append(document.fault(("accounts",), "there must be at least one account"))
    for name, given in accounts.items():
        path = ("accounts", name)
        exchange = given.get("exchange", PAPER) if isinstance(given, dict) else PAPER
        if exchange != PAPER and exchange not in EXCHANGES:
            names = (PAPER, *EXCHANGES)
            hint = did_you_mean(exchange, names) if isinstance(exchange, str) else ""
            message = f"not an exchange Terrace knows, {found(exchange)}{hint}"
            document.faults.append(document.fault((*path, "exchange"), message, names))
            continue
        model = PaperAccountModel if exchange == PAPER else ExchangeAccountModel
        account: AccountModel | None = _checked(document, path, model, given)
        if account is not None:
            checked.accounts[name] = account


def _check_sources(document: Document, checked: Checked) -> None:
    for name, given in _named(document, "sources", MAX_SOURCES).items():
        source = _checked(document, ("sources", name), SourceModel, given)
        if source is not None:
            checked.sources[name] = source


def _named(document: Document, section: str, most: int) -> dict[str, Tree]:
    """The entries of a map from names; the names are checked, also for differing by case only."""
    given = document.tree.get(section, {})
    entries: dict[str, Tree] = {}
    names: Any = dict[AccountName, Any]
    _checked(document, (section,), names, given, most=most)
    folded: dict[str, str] = {}
    for name, entry in given.items() if isinstance(given, dict) else ():
        first = folded.setdefault(name.casefold(), name)
        if first != name:
            document.faults.append(document.fault((section, name), f"differs from {first} only by case"))
        entries[name] = entry
    return entries


T = TypeVar("T")


def _checked(document: Document, path: Path, hint: type[T] | Any, given: Tree, most: int | None = None) -> Any:
    """The validated value, or None with the faults added to the document."""
    if most is not None and isinstance(given, dict | list) and len(given) > most:
        document.faults.append(document.fault(path, f"{len(given)} entries", (f"at most {most}",)))
        return None
    try:
        return TypeAdapter(hint).validate_python(_frozen(given), strict=True)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=True):
            _add_fault(document, path, hint, details)
        return None


def _frozen(tree: Tree) -> Any:
    """Lists as the tuples the models hold."""
    if isinstance(tree, dict):
        return {key: _frozen(value) for key, value in tree.items()}
    return tuple(_frozen(value) for value in tree) if isinstance(tree, list) else tree


def _add_fault(document: Document, prefix: Path, hint: Any, details: ErrorDetails) -> None:
    inner = tuple(part for part in details["loc"] if part != "[key]")
    path = (*prefix, *inner)
    kind, given = details["type"], details["input"]
    if kind == REFUSED:
        context = details["ctx"]
        document.faults.append(
            document.fault(path, context["message"], tuple(str(each) for each in context["allowed"]))
        )
    elif kind == "missing":
        document.faults.append(document.fault(path, "is needed here and missing", _allowed_at(hint, inner)))
    elif kind == "extra_forbidden":
        document.faults.append(
            _unknown_key(document, path, known_keys(hint, inner[:-1]), _elsewhere(path, inner, hint))
        )
    elif kind in ("model_type", "dict_type", "model_attributes_type", "mapping_type"):
        document.faults.append(document.fault(path, f"must be a map of keys, {found(given)}{as_map(given)}"))
    elif kind == "tuple_type":
        document.faults.append(document.fault(path, f"must be a list, {found(given)}{as_list(given)}"))
    else:  # No kind of ours raises these; pydantic's own words are better than none. They hold no input.
        document.faults.append(document.fault(path, details["msg"]))


def _unknown_key(document: Document, path: Path, known: tuple[str, ...], elsewhere: str = "") -> Fault:
    name = str(path[-1])
    colon = as_key(name)
    if colon:  # What follows the colon may be a secret.
        bare = re.split("[:=]", name, maxsplit=1)[0].strip()
        place = document.place_of(path)
        words = f"no key{colon}"
        return Fault(
            path=dotted((*path[:-1], bare)), line=place.line, message=words, allowed=known, source=place.source
        )
    near = nearest(name, known)
    if near is not None:
        return document.fault(path, f"unknown key, did you mean {near}?{unseen(name)}", known)
    elsewhere = elsewhere or ", ".join(_sections_with(name))
    hint = f"; a key of that name stands under {elsewhere}" if elsewhere else ""
    return document.fault(path, f"unknown key{hint}{unseen(name)}", known)


def _allowed_at(hint: Any, path: Path) -> tuple[str, ...]:
    """What may stand at a key, in the words of its kind."""
    section = _section_at(hint, path[:-1])
    info = section.model_fields.get(str(path[-1])) if section is not None else None
    kind = next((note for note in info.metadata if isinstance(note, Kind)), None) if info is not None else None
    if kind is None:
        return ()
    facts = kind.facts
    return facts.allowed or ((f"{facts.minimum} to {facts.maximum} {facts.unit}".strip(),) if facts.maximum else ())


def _elsewhere(path: Path, inner: Path, hint: Any) -> str:
    """Says when a key belongs to the other kind of account, or a step further in."""
    if hint is PaperAccountModel and path[-1] in ExchangeAccountModel.model_fields:
        return "accounts of a real exchange, not of the paper exchange"
    if hint is ExchangeAccountModel and path[-1] in PaperAccountModel.model_fields:
        return "accounts with exchange: paper"
    section = _section_at(hint, inner[:-1])
    for name, info in section.model_fields.items() if section is not None else ():
        nested = _unwrapped(info.annotation)
        if isinstance(nested, type) and issubclass(nested, Section) and path[-1] in nested.model_fields:
            return dotted((*path[:-1], name))
    return ""


def _sections_with(name: str) -> Iterator[str]:
    models: dict[str, type[Section]] = {**SECTIONS}
    models |= {"accounts.<name>": PaperAccountModel, "sources.<name>": SourceModel}
    for section, model in models.items():
        yield from (dotted((section, *below)) for below in _paths_to(model, name, ()))


def _paths_to(model: type[Section], name: str, path: Path) -> Iterator[Path]:
    for key, info in model.model_fields.items():
        if key == name:
            yield path
        nested = info.annotation
        if isinstance(nested, type) and issubclass(nested, Section):
            yield from _paths_to(nested, name, (*path, key))


def _section_at(hint: Any, path: Path) -> type[Section] | None:
    """The model that holds what `path` leads to."""
    hint = _unwrapped(hint)
    if isinstance(hint, type) and issubclass(hint, Section):
        if not path:
            return hint
        info = hint.model_fields.get(str(path[0]))
        return _section_at(info.annotation, path[1:]) if info is not None else None
    args = get_args(hint)
    if not args or not path:
        return None
    return _section_at(args[1] if get_origin(hint) is dict else args[0], path[1:])


def _unwrapped(hint: Any) -> Any:
    """Without `Annotated` and `| None`."""
    if get_origin(hint) is Annotated:
        return _unwrapped(get_args(hint)[0])
    args = get_args(hint)
    if type(None) in args:
        return _unwrapped(next(arg for arg in args if arg is not type(None)))
    return hint
