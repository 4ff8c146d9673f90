"""The forwarder's references: each kind is read, and each that cannot be says why, without the secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keyring
import keyring.errors
import pytest

from control.forwarder import references
from control.forwarder.references import SecretFault, read_secret

VALUE = "s3cr3t-value-with-A4B1"


def put(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def fault(reference: str, folder: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SecretFault) as caught:
        read_secret(reference, folder, environ or {})
    assert VALUE not in str(caught.value)
    return str(caught.value)


@pytest.mark.rule("CFG-1")
def test_every_kind_the_forwarder_may_use_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "secrets" / "tv", f"{VALUE}\n")
    put(tmp_path / "credentials" / "tv", f"{VALUE}\n", 0o440)
    environ = {"TV": VALUE, "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    monkeypatch.setattr(
        keyring, "get_password", lambda service, name: VALUE if (service, name) == ("t", "a/b") else None
    )
    for reference in ("file:secrets/tv", "env:TV", "systemd:tv", "keyring:t/a/b"):
        assert read_secret(reference, tmp_path, environ) == VALUE
    assert "keyring set t other" in fault("keyring:t/other", tmp_path)


@pytest.mark.rule("SEC-4")
def test_what_gives_no_secret_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "open", VALUE, 0o644)
    put(tmp_path / "outside", VALUE)
    environ = {"CREDENTIALS_DIRECTORY": str(put(tmp_path / "credentials" / "tv", VALUE, 0o404).parent)}
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "chmod 600" in fault("file:open", tmp_path)
    assert "not a plain file" in fault("file:pipe", tmp_path)
    assert "cannot read it" in fault("vault:a", tmp_path)
    assert "LoadCredential" in fault("systemd:tv", tmp_path)
    assert "can be read by others" in fault("systemd:tv", tmp_path, environ)
    assert "without slashes" in fault("systemd:../outside", tmp_path, environ)
    assert "not a reference" in fault(VALUE, tmp_path)
    assert "not a reference" in fault(f"http:{VALUE}", tmp_path)
    assert "not a reference" in fault("keyring:only-a-service", tmp_path)

    def refuse(*_: str) -> str:
        raise keyring.errors.KeyringLocked(VALUE)

    monkeypatch.setattr(keyring, "get_password", refuse)
    assert "KeyringLocked" in fault("keyring:t/a", tmp_path)


def test_a_keyring_that_waits_for_a_person_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    never = threading.Event()
    monkeypatch.setattr(keyring, "get_password", lambda *_: never.wait(30))
    monkeypatch.setattr(references, "KEYRING_S", 0.05)
    assert "unlock it" in fault("keyring:t/a", tmp_path)
    never.set()


def test_a_machine_without_a_keyring_is_told_what_else_there_is(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from control.forwarder.references import *\n"
        "try: read_secret('keyring:t/a', Path('.'), {})\n"
        "except SecretFault as fault: print(fault)"
    )
    environ = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "this machine has no keyring: use file:, env: or systemd:\n"
