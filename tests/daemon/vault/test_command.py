"""`terraced vault` as a user runs it: the real program on real files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.store.lock import DirectoryLock, take_lock
from daemon.vault.machine import machine_id
from tests.daemon.vault.kit import machine_key, values, vault_in

VALUE = "s3cr3t-value-with-A4B1"


def terraced(folder: Path, *words: str, **environ: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "daemon", "--config", str(folder / "config.yaml"), "vault", *words]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
        env={**os.environ, **environ},
    )
    assert VALUE not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def install(folder: Path, key: str) -> Path:
    """A config with this key; the folder of its secrets."""
    (folder / "config.yaml").write_text(f"config_version: 1\nvault: {{key: {key}}}\n")
    return folder / "data" / "secrets"


def put(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


@pytest.mark.rule("SEC-3")
@pytest.mark.skipif(not machine_id(), reason="this machine has no id")
def test_the_lock_is_changed_to_a_passphrase_and_from_one_to_another(tmp_path: Path) -> None:
    secrets = install(tmp_path, "passphrase")
    assert terraced(tmp_path, "check") == (0, f"{secrets}/vault.json: there is no vault yet\n")
    vault_in(secrets, machine_key(secrets, machine_id())).put("a", VALUE)
    first, second = (put(tmp_path / name, f"correct horse {name}\n") for name in ("first", "second"))

    code, said = terraced(tmp_path, "check")
    assert (code, "set vault.key back, or see `terraced vault rekey`" in said) == (1, True)
    code, said = terraced(tmp_path, "rekey", "--from", "machine")
    assert (code, "TERRACE_VAULT_PASSPHRASE_FILE" in said) == (1, True)

    code, said = terraced(tmp_path, "rekey", "--from", "machine", TERRACE_VAULT_PASSPHRASE_FILE=first)
    assert code == 0, said
    assert "1 secrets, locked with passphrase" in said
    code, said = terraced(tmp_path, "check", TERRACE_VAULT_PASSPHRASE_FILE=first)
    assert (code, "a  ****A4B1" in said) == (0, True)

    code, said = terraced(tmp_path, "rekey", "--from", "passphrase", TERRACE_VAULT_PASSPHRASE_FILE=first)
    assert (code, "set TERRACE_VAULT_OLD_PASSPHRASE_FILE to a file" in said) == (1, True)
    both = {"TERRACE_VAULT_OLD_PASSPHRASE_FILE": second, "TERRACE_VAULT_PASSPHRASE_FILE": first}
    code, said = terraced(tmp_path, "rekey", "--from", "passphrase", **both)
    assert (code, "not the key it was locked with" in said) == (1, True)
    both = {"TERRACE_VAULT_OLD_PASSPHRASE_FILE": first, "TERRACE_VAULT_PASSPHRASE_FILE": second}
    code, said = terraced(tmp_path, "rekey", "--from", "passphrase", **both)
    assert code == 0, said
    assert terraced(tmp_path, "check", TERRACE_VAULT_PASSPHRASE_FILE=second)[0] == 0
    assert terraced(tmp_path, "check", TERRACE_VAULT_PASSPHRASE_FILE=first)[0] == 1


def test_a_running_daemon_keeps_its_vault(tmp_path: Path) -> None:
    secrets = install(tmp_path, "machine")
    key = machine_key(secrets)
    vault_in(secrets, key).put("a", VALUE)
    lock = take_lock(tmp_path / "data")
    assert isinstance(lock, DirectoryLock)
    code, said = terraced(tmp_path, "rekey", "--from", "machine")
    assert (code, "stop it first" in said) == (1, True)
    lock.release()
    assert values(vault_in(secrets, key), "a") == [VALUE]


@pytest.mark.parametrize("words", [("rekey",), ("check", "--from", "machine"), ("rekey", "--from", VALUE)])
def test_what_cannot_be_meant_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    install(tmp_path, "machine")
    code, _ = terraced(tmp_path, *words)
    assert code == 2
