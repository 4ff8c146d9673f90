"""The checks of `terrace doctor` that ask the daemon: its state, its accounts' keys, its alerts, its backups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from control.errors import ClientError
from control.health_check import Check, failed, ok, warning
from control.printer import word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from control.client import Client
    from protos.terrace.v1 import account_pb2, engine_pb2

KEY_CHECK_S = 15.0
"""An exchange is asked; it may be slow."""
MAX_ACCOUNTS = 50
OLD_BACKUP_S = 3 * 86_400
_BROKEN = frozenset({"STORE_FAILED", "PART_DOWN", "ACCOUNT_NOT_TRADED"})
"""Degradations with which money stands unwatched."""


def check_engine(status: engine_pb2.Status) -> list[Check]:
    """The engine of one world, and each thing that is not as it should be, with its own remedy."""
    name = f"engine {word(status, 'world')}".strip()
    state = word(status, "state").upper()
    checks = [ok(name, state)]
    if state != "RUNNING":
        remedy = "terrace engine resume" if state == "PAUSED" else "terrace status"
        checks = [warning(name, f"{state} {status.state_reason}".strip(), remedy)]
    told = set()
    for one in status.degraded:
        line = f"{one.subject}: {one.message}" if one.subject else one.message
        told.add(one.message)
        make = failed if one.code in _BROKEN else warning
        checks.append(make(name, line, one.remedy or "terrace status"))
    plain = [line for line in status.degradations if line != status.state_reason]
    if not told:
        checks += [warning(name, line, "terrace status") for line in plain]
    return checks


def check_accounts(client: Client) -> list[Check]:
    """Whether each exchange takes the account's key, and whether the key can do more than it should."""
    from protos.terrace.v1 import account_pb2 as pb

    try:
        accounts = client.call(pb.ListAccountsRequest(page_size=MAX_ACCOUNTS), pb.ListAccountsResponse).accounts
    except ClientError as error:
        return [warning("accounts", error.message, error.remedy or "terrace account list")]
    real = [account for account in accounts if word(account, "world") != "paper"]
    checks = [one for account in real for one in _check_account(client, account.account)]
    paper = len(accounts) - len(real)
    return checks if checks or not paper else [ok("accounts", f"{paper} paper")]


def _check_account(client: Client, name: str) -> list[Check]:
    from protos.terrace.v1 import account_pb2 as pb

    title = f"account {name}"
    request = pb.CheckAccountRequest(account=name)
    try:
        answer = client.call(request, pb.CheckAccountResponse, timeout_s=KEY_CHECK_S)
    except ClientError as error:
        return [failed(title, error.message, error.remedy or f"terrace account check {name}")]
    return account_findings(title, name, answer.checks)


def account_findings(title: str, name: str, checks: Sequence[account_pb2.AccountCheck]) -> list[Check]:
    bad = [one for one in checks if not one.passed]
    allowed = next((one for one in checks if "may withdraw" in one.message.lower()), None)
    if not bad and allowed is not None:  # The config allows it; a person who asks is told all the same.
        return [warning(title, allowed.message, _account_remedy("withdraw", name))]
    if not bad:
        return [ok(title, "the exchange takes its key, which can do nothing it should not")]
    return [
        failed(title, f"{one.name}: {one.message}", _account_remedy(f"{one.name} {one.message}", name)) for one in bad
    ]


def _account_remedy(words: str, name: str) -> str:
    words = words.lower()
    if "withdraw" in words:
        return "At the exchange, take the right to withdraw from this key: a stolen one could empty the account."
    if "key" in words or "permission" in words:
        return (
            f"Make a key that may read and trade, put it where accounts.{name} says, then: terrace account check {name}"
        )
    if "clock" in words:
        return "Set the clock and keep it right: chrony or systemd-timesyncd."
    return f"terrace account check {name}"


def check_alerts(client: Client, status: engine_pb2.Status) -> list[Check]:
    """What nobody has acknowledged yet, the newest by name."""
    from protos.terrace.v1 import record_pb2 as pb

    if not status.alerts:
        return [ok("alerts", "none")]
    request = pb.ListAlertsRequest(world=status.world, page_size=1, states=["ALERT_STATE_ACTIVE"])
    try:
        newest = list(client.call(request, pb.ListAlertsResponse).alerts)
    except ClientError:
        newest = []
    first = f", the newest: {newest[0].type} {newest[0].message}" if newest else ""
    return [warning("alerts", f"{status.alerts} active{first}", "terrace alert list; terrace alert ack ALERT")]


def check_backups(client: Client, statuses: Sequence[engine_pb2.Status], now_s: float | None = None) -> list[Check]:
    """Whether there is a copy of the store, and how old the newest is."""
    from protos.terrace.v1 import maintenance_pb2 as pb

    now_s = time.time() if now_s is None else now_s
    is_paper = all(word(status, "world") == "paper" for status in statuses)
    try:
        found = client.call(pb.ListBackupsRequest(page_size=1), pb.ListBackupsResponse).backups
    except ClientError as error:
        return [warning("backup", error.message, error.remedy or "terrace backup list")]
    remedy = "terrace backup create; backup.every_hours makes them by itself"
    if not found:
        return (
            [ok("backup", "none yet (paper only)")]
            if is_paper
            else [warning("backup", "the store was never backed up", remedy)]
        )
    age_s = max(now_s - found[0].create_time.seconds, 0)
    words = f"the newest is {age_s / 3600:.0f} h old: {found[0].name}"
    return [ok("backup", words)] if age_s <= OLD_BACKUP_S or is_paper else [warning("backup", words, remedy)]
