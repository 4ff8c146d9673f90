"""Where a client finds what TLS needs: flags, contexts, the config of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.client import Client
from control.config_file import ConfigFault
from control.target import NoToken, TargetFlags, find_target


def config(folder: Path, text: str) -> str:
    file = folder / "config.yaml"
    file.write_text(f"config_version: 1\n{text}\n")
    return str(file)


def test_flags_name_the_authority_and_ones_own_certificate_and_then_no_token_of_this_machine_is_shown(
    tmp_path: Path,
) -> None:
    flags = TargetFlags(config=config(tmp_path, ""), address="h:1", tls_ca="ca", tls_cert="c", tls_key="k")
    target = find_target(flags, environ={})
    assert (target.tls_ca, target.tls_cert, target.tls_key) == (Path("ca"), Path("c"), Path("k"))
    assert isinstance(target.token, NoToken)
    assert target.token.read() == ""
    assert "--certificate" in target.token.fault


def test_a_token_that_is_named_is_shown_beside_the_certificate(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("text")
    flags = TargetFlags(address="h:1", tls_ca="ca", tls_cert="c", token_file=str(tmp_path / "mine"))
    target = find_target(flags, environ={})
    assert (target.token.read(), target.tls_key) == ("text", None)


def test_a_context_names_them_too_and_a_flag_wins(tmp_path: Path) -> None:
    file = tmp_path / "terrace" / "contexts.yaml"
    file.parent.mkdir()
    file.write_text("far: {address: 'h:1', token_file: t, tls_ca: one, tls_cert: c, tls_key: k}")
    target = find_target(TargetFlags(context="far", tls_ca="two"), environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert (target.tls_ca, target.tls_cert, target.tls_key) == (Path("two"), Path("c"), Path("k"))


def test_the_socket_takes_the_place_of_tls_on_this_machine_also_before_the_daemon_has_made_it(tmp_path: Path) -> None:
    """Whoever starts first would else ask at a port that wants a certificate he does not have."""
    tls = "api: {tls: {certificate: c.pem, key: k.pem, client_ca: ca.pem}}"
    target = find_target(TargetFlags(config=config(tmp_path, f"data_dir: d\n{tls}")), environ={})
    assert target.address == f"unix:{tmp_path / 'd' / 'terrace.sock'}"
    assert (target.tls_ca, target.tls_cert) == (None, None)
    far = find_target(TargetFlags(config=config(tmp_path, f"data_dir: {'d' * 120}\n{tls}")), environ={})
    assert (far.address, far.tls_ca is not None) == ("127.0.0.1:7461", True)  # No socket has so long a path.


def test_a_key_without_its_certificate_and_files_that_are_not_there_are_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="tls_cert"):
        find_target(TargetFlags(address="h:1", token_file="t", tls_key="k"), environ={})
    missing = str(tmp_path / "missing.pem")
    target = find_target(TargetFlags(address="h:1", token_file="t", tls_ca=missing), environ={})
    with pytest.raises(ConfigFault, match=r"missing\.pem"):
        Client(target)
