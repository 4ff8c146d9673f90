"""Commands in the engine's sentences become the panel's own ways."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gui.live.topics import Row, Snapshot
from gui.pages.logs import PAGE as LOGS
from gui.pages.settings import PAGE as SETTINGS
from gui.show.ways import WAYS, answer_in_panel, in_panel, rows_in_panel

ROOT = Path(__file__).parents[2]
SPEAKERS = sorted(
    [
        *(ROOT / "actors").rglob("*.py"),
        *(
            ROOT / "daemon" / "api" / name
            for name in ("degraded.py", "story_words.py", "account_states.py", "letters.py")
        ),
    ]
)


def commands() -> set[str]:
    """Every command the engine's own words name, without what is filled in."""
    found = set()
    for file in SPEAKERS:
        found |= set(re.findall(r"`terrace ([a-z -]+?) ?(?:\{[^`\n]+|[A-Z]+)?`", file.read_text(encoding="utf-8")))
    return found


def test_every_command_the_engine_names_has_its_place_in_the_panel() -> None:
    named = commands()
    assert len(named) > 20, "the engine's words are not where they are looked for"
    assert [command for command in sorted(named) if "terrace" in in_panel(f"x `terrace {command}` y")] == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Resume it with `terrace engine resume`.", "Resume it with “Resume entries” (Dashboard)."),
        ("`terrace engine resume --account bybit` lifts it", "“Resume its entries” (Dashboard) lifts it"),
        ("wait, or `terrace engine restart world/paper`", "wait, or “Start again” (System)"),
        ("Mend it; `terrace signal check FILE` shows it", "Mend it; “Try an alert” (Signals) shows it"),
        ("Check the store (terrace db check)", "Check the store (“Check” (System))"),
        ("terrace secret set binance", "“Secrets” (Settings)"),
        ("rotate it (terrace token rotate)", "rotate it (terrace token rotate)"),
        ("Raise `pool.max_open_groups`", "Raise `pool.max_open_groups`"),
        (
            "MAX_DRAWDOWN_PERCENT: the drawdown reached 10, the bound 10; MAX_CONSECUTIVE_LOSSES: the losses reached 3",
            "the drawdown reached 10, the bound 10; the losses reached 3",
        ),
        ("by itself at 2026-11-24T00:00:00Z at the latest", "by itself at 2026-11-24 00:00 UTC at the latest"),
        ("ZEC/USDT", "ZEC/USDT"),
        ("See `terrace alert list` and `terrace status`.", "See the notices under the bar and the dashboard."),
    ],
)
def test_a_sentence_names_the_button_and_keeps_what_has_none(said: str, shown: str) -> None:
    assert in_panel(said) == shown


def test_a_way_says_where_it_is() -> None:
    pages = ("Dashboard", "dashboard", "Positions", "Risk", "Queue", "Signals", "Settings", "System", "Editor", "bar")
    assert [way for way in WAYS.values() if not any(page in way for page in pages)] == []


def test_rows_keep_tones_sort_values_and_what_others_wrote() -> None:
    said = "`terrace engine resume`"
    plain: Row = {"pair": "BTC/USDT"}
    rows: Snapshot = {"a": {"why": (said, "warn", "CODE"), "body": said}, "b": plain}
    shown = rows_in_panel(rows)
    assert shown["a"] == {"why": ("“Resume entries” (Dashboard)", "warn", "CODE"), "body": said}
    assert shown["b"] is plain, "a row that names no command is the very row that was read"


def test_of_an_answer_only_its_sentences_change() -> None:
    said = "`terrace risk show`"
    answer = {"said": said, "lines": [said], "checks": [{"name": "key", "message": said}], "yaml": said}
    way = "“Candidates” (Risk)"
    assert answer_in_panel(answer) == {
        "said": way,
        "lines": [way],
        "checks": [{"name": "key", "message": way}],
        "yaml": said,
    }


def test_logs_and_files_are_shown_as_they_are() -> None:
    spoken = {topic.name for page in (LOGS, SETTINGS) for topic in page.topics if topic.is_spoken}
    assert spoken == {"settings_accounts", "settings_sent"}
