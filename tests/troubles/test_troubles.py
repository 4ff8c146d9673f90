"""Nothing the program can say is missing on the page, and nothing on the page is invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from actors.rules.model import Reason
from control.cli import NOUNS, app
from control.exits import ExitCode
from control.quick import read_quickly
from daemon.__main__ import COMMANDS
from daemon.api.errors import ApiReason
from daemon.config.describe import all_keys
from tests.troubles import answers, found, page
from tests.troubles.exits import OF_THE_DAEMON, REMEDIES
from tests.troubles.reasons import OF_THE_API
from tests.troubles.states import STATES
from tests.troubles.symptoms import SYMPTOMS

ROOMS = ("actors", "control", "daemon")
TEXT = page.PAGE.read_text(encoding="utf-8") if page.PAGE.exists() else ""
OF_THE_HTTP_LIBRARY = {(404, "NOT_FOUND"), (405, "METHOD_NOT_ALLOWED"), (417, "")}
HANDED_ON = {
    "actors/gateway_alerts.py: kind",
    "actors/gateway_alerts.py: self.name_of(kind, symbol)",
    "actors/pool.py: alert_key",
    "actors/pool.py: f'{alert}/{signal.source}', f'a signal ended {outcome.value}: {detail}'",
    "actors/pool_limits.py: alert_key",
    "actors/position.py: effect.alert",
    "actors/risk.py: key",
    "actors/rules/position_desk.py: key",
    "actors/supervisor.py: alert",
    "daemon/api/record_service.py: stored",
    "daemon/first_view.py: stored",
    "daemon/notes.py: alert_key",
    "daemon/standing_troubles.py: key",
}
"""Places that raise what somebody else has named. A new one has to be looked at before it is written here."""


def _problems_of_a_body() -> set[str]:
    return set(found.reasons("control/forwarder/body.py", "daemon/api/signal_service.py"))


def test_the_page_is_current() -> None:
    assert page.page() == TEXT, "make troubles writes it"


# --- every word has its entry ---------------------------------------------------------------------


def test_every_reason_has_its_entry() -> None:
    assert set(page.reasons()) == {*Reason, *ApiReason}
    assert set(OF_THE_API) == set(ApiReason)
    for name in page.reasons():
        assert f'<a id="{page.anchor("reason", name)}"></a>' in TEXT, name


def test_every_reason_that_is_written_out_in_the_code_has_its_entry() -> None:
    known = {*page.reasons(), *answers.FAULTS, *(reason for _, reason in answers.ANSWERS)}
    assert {word: place for word, place in found.reasons(*ROOMS).items() if word not in known} == {}


def test_every_degraded_state_has_its_entry() -> None:
    assert set(STATES) == found.codes_of_the_contract() == found.codes_of_the_daemon()


def test_every_alert_has_its_entry() -> None:
    raised, _ = found.alerts("actors", "daemon")
    assert len(raised) > 60
    assert {name: place for name, place in raised.items() if name not in page.alerts()} == {}
    assert set(page.alerts()) == set(raised), "words for an alert that nobody raises"


def test_every_place_that_raises_an_alert_is_understood_or_hands_on_a_name() -> None:
    _, elsewhere = found.alerts("actors", "daemon")
    assert elsewhere == HANDED_ON


def test_every_alert_says_what_it_means_and_what_helps() -> None:
    assert {name for name, words in page.alerts().items() if not (words.meaning and words.remedy)} == set()


def test_every_exit_code_has_its_entry() -> None:
    assert set(REMEDIES) == set(ExitCode)
    told = found.exit_codes("daemon/__main__.py", "daemon/app.py", "gui/__main__.py", "daemon/commands")
    told |= found.exit_codes("daemon/token_command.py", "daemon/source_command.py")
    assert told == set(OF_THE_DAEMON)


def test_every_answer_of_the_forwarder_has_its_entry() -> None:
    assert found.statuses("control/forwarder") | {status for status, _ in OF_THE_HTTP_LIBRARY} == {
        status for status, _ in answers.ANSWERS
    }
    said = set(found.reasons("control/forwarder"))
    assert said - {reason for _, reason in answers.ANSWERS} <= set(answers.FAULTS)
    written = {reason for _, reason in set(answers.ANSWERS) - OF_THE_HTTP_LIBRARY if reason}
    assert written | set(answers.FAULTS) - {"FAULTY"} == said


def test_every_fault_of_a_body_has_its_entry() -> None:
    assert _problems_of_a_body() - set(page.reasons()) <= set(answers.FAULTS)


def test_every_reason_of_the_panel_has_its_entry() -> None:
    assert set(found.reasons("gui")) == set(answers.OF_THE_PANEL)


def test_what_is_said_of_a_stop_stands_in_the_code() -> None:
    code = _code()
    for words in page.others():
        assert len(_longest(words)) > 10, words
        assert _longest(words) in code, words


def test_every_last_word_of_a_program_has_its_entry() -> None:
    said = found.last_words("daemon", "control")
    assert len(said) > 5
    assert [words for words in said if _longest(words) not in TEXT] == []


def _longest(words: str) -> str:
    """The longest of its parts between what is filled in."""
    return max((part.strip(" .:/\n") for part in words.split(found.HOLE)), key=len)


def test_what_a_person_sees_stands_in_the_code() -> None:
    code = _code()
    seen = [span for one in SYMPTOMS for what, _ in one.causes for span in re.findall(r"`([^`]+)`", what)]
    sentences = [span for span in seen if " " in span]
    assert len(sentences) > 10
    assert [span for span in sentences if span not in code] == []


def _code() -> str:
    """All of the program's code, texts over several lines put together."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in found.files("control", "daemon", "gui"))
    return re.sub(r'"\s*\n\s*f?"', "", text)


