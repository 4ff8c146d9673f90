"""Buttons for secrets, backups, accounts and notifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gui.pages.settings.said import counted
from gui.show.numbers import number
from gui.verbs import Press, Verb
from protos.terrace.v1 import account_pb2, maintenance_pb2, record_pb2, secret_pb2

SLOW_S = 600.0
"""A backup of a large store takes a while."""
MAX_SYMBOLS_SAID = 10


async def set_secret(press: Press) -> Mapping[str, Any]:
    """Stores a value. What comes back is its mask; the value itself is never answered."""
    request = secret_pb2.SetSecretRequest(
        name=press.text("name"), value=press.text("value"), request_id=press.request_id
    )
    answer = await press.client.call(request, secret_pb2.SetSecretResponse)
    return {"said": f"{answer.secret.name} is stored as {answer.secret.mask}", "notes": list(answer.notes)}


async def delete_secret(press: Press) -> Mapping[str, Any]:
    request = secret_pb2.DeleteSecretRequest(
        name=press.text("name"), request_id=press.request_id, validate_only=press.is_preview
    )
    found = (await press.client.call(request, secret_pb2.DeleteSecretResponse)).secret
    users = ", ".join(found.config_paths)
    if not press.is_preview:
        return {"said": f"{found.name} is deleted"}
    used = f"{users} would refer to nothing" if users else "No key of the configuration refers to it"
    return {"said": f"{found.name} ({found.mask}) would be deleted. {used}. It cannot be brought back."}


async def rotate_keys(press: Press) -> Mapping[str, Any]:
    request = secret_pb2.RotateKeysRequest(request_id=press.request_id)
    answer = await press.client.call(request, secret_pb2.RotateKeysResponse)
    return {"said": f"A new master key; {counted(answer.secret_count, 'secret')} sealed under it"}


async def make_backup(press: Press) -> Mapping[str, Any]:
    passphrase = press.text("passphrase", needed=False)
    request = maintenance_pb2.BackupRequest(
        request_id=press.request_id, encrypt=press.flag("encrypt") or bool(passphrase), passphrase=passphrase
    )
    answer = await press.client.call(request, maintenance_pb2.BackupResponse, timeout_s=SLOW_S)
    sealed = ", encrypted" if answer.encrypted else ", not encrypted"
    return {"said": f"{answer.name}: {number(str(answer.size_bytes))} bytes{sealed}", "sha256": answer.sha256}


async def check_account(press: Press) -> Mapping[str, Any]:
    """Tries an account: reachability, clock, key, permissions, instruments."""
    account = press.text("account")
    request = account_pb2.CheckAccountRequest(account=account)
    answer = await press.client.call(request, account_pb2.CheckAccountResponse, timeout_s=60.0)
    failed = sum(not each.passed for each in answer.checks)
    words = f"{account}: {counted(failed, 'check')} failed" if failed else f"{account}: every check passed"
    checks = [{"name": each.name, "passed": each.passed, "message": each.message} for each in answer.checks]
    return {"said": words, "passed": answer.passed, "checks": checks}


async def refresh_instruments(press: Press) -> Mapping[str, Any]:
    account = press.text("account")
    request = account_pb2.RefreshInstrumentsRequest(account=account)
    answer = await press.client.call(request, account_pb2.RefreshInstrumentsResponse, timeout_s=120.0)
    changed = list(answer.changed_symbols)
    words = f"{account}: {counted(answer.instrument_count, 'instrument')}, "
    words += f"the rules of {counted(len(changed), 'one', 'of them')} changed" if changed else "no rule changed"
    if changed:
        words += ": " + ", ".join(changed[:MAX_SYMBOLS_SAID]) + (" and more" if len(changed) > MAX_SYMBOLS_SAID else "")
    return {"said": words}


async def test_notifications(press: Press) -> Mapping[str, Any]:
    request = record_pb2.TestNotificationsRequest(
        channel=press.text("channel", needed=False), request_id=press.request_id
    )
    answer = await press.client.call(request, record_pb2.TestNotificationsResponse, timeout_s=60.0)
    results = [{"channel": each.channel, "sent": each.sent, "error": each.error} for each in answer.results]
    failed = sum(not each.sent for each in answer.results)
    words = f"{failed} of {len(results)} test messages could not be sent" if failed else "The test message was taken"
    return {"said": words if results else "There is no channel to test", "results": results}


OTHER_VERBS: Mapping[str, Verb] = {
    "secret_set": Verb(method="SecretService/SetSecret", do=set_secret),
    "secret_delete": Verb(method="SecretService/DeleteSecret", do=delete_secret),
    "secret_rotate": Verb(method="SecretService/RotateKeys", do=rotate_keys),
    "backup_make": Verb(method="MaintenanceService/Backup", do=make_backup),
    "account_check": Verb(method="AccountService/CheckAccount", do=check_account),
    "instruments_refresh": Verb(method="AccountService/RefreshInstruments", do=refresh_instruments),
    "notifications_test": Verb(method="RecordService/TestNotifications", do=test_notifications),
}
