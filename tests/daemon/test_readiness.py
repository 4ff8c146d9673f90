"""What a start would trip over is found by `terraced --check`, and nothing is made by looking."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from daemon import readiness
from daemon.__main__ import main
from daemon.config.fault import Fault
from daemon.config.load import LoadedConfig, load_config
from daemon.store.lock import DirectoryLock, take_lock

pytestmark = pytest.mark.rule("CFG-1")

FREE = "api: {address: '127.0.0.1:0'%s}\nobserve: {address: '127.0.0.1:0'}\n"


def look(folder: Path, text: str = "", api: str = "", environ: Mapping[str, str] | None = None) -> readiness.Readiness:
    return readiness.look(written(folder, FREE % api + text), environ or {})


def written(folder: Path, text: str) -> LoadedConfig:
    file = folder / "config.yaml"
    file.write_text(f"config_version: 1\n{text}", encoding="utf-8")
    loaded = load_config(file, {})
    assert isinstance(loaded, LoadedConfig), str(loaded)
    return loaded


def only(faults: tuple[Fault, ...]) -> Fault:
    (fault,) = faults
    return fault


def test_a_fresh_installation_is_ready_and_nothing_is_made(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert (found.faults, found.warnings, found.is_running) == ((), (), False)
    assert [file.name for file in tmp_path.iterdir()] == ["config.yaml"]


# --- folders --------------------------------------------------------------------------------------


def test_a_data_directory_that_cannot_be_made_is_a_fault_with_its_line(tmp_path: Path) -> None:
    fault = only(look(tmp_path, "data_dir: config.yaml/data").faults)
    assert (fault.path, fault.line) == ("data_dir", 4)
    assert "config.yaml is not a folder" in fault.message


def test_a_data_directory_on_a_read_only_place_is_a_fault(tmp_path: Path) -> None:
    fault = only(look(tmp_path, "data_dir: /proc/terrace").faults)
    assert "/proc" in fault.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_a_fault(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "is not writable" in only(look(tmp_path, "data_dir: closed").faults).message


def test_other_folders_are_warned_about(tmp_path: Path) -> None:
    warning = only(look(tmp_path, "backup: {directory: ../config.yaml/b}").warnings)
    assert (warning.path, warning.line) == ("backup.directory", 4)
    assert look(tmp_path, "backup: {directory: ../config.yaml/b, every_hours: 0}").warnings == ()


# --- tokens, certificates, store ------------------------------------------------------------------


@pytest.mark.rule("SEC-1")
def test_a_token_file_that_cannot_be_used_is_a_fault(tmp_path: Path) -> None:
    tokens = tmp_path / "data" / "secrets" / "tokens.yaml"
    tokens.parent.mkdir(parents=True)
    tokens.write_text("tokens: [{name: x, role: king, sha256: nothing}]", encoding="utf-8")
    tokens.chmod(0o644)
    assert "can be read by others" in only(look(tmp_path).faults).message
    tokens.chmod(0o600)
    found = look(tmp_path).faults
    assert {fault.path for fault in found} == {"api.tokens"}
    assert any("king" in fault.message for fault in found)


def test_an_admin_token_that_others_may_read_is_a_fault(tmp_path: Path) -> None:
    token = tmp_path / "data" / "secrets" / "admin.token"
    token.parent.mkdir(parents=True)
    token.write_text("abc", encoding="utf-8")
    token.chmod(0o644)
    fault = only(look(tmp_path).faults)
    assert f"chmod 600 {token}" in fault.message


def certificate(folder: Path, name: str) -> None:
    """`name.crt` and `name.key` that fit together."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(start)
    signed = made.not_valid_after(start + timedelta(days=90)).sign(key, hashes.SHA256())
    (folder / f"{name}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(text)
    (folder / f"{name}.key").chmod(0o600)


@pytest.mark.rule("SEC-2")
def test_certificates_must_be_there_and_fit(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    tls = ", tls: {certificate: %s.crt, key: %s.key}"
    assert "a.crt cannot be read" in only(look(tmp_path, api=tls % ("a", "a")).faults).message
    certificate(data, "a")
    certificate(data, "b")
    assert look(tmp_path, api=tls % ("a", "a")).faults == ()
    assert "is not the key of" in only(look(tmp_path, api=tls % ("a", "b")).faults).message
    (data / "a.crt").write_text("nothing", encoding="utf-8")
    assert "holds no certificate" in only(look(tmp_path, api=tls % ("a", "a")).faults).message


def test_a_store_url_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    fault = only(look(tmp_path, "storage: {url: env:DB_URL}").faults)
    assert fault.path == "storage.url"
    assert "the variable is not set" in fault.message


# --- secrets --------------------------------------------------------------------------------------


def test_secrets_that_are_missing_are_told_with_what_goes_without_them(tmp_path: Path) -> None:
    account = "{exchange: gate, api_key: file:k, api_secret: vault:k}"
    text = f"sources: {{tv: {{secret: env:HOOK}}}}\naccounts: {{paper: {{}}, k: {account}}}"
    found = {warning.path: warning.message for warning in look(tmp_path, text).warnings}
    assert found["sources.tv.secret"] == (
        "env:HOOK (the variable is not set), so alerts that need it are refused; set HOOK, start again"
    )
    assert "so k is not traded; create it with mode 0600" in found["accounts.k.api_key"]
    assert "there is no vault yet" in found["accounts.k.api_secret"]


def test_a_secret_that_is_there_is_neither_told_nor_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = look(tmp_path, "sources: {tv: {secret: env:HOOK}}", environ={"HOOK": "s3cr3t-value"})
    assert (found.faults, found.warnings) == ((), ())
    assert "s3cr3t" not in capsys.readouterr().out


def test_a_source_secret_that_the_daemon_makes_is_no_lack(tmp_path: Path) -> None:
    assert look(tmp_path, "sources: {tv: {secret: file:secrets/tv}}").warnings == ()
    assert len(look(tmp_path, "sources: {tv: {secret: file:/nowhere/tv}}").warnings) == 1


def test_candles_that_are_missing_are_warned_about(tmp_path: Path) -> None:
    warning = only(look(tmp_path, "accounts: {paper: {prices: replay, candles: nowhere}}").warnings)
    assert warning.path == "accounts.paper.candles"


# --- addresses ------------------------------------------------------------------------------------


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_that_another_program_has_is_a_fault_unless_that_is_the_daemon_itself(tmp_path: Path) -> None:
    with listening() as port:
        text = f"api: {{address: '127.0.0.1:{port}'}}\nobserve: {{address: '127.0.0.1:0'}}"
        fault = only(readiness.look(written(tmp_path, text), {}).faults)
        assert (fault.path, fault.line) == ("api.address", 2)
        assert "another program listens there" in fault.message
        (tmp_path / "data").mkdir()
        lock = take_lock(tmp_path / "data")
        assert isinstance(lock, DirectoryLock)
        try:
            found = readiness.look(written(tmp_path, text), {})
        finally:
            lock.release()
        assert (found.faults, found.is_running) == ((), True)


def test_an_address_of_another_machine_is_a_fault(tmp_path: Path) -> None:
    text = "api: {address: '192.0.2.1:7461', public: true}\nobserve: {address: '127.0.0.1:0'}"
    assert "is no address of this machine" in only(readiness.look(written(tmp_path, text), {}).faults).message


# --- the command ----------------------------------------------------------------------------------


def test_check_ends_with_2_for_a_fault_and_with_0_for_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    written(tmp_path, FREE % "" + "sources: {tv: {secret: env:NOT_THERE_AT_ALL}}")
    assert main(["--check", "--config", str(file)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{file}: valid\n"
    assert "warning: config.yaml:4: sources.tv.secret: env:NOT_THERE_AT_ALL" in told.err
    written(tmp_path, FREE % "" + "data_dir: config.yaml/data")
    assert main(["--check", "--config", str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("config.yaml:4: data_dir: ")
