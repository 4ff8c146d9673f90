"""What the wheel installs works: the whole story on paper, removal, a second installation."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.install import linked, table
from tests.install.__main__ import contents, removed_and_back, tell
from tests.install.debian import pip_settings
from tests.install.story import NEEDS_THE_EXTRA, Story
from tests.install.ways import Ground, NotHere, Way, python_of
from tests.ports import free_ports


def stamps(folder: Path) -> dict[str, int]:
    """File -> when it was last changed."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.timeout(900)
def test_the_wheel_leads_to_a_filled_paper_group_and_its_removal_leaves_the_data(ground: Ground) -> None:
    programs = linked.install(ground)
    site = next((ground.home / "terrace" / "lib").glob("python3*/site-packages"))
    before = stamps(site)
    told = tell(ground, programs, "--panel", "yes")
    assert told["group_id"]
    assert told["panel_files"] > 0
    assert told["service_units"] == 3
    assert stamps(site) == before, "the program writes into its own folder"

    def again(_: Ground) -> Path:
        linked.put_in(ground)
        return programs

    way = Way(name="linked", title="", install=again, uninstall=linked.take_out)
    removed_and_back(way, ground)


def test_without_its_extra_the_panel_says_what_it_needs(ground: Ground) -> None:
    programs = linked.install(ground, without=linked.PANEL)
    story = Story(programs, ground.home, free_ports(4))
    story.folder.mkdir()
    for words in (["panel"], ["panel", "--config", "nowhere.yaml"]):
        done = subprocess.run(
            [str(programs / "terrace"), *words],
            cwd=story.folder,
            env=story.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert NEEDS_THE_EXTRA in done.stderr
        assert "[panel]" in done.stderr


def test_what_changed_in_a_folder_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = contents(tmp_path)
    (tmp_path / "a").write_text("2")
    assert contents(tmp_path).keys() == before.keys()
    assert contents(tmp_path) != before


def test_a_way_with_a_python_that_is_not_here_cannot_be_gone() -> None:
    way = Way(name="old", title="", install=lambda ground: ground.home, python="python2.99")
    with pytest.raises(NotHere, match=r"no python2\.99 here"):
        python_of(way)


def test_the_new_root_is_told_no_index_that_lies_on_this_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://index.example/simple\nextra-index-url = file:///here\ncert = /c\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = pip_settings()
    assert found["PIP_INDEX_URL"] == "https://index.example/simple"
    assert "file:" not in " ".join(found.values())
    assert "PIP_CERT" not in found


def test_a_new_table_keeps_the_rows_of_ways_that_were_not_gone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\n{table.END}\nafter\n")
    first = table.Row(title="pip", python="3.11.7", install_s=61.4, first_fill_s=9, stop_s=0.44, size_mb=500)
    table.put(page, [first, table.Row(title="pipx", skipped="no pipx here")])
    table.put(page, [table.Row(title="pipx", python="3.12.1", install_s=5, first_fill_s=6, stop_s=1, size_mb=7)])
    lines = page.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert lines[4:6] == [
        "| pip | 3.11.7 | 61 s | 9 s | 0.4 s | 500 MB |",
        "| pipx | 3.12.1 | 5 s | 6 s | 1.0 s | 7 MB |",
    ]


def test_a_page_without_the_marks_gets_no_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match=r"page\.md has no"):
        table.put(page, [])
