"""What must never be written is not, in whatever form it comes; what is no secret stays readable."""

from __future__ import annotations

import base64
import contextlib
import json
import textwrap
import threading
import time
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.choices import World
from daemon.observe import masking
from daemon.observe.masking import MASK, Masker
from daemon.secret_sources.value import Unresolved

SECRET = 'pa$$ "w/örd"\\A4B1+x=='
PLAIN = "k7Xq9LmZ2vTsA4B1wYdE"


def knowing(*secrets: str) -> Masker:
    masker = Masker()
    masker.know(secrets)
    return masker


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps({"a": SECRET}),
        json.dumps({"a": SECRET}, ensure_ascii=False),
        repr(SECRET),
        repr({"a": [SECRET]}),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_known_secret_is_masked_in_every_form_it_is_written_in(written: str) -> None:
    masked = knowing(SECRET).text(f"before {written} after")
    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert len(masked) < len("before  after") + len(MASK) + 12  # At most the ends of base64, a quote and a bracket.


@pytest.mark.rule("LOG-4")
@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_in_base64_it_is_found_whatever_stands_around_it(before: bytes, after: bytes) -> None:
    written = base64.b64encode(before + PLAIN.encode() + after).decode()
    masked = knowing(PLAIN).text(f"Basic {written}")
    assert MASK in masked
    for start in range(len(written) - 11):
        piece = base64.b64encode(PLAIN.encode()).decode()[:12]
        assert piece not in masked
        assert start >= 0


@pytest.mark.rule("LOG-4")
@given(st.integers(1, 30), st.sampled_from(["\n", "\r\n", "\n    ", "\\n", '"\n"', "\n> "]))
def test_broken_over_lines_it_is_found(width: int, end: str) -> None:
    broken = end.join(textwrap.wrap(PLAIN, width))
    masked = knowing(PLAIN).text(f"first\nkey {broken} end")
    assert PLAIN not in masked.replace(end, "")
    assert masked.startswith("first\nkey ")
    assert masked.endswith(" end")


@pytest.mark.rule("LOG-4")
def test_a_secret_of_several_lines_is_found_line_by_line() -> None:
    body = [base64.b64encode(bytes([number] * 48)).decode() for number in range(4)]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----"])
    masker = knowing(pem)
    assert masker.text(f"cannot read {body[2]} here") == f"cannot read {MASK} here"
    assert body[1] not in masker.text(json.dumps(pem))
    assert masker.text("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    ("address", "piece"),
    [
        ("postgresql://terrace:pw%2Fof-the-db@db.example.org/terrace", "pw/of-the-db"),
        ("tgram://123456789:AAbbCCddEEff/11223344", "AAbbCCddEEff"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "JHMHI8qBe7bk2ZwO5U711o3dV_js"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "TIiajkdnlazkcOXrIdevi7FQ"),
        ("mailtos://user:mail-password@gmail.com", "mail-password"),
        ("https://hooks.slack.com/services/T0000/B0000/XXXXXXXXXXXX", "XXXXXXXXXXXX"),
        ("https://hc.example.org/ping/0a1b2c3d-4e5f", "0a1b2c3d-4e5f"),
        ("json://localhost/path?token=querytoken99", "querytoken99"),
    ],
)
def test_the_secret_parts_of_an_address_are_known_too(address: str, piece: str) -> None:
    masker = knowing(address)
    assert piece not in masker.text(f"cannot send to x/{piece}/y")
    assert piece not in masker.text(f"failed: {address}")
    for words in ("host db.example.org", "all services of localhost", "user at gmail.com"):
        assert masker.text(words) == words


@pytest.mark.rule("LOG-4")
def test_the_password_in_any_address_is_masked_unknown_or_not() -> None:
    words = Masker().text("connection to postgresql://terrace:hunter2@db.example.org:5432/terrace failed")
    assert words == "connection to postgresql://terrace:****@db.example.org:5432/terrace failed"


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    "words",
    [
        f"accounts.binance.api_secret: {Unresolved(reference='vault:binance/api_secret', problem='gone', remedy='x')}",
        "accounts.binance.api_secret: vault:x is not in the vault; terrace secret set x",
        "the passphrase of vault.key (nobody gave it); start at a terminal",
        '{"secret": "env:TV"}',
    ],
)
def test_a_remedy_that_names_where_a_secret_is_kept_can_be_read(words: str) -> None:
    assert Masker().text(words) == words


@pytest.mark.rule("LOG-4")
@pytest.mark.parametrize(
    "words", ["secret=env:abc:K3y", "password: K3y", '"api_secret":"vault:abc:K3y"', "passphrase: vault:x:K3y; done"]
)
def test_a_secret_that_only_begins_like_a_reference_is_masked(words: str) -> None:
    assert "K3y" not in Masker().text(words)


def test_what_is_no_secret_stays_as_it_is() -> None:
    masker = knowing(PLAIN, "short", SECRET)
    for text in ("a short word", "https://api.binance.com/api/v3/order", "10:30:00 at host:80@x", "", "signal opened"):
        assert masker.text(text) == text
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    assert masker.value([moment, moment.date(), World.PAPER]) == [moment, moment.date(), "paper"]
    assert masker.value([1, None, True, 2.5, {"price": "1.50"}]) == [1, None, True, 2.5, {"price": "1.50"}]


@pytest.mark.rule("LOG-4")
def test_objects_keys_and_deep_trees_are_masked_too() -> None:
    class Thing:
        def __str__(self) -> str:
            return f"thing {PLAIN}"

    masker = knowing(PLAIN)
    assert masker.value({"x": Thing(), PLAIN: [(PLAIN,)]}) == {"x": f"thing {MASK}", MASK: [[MASK]]}
    deep: object = PLAIN
    for _ in range(20):
        deep = [deep]
    assert PLAIN not in str(masker.value(deep))


def test_longest_first_so_that_a_secret_within_another_leaves_no_rest() -> None:
    assert knowing("abcdefgh", "abcdefghijklmnop").text("x abcdefghijklmnop y") == f"x {MASK} y"


def test_a_line_without_secrets_costs_little() -> None:
    masker = knowing(*(f"{PLAIN}{number:04}" for number in range(30)))
    line = {f"field_{number}": f"value number {number} of a line" for number in range(12)}
    start = time.perf_counter()
    for _ in range(200):
        masker.fields(line)
    assert (time.perf_counter() - start) / 200 < 0.005


@pytest.mark.rule("LOG-4")
def test_of_secrets_that_are_learnt_at_the_same_time_none_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    masker = Masker()
    both_look = threading.Barrier(2, timeout=0.5)

    def slowly(form: str) -> str:
        with contextlib.suppress(threading.BrokenBarrierError):
            both_look.wait()
        return form

    monkeypatch.setattr(masking, "squeezed", slowly)
    learners = [threading.Thread(target=masker.know, args=([secret],)) for secret in (PLAIN, PLAIN[::-1])]
    for learner in learners:
        learner.start()
    for learner in learners:
        learner.join()
    assert masker.text(f"{PLAIN} {PLAIN[::-1]}") == f"{MASK} {MASK}"
