"""The tables, as peewee models: what every column holds. The schema itself is made by `migrations/`; a test keeps both
the same.

Decimals and enum words are TEXT, times are UTC milliseconds, flags 0 or 1, snapshots and small maps JSON text.
Models are for the reader; the writer uses constant SQL over the same columns (`rows.py`).
"""

from __future__ import annotations

from peewee import SQL, AutoField, CompositeKey, IntegerField, Model, TextField

from actors.rules.model import OrderState, Outcome
from actors.rules.risk_model import RiskActionState

EMPTY = SQL("DEFAULT ''")
ZERO_TEXT = SQL("DEFAULT '0'")
NO = SQL("DEFAULT 0")
OF_GROUP = SQL("REFERENCES position_groups (group_id)")
OF_SIGNAL = SQL("REFERENCES signals (signal_id)")
OF_ORDER = SQL("REFERENCES orders (client_order_id)")
OF_ACTION = SQL("REFERENCES risk_actions (action_id)")

NOT_FINAL_STATES = ", ".join(repr(state.value) for state in OrderState if not state.is_final)
NOT_FINAL_OUTCOMES = ", ".join(repr(outcome.value) for outcome in Outcome if not outcome.is_final)
NOT_CLOSED = "state <> 'closed'"
CLOSED = "state = 'closed'"
RISK_RUNNING = f"state IN ({', '.join(repr(state.value) for state in RiskActionState if not state.is_final)})"


class Table(Model):
    """No database is bound here: a query is executed on the one it is given."""

    class Meta:
        legacy_table_names = False


class Signal(Table):
    """A signal and its outcome (SIG-10). `first_*` is the answer its sender got, the other what stands now."""

    id = AutoField()
    signal_id = TextField(unique=True)
    source = TextField()
    account = TextField()
    symbol = TextField()
    timeframe = TextField()
    key_strategy = TextField()
    key_source = TextField()
    intent = TextField()
    side = TextField(null=True)
    entry_price = TextField(null=True)
    close_price = TextField(null=True)
    order_size = TextField(null=True)
    size_type = TextField()
    market_position_size = TextField(null=True)
    prev_market_position_size = TextField(null=True)
    stop_loss = TextField(null=True)
    take_profit = TextField(null=True)
    max_slippage_percent = TextField(null=True)
    trade_id = TextField()
    alert_name = TextField()
    alert_message = TextField()
    sent_time_ms = IntegerField(null=True)
    receive_time_ms = IntegerField()
    max_age_s = IntegerField()
    idempotency_key = TextField()
    idempotency_window_s = IntegerField()
    outcome = TextField()
    reason = TextField()
    detail = TextField()
    group_id = TextField()
    outcome_time_ms = IntegerField()
    draft_id = TextField()
    """Of the commit that stored it."""
    first_outcome = TextField()
    first_reason = TextField()
    first_time_ms = IntegerField()
    final_draft_id = TextField(constraints=[EMPTY])
    """Of the commit that gave a waiting one its final outcome."""
    body = TextField()
    """Late, because it can be long: the columns before it are read without it."""
    replay_of = TextField(constraints=[EMPTY])
    """The signal that was sent again as this one (SIG-11)."""

    class Meta:
        table_name = "signals"


Signal.add_index(Signal.index(Signal.receive_time_ms, name="signals_time"))
Signal.add_index(Signal.index(Signal.outcome, Signal.receive_time_ms, name="signals_outcome"))
Signal.add_index(Signal.index(Signal.account, Signal.symbol, Signal.receive_time_ms, name="signals_symbol"))


class Idempotency(Table):
    """Keys that are taken (SIG-7)."""

    idempotency_key = TextField(primary_key=True)
    signal_id = TextField()
    create_time_ms = IntegerField()
    expire_time_ms = IntegerField()

    class Meta:
        table_name = "idempotency"


Idempotency.add_index(Idempotency.index(Idempotency.expire_time_ms, name="idempotency_expire"))


