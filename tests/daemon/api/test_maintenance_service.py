"""MaintenanceService on a real daemon: backups and the store's health over the API."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest

from protos.terrace.v1 import maintenance_pb2 as pb
from protos.terrace.v1 import maintenance_pb2_grpc, record_pb2
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.reports.day import until


def service(served: Served, role: str = "admin") -> maintenance_pb2_grpc.MaintenanceServiceStub:
    client: Client = served.client(role)
    return client.maintenance


def folder(served: Served) -> Path:
    return served.folder / "data" / "backups"


def standing(served: Served) -> list[str]:
    return [each.message for each in served.client("admin").records.ListAlerts(record_pb2.ListAlertsRequest()).alerts]


@pytest.mark.rule("REC-5")
def test_a_backup_is_made_listed_and_told_in_the_event_log(served: Served) -> None:
    served.client("admin").send(alert())
    calls = service(served)
    made = calls.Backup(pb.BackupRequest())
    assert (folder(served) / made.name).stat().st_size == made.size_bytes
    assert (made.encrypted, len(made.sha256)) == (False, 64)
    sealed = calls.Backup(pb.BackupRequest(encrypt=True, passphrase="correct horse"))
    assert sealed.encrypted
    listed = calls.ListBackups(pb.ListBackupsRequest()).backups
    assert [(each.name, each.encrypted) for each in listed] == [(sealed.name, True), (made.name, False)]
    assert listed[1].schema_version in made.name
    assert listed[1].version
    records = served.client("admin").records
    until(lambda: len(records.ListEvents(record_pb2.ListEventsRequest(types=["BACKUP_MADE"])).events) == 2)


def test_backups_come_in_pages(served: Served) -> None:
    calls = service(served)
    names = [calls.Backup(pb.BackupRequest()).name for _ in range(3)]
    found, request = [], pb.ListBackupsRequest(page_size=2)
    while True:
        page = calls.ListBackups(request)
        found += [each.name for each in page.backups]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == names[::-1]


@pytest.mark.rule("LOG-4")
def test_a_passphrase_is_judged_and_never_repeated(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    calls = service(served)
    short = refusal(lambda: calls.Backup(pb.BackupRequest(encrypt=True, passphrase="sh0rt")))
    assert short.code is grpc.StatusCode.INVALID_ARGUMENT
    unused = refusal(lambda: calls.Backup(pb.BackupRequest(passphrase="never used at all")))
    assert unused.code is grpc.StatusCode.INVALID_ARGUMENT
    calls.Backup(pb.BackupRequest(encrypt=True, passphrase="pass-phrase-0815"))
    events = served.client("admin").records.ListEvents(record_pb2.ListEventsRequest()).events
    told = "".join(map(str, (short, unused, *events, caplog.text)))
    assert all(words not in told for words in ("sh0rt", "never used at all", "pass-phrase-0815"))
    assert list(folder(served).glob(".*")) == []


@pytest.mark.rule("LOG-5", "REC-5")
def test_a_backup_that_fails_is_an_alert_until_one_succeeds(served: Served) -> None:
    calls = service(served)
    folder(served).write_text("a file stands in its place")
    failed = refusal(lambda: calls.Backup(pb.BackupRequest()))
    assert failed.code is grpc.StatusCode.FAILED_PRECONDITION
    assert failed.reason == "BACKUP_FAILED"
    assert "backup.directory" in failed.message
    until(lambda: any("no backup was made" in words for words in standing(served)))
    os.unlink(folder(served))
    calls.Backup(pb.BackupRequest())
    until(lambda: not any("no backup was made" in words for words in standing(served)))


def test_a_repeated_request_makes_one_backup(served: Served) -> None:
    calls = service(served)
    request = pb.BackupRequest(request_id="mine")
    assert calls.Backup(request).name == calls.Backup(request).name
    assert len(calls.ListBackups(pb.ListBackupsRequest()).backups) == 1


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("full", [False, True])
def test_the_store_is_looked_through_while_it_is_used(served: Served, full: bool) -> None:
    served.client("admin").send(alert())
    found = service(served).CheckStore(pb.CheckStoreRequest(full=full))
    assert found.valid
    assert list(found.problems) == []
    assert found.schema_version
    assert found.engine_version
    assert found.size_bytes > 0


def test_a_key_that_cannot_be_had_is_told(serve: Serve) -> None:
    served = serve({"backup": {"passphrase": "env:TERRACE_TEST_NO_SUCH_VARIABLE"}})
    failed = refusal(lambda: service(served).Backup(pb.BackupRequest()))
    assert failed.reason == "BACKUP_FAILED"
    assert "passphrase" in failed.message
