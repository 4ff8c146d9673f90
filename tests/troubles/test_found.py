"""The look into the code finds what is written there, in each way it may be written."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.troubles import found
from tests.troubles.entry import sentence

Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes room/one.py; the look goes there."""
    monkeypatch.setattr(found, "ROOT", tmp_path)
    (tmp_path / "room").mkdir()

    def written(code: str) -> None:
        (tmp_path / "room" / "one.py").write_text(textwrap.dedent(code), encoding="utf-8")

    (tmp_path / "room" / "other.py").write_text('FAR = "far_away"\n', encoding="utf-8")
    return written


@pytest.mark.parametrize(
    "code",
    [
        'answer(400, {"reason": "NEW_WORD"})',
        'Fault(path="", reason="NEW_WORD")',
        'Fault(reason="NEW_WORD" if bad else other)',
        'Fault(reason=given or "NEW_WORD")',
        '_answer(400, "NEW_WORD", "words")',
        'def refuse(*, reason: str = "NEW_WORD") -> None: ...',
    ],
)
def test_a_new_reason_is_found(write: Write, code: str) -> None:
    write(code)
    assert found.reasons("room") == {"NEW_WORD": "room/one.py"}


def test_words_for_people_are_no_reasons(write: Write) -> None:
    write('Restart(reason="mended"); Why(reason=given)')
    assert found.reasons("room") == {}


@pytest.mark.parametrize(
    ("code", "type"),
    [
        ('desk.alert("stop.lost", "words")', "STOP_LOST"),
        ('alerts.raise_("ban", "error", "exchange", "words")', "BAN"),
        ('BAN, RATE = "ban", "rate"\nalerts.raise_(RATE, "error", "exchange", "words")', "RATE"),
        ('from room.other import FAR\nnotes.raise_alert(FAR, "error", "x", "words")', "FAR_AWAY"),
        ('notes.raise_alert(f"silence/{source}", "error", "x", "words")', "SILENCE"),
        ('SILENCE = "silence"\nnotes.raise_alert(f"{SILENCE}/{source}", "error", "x", "words")', "SILENCE"),
        ('RaiseAlert(alert_key=f"drift:{account}")', "DRIFT"),
        ('def key(a):\n    return f"drift:{a}"\nRaiseAlert(alert_key=key(a))', "DRIFT"),
        ('T = {1: "entry.refused"}\ndesk.alert(T.get(role, "entry.refused"), "words")', "ENTRY_REFUSED"),
        ('self._note("error", "x", "words", alert="store")', "STORE"),
        ('yield self._alert(action, f"risk_stopped/{group}", words)', "RISK_STOPPED"),
        ('def say(desk, what):\n    desk.alert(f"signal.{what}", "x")\nsay(desk, "stop")', "SIGNAL_STOP"),
        ('K = {"vault": _Kind("vault_shut", "error", "security")}', "VAULT_SHUT"),
    ],
)
def test_a_new_alert_is_found(write: Write, code: str, type: str) -> None:
    write(code)
    assert found.alerts("room") == ({type: "room/one.py"}, set())


def test_an_alert_that_somebody_else_names_is_told_apart(write: Write) -> None:
    write("RaiseAlert(alert_key=effect.alert)")
    assert found.alerts("room") == ({}, {"room/one.py: effect.alert"})


def test_statuses_are_found_in_answers_and_in_bytes(write: Write) -> None:
    write('answer(503 if bad else 200, {})\nanswer(418, {})\nwrite(b"HTTP/1.1 507 No")\nanswer(status, {})')
    assert found.statuses("room") == {200, 418, 503, 507}


def test_exit_codes_are_found_where_they_are_named_returned_or_left_with(write: Write) -> None:
    write(
        """
        DONE, FAILED = 0, 1
        MAX_BYTES = 17
        READY_S = 15.0
        def main():
            os._exit(130)
            return 9
        """
    )
    assert found.exit_codes("room") == {0, 1, 9, 130}


def test_a_refusal_is_found_with_what_helps(write: Write) -> None:
    write(
        """
        LOOK = "Look there"
        Refuse(f"{path} is odd", "Mend it")
        StoreRefused(problem="the store is odd", remedy=LOOK)
        StoreRefused(problem="the store is odd", remedy="Or here")
        Refused(reason=Reason.NOT_FOUND, detail="no")
        """
    )
    assert found.refusals("room") == [("… is odd", "Mend it"), ("the store is odd", "Look there; or: Or here")]


def test_last_words_are_found(write: Write) -> None:
    write('raise StartRefused(f"{path} is odd: mend it")\nreturn WaitRefused(words="odd")\nraise StartRefused(words)')
    assert found.last_words("room") == {"… is odd: mend it", "odd"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the store is full", "The store is full."),
        ("slippage. A bad price", "Slippage. A bad price."),
        ("wait", "Wait."),
        ("`terrace status`", "`terrace status`."),
        ("storage.url is odd", "storage.url is odd."),
        ("Is it?", "Is it?"),
    ],
)
def test_a_clause_becomes_a_sentence(text: str, said: str) -> None:
    assert sentence(text) == said
