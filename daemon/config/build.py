"""A config that holds, as the settings the engine and the process use."""

from __future__ import annotations

import os
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, cast

from actors.rules.settings import (
    AccountSettings,
    AlertSettings,
    EngineSettings,
    ExecutionSettings,
    LimitSettings,
    PoolSettings,
    PrecisionSettings,
    QueueSettings,
    RiskSettings,
    Settings,
    SourceSettings,
    StrategyBook,
    StrategyMatch,
    StrategyOverride,
    StrategySettings,
)
from daemon.config.daemon_settings import (
    ApiSettings,
    BackupSettings,
    DaemonSettings,
    ForwarderSettings,
    LoggingSettings,
    ObserveSettings,
    PanelSettings,
    StorageSettings,
    TlsSettings,
    TracesSettings,
)
from daemon.config.migrate import CONFIG_VERSION
from daemon.config.schema_accounts import ExchangeAccountModel, PaperAccountModel, default_symbols
from daemon.config.schema_notify import build_channels
from daemon.config.schema_process import (
    ApiModel,
    BackupModel,
    ForwarderModel,
    LoggingModel,
    ObserveModel,
    PanelModel,
    StorageModel,
)
from daemon.config.schema_strategy import OverrideModel, StrategyBookModel, StrategyModel
from daemon.config.schema_vault import VaultModel
from daemon.config.section import Section, built
from daemon.config.validate import TOP_LEVEL, AccountModel, Checked

_SQLITE = "sqlite:///"


def build_settings(checked: Checked, data_dir: Path, version: int) -> Settings:
    """The engine's part. Every section of `checked` must be there."""
    section = checked.sections
    return Settings(
        version=version,
        engine=cast(EngineSettings, built(section["engine"])),
        accounts={name: _account(name, account, data_dir) for name, account in checked.accounts.items()},
        routes=dict(checked.routes),
        sources={name: SourceSettings(name=name, **_fields(source)) for name, source in checked.sources.items()},
        strategy=_book(cast(StrategyBookModel, section["strategy"])),
        pool=cast(PoolSettings, built(section["pool"])),
        queue=cast(QueueSettings, built(section["queue"])),
        risk=cast(RiskSettings, built(section["risk"])),
        limits=cast(LimitSettings, built(section["limits"])),
        precision=cast(PrecisionSettings, built(section["precision"])),
        execution=cast(ExecutionSettings, built(section["execution"])),
        alerts=cast(AlertSettings, built(section["alerts"])),
        notifications=build_channels(checked.notifications),
    )


def build_daemon(checked: Checked, config_path: Path, data_dir: Path) -> DaemonSettings:
    """The process's part, its paths absolute."""
    section = checked.sections
    forwarder = cast(ForwarderModel, section["forwarder"])
    logging = cast(LoggingModel, section["logging"])
    backup = cast(BackupModel, section["backup"])
    return DaemonSettings(
        config_path=config_path,
        data_dir=data_dir,
        storage=_storage(cast(StorageModel, section["storage"]), data_dir),
        vault_key=cast(VaultModel, section["vault"]).key,
        api=_api(cast(ApiModel, section["api"]), data_dir),
        forwarder=ForwarderSettings(**{**_fields(forwarder), "spool": below(data_dir, forwarder.spool)}),
        panel=PanelSettings(**_fields(cast(PanelModel, section["panel"]))),
        observe=_observe(cast(ObserveModel, section["observe"])),
        logging=LoggingSettings(**{**_fields(logging), "file": below(data_dir, logging.file)}),
        backup=BackupSettings(**{**_fields(backup), "directory": below(data_dir, backup.directory)}),
    )


def _observe(model: ObserveModel) -> ObserveSettings:
    traces = TracesSettings(**_fields(model.traces))
    return ObserveSettings(address=model.address, public=model.public, traces=traces)


def below(folder: Path, path: str) -> Path:
    """`path` as an absolute one, relative to `folder`; `~` is the user's home. Symbolic links are left alone."""
    return Path(os.path.abspath(folder / Path(path).expanduser()))


