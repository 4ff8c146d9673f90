"""The vault on real files: what it keeps, what it never shows, and what it does with a file it cannot open."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.secret_sources.value import Unresolved
from daemon.vault.document import MAX_SECRETS, MAX_VALUE_BYTES, Document
from daemon.vault.faults import VaultFault, VaultTrouble
from daemon.vault.keys import KeyringKey
from daemon.vault.vault import Stored, Vault
from tests.daemon.vault.kit import CHEAP, MemoryKeyring, given_key, machine_key, values, vault_in

VALUE, OTHER = "s3cr3t-value-with-A4B1", "another-value-of-C9D2"


def filled(folder: Path) -> Vault:
    vault = vault_in(folder)
    assert isinstance(vault.put("binance/api_key", VALUE), Stored)
    assert isinstance(vault.put("binance/api_secret", OTHER), Stored)
    return vault


def trouble(vault: Vault) -> tuple[VaultTrouble, str]:
    fault = vault.open()
    assert isinstance(fault, VaultFault)
    assert VALUE not in str(fault)
    return fault.trouble, str(fault)


@pytest.mark.rule("SEC-3")
def test_what_is_stored_is_read_again_and_nothing_of_it_is_in_any_file(tmp_path: Path) -> None:
    filled(tmp_path)
    again = vault_in(tmp_path)
    assert again.open() is None
    assert values(again, "binance/api_key", "binance/api_secret") == [VALUE, OTHER]
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    pieces = [text[start : start + 6] for text in (VALUE, OTHER) for start in range(len(text) - 5)]
    assert not [piece for piece in pieces if piece.encode() in kept]
    assert b"A4B1" not in kept


@pytest.mark.rule("SEC-3")
def test_its_files_are_open_to_their_owner_only_and_no_draft_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    filled(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "vault.json": 0o600,
        "vault.key": 0o600,
    }


@pytest.mark.rule("SEC-3")
def test_the_data_directory_on_another_machine_reveals_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    before = (tmp_path / "there" / "vault.json").read_bytes()
    elsewhere = vault_in(tmp_path / "there", machine_key(tmp_path / "there", "another machine"))
    kind, words = trouble(elsewhere)
    assert kind is VaultTrouble.LOCKED
    assert "not the key it was locked with" in words
    assert isinstance(elsewhere.get("binance/api_key"), Unresolved)
    assert isinstance(elsewhere.put("x", "y"), VaultFault)
    assert (tmp_path / "there" / "vault.json").read_bytes() == before


def test_looking_at_an_empty_vault_makes_nothing(tmp_path: Path) -> None:
    vault = vault_in(tmp_path / "secrets")
    assert vault.open() is None
    assert (vault.list(), vault.delete("x"), vault.rotate()) == ((), None, 0)
    assert "terrace secret set x" in str(vault.get("x"))
    assert not (tmp_path / "secrets").exists()


def test_a_new_value_takes_the_place_of_the_old_one_and_keeps_its_first_time(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    stored = vault.put("binance/api_key", "a-completely-new-one")
    assert stored == Stored(name="binance/api_key", mask="****-one", create_ms=1_000, update_ms=1_002)
    assert values(vault_in(tmp_path), "binance/api_key") == ["a-completely-new-one"]
    gone = vault.delete("binance/api_key")
    assert isinstance(gone, Stored)
    assert gone.mask == "****-one"
    assert isinstance(vault_in(tmp_path).get("binance/api_key"), Unresolved)


def test_a_change_by_another_process_is_seen_before_the_next_write(tmp_path: Path) -> None:
    first, second = filled(tmp_path), vault_in(tmp_path)
    second.put("of-the-second", VALUE)
    first.put("of-the-first", OTHER)
    assert values(vault_in(tmp_path), "of-the-first", "of-the-second") == [OTHER, VALUE]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9/._-]{0,20}", fullmatch=True), st.text(min_size=1), max_size=6))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, given_values: dict[str, str]) -> None:
    folder = tmp_path_factory.mktemp("vault")
    vault = vault_in(folder)
    written = {name: value for name, value in given_values.items() if _is_text(value)}
    for name, value in written.items():
        assert isinstance(vault.put(name, value), Stored)
    assert values(vault_in(folder), *written) == list(written.values())


def _is_text(value: str) -> bool:
    try:
        return bool(value.encode())
    except UnicodeEncodeError:
        return False


# --- files that cannot be opened ----------------------------------------------------------------------


@pytest.mark.rule("SEC-3")
def test_no_cut_and_no_changed_byte_goes_unseen_or_is_overwritten(tmp_path: Path) -> None:
    filled(tmp_path)
    file = tmp_path / "vault.json"
    whole = file.read_bytes()
    for place in range(0, len(whole) - 1, 23):
        changed = bytes([whole[place] ^ 1])
        for data in (whole[:place], whole[:place] + changed + whole[place + 1 :]):
            file.write_bytes(data)
            vault = vault_in(tmp_path)
            fault = vault.open()
            if fault is None:  # White space between the fields says nothing.
                assert values(vault, "binance/api_key", "binance/api_secret") == [VALUE, OTHER]
                continue
            assert isinstance(vault.put("x", VALUE), VaultFault)
            assert file.read_bytes() == data


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"body": 1}', b'{"body": {"format": true}}']
)
def test_a_file_that_is_none_of_ours_is_damaged(tmp_path: Path, data: bytes) -> None:
    filled(tmp_path)
    (tmp_path / "vault.json").write_bytes(data)
    kind, words = trouble(vault_in(tmp_path))
    assert kind is VaultTrouble.DAMAGED
    assert "nothing was changed" in words


def test_a_file_of_a_later_terrace_is_left_to_it(tmp_path: Path) -> None:
    filled(tmp_path)
    tree = json.loads((tmp_path / "vault.json").read_text())
    tree["body"] = {"format": 2, "entirely": "different"}
    (tmp_path / "vault.json").write_text(json.dumps(tree))
    assert trouble(vault_in(tmp_path)) == (
        VaultTrouble.NEWER,
        "the vault was written by a later Terrace (format 2, this one knows 1); run that one; nothing was changed",
    )


def forged(folder: Path, change: str, by: str) -> None:
    """Changes the file as somebody would who has no key and knows how the sum is made."""
    file = folder / "vault.json"
    text = re.sub(change, by, file.read_text(), count=1)
    tree = json.loads(text)
    body = json.dumps(tree["body"], separators=(",", ":")).encode()
    import hashlib

    tree["sum"] = hashlib.sha256(body).hexdigest()
    file.write_text(json.dumps(tree))


@pytest.mark.rule("SEC-3")
@pytest.mark.parametrize(
    ("change", "by"),
    [
        (r'"name":"binance/api_key"', '"name":"binance/api_kex"'),
        (r'"version":1', '"version":2'),
        (r'"update_ms":\d+', '"update_ms":5'),
        (r',\{"name":"binance/api_secret"[^}]*\}', ""),
    ],
)
def test_a_change_by_somebody_without_the_key_is_noticed(tmp_path: Path, change: str, by: str) -> None:
    filled(tmp_path)
    forged(tmp_path, change, by)
    assert trouble(vault_in(tmp_path))[0] is VaultTrouble.DAMAGED


@pytest.mark.rule("SEC-3")
def test_values_cannot_be_exchanged_between_names_even_with_a_right_tag(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    opened = vault._open
    assert opened is not None
    one, two = (opened.document.entries[name] for name in ("binance/api_key", "binance/api_secret"))
    from dataclasses import replace

    swapped = {"binance/api_key": replace(two, name=one.name), "binance/api_secret": replace(one, name=two.name)}
    assert vault._write(opened, swapped) is None
    again = vault_in(tmp_path)
    assert again.open() is None
    assert "damaged" in str(again.get("binance/api_key"))


def test_a_key_file_that_is_gone_or_open_to_others_is_told_apart_from_a_wrong_one(tmp_path: Path) -> None:
    filled(tmp_path)
    key = tmp_path / "vault.key"
    kept = key.read_text()
    key.chmod(0o644)
    assert "chmod 600" in trouble(vault_in(tmp_path))[1]
    key.unlink()
    assert "cannot be read" in trouble(vault_in(tmp_path))[1]
    assert not key.exists()
    key.write_text("x" * 43)
    key.chmod(0o600)
    assert "not the key it was locked with" in trouble(vault_in(tmp_path))[1]
    key.write_text(kept)
    vault = vault_in(tmp_path)
    assert vault.open() is None


def test_a_vault_that_was_shut_opens_for_the_next_change_once_its_key_is_back(tmp_path: Path) -> None:
    filled(tmp_path)
    key = tmp_path / "vault.key"
    os.rename(key, tmp_path / "aside")
    vault = vault_in(tmp_path)
    assert isinstance(vault.put("x", VALUE), VaultFault)
    os.rename(tmp_path / "aside", key)
    assert isinstance(vault.put("x", VALUE), Stored)
    assert values(vault, "binance/api_key", "x") == [VALUE, VALUE]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    os.rename(tmp_path / "a" / "vault.json", tmp_path / "elsewhere")
    (tmp_path / "a" / "vault.json").symlink_to(tmp_path / "elsewhere")
    assert trouble(vault_in(tmp_path / "a"))[0] is VaultTrouble.LOCKED


def test_a_disk_that_takes_nothing_leaves_what_was_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = filled(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        fault = vault.put("x", VALUE)
    assert isinstance(fault, VaultFault)
    assert fault.trouble is VaultTrouble.NOT_WRITTEN
    assert "No space left" in str(fault)
    assert values(vault, "binance/api_key") == [VALUE]
    assert values(vault_in(tmp_path), "binance/api_key") == [VALUE]


# --- limits -------------------------------------------------------------------------------------------


def test_it_takes_so_many_secrets_of_such_a_size_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = vault_in(tmp_path)
    assert isinstance(vault.put("a", "x" * MAX_VALUE_BYTES), Stored)
    fault = vault.put("b", "x" * (MAX_VALUE_BYTES + 1))
    assert isinstance(fault, VaultFault)
    assert fault.trouble is VaultTrouble.FULL
    monkeypatch.setattr("daemon.vault.vault.MAX_SECRETS", 2)
    assert isinstance(vault.put("b", "x"), Stored)
    assert isinstance(vault.put("c", "x"), VaultFault)
    assert isinstance(vault.put("b", "y"), Stored)
    assert MAX_SECRETS * MAX_VALUE_BYTES < 24 * 1024 * 1024


# --- kinds of keys ------------------------------------------------------------------------------------


def test_a_given_key_opens_what_it_locked_and_a_missing_or_short_one_is_told(tmp_path: Path) -> None:
    vault = vault_in(tmp_path, given_key("correct horse battery"))
    vault.put("a", VALUE)
    assert values(vault_in(tmp_path, given_key("correct horse battery")), "a") == [VALUE]
    assert "does not open with env:KEY" in trouble(vault_in(tmp_path, given_key("correct horse batterx")))[1]
    assert "set KEY" in trouble(vault_in(tmp_path, given_key(None)))[1]
    assert "another kind of key (given)" in trouble(vault_in(tmp_path))[1]
    short = vault_in(tmp_path / "b", given_key("short")).put("a", VALUE)
    assert "shorter than 12" in str(short)


def test_a_key_in_the_keyring_is_made_there_and_found_again(tmp_path: Path) -> None:
    ring = MemoryKeyring()
    key = KeyringKey(name="terrace/vault", ring=ring, cost=CHEAP)
    vault_in(tmp_path, key).put("a", VALUE)
    assert len(ring.kept["terrace", "vault"]) == 43
    assert values(vault_in(tmp_path, key), "a") == [VALUE]
    ring.kept.clear()
    assert "keyring set terrace vault" in trouble(vault_in(tmp_path, key))[1]


def test_a_machine_without_an_id_is_told_what_else_there_is(tmp_path: Path) -> None:
    fault = vault_in(tmp_path, machine_key(tmp_path, "")).put("a", VALUE)
    assert "this machine has no id" in str(fault)
    assert "passphrase" in str(fault)
    assert not (tmp_path / "vault.key").exists()


def test_the_lock_can_be_changed_to_another_kind_of_key(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    assert vault.change_key(given_key("correct horse battery", "passphrase")) == 2
    assert "another kind of key (passphrase)" in trouble(vault_in(tmp_path))[1]
    other = vault_in(tmp_path, given_key("correct horse battery", "passphrase"))
    assert values(other, "binance/api_key", "binance/api_secret") == [VALUE, OTHER]


def test_a_file_cannot_make_the_key_cost_more_than_a_gigabyte(tmp_path: Path) -> None:
    vault_in(tmp_path, given_key("correct horse battery")).put("a", VALUE)
    forged(tmp_path, r'"n":16', '"n":1099511627776')
    assert trouble(vault_in(tmp_path, given_key("correct horse battery")))[0] is VaultTrouble.DAMAGED


def test_nothing_of_a_value_is_in_the_shown_form_of_what_the_vault_answers(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    shown = repr([vault.list(), vault.get("binance/api_key"), given_key(VALUE), machine_key(tmp_path)])
    assert VALUE not in shown
    assert OTHER not in shown
    assert isinstance(Document, type)
