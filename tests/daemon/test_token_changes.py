"""What becomes of the table of callers when one is made, revoked, rotated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import token_changes as changes
from daemon.token_changes import TokenRefused
from daemon.tokens import MAX_TOKENS, Token, TokenRole, TokenTable, token_hash

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def table(*names: str, **more: Any) -> TokenTable:
    return TokenTable(
        tokens=tuple(Token(name=name, role=TokenRole.VIEWER, sha256=token_hash(name), **more) for name in names)
    )


def rotated(before: TokenTable, text: str = "new", now: datetime = NOW, **more: Any) -> Any:
    given: dict[str, Any] = {"overlap": HOUR, "expires": None, "keep_expiry": True, **more}
    return changes.rotate(before, name="grafana", sha256=token_hash(text), now=now, **given)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        ("2w", timedelta(weeks=2)),
        ("0", timedelta()),
        ("", None),
        ("90", None),
        ("-1d", None),
        ("1y", None),
        ("999999999w", None),
        ("1.5h", None),
        ("٣d", None),
    ],
)
def test_a_span_is_a_number_with_its_unit(text: str, found: timedelta | None) -> None:
    answer = changes.span(text)
    assert isinstance(answer, TokenRefused) if found is None else answer == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("never", None),
        ("90d", NOW + timedelta(days=90)),
        ("2030-06-01T02:00:00+02:00", datetime(2030, 6, 1, tzinfo=UTC)),
        ("0d", TokenRefused),
        ("2029-01-01T00:00:00Z", TokenRefused),
        ("2030-06-01T00:00:00", TokenRefused),
        ("tomorrow", TokenRefused),
        ("9999-12-31T00:00:00Z", TokenRefused),
    ],
)
def test_an_expiry_lies_ahead_and_has_its_zone(text: str, found: Any) -> None:
    answer = changes.expiry(text, NOW)
    assert isinstance(answer, TokenRefused) if found is TokenRefused else answer == found


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(changes.span(text), timedelta | TokenRefused)
    assert isinstance(changes.expiry(text, NOW), datetime | TokenRefused | None)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\n", "a" * 33, "ä", "x/y"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    made = changes.create(table(), name=name, role=TokenRole.VIEWER, now=NOW, expires=None, sha256=token_hash("x"))
    assert isinstance(made, TokenRefused)


def test_a_name_a_certificate_and_a_place_are_given_once() -> None:
    def create(before: TokenTable, **more: Any) -> Any:
        given = {"name": "new", "sha256": None, "certificate": "name:desk", **more}
        return changes.create(before, role=TokenRole.VIEWER, now=NOW, expires=None, **given)

    first = create(table("grafana"))
    assert first.tokens[-1].certificate == "name:desk"
    assert "already" in str(create(table("new")))
    assert "another caller" in str(create(first, name="other"))
    full = table(*(f"n{number}" for number in range(MAX_TOKENS)))
    assert "revoke some" in str(create(full))


@pytest.mark.rule("SEC-1")
def test_a_rotated_token_has_two_texts_for_a_while_and_then_the_new_one() -> None:
    after = rotated(table("grafana", "other"))
    for now, texts in ((NOW, ("grafana", "new")), (NOW + HOUR, ("new",))):
        good = [text for text in ("grafana", "new") if after.find(text, now) is not None]
        assert tuple(good) == texts
    assert after.named("other") == table("other").named("other")


@pytest.mark.rule("SEC-1")
def test_a_second_rotation_ends_the_oldest_text_at_once() -> None:
    again = rotated(rotated(table("grafana")), "newest")
    good = [text for text in ("grafana", "new", "newest") if again.find(text, NOW) is not None]
    assert good == ["new", "newest"]


@pytest.mark.rule("SEC-1")
def test_without_an_overlap_the_old_text_ends_now_and_an_expired_one_is_not_revived() -> None:
    assert rotated(table("grafana"), overlap=timedelta()).find("grafana", NOW) is None
    made = NOW - timedelta(days=90)
    expired = table("grafana", created=made, expires=NOW - HOUR)
    after = rotated(expired)
    assert after.find("grafana", NOW) is None
    assert after.find("new", NOW) is not None


def test_a_new_text_lasts_as_long_as_the_old_one_was_made_for_unless_told_otherwise() -> None:
    made = NOW - timedelta(days=80)
    old = table("grafana", created=made, expires=made + timedelta(days=90))
    kept = rotated(old).named("grafana")
    assert (kept.expires, kept.previous_until) == (NOW + timedelta(days=90), NOW + HOUR)
    assert rotated(old, expires=None, keep_expiry=False).named("grafana").expires is None
    late = rotated(old, now=made + timedelta(days=90) - timedelta(minutes=5)).named("grafana")
    assert late.previous_until == made + timedelta(days=90)  # No overlap beyond its own end.


def test_what_cannot_be_rotated_says_why() -> None:
    certificate = TokenTable(tokens=(Token(name="grafana", role=TokenRole.VIEWER, certificate="name:x"),))
    assert "certificate" in str(rotated(certificate))
    assert "there are: other" in str(rotated(table("other")))
    assert "at most 30d" in str(rotated(table("grafana"), overlap=timedelta(days=31)))
    assert "--expires" in str(rotated(table("grafana", expires=NOW - HOUR)))


def test_a_revoked_token_is_gone_and_only_that() -> None:
    after = changes.revoke(table("a", "b", "c"), "b")
    assert isinstance(after, TokenTable)
    assert [token.name for token in after.tokens] == ["a", "c"]
    assert isinstance(changes.revoke(table("a"), "b"), TokenRefused)


@pytest.mark.rule("SEC-1")
def test_two_entries_that_fit_one_certificate_by_name_let_nobody_in_and_the_fingerprint_wins() -> None:
    entries = [
        Token(name="one", role=TokenRole.VIEWER, certificate="name:a"),
        Token(name="two", role=TokenRole.ADMIN, certificate="name:b"),
        Token(name="exact", role=TokenRole.OPERATOR, certificate=f"sha256:{'0' * 64}"),
    ]
    known = TokenTable(tokens=tuple(entries))
    assert known.of_certificate("1" * 64, ["a", "b"]) is None
    assert known.of_certificate("1" * 64, ["a", "x"]) == entries[0]
    assert known.of_certificate("0" * 64, ["a", "b"]) == entries[2]
    assert known.of_certificate("1" * 64, []) is None
