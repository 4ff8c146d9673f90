"""What pages tell to type, as far as it only looks: tried at a paper daemon."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.__main__ import main
from control.repeat import fill_watch
from tests.docs.commands import Command, commands_of, pages
from tests.ports import free_ports
from tests.system.stack import Stack, alert, running

LOOKS = frozenset(
    {
        "status",
        "doctor",
        "signal list",
        "signal show",
        "group list",
        "group show",
        "queue list",
        "engine status",
        "engine dead-letters",
        "account list",
        "account show",
        "account check",
        "account instruments",
        "account drift",
        "risk show",
        "risk preview",
        "risk history",
        "report profit",
        "report equity",
        "report stats",
        "report daily",
        "alert list",
        "alert notifications",
        "log search",
        "config show",
        "config get",
        "config explain",
        "config history",
        "config validate",
        "secret list",
        "backup list",
        "audit verify",
    }
)
"""What changes nothing."""
TAKES_WORDS = re.compile(r"^[A-Z]{3,}$|^[0-9][0-9A-Za-z]{9,}$")
"""A word that stands for a name or an identifier of the reader's own."""
ELSEWHERE = {"--config", "--context", "--address", "--token-file", "--out", "--watch", "--tls-ca", "--world"}
CHANGES = frozenset({"retry", "ack", "resolve"})


def _chosen(command: Command) -> tuple[str, ...] | None:
    """Its words, if it only looks and needs nothing that a fresh daemon does not have."""
    words = command.words[1:]
    if command.words[0] != "terrace" or ELSEWHERE & {word.partition("=")[0] for word in words}:
        return None
    if CHANGES & set(words):
        return None
    nouns = [word for word in words if not word.startswith("-")]
    if " ".join(nouns[:2]) not in LOOKS and (not nouns or nouns[0] not in LOOKS):
        return None
    return words if command.is_whole else None


CALLS = sorted({words for path in pages() for command in commands_of(path) if (words := _chosen(command))})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("pages"), None, "daemon", "forwarder") as found:
        yield found


def test_pages_show_enough_that_can_be_tried() -> None:
    assert len(CALLS) > 60
    assert {" ".join(call[:2]) for call in CALLS} | {call[0] for call in CALLS} >= LOOKS - {"queue list", "secret list"}


def test_what_only_looks_can_be_typed_as_it_stands(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sent = stack.send(alert(price="100"))
    monkeypatch.setenv("TERRACE_CONFIG", str(stack.config_file))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execv", lambda _, words: sys.exit(subprocess.run(words, check=False).returncode))
    other = stack.config_file.read_text()
    for mine, free in zip(stack.ports, free_ports(3), strict=True):
        other = other.replace(f"127.0.0.1:{mine}", f"127.0.0.1:{free}")
    for name in ("config.yaml", "live.yaml", "tour.yaml", "new.yaml"):
        (tmp_path / name).write_text(other)
    wrong = []
    for call in CALLS:
        words = [_own(call, word, sent) for word in call]
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        with pytest.raises(SystemExit) as ended:
            main(fill_watch(words))
        found = capfd.readouterr()
        # 1: a check that finds something; 3: a name of the page's that is not here. Both are answers.
        if ended.value.code not in (0, 1, 3) or "Traceback" in found.err:
            wrong.append(f"{' '.join(words)}: {ended.value.code} {found.err[-300:]}")
    assert not wrong, "\n".join(wrong)


def _own(call: tuple[str, ...], word: str, sent: dict[str, str]) -> str:
    """An identifier of the page's, or a NAME, as it is here."""
    if not TAKES_WORDS.match(word):
        return word
    return sent["group_id"] if call[0] in ("group", "risk") or "--group" in call else sent["signal_id"]
