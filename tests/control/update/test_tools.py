"""What an update asks of a version's `terraced`: a backup beside the daemon, a store brought down."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.exchanges.paper_books import SCHEMA_VERSION, BooksFault, PaperBooks, bring_down
from daemon.store import migrate
from tests.daemon.store import samples

pytestmark = pytest.mark.store("sqlite")
FIRST = "001_initial"


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "config.yaml").write_text("config_version: 1\ndata_dir: .\n")
    return str(tmp_path / "config.yaml")


def test_a_backup_is_made_of_a_store_in_use_and_restored(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    assert main(["--config", config, "backup", "create", "--into", str(tmp_path / "kept"), "-o", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["schema"] == migrate.known()[-1]
    assert main(["--config", config, "backup", "verify", made["path"]]) == 0
    assert main(["--config", config, "backup", "restore", made["path"], "--into", str(tmp_path / "new"), "--yes"]) == 0
    store.close()
    with closing(sqlite3.connect(tmp_path / "new/data/terrace.db")) as connection:
        assert connection.execute("SELECT count(*) FROM position_groups").fetchone()[0] == 1


def test_without_a_store_there_is_nothing_to_back_up(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", config, "backup", "create", "--into", str(tmp_path / "kept")]) == 1
    assert "there is no store" in capsys.readouterr().err


@pytest.mark.rule("REC-1")
def test_a_store_comes_down_in_one_go_with_one_copy_and_up_again(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    store.close()
    command = ["--config", config, "db", "downgrade", "--yes", "-o", "json", "--books", "1", "--to"]
    assert main([*command, "000_never"]) == 1
    assert "never had 000_never" in capsys.readouterr().err
    assert main([*command, FIRST]) == 0
    taken = json.loads(capsys.readouterr().out)["migrations"]
    assert taken == list(reversed(migrate.known()[1:]))
    assert len(list(tmp_path.glob("*.bak"))) == 1
    assert main([*command, FIRST]) == 0
    assert json.loads(capsys.readouterr().out)["migrations"] == []
    assert main(["--config", config, "db", "migrate"]) == 0
    with closing(sqlite3.connect(tmp_path / "terrace.db")) as connection:
        assert connection.execute("SELECT count(*) FROM position_groups").fetchone()[0] == 1


def test_paper_books_come_down_to_what_an_older_version_reads(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    PaperBooks(path).close()
    assert bring_down(path, SCHEMA_VERSION) == 0
    assert bring_down(path, 1) == SCHEMA_VERSION - 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT value FROM facts WHERE name = 'schema'").fetchone()[0] == "1"
        assert "amend_number" not in {row[1] for row in connection.execute("PRAGMA table_info(orders)")}
    books = PaperBooks(path)
    assert books.load()[1]["schema"] == str(SCHEMA_VERSION)
    books.close()
    with pytest.raises(BooksFault, match="nothing leads back"):
        bring_down(path, 0)
