"""The first setup: keys, source secrets and config, all of it or nothing."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from daemon.config.first import Answers
from daemon.config.load import LoadedConfig, load_config
from daemon.first_setup import Plan, SetupRefused, Written, make_config, try_keys, without_secrets, write_setup
from daemon.secrets import Secret
from daemon.store.lock import DirectoryLock, take_lock
from daemon.vault.opening import make_vault
from daemon.vault.vault import Vault

KEYS = {"api_key": "the-api-key-of-the-test", "api_secret": "the-api-secret-of-the-test"}


def now_ms() -> int:
    return 1_700_000_000_000


def plan(folder: Path, *, force: bool = False, keys: dict[str, str] | None = None) -> Plan:
    answers = Answers(exchange="binance", account="mine", testnet=True, capital="50")
    return Plan(path=folder / "config.yaml", answers=answers, keys=KEYS if keys is None else keys, force=force)


def config_of(made: Plan) -> LoadedConfig:
    return _config_in(made.path.parent)


@cache
def _config_in(folder: Path) -> LoadedConfig:
    config = make_config(plan(folder), {})
    assert isinstance(config, LoadedConfig), str(config)
    return config


def done(made: Plan) -> Written:
    return write_setup(made, config_of(made), {}, now_ms)


def vault_of(made: Plan) -> Vault:
    return make_vault(config_of(made).daemon, {}, now_ms)


def value(made: Plan, name: str) -> str | None:
    found = vault_of(made).get(name)
    return found.reveal() if isinstance(found, Secret) else None


def leaves(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@pytest.mark.rule("SEC-3", "LOG-4")
def test_the_keys_are_in_the_vault_and_in_no_file_as_they_are(tmp_path: Path) -> None:
    made = plan(tmp_path)
    written = done(made)
    assert written.vault_names == ("mine/api_key", "mine/api_secret")
    assert {name: value(made, f"mine/{name}") for name in KEYS} == KEYS
    files = list(leaves(tmp_path))
    assert len(files) >= 5
    for path in files:
        assert all(key.encode() not in path.read_bytes() for key in KEYS.values()), path
    assert "the-api" not in repr(made)


def test_what_is_written_can_be_started_with_and_is_for_its_owner(tmp_path: Path) -> None:
    made = plan(tmp_path)
    done(made)
    config = load_config(made.path, {})
    assert isinstance(config, LoadedConfig)
    assert list(config.settings.accounts) == ["mine"]
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.daemon.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((config.daemon.secrets_dir / "tradingview").stat().st_mode) == 0o600


def test_a_config_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    made = plan(tmp_path)
    made.path.write_text("config_version: 1\n")
    with pytest.raises(SetupRefused, match="--force"):
        done(made)
    assert made.path.read_text() == "config_version: 1\n"
    assert list(leaves(tmp_path)) == [made.path]


def test_by_force_the_old_config_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    made = plan(tmp_path, force=True)
    made.path.write_text("config_version: 1\n")
    made.path.chmod(0o644)
    first, second = done(made), done(made)
    assert first.kept is not None
    assert second.kept is not None
    assert first.kept != second.kept
    assert first.kept.read_text() == "config_version: 1\n"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert any("vault held mine/api_key" in note for note in second.notes)


@pytest.mark.parametrize("part", ["vault", "sources"])
def test_what_ends_half_way_is_undone(tmp_path: Path, part: str) -> None:
    made = plan(tmp_path)

    def ends(name: str) -> None:
        if name == part:
            raise OSError(28, "No space left on device")

    with pytest.raises(SetupRefused, match="No space left on device; nothing was changed"):
        write_setup(made, config_of(made), {}, now_ms, step=ends)
    assert not made.path.exists()
    assert value(made, "mine/api_key") is None
    assert not (tmp_path / "data" / "secrets" / "tradingview").exists()
    done(made)  # And nothing of it is in the way of the next try.
    assert value(made, "mine/api_key") == KEYS["api_key"]


def test_what_the_vault_held_before_comes_back(tmp_path: Path) -> None:
    made = plan(tmp_path)
    vault_of(made).put("mine/api_key", "an-older-key")

    def ends(_name: str) -> None:
        raise OSError(5, "Input/output error")

    with pytest.raises(SetupRefused):
        write_setup(made, config_of(made), {}, now_ms, step=ends)
    assert value(made, "mine/api_key") == "an-older-key"
    assert value(made, "mine/api_secret") is None


def test_a_folder_that_cannot_be_made_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answers = Answers(exchange="binance", account="mine")
    made = Plan(path=tmp_path / "file" / "config.yaml", answers=answers, keys=KEYS)
    environ = {"TERRACE_DATA_DIR": str(tmp_path / "data")}
    config = make_config(made, environ)
    assert isinstance(config, LoadedConfig)
    with pytest.raises(SetupRefused, match="file"):
        write_setup(made, config, environ, now_ms)
    vault = make_vault(config.daemon, environ, now_ms)
    assert vault.list() == ()


def test_a_daemon_at_work_keeps_its_config(tmp_path: Path) -> None:
    made = plan(tmp_path)
    (tmp_path / "data").mkdir()
    lock = take_lock(tmp_path / "data")
    assert isinstance(lock, DirectoryLock)
    try:
        with pytest.raises(SetupRefused, match="is using"):
            done(made)
    finally:
        lock.release()
    assert not made.path.exists()


@pytest.mark.parametrize("keys", [{}, {"api_key": "x"}, {"api_key": "x", "api_secret": "y" * 9000}])
def test_a_key_that_is_missing_or_too_long_is_refused_before_anything(tmp_path: Path, keys: dict[str, str]) -> None:
    made = plan(tmp_path, keys=keys)
    with pytest.raises(SetupRefused, match="api_"):
        done(made)
    assert "api_" in try_keys(made, config_of(made), {}, now_ms)
    assert list(leaves(tmp_path)) == []


@pytest.mark.rule("LOG-4")
def test_words_of_an_exchange_do_not_repeat_a_key() -> None:
    words = without_secrets("Invalid key the-api-key-of-the-test for the-api-secret-of-the-test", KEYS)
    assert words == "Invalid key **** for ****"
