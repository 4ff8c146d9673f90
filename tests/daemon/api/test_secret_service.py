"""SecretService on a real daemon: only an admin, never a value in an answer, told in words what is wrong."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from protos.terrace.v1 import secret_pb2 as pb
from tests.daemon.api.calls import Client, refusal
from tests.daemon.api.conftest import Serve, Served

VALUE = "s3cr3t-value-with-A4B1"


def put(client: Client, name: str, value: str = VALUE) -> pb.SetSecretResponse:
    return client.secrets.SetSecret(pb.SetSecretRequest(name=name, value=value))


def names(client: Client, size: int = 0, token: str = "") -> tuple[list[str], str]:
    answer = client.secrets.ListSecrets(pb.ListSecretsRequest(page_size=size, page_token=token))
    return [secret.name for secret in answer.secrets], answer.next_page_token


@pytest.mark.rule("SEC-3", "LOG-4")
def test_a_secret_is_stored_listed_and_deleted_and_its_value_is_never_answered(served: Served, admin: Client) -> None:
    stored = put(admin, "binance/api_key").secret
    assert (stored.name, stored.mask, list(stored.config_paths)) == ("binance/api_key", "****A4B1", [])
    assert stored.create_time == stored.update_time
    put(admin, "a")
    assert names(admin) == (["a", "binance/api_key"], "")
    first, token = names(admin, 1)
    assert (first, names(admin, 1, token)) == (["a"], (["binance/api_key"], ""))
    gone = admin.secrets.DeleteSecret(pb.DeleteSecretRequest(name="a", validate_only=True)).secret
    assert (gone.mask, len(names(admin)[0])) == ("****A4B1", 2)
    admin.secrets.DeleteSecret(pb.DeleteSecretRequest(name="a"))
    assert names(admin) == (["binance/api_key"], "")
    assert admin.secrets.RotateKeys(pb.RotateKeysRequest()).secret_count == 1
    everything = b"".join(path.read_bytes() for path in served.folder.rglob("*") if path.is_file())
    assert VALUE.encode() not in everything


@pytest.mark.rule("SEC-1", "SEC-3")
@pytest.mark.parametrize("role", ["ingest", "viewer", "operator"])
def test_only_an_admin_may_even_see_the_names(served: Served, role: str) -> None:
    client = served.client(role)
    calls = (
        lambda: put(client, "a"),
        lambda: names(client),
        lambda: client.secrets.DeleteSecret(pb.DeleteSecretRequest(name="a")),
        lambda: client.secrets.RotateKeys(pb.RotateKeysRequest()),
    )
    assert {refusal(call).reason for call in calls} == {"PERMISSION_DENIED"}


def test_what_cannot_be_stored_is_refused_without_repeating_it(admin: Client) -> None:
    for name in ("", "../x", "/x", "a b", "x" * 129, "ä"):
        assert refusal(partial(put, admin, name)).reason == "INVALID_ARGUMENT"
    for value in ("", "  \n", VALUE + "\0", VALUE * 1000):
        answer = refusal(partial(put, admin, "a", value))
        assert answer.reason == "INVALID_ARGUMENT"
        assert VALUE not in str(answer)
    gone = refusal(lambda: admin.secrets.DeleteSecret(pb.DeleteSecretRequest(name="never-stored")))
    assert gone.reason == "NOT_FOUND"
    assert refusal(lambda: names(admin, token="?")).reason == "INVALID_ARGUMENT"
    assert refusal(lambda: names(admin, -1)).reason == "INVALID_ARGUMENT"


def test_a_value_is_stored_once_for_one_request_id(admin: Client) -> None:
    first = admin.secrets.SetSecret(pb.SetSecretRequest(name="a", value=VALUE, request_id="one"))
    second = admin.secrets.SetSecret(pb.SetSecretRequest(name="a", value="another", request_id="one"))
    assert first == second
    assert first.secret.mask == "****A4B1"


def test_read_only_mode_stores_nothing(serve: Serve) -> None:
    client = serve({"engine": {"mode": "read_only"}}).client("admin")
    assert refusal(lambda: put(client, "a")).reason == "READ_ONLY"
    assert refusal(lambda: client.secrets.RotateKeys(pb.RotateKeysRequest())).reason == "READ_ONLY"
    assert names(client) == ([], "")


ACCOUNT = {
    "exchange": "binance",
    "api_key": "vault:binance/api_key",
    "api_secret": "vault:binance/api_secret",
    "urls": {"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"},
}


@pytest.mark.rule("CFG-1", "SEC-3")
def test_an_account_whose_keys_are_missing_is_told_what_it_lacks_and_then_to_restart(serve: Serve) -> None:
    served = serve({"accounts": {"live": ACCOUNT}})
    client = served.client("admin")
    [lacks] = put(client, "binance/api_key").notes
    assert "vault:binance/api_secret (is not in the vault); terrace secret set binance/api_secret" in lacks
    answer = put(client, "binance/api_secret")
    assert list(answer.notes) == ["account live: its key is stored; restart the daemon to open the account"]
    assert list(answer.secret.config_paths) == ["accounts.live.api_secret"]


def shut(served: Served) -> None:
    folder = served.data_dir / "secrets"
    (folder / "vault.json").write_text('{"body": {"format": 1')


@pytest.mark.rule("SEC-3")
def test_a_vault_that_does_not_open_stops_nobody_and_is_never_overwritten(serve: Serve) -> None:
    served = serve(before=shut)
    client = served.client("admin")
    answer = refusal(lambda: put(client, "a"))
    assert answer.reason == "VAULT_DAMAGED"
    assert "nothing was changed" in answer.message
    assert refusal(lambda: names(client)).reason == "VAULT_DAMAGED"
    assert (served.data_dir / "secrets" / "vault.json").read_text() == '{"body": {"format": 1'


@pytest.mark.rule("SEC-3")
def test_a_passphrase_comes_from_a_file(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text("correct horse battery staple\n")
    monkeypatch.setitem(os.environ, "TERRACE_VAULT_PASSPHRASE_FILE", str(file))
    served = serve({"vault": {"key": "passphrase"}})
    assert put(served.client("admin"), "a").secret.mask == "****A4B1"
    assert not (served.data_dir / "secrets" / "vault.key").exists()
