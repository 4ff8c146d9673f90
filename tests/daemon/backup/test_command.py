"""`terraced backup`: what a person is told, and the exit codes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from actors.rules.choices import World
from actors.rules.settings import AlertSettings, NotificationSettings, Settings
from daemon.__main__ import main
from daemon.backup.restored import ALERT, COPY, refuse_copy, silent, tell_restored
from daemon.backup.restoring import Restored, restore
from daemon.backup.vault_key import NAME, vault_key
from daemon.exchanges.opening import Opening
from daemon.notes import Notes
from daemon.store.leadership import epoch_after_restore, epoch_chars
from daemon.store.store import Boot
from daemon.vault.keys import MachineKey
from daemon.vault.vault import Vault
from tests.daemon.backup.houses import SEAL, T0, House, no_keys
from tests.daemon.backup.test_schedule import Clock, Written
from tests.daemon.store import samples


def test_verify_tells_what_is_in_it_and_exits_by_its_health(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    path = house.make().path
    assert main(["backup", "verify", str(path), "--config", str(house.folder / "config.yaml")]) == 0
    told = capsys.readouterr().out
    assert "the backup is well" in told
    assert "the audit trail is whole" in told
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert main(["backup", "verify", str(path)]) == 1
    assert "damaged" in capsys.readouterr().err


@pytest.mark.rule("LOG-3")
def test_verify_finds_a_changed_event_with_the_trails_key(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.store._connected().execute("UPDATE events SET message = 'nothing happened' WHERE sequence = 1")
    path = house.make().path
    assert main(["backup", "verify", str(path), "--config", str(house.folder / "config.yaml")]) == 1
    assert "the audit trail is broken at event 1" in capsys.readouterr().out


@pytest.mark.rule("SEC-3")
def test_an_encrypted_one_wants_its_passphrase_from_a_private_file(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, file = house.make(key=SEAL).path, tmp_path / "pass"
    file.write_text(SEAL.secret.decode())
    file.chmod(0o600)
    assert main(["backup", "verify", str(path), "--passphrase-file", str(file)]) == 0
    assert main(["backup", "verify", str(path)]) == 1
    assert "was not given" in capsys.readouterr().err
    file.chmod(0o644)
    with pytest.raises(SystemExit) as ended:
        main(["backup", "verify", str(path), "--passphrase-file", str(file)])
    assert ended.value.code == 2
    told = "".join(capsys.readouterr())
    assert "can be read by others" in told
    assert SEAL.secret.decode() not in told


def test_restore_asks_and_tells_the_next_steps(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["backup", "restore", str(house.make().path), "--into", str(tmp_path / "new")]
    assert main([*words, "--dry-run"]) == 0
    assert main(words) == 8
    assert "was not confirmed" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main([*words, "--yes"]) == 0
    told = capsys.readouterr().out
    for part in ("must never run again", "Secrets are not in a backup", "engine resume", str(tmp_path / "new")):
        assert part in told
    assert main([*words, "--yes"]) == 1
    assert "is not empty" in capsys.readouterr().err


# --- what a daemon makes of it --------------------------------------------------------------------------


class Standing(Written):
    standing: tuple[str, ...] = ()

    def standing_alerts(self) -> tuple[str, ...]:
        return self.standing


def boots(house: House, folder: Path, *, as_copy: bool = False) -> tuple[Boot, Boot]:
    """Of the first and the second start on what was restored."""
    done = restore(house.make().path, folder, no_keys, now_ms=T0, as_copy=as_copy)
    assert isinstance(done, Restored)
    shutil.copy2(house.data_dir / "secrets" / "audit.key", folder / "data" / "secrets")
    found = []
    for _ in range(2):
        store = samples.opened(folder / "data")
        assert store.load_pool(World.LIVE, 1, T0).switches == {"paused": "yes"}
        found.append(store.boot)
        store.close()
    return found[0], found[1]


@pytest.mark.rule("LOG-5", "ORD-2")
def test_the_first_start_on_a_restored_store_says_so_and_the_next_does_not(house: House, tmp_path: Path) -> None:
    first, second = boots(house, tmp_path / "new")
    assert first.restored_from.startswith("terrace-")
    assert (second.restored_from, first.copy_of) == ("", "")
    written = Standing()
    notes = Notes(cast(Any, written), cast(Any, Clock()))
    tell_restored(first, notes, cast(Any, None))
    assert [getattr(row, "alert_key", "") for row in written.rows] == [ALERT, ""]
    written.standing = (ALERT,)
    written.rows.clear()
    tell_restored(second, notes, cast(Any, None))
    assert [getattr(row, "alert_key", "") for row in written.rows] == [ALERT]


@pytest.mark.rule("ORD-2")
def test_orders_of_a_restored_store_have_ids_of_their_own_from_then_on(house: House, tmp_path: Path) -> None:
    first, second = boots(house, tmp_path / "new")
    assert first.epoch == second.epoch != 0
    assert len({epoch_after_restore(T0 + second_no * 1000, 5) for second_no in range(1295)}) == 1294, "never the last"
    assert epoch_chars(1295) == "zz"


@pytest.mark.rule("ORD-2")
def test_a_copy_never_opens_an_account_with_real_money(house: House, tmp_path: Path) -> None:
    first, second = boots(house, tmp_path / "new", as_copy=True)
    assert first.copy_of == second.copy_of == house.installation_id
    assert first.installation_id == second.installation_id != house.installation_id

    class Condition:
        def trouble(self, name: str, words: str) -> None:
            assert (name, house.installation_id in words) == (COPY, True)

    tell_restored(second, Notes(cast(Any, Standing()), cast(Any, Clock())), cast(Any, Condition()))
    forbidden = refuse_copy(second.copy_of)
    opening = Opening(data_dir=tmp_path, clock=cast(Any, Clock()), environ={}, forbidden=forbidden)

    class Account:
        name, exchange, market, is_paper = "live", "binance", samples.INSTRUMENT.market, False

    try:
        opened = opening.open_all({"live": cast(Any, Account())})
    finally:
        opening.loop.stop()
    assert opened.exchanges == {}
    assert opened.broken == {"live": forbidden}


# --- the vault's key ------------------------------------------------------------------------------------


@pytest.mark.rule("SEC-3")
def test_the_vaults_key_for_backups_is_made_once_and_outlives_a_rotation(tmp_path: Path) -> None:
    def opened() -> Vault:
        return Vault(tmp_path, MachineKey(folder=tmp_path, machine_id="m"), now_ms=lambda: T0)

    first = vault_key(opened())
    assert not isinstance(first, str)
    vault = opened()
    assert vault_key(vault) == first
    assert vault.rotate() == 1
    assert vault_key(opened()) == first
    assert vault.delete(NAME) is not None
    assert vault_key(vault) != first


@pytest.mark.rule("LOG-5")
def test_a_copy_sends_no_message_and_no_heartbeat_in_the_name_of_the_original() -> None:
    channel = NotificationSettings(name="phone", url="env:PHONE")
    given = Settings(notifications=(channel,), alerts=AlertSettings(heartbeat_url="env:BEAT", quote_age_s=7))
    quiet = silent(lambda: given, "abcd")()
    assert (quiet.notifications, quiet.alerts.heartbeat_url, quiet.alerts.quote_age_s) == ((), None, 7)
    assert silent(lambda: given, "")() is given
