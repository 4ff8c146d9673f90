"""`terraced source`: a rotation is one step, and the file stays what it was otherwise."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.config.load import LoadedConfig, load_config

TEXT = """\
# mine
config_version: 1
data_dir: ./data
sources:
  tradingview:   # the charts
    secret: file:secrets/tradingview   # paste it there
  desk: {secret: env:DESK, hmac_secret: file:secrets/desk}
routes: {"*": paper}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("TERRACE_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data" / "secrets"
    folder.mkdir(parents=True)
    for name in ("tradingview", "desk"):
        (folder / name).write_text(f"old {name}\n")
        (folder / name).chmod(0o600)
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


def source(config: Path, *words: str) -> int:
    return main(["source", "--config", str(config), *words])


def loaded(config: Path) -> LoadedConfig:
    found = load_config(config, {})
    assert isinstance(found, LoadedConfig), str(found)
    return found


@pytest.mark.rule("SIG-5", "CFG-7")
def test_a_rotation_makes_a_secret_and_keeps_the_old_one_for_a_while(config: Path) -> None:
    assert source(config, "rotate", "tradingview", "--overlap", "1h") == 0
    after = loaded(config).settings.sources["tradingview"]
    assert (after.secret, after.previous_secret) == ("file:secrets/tradingview.2", "file:secrets/tradingview")
    assert after.previous_until is not None
    made = config.parent / "data" / "secrets" / "tradingview.2"
    assert made.stat().st_mode & 0o777 == 0o600
    assert len(made.read_text().strip()) == 43
    text = config.read_text()
    assert "# mine" in text
    assert "# paste it there" in text
    assert "tradingview:   # the charts" in text


@pytest.mark.rule("SIG-5")
def test_a_second_rotation_waits_for_the_first_or_its_end(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent / "data" / "secrets"
    assert source(config, "rotate", "tradingview") == 0
    before = config.read_text()
    assert source(config, "rotate", "tradingview") == 2
    assert "terrace source end tradingview" in capsys.readouterr().err
    assert config.read_text() == before
    assert not (folder / "tradingview.3").exists()
    assert source(config, "end", "tradingview") == 0
    assert not (folder / "tradingview").exists()
    assert loaded(config).settings.sources["tradingview"].previous_secret is None
    assert source(config, "rotate", "tradingview", "--overlap", "0") == 0
    after = loaded(config).settings.sources["tradingview"]
    assert (after.secret, after.previous_secret) == ("file:secrets/tradingview.3", None)
    assert not (folder / "tradingview.2").exists()


@pytest.mark.rule("SIG-5")
def test_the_key_that_signs_is_rotated_on_request(config: Path) -> None:
    assert source(config, "rotate", "desk", "--hmac") == 0
    after = loaded(config).settings.sources["desk"]
    assert (after.hmac_secret, after.previous_hmac_secret) == ("file:secrets/desk.2", "file:secrets/desk")
    assert (after.secret, after.previous_secret) == ("env:DESK", None)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rotate", "nobody"), 3, "there is no source 'nobody'"),
        (("rotate", "desk"), 2, "keeps its secret in env:"),
        (("rotate", "tradingview", "--hmac"), 2, "has no hmac_secret"),
        (("rotate", "tradingview", "--overlap", "soon"), 2, "is no span of time"),
        (("rotate", "tradingview", "--overlap", "31d"), 2, "at most 30d"),
        (("end", "tradingview"), 2, "no rotation is under way"),
        (("rotate", "tradingview", "--dry-run"), 0, "would write a new one"),
    ],
)
def test_what_is_refused_or_only_tried_changes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert source(config, *words) == code
    assert said in capsys.readouterr().err
    assert config.read_text() == TEXT
    assert sorted(path.name for path in (config.parent / "data" / "secrets").iterdir()) == ["desk", "tradingview"]


def test_a_key_the_environment_sets_is_not_rotated(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRACE_SOURCES__TRADINGVIEW__SECRET", "file:secrets/desk")
    assert source(config, "rotate", "tradingview") == 2
    assert config.read_text() == TEXT


@pytest.mark.rule("LOG-4")
def test_the_list_shows_where_secrets_are_and_never_what(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source(config, "rotate", "tradingview")
    assert source(config, "list", "-o", "json") == 0
    assert source(config, "list") == 0
    shown = capsys.readouterr()
    for path in (config.parent / "data" / "secrets").iterdir():
        assert path.read_text().strip() not in shown.out + shown.err
    assert "the old one is taken too" in shown.out
    rows = {row["name"]: row for row in json.loads(shown.out[: shown.out.index("NAME")])["sources"]}
    assert rows["desk"]["state"] == "the variable is not set"


@pytest.mark.rule("CFG-1")
def test_a_previous_secret_without_its_end_is_a_fault(config: Path) -> None:
    config.write_text(TEXT.replace("  desk:", "    previous_secret: file:secrets/desk\n  desk:"))
    assert "needs previous_until beside it" in str(load_config(config, {}))
    config.write_text(TEXT.replace("  desk:", "    previous_until: tomorrow\n  desk:"))
    assert "must be a time with its zone" in str(load_config(config, {}))