class Group(Table):
    """A position group's own columns."""

    id = AutoField()
    group_id = TextField(unique=True)
    world = TextField()
    account = TextField()
    symbol = TextField()
    timeframe = TextField()
    key_strategy = TextField()
    key_source = TextField()
    side = TextField()
    state = TextField()
    instrument = TextField()
    settings = TextField()
    slot_token = TextField()
    forced = IntegerField()
    signal_id = TextField()
    opened_stamp_ms = IntegerField()
    create_time_ms = IntegerField()
    update_time_ms = IntegerField()
    strategy = TextField()
    loose_quantity = TextField()
    loose_cost = TextField()
    realized = TextField()
    fees = TextField()
    dust = TextField()
    dust_value = TextField()
    ignored_pyramids = IntegerField()
    close_reason = TextField(null=True)
    close_time_ms = IntegerField(null=True)
    flags = TextField()
    max_slippage_percent = TextField(null=True)
    stop_loss = TextField(null=True)
    take_profit = TextField(null=True)
    hybrid_hit = IntegerField()
    quote = TextField()
    """Currency its money is in, for totals."""
    late_fill = IntegerField()
    """1: brought back by a late fill; it may stand beside a newer group of its key while it is flattened."""
    funding = TextField(constraints=[ZERO_TEXT])
    trails = TextField(constraints=[SQL("DEFAULT '{}'")])
    stop_price = TextField(null=True)
    stop_reason = TextField(null=True)
    cuts = TextField(constraints=[SQL("DEFAULT '[]'")])
    risk_timer_start_ms = IntegerField(null=True)
    risk_blocked = IntegerField(constraints=[NO])
    risk_skip = IntegerField(constraints=[NO])
    reverse = TextField(null=True)
    """The whole signal, so that a group is loaded without another table."""
    invested = TextField(constraints=[ZERO_TEXT])
    """What its entries cost, fees excluded, once it is closed: for reports, which then need not read its legs."""
    oversold_quantity = TextField(constraints=[ZERO_TEXT])
    oversold_proceeds = TextField(constraints=[ZERO_TEXT])

    class Meta:
        table_name = "position_groups"


Group.add_index(
    Group.index(
        *(Group.world, Group.account, Group.symbol, Group.timeframe, Group.key_strategy, Group.key_source),
        unique=True,
        name="position_groups_one_live",
        where=SQL(f"{NOT_CLOSED} AND late_fill = 0"),
    )
)
Group.add_index(Group.index(Group.world, name="position_groups_live", where=SQL(NOT_CLOSED)))
Group.add_index(
    Group.index(
        *(Group.world, Group.close_time_ms, Group.group_id, Group.account, Group.symbol, Group.timeframe),
        *(Group.key_strategy, Group.key_source, Group.strategy, Group.side, Group.quote, Group.realized, Group.fees),
        *(Group.invested, Group.create_time_ms, Group.state),
        name="position_groups_closed",
        where=SQL(CLOSED),
    )
)
"""Holds everything that is asked of closed groups, so that their wide rows are not read for a report."""
Group.add_index(Group.index(Group.create_time_ms, name="position_groups_time"))


class Pyramid(Table):
    """One entry of a group."""

    group_id = TextField(constraints=[OF_GROUP])
    pyramid = IntegerField()
    signal_id = TextField()
    entry_price = TextField()
    capital = TextField()
    create_time_ms = IntegerField()
    watch_hit = IntegerField()

    class Meta:
        table_name = "pyramids"
        primary_key = CompositeKey("group_id", "pyramid")
        without_rowid = True


class Leg(Table):
    """One planned entry of a pyramid and what became of it."""

    group_id = TextField(constraints=[OF_GROUP])
    pyramid = IntegerField()
    leg = IntegerField()
    gap_percent = TextField()
    weight_percent = TextField()
    tp_percent = TextField()
    price = TextField()
    quantity = TextField()
    market = IntegerField()
    lot_quantity = TextField()
    lot_cost = TextField()
    bought_quantity = TextField()
    bought_cost = TextField()
    sold_quantity = TextField()
    sold_proceeds = TextField()
    cancel_reason = TextField(null=True)
    wait_reason = TextField(null=True)

    class Meta:
        table_name = "legs"
        primary_key = CompositeKey("group_id", "pyramid", "leg")
        without_rowid = True