def effective(checked: Checked) -> dict[str, Any]:
    """The whole config as plain data with every default and generated ladder written out, keys in their usual order."""
    parts: dict[str, Any] = {"config_version": CONFIG_VERSION, "data_dir": checked.data_dir, **checked.sections}
    parts["accounts"] = {name: _shown(account) for name, account in checked.accounts.items()}
    parts["routes"] = checked.routes
    parts["sources"] = checked.sources
    parts["notifications"] = checked.notifications
    return {name: _plain(parts[name]) for name in TOP_LEVEL}


def _fields(model: Section) -> dict[str, Any]:
    return {name: built(getattr(model, name)) for name in type(model).model_fields}


def _account(name: str, account: AccountModel, data_dir: Path) -> AccountSettings:
    fields = _fields(account)
    if isinstance(account, PaperAccountModel):
        fields["symbols"] = default_symbols(account.market) if account.symbols is None else account.symbols
        fields["candles"] = None if account.candles is None else str(below(data_dir, account.candles))
    else:
        fields |= {"symbols": (), "balances": {}}
    return AccountSettings(name=name, **fields)


def _book(book: StrategyBookModel) -> StrategyBook:
    return StrategyBook(
        default=cast(StrategySettings, built(book.default)),
        overrides=tuple(_override(override) for override in book.overrides),
    )


def _override(override: OverrideModel) -> StrategyOverride:
    match = override.match
    return StrategyOverride(
        match=StrategyMatch(account=match.account, symbol=match.symbol, timeframe=match.timeframe),
        set=_written(override.set),
    )


def _written(model: StrategyModel) -> dict[str, Any]:
    """Only the keys that stand in the file; of `sizing` likewise."""
    written: dict[str, Any] = {}
    for name in _in_order(model):
        value = getattr(model, name)
        if name == "sizing":
            written[name] = {key: built(getattr(value, key)) for key in _in_order(value)}
        else:
            written[name] = built(value)
    return written


def _in_order(model: Section) -> list[str]:
    return [name for name in type(model).model_fields if name in model.model_fields_set]


def _storage(storage: StorageModel, data_dir: Path) -> StorageSettings:
    file = storage.url.removeprefix(_SQLITE) if storage.url.startswith(_SQLITE) else "terrace.db"
    return StorageSettings(
        url=storage.url,
        path=below(data_dir, file),
        durability=storage.durability,
        keep_events_days=storage.keep_events_days,
        standby=storage.standby,
    )


def _api(api: ApiModel, data_dir: Path) -> ApiSettings:
    def optional(path: str | None) -> Path | None:
        return None if path is None else below(data_dir, path)

    return ApiSettings(
        address=api.address,
        unix_socket=data_dir / "terrace.sock" if api.unix_socket else None,
        tls=TlsSettings(
            certificate=optional(api.tls.certificate),
            key=optional(api.tls.key),
            client_ca=optional(api.tls.client_ca),
        ),
        tokens=below(data_dir, api.tokens),
        public=api.public,
    )


def _shown(account: AccountModel) -> dict[str, Any]:
    shown = dict(account)
    if isinstance(account, PaperAccountModel) and account.symbols is None:
        shown["symbols"] = default_symbols(account.market)
    first = {"exchange": shown.pop("exchange"), "market": shown.pop("market")}
    if isinstance(account, ExchangeAccountModel):
        first["testnet"] = shown.pop("testnet")
    return first | shown


def _plain(value: Any) -> Any:
    if isinstance(value, OverrideModel):
        match = {name: getattr(value.match, name) for name in _in_order(value.match)}
        return {"match": match, "set": _plain(_written_models(value.set))}
    if isinstance(value, Section):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.value if isinstance(value, Enum) else value


def _written_models(model: StrategyModel) -> dict[str, Any]:
    written: dict[str, Any] = {name: getattr(model, name) for name in _in_order(model)}
    if "sizing" in written:
        written["sizing"] = {name: getattr(model.sizing, name) for name in _in_order(model.sizing)}
    return written
