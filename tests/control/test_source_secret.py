"""The secret of a source, for a person who writes it into an alert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from control.client import ConfigFile, SecretFault, read_source_secret


def config(data_dir: Path, sources: dict[str, Any]) -> ConfigFile:
    return ConfigFile(path=None, data_dir=data_dir, tree={"sources": sources} if sources else {})


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize("sources", [{}, {"tradingview": {}}, {"tradingview": {"secret": "file:secrets/tradingview"}}])
def test_it_is_read_from_where_the_configuration_says(tmp_path: Path, sources: dict[str, Any]) -> None:
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "secrets" / "tradingview"
    file.write_text("s3cret\n", encoding="utf-8")
    file.chmod(0o600)
    assert read_source_secret(config(tmp_path, sources), "tradingview", {}) == "s3cret"


def test_one_in_the_environment_is_read_there(tmp_path: Path) -> None:
    found = config(tmp_path, {"desk": {"secret": "env:DESK"}})
    assert read_source_secret(found, "desk", {"DESK": "s3cret"}) == "s3cret"


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    ("source", "words"), [("desk", "sources.desk.secret"), ("nobody", "no source nobody"), ("../x", "no source")]
)
def test_one_that_cannot_be_read_says_which_key_and_never_leaves_the_data_directory(
    tmp_path: Path, source: str, words: str
) -> None:
    with pytest.raises(SecretFault, match=words):
        read_source_secret(config(tmp_path, {"desk": {"secret": "file:missing"}}), source, {})
