"""From the bytes of an alert to a signal: decode, map, read, route, look up (SIG-1 to SIG-7, SIG-13).

Decides with the rules and changes nothing. Everything on the way is a value: the signal, or why there is none and
what can be said of it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from actors.ports import Catalogue
from actors.rules.alert import Alert, AlertFaults, read_alert
from actors.rules.choices import Market
from actors.rules.intent import derive_intent
from actors.rules.model import Instrument, Intent, Key, Reason, Refused, Side, Signal
from actors.rules.settings import AccountSettings, Settings, SourceSettings
from actors.rules.signals import SHORT_WINDOW_S, age_refusal, identity, make_signal, window_s
from actors.rules.symbols import SymbolIndex, find_symbol
from daemon.api.body import decode, readable, without_secret
from daemon.api.errors import FieldFault
from daemon.api.field_map import apply_map

MAX_STORED_BODY_CHARS = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One alert as it was handed over."""

    signal_id: str
    source: SourceSettings
    body: bytes
    request_id: str
    """The sender's own identifier, if it gave one."""
    receive_time_ms: int
    judge_age: bool
    """False: it was judged where it arrived, at the forwarder (SIG-5, SIG-12)."""
    replay_of: str = ""
    """Id of the stored signal whose body this is; then its time is that of now (SIG-11)."""


@dataclass(frozen=True, slots=True)
class ReadBody:
    """A body that is an alert. `tree` is what was read, mapped; `text` what may be stored."""

    alert: Alert
    tree: Any
    text: str


@dataclass(frozen=True, slots=True)
class FaultyBody:
    faults: tuple[FieldFault, ...]
    tree: Any
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """A signal for an account. `refused` set: it ends here, for this reason."""

    signal: Signal
    account: AccountSettings | None
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class NoCatalogue:
    """The account's instruments are not known yet: nothing can be said of the symbol."""

    account: AccountSettings


class Symbols:
    """Each account's catalogue by every name a sender may use, built again when the catalogue is another."""

    def __init__(self, catalogue: Catalogue, held: Callable[[str], Iterable[Instrument]] = lambda _account: ()) -> None:
        """`held`: instruments of an account's live groups, whatever the catalogue says of them by now."""
        self._catalogue = catalogue
        self._held = held
        self._indexes: dict[str, tuple[object, SymbolIndex]] = {}

    def of(self, account: str) -> SymbolIndex | None:
        """None: no instruments are known."""
        instruments = self._catalogue.instruments(account)
        known = self._indexes.get(account)
        if known is None or known[0] is not instruments:
            if not instruments:
                return None
            known = self._indexes[account] = (instruments, SymbolIndex.build(instruments.values()))
        return known[1]

    def held(self, account: str) -> SymbolIndex:
        """What the account's live groups trade, as if it could be traded still."""
        by_symbol = {instrument.symbol: replace(instrument, active=True) for instrument in self._held(account)}
        return SymbolIndex.build(by_symbol.values())


def read_body(data: bytes, source: SourceSettings) -> ReadBody | FaultyBody:
    """The body's fields as values, or every faulty one. Its secret is in neither."""
    body = decode(data)
    if isinstance(body, FieldFault):
        return FaultyBody((body,), None, readable(data))
    mapped = apply_map(body.tree, source.map)
    text = without_secret(body, mapped.secrets).text
    read = read_alert(mapped.tree)
    if isinstance(read, AlertFaults) or mapped.faults:
        found = read.faults if isinstance(read, AlertFaults) else ()
        broken = {fault.path for fault in mapped.faults}
        faults = (FieldFault(fault.path, fault.problem) for fault in found if fault.path not in broken)
        return FaultyBody((*mapped.faults, *faults), mapped.tree, text)
    return ReadBody(read, mapped.tree, text)


