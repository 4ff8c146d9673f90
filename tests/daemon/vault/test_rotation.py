"""A rotation, cut off between every two steps by the end of its process: all secrets can be read afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.vault.keys import KeyringKey, KeySource
from daemon.vault.vault import Vault
from tests.daemon.vault.kit import CHEAP, MemoryKeyring, given_key, machine_key, values, vault_in

NAMES = ("a", "b/c")
STEPS = ("staged", "drafted", "replaced", "written", "locked", "promoted")


class Cut(BaseException):
    """Stands for the end of the process."""


def fill(vault: Vault) -> None:
    for name in NAMES:
        vault.put(name, f"value of {name}")


def is_whole(vault: Vault) -> bool:
    return vault.open() is None and values(vault, *NAMES) == [f"value of {name}" for name in NAMES]


@pytest.mark.rule("SEC-3")
def test_a_rotation_takes_a_new_master_key_and_a_new_key_of_its_own(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    fill(vault)
    key, master = (tmp_path / "vault.key").read_text(), vault._open
    assert vault.rotate() == 2
    assert master is not None
    assert vault._open is not None
    assert vault._open.master != master.master
    assert vault._open.document.master.id != master.document.master.id
    assert (tmp_path / "vault.key").read_text() != key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vault.json", "vault.key"]
    assert is_whole(vault_in(tmp_path))


def test_the_old_key_opens_nothing_after_a_rotation(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    fill(vault)
    old = (tmp_path / "vault.key").read_text()
    vault.rotate()
    (tmp_path / "vault.key").write_text(old)
    assert "not the key it was locked with" in str(vault_in(tmp_path).open())


@pytest.mark.rule("SEC-3")
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("occurrence", [1, 2])
def test_killed_between_any_two_steps_it_opens_again_and_rotates_again(
    tmp_path: Path, step: str, occurrence: int
) -> None:
    fill(vault_in(tmp_path))
    child = os.fork()
    if child == 0:
        try:
            vault_in(tmp_path, step=_ending(step, occurrence)).rotate()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 9)
    assert is_whole(vault_in(tmp_path)), sorted(path.name for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vault.json", "vault.key"]
    again = vault_in(tmp_path)
    assert again.rotate() == 2
    assert is_whole(vault_in(tmp_path))


def _ending(step: str, occurrence: int) -> Callable[[str], None]:
    seen = []

    def end(name: str) -> None:
        seen.extend([name] * (name == step))
        if len(seen) == occurrence:
            os._exit(9)

    return end


@pytest.mark.parametrize("first", STEPS)
@pytest.mark.parametrize("second", STEPS)
def test_cut_off_twice_in_a_row_nothing_is_lost(tmp_path: Path, first: str, second: str) -> None:
    ring = MemoryKeyring()
    sources: list[KeySource] = [
        machine_key(tmp_path / "machine"),
        KeyringKey(name="terrace/vault", ring=ring, cost=CHEAP),
        given_key("correct horse battery"),
    ]
    for index, key in enumerate(sources):
        folder = tmp_path / ("machine" if index == 0 else str(index))
        fill(vault_in(folder, key))
        for step in (first, second):
            vault = vault_in(folder, key, step=_cutting(step))
            with contextlib.suppress(Cut):
                vault.rotate()
        assert is_whole(vault_in(folder, key))
    assert set(ring.kept) == {("terrace", "vault")}


def _cutting(step: str) -> Callable[[str], None]:
    def cut(name: str) -> None:
        if name == step:
            raise Cut

    return cut


@pytest.mark.parametrize("step", ["drafted", "replaced", "written"])
def test_a_change_that_is_cut_off_leaves_the_old_value_or_the_new_one(tmp_path: Path, step: str) -> None:
    fill(vault_in(tmp_path))
    with pytest.raises(Cut):
        vault_in(tmp_path, step=_cutting(step)).put("a", "new")
    again = vault_in(tmp_path)
    assert again.open() is None
    assert values(again, "a", "b/c") == ["value of a" if step == "drafted" else "new", "value of b/c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vault.json", "vault.key"]