class Order(Table):
    """An order. `id` is the order in which a group made them."""

    id = AutoField()
    client_order_id = TextField(unique=True)
    group_id = TextField(constraints=[OF_GROUP])
    account = TextField()
    symbol = TextField()
    pyramid = IntegerField(null=True)
    leg = IntegerField(null=True)
    role = TextField()
    attempt = IntegerField()
    side = TextField()
    type = TextField()
    time_in_force = TextField()
    reduce_only = IntegerField()
    price = TextField(null=True)
    trigger_price = TextField(null=True)
    quantity = TextField()
    expected_price = TextField(null=True)
    state = TextField()
    exchange_order_id = TextField()
    cancel_requested = IntegerField()
    reason = TextField(null=True)
    words = TextField()
    create_time_ms = IntegerField()
    update_time_ms = IntegerField()
    filled_quantity = TextField()
    filled_notional = TextField()
    wanted_price = TextField(null=True)
    wanted_quantity = TextField(null=True)
    amend_time_ms = IntegerField(null=True)

    class Meta:
        table_name = "orders"


Order.add_index(Order.index(Order.group_id, name="orders_group"))
Order.add_index(Order.index(Order.group_id, name="orders_open", where=SQL(f"state IN ({NOT_FINAL_STATES})")))


class Fill(Table):
    """One execution, counted once (ORD-5)."""

    id = AutoField()
    account = TextField()
    symbol = TextField()
    client_order_id = TextField(constraints=[OF_ORDER])
    trade_id = TextField()
    group_id = TextField()
    quantity = TextField()
    price = TextField()
    fee = TextField()
    fee_asset = TextField()
    fee_value = TextField()
    time_ms = IntegerField()
    maker = IntegerField()

    class Meta:
        table_name = "fills"


Fill.add_index(
    Fill.index(Fill.account, Fill.symbol, Fill.client_order_id, Fill.trade_id, unique=True, name="fills_once")
)
Fill.add_index(Fill.index(Fill.group_id, name="fills_group"))
Fill.add_index(Fill.index(Fill.time_ms, name="fills_time"))


class QueuedSignal(Table):
    """A signal that waits, one per key and world (QUE-1). `id` breaks ties of the first-queued time."""

    id = AutoField()
    world = TextField()
    account = TextField()
    symbol = TextField()
    timeframe = TextField()
    key_strategy = TextField()
    key_source = TextField()
    signal_id = TextField(constraints=[OF_SIGNAL])
    side = TextField()
    entry_price = TextField(null=True)
    wait_reason = TextField()
    detail = TextField()
    replacement_count = IntegerField()
    first_queue_time_ms = IntegerField()
    queue_time_ms = IntegerField()
    expected_profit = TextField(null=True)
    is_reverse = IntegerField(constraints=[NO])
    is_decided = IntegerField(constraints=[NO])

    class Meta:
        table_name = "queued_signals"


QueuedSignal.add_index(
    QueuedSignal.index(
        *(QueuedSignal.world, QueuedSignal.account, QueuedSignal.symbol, QueuedSignal.timeframe),
        *(QueuedSignal.key_strategy, QueuedSignal.key_source),
        unique=True,
        name="queued_signals_key",
    )
)


class Drift(Table):
    """A difference between an account and the store (ORD-7). One stands per account, kind and subject."""

    id = AutoField()
    drift_id = TextField(unique=True)
    account = TextField()
    symbol = TextField()
    kind = TextField()
    subject = TextField()
    group_id = TextField()
    client_order_id = TextField()
    expected = TextField()
    actual = TextField()
    shortfall = TextField()
    message = TextField()
    create_time_ms = IntegerField()
    state = TextField()
    resolution = TextField(null=True)
    who = TextField()
    resolve_time_ms = IntegerField(null=True)

    class Meta:
        table_name = "drifts"


Drift.add_index(
    Drift.index(
        Drift.account, Drift.kind, Drift.subject, unique=True, name="drifts_standing", where=SQL("state <> 'resolved'")
    )
)
Drift.add_index(Drift.index(Drift.create_time_ms, name="drifts_time"))


class Booking(Table):
    """A group's share of what happened to a whole position: a part of an execution, or of a funding payment."""

    account = TextField()
    booking_id = TextField()
    group_id = TextField(constraints=[OF_GROUP])
    symbol = TextField()
    kind = TextField()
    cause = TextField()
    amount = TextField()
    trade_id = TextField()
    """Empty: funding, and what follows has no meaning."""
    quantity = TextField()
    price = TextField()
    fee = TextField()
    fee_asset = TextField()
    fee_value = TextField()
    trade_time_ms = IntegerField()
    time_ms = IntegerField()
    booked_time_ms = IntegerField(null=True)
    """When the group took it into its books."""

    class Meta:
        table_name = "bookings"
        primary_key = CompositeKey("account", "booking_id", "group_id")
        without_rowid = True


