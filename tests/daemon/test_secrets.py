"""Secrets on real files: read by reference, made on first start, never shown."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import keyring.errors
import pytest

from actors.rules.settings import Settings, SourceSettings
from daemon.secret_sources.keyrings import MAX_UNANSWERED, read_keyring, write_keyring
from daemon.secrets import (
    MAX_SECRET_BYTES,
    Resolver,
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
    assert "running daemon only" in problem("vault:a", tmp_path)
    # What is no reference may be the secret itself.
    assert "(not shown)" in problem("s3cr3t:value", tmp_path)
    assert "value" not in problem("s3cr3t:value", tmp_path)


def test_credentials_of_systemd_are_read_from_its_folder_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    put(folder / "key", f"{VALUE}\n", 0o440)  # An access list of systemd's shows as bits of the group.
    put(folder / "open", VALUE, 0o404)
    put(tmp_path / "outside", VALUE)
    environ = {"CREDENTIALS_DIRECTORY": str(folder)}
    answer = resolve("systemd:key", tmp_path, environ)
    assert isinstance(answer, Secret)
    assert answer.reveal() == VALUE
    assert "LoadCredential=key:/path" in problem("systemd:key", tmp_path)
    assert "no such credential" in problem("systemd:other", tmp_path, environ)
    assert "can be read by others" in problem("systemd:open", tmp_path, environ)
    for name in ("../outside", "/etc/passwd", ".."):
        assert "without slashes" in problem(f"systemd:{name}", tmp_path, environ)


class Ring:
    """A keyring that says what a test wants."""

    def __init__(self, answer: str | Exception | None, wait_s: float = 0) -> None:
        self.answer = answer
        self.wait_s = wait_s
        self.asked: list[tuple[str, str]] = []

    def get_password(self, service_name: str, username: str) -> str | None:
        self.asked.append((service_name, username))
        threading.Event().wait(self.wait_s)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def set_password(self, service_name: str, username: str, password: str) -> None:
        raise keyring.errors.PasswordSetError(password)

    def delete_password(self, service_name: str, username: str) -> None:
        raise keyring.errors.PasswordDeleteError


def test_the_keyring_is_asked_for_service_and_name(tmp_path: Path) -> None:
    ring = Ring(f"{VALUE}\n")
    answer = read_keyring("terrace/binance/api_key", ring)
    assert isinstance(answer, Secret)
    assert answer.reveal() == VALUE
    assert ring.asked == [("terrace", "binance/api_key")]


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        (Ring(None), "is not in the keyring); store it: keyring set terrace key"),
        (
            Ring(keyring.errors.NoKeyringError(VALUE)),
            "this machine has no keyring); use vault:, file:",
        ),
        (Ring(keyring.errors.KeyringLocked(VALUE)), "the keyring is locked); unlock it, start again"),
        (Ring(RuntimeError(VALUE)), "the keyring cannot be used (RuntimeError)); look at `keyring diagnose`"),
        (Ring(None, wait_s=5), "has not answered within 0.2 s"),
    ],
)
def test_a_keyring_without_an_answer_says_why_in_words_of_ours(ring: Ring, words: str) -> None:
    answer = read_keyring("terrace/key", ring, answer_s=0.2)
    assert words in str(answer)
    assert VALUE not in str(answer)
    assert "write keyring:service/name" in str(read_keyring("terrace", ring))
    assert VALUE not in str(write_keyring("terrace/key", VALUE, ring))


def test_a_resolver_has_what_it_read_kept_out_of_the_log(tmp_path: Path) -> None:
    known: list[str] = []
    read = Resolver(data_dir=tmp_path, environ={"A": VALUE}, vault=lambda name: Secret(f"of {name}"), know=known.extend)
    kinds = [type(read(reference)) for reference in ("env:A", "vault:x", "env:B")]
    assert kinds == [Secret, Secret, Unresolved]
    assert known == [VALUE, "of x"]
    assert VALUE not in repr(read)


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


def test_a_keyring_that_never_answers_costs_a_few_threads_and_not_one_for_each_question() -> None:
    ends = threading.Event()

    class Hung(Ring):
        def get_password(self, _service: str, _user: str) -> str | None:
            ends.wait(10)
            return None

    ring, before = Hung(None), threading.active_count()
    try:
        for _ in range(3 * MAX_UNANSWERED):
            assert "wait to be unlocked" in str(read_keyring("terrace/key", ring, answer_s=0.02))
        assert threading.active_count() - before <= MAX_UNANSWERED
    finally:
        ends.set()
    assert "is not in the keyring" in str(read_keyring("terrace/key", Ring(None)))