def understand(
    sent: Sent, read: ReadBody, settings: Settings, symbols: Symbols, unbuilt: Mapping[str, str]
) -> Understood | NoCatalogue:
    """Account, instrument, key and intent of an alert (SIG-4, SIG-6), and whether it is too old (SIG-5).

    `unbuilt`: accounts this version cannot trade, and why.
    """
    if sent.replay_of:
        read = replace(read, alert=replace(read.alert, sent_time_ms=sent.receive_time_ms))
    alert = read.alert
    account = settings.account_for(alert.exchange, sent.source.name)
    if account is None:
        words = f"no route leads from the exchange {alert.exchange} or the source {sent.source.name} to an account"
        return Understood(_unplaced(sent, read, None), None, Refused(reason=Reason.NO_ROUTE, detail=words))
    if account.name in unbuilt:
        refused = Refused(reason=Reason.NOT_BUILT, detail=f"account {account.name}: {unbuilt[account.name]}")
        return Understood(_unplaced(sent, read, account), account, refused)
    index = symbols.of(account.name)
    instrument: Instrument | Refused | None = None
    if _only_closes(read, account):  # What may not be entered any more, or is delisted, can still be left.
        instrument = find_symbol(alert.symbol, symbols.held(account.name))
        if isinstance(instrument, Refused):
            instrument = None if index is None else find_symbol(alert.symbol, index)
    elif index is not None:
        instrument = find_symbol(alert.symbol, index, allow=account.allow, deny=account.deny)
    if instrument is None:
        return NoCatalogue(account)
    if isinstance(instrument, Refused):
        return Understood(_unplaced(sent, read, account), account, instrument)
    signal = _signal(sent, read, account, instrument, settings)
    return Understood(signal, account, _too_old(sent, signal))


def _only_closes(read: ReadBody, account: AccountSettings) -> bool:
    """Whether nothing can be opened by it: on spot a short side has nothing but longs to close."""
    intent, side = derive_intent(read.alert, account.market)
    return intent in (Intent.EXIT, Intent.REDUCE) or (account.market is Market.SPOT and side is Side.SHORT)


def _too_old(sent: Sent, signal: Signal) -> Refused | None:
    if not sent.judge_age:
        return None
    return age_refusal(signal.sent_time_ms, sent.receive_time_ms, sent.source.max_age_s, sent.source.max_ahead_s)


def _signal(sent: Sent, read: ReadBody, account: AccountSettings, instrument: Instrument, settings: Settings) -> Signal:
    signal = make_signal(
        read.alert,
        source=sent.source,
        account=account,
        instrument=instrument,
        group_key=settings.engine.group_key,
        signal_id=sent.signal_id,
        receive_time_ms=sent.receive_time_ms,
        idempotency_key=sent.request_id or None,
        body=read.text,
    )
    return replace(signal, replay_of=sent.replay_of) if sent.replay_of else signal


def _unplaced(sent: Sent, read: ReadBody, account: AccountSettings | None) -> Signal:
    """An alert that leads nowhere, with what it says of itself, for the record."""
    alert = read.alert
    key = Key(account=account.name if account else "", symbol=alert.symbol, timeframe=alert.timeframe)
    intent, side = derive_intent(alert, account.market) if account else (Intent.IGNORE, None)
    return Signal(
        signal_id=sent.signal_id,
        source=sent.source.name,
        key=key,
        intent=intent,
        side=side,
        entry_price=alert.close_price if alert.entry_price is None else alert.entry_price,
        close_price=alert.close_price,
        trade_id=alert.trade_id,
        alert_name=alert.alert_name,
        sent_time_ms=alert.sent_time_ms,
        receive_time_ms=sent.receive_time_ms,
        idempotency_key=identity(alert, intent, key, sent.source.name, sent.request_id or None),
        idempotency_window_s=window_s(alert, sent.source, sent.request_id or None),
        body=read.text,
        replay_of=sent.replay_of,
    )


def unreadable(sent: Sent, faulty: FaultyBody) -> Signal:
    """A body that is no alert, for the record. Copies are recognised by the sender's identifier, else by the text."""
    what = sent.request_id or faulty.text
    digest = sha256(f"faulty:{sent.source.name}:{what}".encode("utf-8", "surrogatepass")).hexdigest()
    window = sent.source.idempotency_window_s
    return Signal(
        signal_id=sent.signal_id,
        source=sent.source.name,
        key=Key(account="", symbol="", timeframe=""),
        intent=Intent.IGNORE,
        side=None,
        entry_price=None,
        receive_time_ms=sent.receive_time_ms,
        idempotency_key=digest,
        idempotency_window_s=window if sent.request_id else min(SHORT_WINDOW_S, window),
        body=faulty.text[:MAX_STORED_BODY_CHARS].encode("utf-8", "replace").decode(),
        replay_of=sent.replay_of,
    )