Booking.add_index(Booking.index(Booking.account, Booking.time_ms, name="bookings_time"))
Booking.add_index(Booking.index(Booking.account, name="bookings_open", where=SQL("booked_time_ms IS NULL")))


class Profit(Table):
    """What a commit changed of a group's realised profit and fees (PNL-3). Rows stay for good."""

    id = AutoField()
    time_ms = IntegerField()
    world = TextField()
    group_id = TextField(constraints=[OF_GROUP])
    account = TextField()
    symbol = TextField()
    timeframe = TextField()
    strategy = TextField()
    side = TextField()
    quote = TextField()
    realized = TextField()
    fees = TextField()

    class Meta:
        table_name = "profits"


Profit.add_index(
    Profit.index(Profit.world, Profit.time_ms, Profit.quote, Profit.realized, Profit.fees, name="profits_time")
)
Profit.add_index(Profit.index(Profit.group_id, name="profits_group"))


class Equity(Table):
    """Equity of a world over time, in the reporting currency (PNL-4)."""

    world = TextField()
    time_ms = IntegerField()
    equity = TextField(null=True)
    realized = TextField()
    unrealized = TextField(null=True)

    class Meta:
        table_name = "equity"
        primary_key = CompositeKey("world", "time_ms")
        without_rowid = True


Equity.add_index(Equity.index(Equity.time_ms, name="equity_time"))


class RiskAction(Table):
    """An evaluation that picked a loser, or an action (RISK-10): the whole as JSON, and what it is searched by."""

    id = AutoField()
    action_id = TextField(unique=True)
    world = TextField()
    quote = TextField()
    state = TextField()
    reason = TextField(null=True)
    loser_group_id = TextField()
    create_time_ms = IntegerField()
    end_time_ms = IntegerField(null=True)
    action = TextField()

    class Meta:
        table_name = "risk_actions"


RiskAction.add_index(RiskAction.index(RiskAction.world, RiskAction.create_time_ms, name="risk_actions_time"))
RiskAction.add_index(RiskAction.index(RiskAction.world, name="risk_actions_running", where=SQL(RISK_RUNNING)))


class RiskActionGroup(Table):
    """The groups that take part in an action, as loser or winner."""

    group_id = TextField()
    action_id = TextField(constraints=[OF_ACTION])

    class Meta:
        table_name = "risk_action_groups"
        primary_key = CompositeKey("group_id", "action_id")
        without_rowid = True


RiskActionGroup.add_index(RiskActionGroup.index(RiskActionGroup.action_id, name="risk_action_groups_action"))


class Event(Table):
    """The event log. A sequence is never used twice, also after old events are deleted."""

    sequence = AutoField(constraints=[SQL("AUTOINCREMENT")])
    time_ms = IntegerField()
    severity = TextField()
    category = TextField()
    type = TextField()
    message = TextField()
    world = TextField(null=True)
    account = TextField()
    symbol = TextField()
    timeframe = TextField()
    signal_id = TextField()
    group_id = TextField()
    client_order_id = TextField()
    attributes = TextField()
    hash = TextField(constraints=[EMPTY])
    """Link of the audit trail; empty for events from before there was one."""

    class Meta:
        table_name = "events"


Event.add_index(Event.index(Event.time_ms, name="events_time"))
Event.add_index(Event.index(Event.category, name="events_category"))
Event.add_index(Event.index(Event.signal_id, name="events_signal", where=SQL("signal_id <> ''")))
Event.add_index(Event.index(Event.group_id, name="events_group", where=SQL("group_id <> ''")))


class Alert(Table):
    """One alert by its key (LOG-5). Raised anew after it was resolved, it starts over."""

    alert_key = TextField(primary_key=True)
    severity = TextField()
    category = TextField()
    message = TextField()
    account = TextField()
    symbol = TextField()
    group_id = TextField()
    count = IntegerField()
    create_time_ms = IntegerField()
    update_time_ms = IntegerField()
    acknowledge_time_ms = IntegerField(null=True)
    acknowledged_by = TextField(constraints=[EMPTY])
    resolve_time_ms = IntegerField(null=True)
    comment = TextField(constraints=[EMPTY])

    class Meta:
        table_name = "alerts"


Alert.add_index(Alert.index(Alert.update_time_ms, name="alerts_time"))