def test_no_cell_is_empty() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert len(rows) > 300
    assert [row for row in rows if any(not part.strip(" .") for part in re.split(r"(?<!\\)\|", row)[1:-1])] == []


# --- what it advises can be done ------------------------------------------------------------------


def _commands() -> list[str]:
    """Every `terrace ...` and `terraced ...` of the page, also two in one piece of code."""
    spans = re.findall(r"`([^`\n]+)`", TEXT)
    plain = re.findall(r"\((terraced? [a-z -]+)\)", TEXT)
    return sorted({span for span in (*spans, *plain) if re.match(r"terraced? ", span)})


def _verb(words: list[str]) -> tuple[Any, list[str]]:
    """The command these words lead to, and the words behind it."""
    read_quickly()
    command: Any = typer.main.get_command(app)
    context = typer.Context(command)
    while words and hasattr(command, "list_commands") and words[0] in command.list_commands(context):
        command, words = command.get_command(context, words[0]), words[1:]
    return command, words


def test_there_are_commands_to_check() -> None:
    assert len(_commands()) > 60


@pytest.mark.parametrize("line", _commands())
def test_every_command_it_names_is_there_with_its_options(line: str) -> None:
    program, *words = line.split()
    options = {word for word in words if word.startswith("--")}
    if program == "terraced":
        assert not words or words[0] in {"--check", "--version", "replay", *COMMANDS}, line
        return
    if words == ["--version"] or words == ["NOUN", "VERB", "--help"]:
        return
    assert words[0] in NOUNS, line
    command, rest = _verb(words)
    if hasattr(command, "list_commands"):  # A noun that has verbs is named with one, or shows all by itself.
        assert getattr(command, "invoke_without_command", False), line
    assert not rest or not re.match("[a-z]", rest[0]) or rest[0] in _handed_on(words), line
    given = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    assert options <= given | _handed_on_options(words), line


def _handed_on(words: list[str]) -> set[str]:
    """Verbs of `terraced` behind a noun that is handed to it."""
    verbs = {"token": {"create", "list", "revoke", "rotate"}, "source": {"list", "rotate", "end"}}
    return {**verbs, "db": {"check", "migrate", "downgrade", "rollback", "vacuum"}}.get(words[0], set())


def _handed_on_options(words: list[str]) -> set[str]:
    options = {"token": {"--role", "--out", "--overlap", "--expires"}, "db": {"--dry-run", "--yes"}}
    return options.get(words[0], set())


def test_every_key_of_the_configuration_it_names_is_there() -> None:
    keys = [re.sub(r"\\?\*", "[^.]+", re.escape(key.path).replace(r"\*", "*")) for key in all_keys()]
    tops = {key.path.partition(".")[0] for key in all_keys()} - {"secrets"}
    for span in sorted(set(re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", TEXT))):
        if span.partition(".")[0] in tops and not span.endswith((".token", ".json", ".db")):
            assert any(re.fullmatch(key, span) for key in keys), span


def _links() -> Iterator[tuple[str, str]]:
    for target in set(re.findall(r"\]\(([^)\s]+)\)", TEXT)):
        name, _, part = target.partition("#")
        yield name, part


def test_every_link_leads_somewhere() -> None:
    for name, part in _links():
        path = (page.PAGE.parent / name) if name else page.PAGE
        assert path.is_file(), name
        text = path.read_text(encoding="utf-8") if part else ""
        titles = {page.slug(line.lstrip("# ")) for line in text.splitlines() if line.startswith("#")}
        assert not part or part in titles or f'<a id="{part}"></a>' in text, f"{name}#{part}"
