"""Two processes at one vault: the daemon that rotates or stores, and a command that only reads."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.secret_sources.value import Secret
from daemon.vault.vault import Vault
from tests.daemon.vault.kit import given_key, machine_key, values, vault_in

STEPS = ("staged", "drafted", "replaced", "written", "locked", "promoted")


@pytest.mark.rule("SEC-3")
@pytest.mark.parametrize("step", STEPS)
def test_a_vault_that_is_read_in_the_middle_of_a_rotation_still_opens_after_it(tmp_path: Path, step: str) -> None:
    vault_in(tmp_path).put("a", "value of a")
    readers: list[threading.Thread] = []
    faults: list[object] = []

    def read() -> None:
        faults.append(vault_in(tmp_path).open())

    def begin_reader(name: str) -> None:
        if name == step and not readers:
            readers.append(threading.Thread(target=read))
            readers[0].start()
            readers[0].join(0.3)

    assert vault_in(tmp_path, step=begin_reader).rotate() == 1
    readers[0].join(5)
    assert faults == [None]
    again = vault_in(tmp_path)
    assert again.open() is None
    assert values(again, "a") == ["value of a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vault.json", "vault.key"]


@pytest.mark.rule("SEC-3")
def test_of_two_that_store_at_once_neither_loses_the_others_secret(tmp_path: Path) -> None:
    vault_in(tmp_path).put("a", "value of a")
    other: list[threading.Thread] = []

    def store_beside(name: str) -> None:
        if name == "drafted" and not other:
            other.append(threading.Thread(target=lambda: Vault.put(vault_in(tmp_path), "c", "value of c")))
            other[0].start()
            other[0].join(0.3)

    vault = vault_in(tmp_path, machine_key(tmp_path), store_beside)
    vault.put("b", "value of b")
    other[0].join(5)
    assert values(vault_in(tmp_path), "a", "b", "c") == ["value of a", "value of b", "value of c"]


def test_somebody_who_is_asked_for_the_passphrase_keeps_no_daemon_from_opening_its_vault(tmp_path: Path) -> None:
    vault_in(tmp_path, given_key("correct horse battery")).put("a", "value of a")
    asked, goes_on = threading.Event(), threading.Event()

    def ask() -> Secret:
        asked.set()
        goes_on.wait(5)
        return Secret("correct horse battery")

    slow = vault_in(tmp_path, replace(given_key("x"), get=ask))
    reader = threading.Thread(target=slow.open)
    reader.start()
    assert asked.wait(5)
    try:
        assert values(vault_in(tmp_path, given_key("correct horse battery")), "a") == ["value of a"]
    finally:
        goes_on.set()
        reader.join(5)
