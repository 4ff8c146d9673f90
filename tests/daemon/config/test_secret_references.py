"""Where secrets may be kept: every kind of reference is taken where it can be read, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config.fault import ConfigFaults
from daemon.config.load import load_text
from tests.daemon.config.texts import load

PLAIN = "s3cr3t-value-with-A4B1"


def fault(text: str) -> str:
    loaded = load_text(f"config_version: 1\n{text}", Path("config.yaml"), {})
    assert isinstance(loaded, ConfigFaults), text
    assert len(loaded.faults) == 1, str(loaded)
    assert PLAIN not in str(loaded)
    return str(loaded.faults[0])


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize("reference", ["env:A", "file:a", "keyring:a/b", "systemd:a", "vault:a/b"])
def test_keys_of_an_account_may_lie_anywhere_and_nothing_is_said_against_it(reference: str) -> None:
    keys = f"{{exchange: binance, api_key: '{reference}', api_secret: '{reference}'}}"
    assert load(f"accounts: {{paper: {{}}, x: {keys}}}").warnings == ()


@pytest.mark.rule("CFG-1", "SIG-5")
@pytest.mark.parametrize("key", ["secret", "hmac_secret"])
def test_a_sources_secret_may_lie_anywhere_but_in_the_vault(key: str) -> None:
    for reference in ("env:A", "file:a", "keyring:a/b", "systemd:a"):
        assert load(f"sources: {{tv: {{{key}: '{reference}'}}}}").warnings == ()
    words = fault(f"sources: {{tv: {{{key}: 'vault:a'}}}}")
    assert f"sources.tv.{key}: cannot lie in the vault: the forwarder must read it while the daemon is away" in words
    assert "allowed: file:PATH, keyring:service/name, systemd:NAME, env:NAME" in words


@pytest.mark.rule("SEC-3")
@pytest.mark.parametrize("key", ["machine", "passphrase", "env:A", "file:a", "keyring:a/b", "systemd:a"])
def test_the_key_of_the_vault_is_a_word_or_a_reference(key: str) -> None:
    assert load(f"vault: {{key: '{key}'}}").daemon.vault_key == key
    assert load("").daemon.vault_key == "machine"


@pytest.mark.rule("SEC-3")
@pytest.mark.parametrize("key", [PLAIN, f"http://{PLAIN}", f"env:{PLAIN}", "''", "null"])
def test_a_key_in_the_file_itself_is_refused_unseen(key: str) -> None:
    assert "value not shown" in fault(f"vault: {{key: {key}}}")


def test_the_vault_cannot_hold_its_own_key() -> None:
    assert "the vault's key cannot lie in the vault" in fault("vault: {key: 'vault:a'}")