class Notification(Table):
    """A message for a channel (LOG-5)."""

    notification_id = TextField(primary_key=True)
    channel = TextField()
    type = TextField()
    severity = TextField()
    title = TextField()
    message = TextField()
    state = TextField(constraints=[SQL("DEFAULT 'pending'")])
    attempt_count = IntegerField(constraints=[SQL("DEFAULT 0")])
    error = TextField(constraints=[EMPTY])
    create_time_ms = IntegerField()
    due_time_ms = IntegerField()
    send_time_ms = IntegerField(null=True)
    alert_key = TextField(constraints=[EMPTY])
    suppressed_count = IntegerField(constraints=[SQL("DEFAULT 0")])

    class Meta:
        table_name = "notifications"


Notification.add_index(Notification.index(Notification.create_time_ms, name="notifications_time"))
Notification.add_index(
    Notification.index(
        Notification.channel, Notification.due_time_ms, name="notifications_pending", where=SQL("state = 'pending'")
    )
)


class DeadLetter(Table):
    """A message that stopped an actor (REC-2)."""

    id = AutoField()
    dead_letter_id = TextField(unique=True)
    create_time_ms = IntegerField()
    actor = TextField()
    message_type = TextField()
    message = TextField()
    error = TextField()
    attempts = IntegerField()
    retry_time_ms = IntegerField(null=True)
    resolve_time_ms = IntegerField(null=True)
    fact = TextField(constraints=[SQL("DEFAULT ''")])
    result = TextField(constraints=[SQL("DEFAULT ''")])

    class Meta:
        table_name = "dead_letters"


class EngineState(Table):
    """Durable switches."""

    world = TextField()
    name = TextField()
    value = TextField()
    who = TextField()
    time_ms = IntegerField()

    class Meta:
        table_name = "engine_state"
        primary_key = CompositeKey("world", "name")
        without_rowid = True


class Instrument(Table):
    """The last known catalogue of an account (PRC-1)."""

    account = TextField()
    symbol = TextField()
    venue_symbol = TextField()
    base = TextField()
    quote = TextField()
    market = TextField()
    tick_size = TextField()
    step_size = TextField()
    min_quantity = TextField()
    min_notional = TextField()
    max_quantity = TextField(null=True)
    market_min_quantity = TextField(null=True)
    market_max_quantity = TextField(null=True)
    market_step_size = TextField(null=True)
    contract_size = TextField()
    band_down = TextField(null=True)
    band_up = TextField(null=True)
    max_open_orders = IntegerField(null=True)
    active = IntegerField()
    time_ms = IntegerField()
    min_price = TextField(null=True)
    max_price = TextField(null=True)
    buy_band_down = TextField(null=True)
    buy_band_up = TextField(null=True)
    sell_band_down = TextField(null=True)
    sell_band_up = TextField(null=True)
    max_notional = TextField(null=True)
    market_min_notional = TextField(null=True)
    market_max_notional = TextField(null=True)
    exit_min_notional = TextField(null=True)

    class Meta:
        table_name = "instruments"
        primary_key = CompositeKey("account", "symbol")
        without_rowid = True


class ConfigVersion(Table):
    """Every applied config (CFG-3)."""

    version = IntegerField(primary_key=True)
    time_ms = IntegerField()
    author = TextField()
    source = TextField()
    text = TextField()
    changed = TextField(constraints=[EMPTY])

    class Meta:
        table_name = "config_versions"


class Meta(Table):
    """Facts about the store itself: who made it, how often it was opened, whether it was closed in peace."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "meta"
        without_rowid = True


class Leadership(Table):
    """Who leads among daemons that share a store; one row (`postgres_lead`)."""

    place = IntegerField(primary_key=True)
    epoch = IntegerField()
    leader = TextField()
    address = TextField()
    since_ms = IntegerField()

    class Meta:
        table_name = "leadership"


class Lease(Table):
    """How long the leader may go on without a further word; one row."""

    place = IntegerField(primary_key=True)
    epoch = IntegerField()
    beat = IntegerField()
    is_given = IntegerField()

    class Meta:
        table_name = "leases"


TABLES: tuple[type[Table], ...] = (
    *(Signal, Idempotency, Group, Pyramid, Leg, Order, Fill, QueuedSignal, RiskAction, RiskActionGroup, Event),
    *(Alert, Notification, DeadLetter, EngineState, Instrument, ConfigVersion, Meta, Drift, Booking, Profit, Equity),
    *(Leadership, Lease),
)
"""In an order in which they can be made: what is referred to comes first."""
