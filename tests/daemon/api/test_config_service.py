"""ConfigService against a running daemon: what is shown, what a change would do, the change itself (CFG-3, CFG-7)."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from daemon.config.file import etag_of
from protos.terrace.v1 import config_pb2 as pb
from protos.terrace.v1 import engine_pb2, record_pb2
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served


def until(true: Callable[[], bool], limit_s: float = 15.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def current(client: Client, **more: Any) -> pb.Config:
    return client.config.GetConfig(pb.GetConfigRequest(**more)).config


def edit(path: str, value: str = "", *, unset: bool = False) -> pb.ConfigEdit:
    return pb.ConfigEdit(path=path, value=value, unset=unset)


def apply(client: Client, *edits: pb.ConfigEdit, **more: Any) -> pb.ApplyConfigResponse:
    return client.config.ApplyConfig(pb.ApplyConfigRequest(edits=edits, **more))


def put(client: Client, path: str, value: str, **more: Any) -> pb.ApplyConfigResponse:
    return apply(client, edit(path, value), **more)


def versions(client: Client) -> list[pb.ConfigVersion]:
    return list(client.config.ListConfigVersions(pb.ListConfigVersionsRequest()).config_versions)


def text(served: Served) -> str:
    return served.config_file.read_text(encoding="utf-8")


@pytest.mark.rule("CFG-3", "CFG-7")
def test_a_change_is_in_force_in_the_file_and_in_the_history_with_who_made_it(served: Served, admin: Client) -> None:
    before = current(admin)
    done = put(admin, "pool.max_open_groups", "3", source=pb.CONFIG_SOURCE_CLI)
    assert [(each.path, each.old_value, each.new_value) for each in done.changes] == [
        ("pool.max_open_groups", "10", "3")
    ]
    assert (done.config.version, done.config.author) == (before.version + 1, "admin")
    assert done.config.source == pb.CONFIG_SOURCE_CLI
    assert done.config.etag == etag_of(text(served)) != before.etag
    assert done.config.yaml == text(served)
    status = admin.engine.GetStatus(engine_pb2.GetStatusRequest()).status
    assert (status.config_version, status.max_open_groups) == (done.config.version, 3)
    newest, first = versions(admin)
    assert (newest.version, newest.author, list(newest.changed_paths)) == (2, "admin", ["pool.max_open_groups"])
    assert (newest.current, first.current, first.source) == (True, False, pb.CONFIG_SOURCE_FILE)
    (event,) = admin.records.ListEvents(record_pb2.ListEventsRequest(types=["config.applied"])).events
    assert "by admin (cli): pool.max_open_groups" in event.message
    assert current(admin, version=1).yaml == before.yaml


@pytest.mark.rule("CFG-7")
def test_the_daemons_own_write_is_not_taken_for_a_second_version(served: Served, admin: Client) -> None:
    put(admin, "pool.max_open_groups", "3")
    time.sleep(1.0)  # Longer than the watch waits before it reads.
    assert [each.version for each in versions(admin)] == [2, 1]
    served.config_file.write_text(text(served).replace("max_open_groups: 3", "max_open_groups: 4"), encoding="utf-8")
    until(lambda: current(admin).version == 3)
    until(lambda: versions(admin)[0].version == 3)  # A change of the file is in force first, then it is stored.
    assert versions(admin)[0].author == "file"


@pytest.mark.rule("CFG-7")
def test_comments_quotes_and_the_files_mode_survive_an_edit(served: Served, admin: Client) -> None:
    served.config_file.write_text(f"# mine, all of it\n{text(served)}queue:  # waits\n  max_size: 7   # few\n")
    served.config_file.chmod(0o640)
    until(lambda: current(admin).version == 2)
    before = text(served)
    apply(admin, edit("queue.max_size", "8"), edit("risk.loss_threshold_percent", '"-7"'))
    assert text(served) == before.replace("max_size: 7", "max_size: 8") + '\nrisk:\n  loss_threshold_percent: "-7"\n'
    assert stat.S_IMODE(served.config_file.stat().st_mode) == 0o640
    assert [each.name for each in served.folder.iterdir() if each.name.startswith(".")] == []
    apply(admin, edit("risk.loss_threshold_percent", unset=True))
    assert "risk: {}" in text(served)


@pytest.mark.rule("CFG-7")
def test_a_write_over_a_newer_version_is_refused_and_nothing_is_lost(served: Served, admin: Client) -> None:
    seen = current(admin)
    put(admin, "pool.max_open_groups", "3")
    now = text(served)
    wanted = seen.yaml + "queue: {max_size: 5}\n"
    told = refusal(lambda: admin.config.ApplyConfig(pb.ApplyConfigRequest(yaml=wanted, etag=seen.etag)))
    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ETAG_MISMATCH")
    assert told.metadata == {"etag": etag_of(now), "version": "2"}
    assert text(served) == now
    for etag, reason in (("", "INVALID_ARGUMENT"), ("no", "ETAG_MISMATCH")):
        request = pb.ApplyConfigRequest(yaml=wanted, etag=etag)
        assert refusal(lambda request=request: admin.config.ApplyConfig(request)).reason == reason  # type: ignore[misc]
    assert [each.version for each in versions(admin)] == [2, 1]
    again = admin.config.ApplyConfig(pb.ApplyConfigRequest(yaml=wanted, etag=told.metadata["etag"]))
    assert {each.path for each in again.changes} == {"pool.max_open_groups", "queue.max_size"}


@pytest.mark.rule("CFG-7")
def test_an_edit_of_the_file_that_nobody_has_read_yet_is_not_lost_either(served: Served, admin: Client) -> None:
    seen = current(admin)
    served.config_file.write_text(f"{seen.yaml}queue: {{max_size: 5}}\n", encoding="utf-8")
    request = pb.ApplyConfigRequest(yaml=f"{seen.yaml}pool: {{max_open_groups: 3}}\n", etag=seen.etag)
    assert refusal(lambda: admin.config.ApplyConfig(request)).reason == "ETAG_MISMATCH"
    assert "max_size: 5" in text(served)
    assert current(admin).version == 2
    put(admin, "pool.max_open_groups", "3")
    assert "max_size: 5" in text(served)
    assert [each.author for each in versions(admin)] == ["admin", "file", "file"]


@pytest.mark.rule("CFG-2", "CFG-7")
def test_a_faulty_file_is_only_written_over_by_who_says_so_or_mends_it(served: Served, admin: Client) -> None:
    seen = current(admin)
    broken = f"{seen.yaml}pool: {{max_open_groups: 0}}\n"
    served.config_file.write_text(broken, encoding="utf-8")
    wanted = f"{seen.yaml}queue: {{max_size: 5}}\n"
    told = refusal(lambda: admin.config.ApplyConfig(pb.ApplyConfigRequest(yaml=wanted, etag=seen.etag)))
    assert told.reason == "ETAG_MISMATCH"
    assert "pool.max_open_groups" in told.message
    assert "to write over it" in told.message
    assert text(served) == broken
    assert told.metadata["etag"] == etag_of(broken)
    put(admin, "pool.max_open_groups", "4")
    assert text(served) == broken.replace("max_open_groups: 0", "max_open_groups: 4")
    served.config_file.write_text(broken, encoding="utf-8")
    done = admin.config.ApplyConfig(pb.ApplyConfigRequest(yaml=wanted, etag=etag_of(broken)))
    assert done.config.yaml == text(served) == wanted


@pytest.mark.rule("CFG-7")
def test_a_file_that_is_no_text_is_not_written_over_by_mistake(served: Served, admin: Client) -> None:
    seen = current(admin)
    odd = seen.yaml.encode() + b"# Gr\xfc\xdfe\n"
    served.config_file.write_bytes(odd)
    whole = pb.ApplyConfigRequest(yaml=f"{seen.yaml}queue: {{max_size: 5}}\n", etag=seen.etag)
    told = refusal(lambda: admin.config.ApplyConfig(whole))
    assert told.reason == "ETAG_MISMATCH"
    assert "is not UTF-8 text" in told.message
    assert refusal(lambda: put(admin, "queue.max_size", "5")).reason == "ETAG_MISMATCH"
    assert served.config_file.read_bytes() == odd
    whole.etag = told.metadata["etag"]
    assert admin.config.ApplyConfig(whole).config.yaml == text(served)


@pytest.mark.rule("CFG-1", "CFG-7")
def test_what_is_not_valid_changes_nothing_and_every_fault_is_named(served: Served, admin: Client) -> None:
    before = text(served)
    told = refusal(lambda: apply(admin, edit("pool.max_open_groups", "many"), edit("queu.max_size", "1")))
    assert (told.code, told.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CONFIG")
    assert set(told.fields) == {"pool.max_open_groups", "queu"}
    assert "line " in told.fields["queu"]
    assert "did you mean queue" in told.fields["queu"]
    assert "not the path of a key" in refusal(lambda: put(admin, "..", "1")).message
    assert refusal(lambda: apply(admin)).fields == {"yaml": "is missing: send a text, edits, or both"}
    assert text(served) == before
    assert len(versions(admin)) == 1
    answer = admin.config.ValidateConfig(pb.ValidateConfigRequest(edits=[edit("pool.max_open_groups", "0")]))
    assert not answer.valid
    assert [(each.path, each.reason) for each in answer.problems] == [("pool.max_open_groups", "NOT_ALLOWED")]
    assert answer.problems[0].message.startswith("line ")


@pytest.mark.rule("CFG-4")
def test_a_dry_run_says_what_would_change_and_does_nothing(served: Served, admin: Client) -> None:
    admin.send(alert())
    before = text(served)
    done = apply(admin, edit("pool.max_open_groups", "1"), edit("api.address", "127.0.0.1:1"), validate_only=True)
    changed = {each.path: each for each in done.changes}
    assert set(changed) == {"pool.max_open_groups", "api.address"}
    assert changed["api.address"].restart_required
    assert not changed["pool.max_open_groups"].restart_required
    assert changed["pool.max_open_groups"].effects
    assert (text(served), current(admin).version, done.config.version) == (before, 1, 1)
    judged = admin.config.ValidateConfig(pb.ValidateConfigRequest(yaml=f"{before}pool: {{max_open_groups: 1}}\n"))
    assert judged.valid
    assert list(judged.changes[0].effects) == list(changed["pool.max_open_groups"].effects)


@pytest.mark.rule("CFG-3")
def test_any_version_is_shown_compared_and_restored(served: Served, admin: Client) -> None:
    first = text(served)
    for size in (3, 4, 5):
        put(admin, "pool.max_open_groups", str(size))
    told = admin.config.DiffConfig(pb.DiffConfigRequest(from_version=2, to_version=3))
    assert [(each.old_value, each.new_value) for each in told.changes] == [("3", "4")]
    assert told.text.startswith("--- version 2\n+++ version 3\n")
    assert "-  max_open_groups: 3\n+  max_open_groups: 4\n" in told.text
    assert admin.config.DiffConfig(pb.DiffConfigRequest()).text == ""
    assert "+queue: [" in admin.config.DiffConfig(pb.DiffConfigRequest(yaml=f"{first}queue: [")).text
    etag = current(admin).etag
    preview = admin.config.RestoreConfig(pb.RestoreConfigRequest(version=1, validate_only=True))
    assert [each.new_value for each in preview.changes] == ["10"]
    assert refusal(lambda: admin.config.RestoreConfig(pb.RestoreConfigRequest(version=1))).fields
    done = admin.config.RestoreConfig(pb.RestoreConfigRequest(version=1, etag=etag, source=pb.CONFIG_SOURCE_CLI))
    assert (text(served), done.config.version, done.config.source) == (first, 5, pb.CONFIG_SOURCE_CLI)
    stale = pb.RestoreConfigRequest(version=2, etag=etag)
    assert refusal(lambda: admin.config.RestoreConfig(stale)).reason == "ETAG_MISMATCH"
    unknown = pb.RestoreConfigRequest(version=99, etag=done.config.etag)
    assert refusal(lambda: admin.config.RestoreConfig(unknown)).code is grpc.StatusCode.NOT_FOUND


@pytest.mark.rule("CFG-3")
def test_the_defaults_come_back_and_what_terrace_trades_with_stays(served: Served, admin: Client) -> None:
    before = current(admin, expand=True)
    apply(
        admin,
        edit("pool.max_open_groups", "3"),
        edit("strategy.default.tp_by_pyramid", '{0: "2"}'),
        edit("strategy.overrides", '[{match: {symbol: BTC/USDT}, set: {tp_percent: "3"}}]'),
        edit("limits.max_consecutive_losses", "4"),
    )
    done = admin.config.RestoreConfig(pb.RestoreConfigRequest(defaults=True, etag=current(admin).etag))
    assert {each.path for each in done.changes} == {
        "execution.max_quote_age_s",  # The fixture's own.
        "limits.max_consecutive_losses",
        "pool.max_open_groups",
        "strategy.default.tp_by_pyramid",
        "strategy.default.tp_by_pyramid.0",
        "strategy.overrides",
    }
    after = current(admin, expand=True).expanded_yaml
    assert after == before.expanded_yaml.replace("max_quote_age_s: 3600", "max_quote_age_s: 30")
    assert "manual" in text(served)


def test_the_same_change_again_is_no_new_version_and_a_repeated_request_is_one(admin: Client) -> None:
    one = put(admin, "pool.max_open_groups", "3", request_id="r1")
    assert put(admin, "pool.max_open_groups", "3", request_id="r1") == one
    again = put(admin, "pool.max_open_groups", "3", request_id="r2")
    assert (again.config.version, len(again.changes)) == (one.config.version, 0)
    whole = admin.config.ApplyConfig(pb.ApplyConfigRequest(yaml=one.config.yaml, etag="of an answer that was lost"))
    assert whole.config.version == one.config.version


@pytest.mark.rule("CFG-7")
def test_of_many_at_once_every_edit_counts_and_of_whole_texts_only_one(admin: Client) -> None:
    seen = current(admin)
    outcomes: list[str] = []

    def whole(size: int) -> None:
        request = pb.ApplyConfigRequest(yaml=f"{seen.yaml}queue: {{max_size: {size}}}\n", etag=seen.etag)
        try:
            outcomes.append(str(admin.config.ApplyConfig(request).config.version))
        except grpc.RpcError as error:
            outcomes.append(str(error.code()))

    threads = [threading.Thread(target=whole, args=(size,)) for size in range(1, 7)]
    threads += [threading.Thread(target=put, args=(admin, f"routes.X{n}", "paper")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome.isdigit() for outcome in outcomes) <= 1
    assert all(f"X{n}: paper" in current(admin).yaml for n in range(6))
    found = versions(admin)
    assert [each.version for each in found] == list(range(len(found), 0, -1))


def test_a_file_that_cannot_be_replaced_is_said_and_nothing_changes(
    served: Served, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = text(served)

    def fail(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("daemon.config.file.os.open", fail)
    told = refusal(lambda: put(admin, "pool.max_open_groups", "3"))
    monkeypatch.undo()
    assert (told.code, told.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONFIG_NOT_WRITABLE")
    assert "Read-only file system" in told.message
    assert (text(served), current(admin).version) == (before, 1)


def test_a_link_to_the_file_stays_a_link(serve: Serve) -> None:
    def link(served: Served) -> None:
        real = served.folder / "real"
        real.mkdir()
        served.config_file.rename(real / "config.yaml")
        served.config_file.symlink_to(real / "config.yaml")

    served = serve(before=link)
    put(served.client(), "pool.max_open_groups", "3")
    assert served.config_file.is_symlink()
    assert "max_open_groups: 3" in (served.folder / "real" / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.rule("LOG-4")
def test_a_secret_in_a_comment_or_a_faulty_text_is_shown_to_nobody(served: Served, admin: Client) -> None:
    served.config_file.write_text(f"{text(served)}# api_secret: planted-in-a-comment\n", encoding="utf-8")
    until(lambda: current(admin).version == 2)
    put(admin, "pool.max_open_groups", "3")
    planted = {"api_key": "planted-key", "api_secret": "planted-secret"}
    edits = [edit("accounts.b", "{exchange: gate}"), *(edit(f"accounts.b.{key}", planted[key]) for key in planted)]
    told = refusal(lambda: apply(admin, *edits))
    answers = [
        told,
        current(admin, expand=True),
        admin.config.DiffConfig(pb.DiffConfigRequest(from_version=1)),
        admin.config.DiffConfig(pb.DiffConfigRequest(yaml=f"{text(served)}# token: planted-token\n")),
        admin.config.ValidateConfig(pb.ValidateConfigRequest(edits=edits)),
        admin.records.ListEvents(record_pb2.ListEventsRequest()),
    ]
    assert not any("planted" in str(answer) for answer in answers)
    assert "planted-in-a-comment" in text(served)


def test_keys_are_described_with_their_values(admin: Client) -> None:
    put(admin, "pool.max_open_groups", "3")
    (key,) = admin.config.DescribeConfig(pb.DescribeConfigRequest(path="pool.max_open_groups")).keys
    assert (key.value, key.default_value) == ("3", "10")
    assert (
        refusal(lambda: admin.config.DescribeConfig(pb.DescribeConfigRequest(path="pool.max_open_group"))).code
        is grpc.StatusCode.NOT_FOUND
    )


@pytest.mark.rule("CFG-2", "CFG-7")
def test_the_environment_stays_over_the_file_and_is_never_written_into_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERRACE_POOL__MAX_OPEN_GROUPS", "42")
    served = serve()
    done = put(served.client(), "queue.max_size", "9")
    assert "max_open_groups: 42" not in text(served)
    assert done.config.yaml == text(served)
    assert "max_open_groups: 42" in current(served.client(), expand=True).expanded_yaml


@pytest.mark.rule("CFG-4", "CFG-7")
def test_a_change_of_a_key_that_the_environment_overrides_says_that_it_does_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERRACE_POOL__MAX_OPEN_GROUPS", "7")
    admin = serve().client("admin")
    for look in (True, False):
        told = put(admin, "pool.max_open_groups", "3", validate_only=look)
        (note,) = told.notes
        assert "TERRACE_POOL__MAX_OPEN_GROUPS overrides it" in note
    assert list(put(admin, "queue.max_size", "33").notes) == []
    judged = admin.config.ValidateConfig(pb.ValidateConfigRequest(edits=[edit("pool.max_open_groups", "4")]))
    assert len(judged.notes) == 1
