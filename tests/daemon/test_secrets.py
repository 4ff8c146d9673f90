"""Secrets on real files: read by reference, made on first start, never shown."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from actors.rules.settings import Settings, SourceSettings
from daemon.secrets import (
    MAX_SECRET_BYTES,
    Secret,
    Unresolved,
    make_source_secrets,
    new_token,
    resolve,
    write_new_secret,
)

VALUE = "s3cr3t-value-with-A4B1"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def put(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def problem(reference: str, folder: Path, environ: dict[str, str] | None = None) -> str:
    answer = resolve(reference, folder, environ or {})
    assert isinstance(answer, Unresolved)
    return str(answer)


def test_references_to_environment_and_files_are_read(tmp_path: Path) -> None:
    put(tmp_path / "a", f" {VALUE}\r\n")
    for reference in ("env:A", "file:a", f"file:{tmp_path}/a"):
        answer = resolve(reference, tmp_path, {"A": VALUE})
        assert isinstance(answer, Secret)
        assert answer.reveal() == VALUE


@pytest.mark.rule("LOG-4")
def test_a_secret_shows_only_its_mask() -> None:
    shown = [repr(Secret(VALUE)), str(Secret(VALUE)), f"{Secret(VALUE)}", repr([Secret(VALUE)])]
    assert all("****A4B1" in text and VALUE not in text for text in shown)
    assert Secret("short").mask == "****"


def test_secrets_are_compared_whole() -> None:
    assert Secret(VALUE).equals(VALUE)
    assert not Secret(VALUE).equals(VALUE[:-1])
    assert not Secret(VALUE).equals("\ud800")


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_file_that_others_may_touch_is_refused_with_the_remedy(tmp_path: Path, bits: int) -> None:
    path = put(tmp_path / "a", VALUE, bits)
    text = problem("file:a", tmp_path)
    assert f"chmod 600 {path}" in text
    assert VALUE not in text


def test_what_gives_no_secret_says_why(tmp_path: Path) -> None:
    put(tmp_path / "empty", " \n")
    put(tmp_path / "binary", b"\xff\xfe")
    put(tmp_path / "large", "x" * (MAX_SECRET_BYTES + 1))
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is empty" in problem("file:empty", tmp_path)
    assert "is not text" in problem("file:binary", tmp_path)
    assert "larger than" in problem("file:large", tmp_path)
    assert "is not a file" in problem("file:pipe", tmp_path)
    assert "is not a file" in problem("file:.", tmp_path)
    assert "cannot be read" in problem("file:none", tmp_path)
    assert "set A" in problem("env:A", tmp_path)
    assert "set A" in problem("env:A", tmp_path, {"A": ""})
    for kind in ("keyring", "systemd", "vault"):
        assert "cannot be read yet" in problem(f"{kind}:a", tmp_path)


def sources(**secrets: str | None) -> Settings:
    return Settings(sources={name: SourceSettings(name=name, secret=secret) for name, secret in secrets.items()})


def test_the_first_start_makes_the_secrets_of_the_sources_and_the_next_leaves_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = sources(tv="file:secrets/tv", env="env:X", none=None, other=f"file:{tmp_path}/x", up="file:../y")
    made = make_source_secrets(settings, data)
    assert made == (data / "secrets" / "tv",)
    assert (mode(made[0]), mode(made[0].parent)) == (0o600, 0o700)
    text = made[0].read_text()
    assert len(text.strip()) == 43
    assert make_source_secrets(settings, data) == ()
    assert made[0].read_text() == text
    assert isinstance(resolve("file:secrets/tv", data, {}), Secret)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["tv"]


def test_the_mode_of_a_new_secret_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_new_secret(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o600


def test_of_many_makers_one_wins_and_no_draft_is_left(tmp_path: Path) -> None:
    won: list[int] = []
    barrier = threading.Barrier(8)

    def make(number: int) -> None:
        barrier.wait()
        if write_new_secret(tmp_path / "a", str(number)):
            won.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert (tmp_path / "a").read_text() == f"{won[0]}\n"
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_that_stands_there_is_not_followed_when_a_secret_is_made(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    assert not write_new_secret(tmp_path / "a", VALUE)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_links_gets_its_secret_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert write_new_secret(tmp_path / "a", VALUE)
    assert not write_new_secret(tmp_path / "a", "other")
    assert (tmp_path / "a").read_text() == f"{VALUE}\n"
    assert os.listdir(tmp_path) == ["a"]


def test_tokens_are_256_random_bits() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert all(len(new_token()) == 43 for _ in range(5))
