"""`terrace config` against a running daemon: see, change, go back, carry away, and never lose what somebody wrote."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from control.exits import ExitCode
from tests.system.conftest import Starter
from tests.system.stack import Stack, until


def size(stack: Stack) -> str:
    return stack.terrace("config", "get", "pool.max_open_groups").strip()


@pytest.mark.rule("CFG-3", "CFG-7")
def test_a_key_is_seen_set_compared_and_taken_back(start: Starter) -> None:
    stack = start()
    first = stack.config_file.read_text(encoding="utf-8")
    assert size(stack) == "10"
    tried = stack.json("config", "set", "pool.max_open_groups", "20", "--dry-run")
    assert [(each["path"], each["new_value"]) for each in tried["changes"]] == [("pool.max_open_groups", "20")]
    stack.terrace("config", "set", "pool.max_open_groups", "20", text="n\n", code=ExitCode.CANCELLED)
    assert stack.config_file.read_text(encoding="utf-8") == first
    stack.terrace("config", "set", "pool.max_open_groups", "20", text="y\n")
    stack.terrace("config", "set", "risk.loss_threshold_percent", "-7.5", "--yes")
    assert size(stack) == "20"
    assert stack.json("config", "get", "risk")["value"]["loss_threshold_percent"] == "-7.5"
    history = stack.json("config", "history")["config_versions"]
    assert [(each["version"], each["author"], each["source"]) for each in history] == [
        (3, "admin", "CLI"),
        (2, "admin", "CLI"),
        (1, "file", "FILE"),
    ]
    assert "+  max_open_groups: 20" in stack.terrace("config", "diff", "1", "2")
    stack.terrace("config", "unset", "pool.max_open_groups", "--yes")
    assert size(stack) == "10"
    stack.terrace("config", "restore", "1", "--yes")
    assert stack.config_file.read_text(encoding="utf-8") == first
    stack.terrace("config", "set", "pool.max_open_groups", "many", "--yes", code=ExitCode.USAGE)
    stack.terrace("config", "get", "pool.nothing", code=ExitCode.NOT_FOUND)


@pytest.mark.rule("CFG-7")
def test_a_faulty_file_is_mended_by_one_key_and_not_written_over_by_a_whole(start: Starter, tmp_path: Path) -> None:
    stack = start()
    whole = tmp_path / "new.yaml"
    whole.write_text(stack.config_file.read_text(encoding="utf-8"), encoding="utf-8")
    stack.write_config({"queue": {"max_size": -1}})
    faulty = stack.config_file.read_text(encoding="utf-8")
    stack.terrace("config", "apply", str(whole), "--yes", code=ExitCode.REFUSED)
    assert stack.config_file.read_text(encoding="utf-8") == faulty
    stack.terrace("config", "set", "queue.max_size", "7", "--yes")
    assert stack.config_file.read_text(encoding="utf-8") == faulty.replace("max_size: -1", "max_size: 7")


@pytest.mark.rule("CFG-3")
def test_a_configuration_is_carried_to_another_installation_which_keeps_its_place(
    start: Starter, tmp_path: Path
) -> None:
    stack, other = start(), start({"data_dir": "./elsewhere"})
    stack.terrace("config", "set", "pool.max_open_groups", "20", "--yes")
    file = tmp_path / "export.json"
    stack.terrace("config", "export", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    exported = json.loads(file.read_text(encoding="utf-8"))
    assert [each["version"] for each in exported["versions"]] == [2, 1]
    stack.terrace("config", "export", str(file), code=ExitCode.USAGE)
    tried = other.json("config", "import", str(file), "--dry-run")
    assert [each["path"] for each in tried["changes"]] == ["pool.max_open_groups"]
    other.terrace("config", "import", str(file), "--yes")
    assert size(other) == "20"
    assert f"127.0.0.1:{other.ports[0]}" in other.config_file.read_text(encoding="utf-8")
    assert "data_dir: ./elsewhere" in other.config_file.read_text(encoding="utf-8").replace('"', "")
    file.write_text("{}", encoding="utf-8")
    other.terrace("config", "import", str(file), code=ExitCode.USAGE)


def test_what_was_written_in_the_editor_is_kept_when_it_is_refused(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = start()
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nsed -i 's/max_quote_age_s: 3600/max_quote_age_s: -5/' \"$1\"\n", encoding="utf-8")
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    stack.terrace("config", "edit", "--yes", code=ExitCode.USAGE)
    (kept,) = tmp_path.glob("terrace-kept-*.yaml")
    assert "max_quote_age_s: -5" in kept.read_text(encoding="utf-8")
    script.write_text("#!/bin/sh\nsed -i 's/max_quote_age_s: 3600/max_quote_age_s: 60/' \"$1\"\n", encoding="utf-8")
    stack.terrace("config", "edit", "--yes")
    until(lambda: "max_quote_age_s: 60" in stack.config_file.read_text(encoding="utf-8"), 5)
