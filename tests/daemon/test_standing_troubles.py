"""What is broken until a person mends it stands as an alert as long as it does."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.records import RaiseAlert, ResolveAlert
from daemon.api.condition import Condition
from daemon.notes import Notes
from daemon.standing_troubles import StandingTroubles


class Scene:
    def __init__(self, *standing: str) -> None:
        self.rows: list[Any] = []
        self.standing = standing
        self.holding: set[str] = set()
        self.certificates: dict[str, str] = {}
        self.condition = Condition(0, self.now_ms)
        stands_for_both: Any = self
        self.troubles = StandingTroubles(
            self.condition,
            Notes(stands_for_both, stands_for_both),
            lambda: frozenset(self.holding),
            lambda: self.certificates,
        )

    def now_ms(self) -> int:
        return 1_000

    def commit(self, rows: Any) -> None:
        self.rows += rows

    def standing_alerts(self) -> tuple[str, ...]:
        return self.standing

    def look(self) -> list[tuple[str, str]]:
        """Alerts that were raised, with their severity, and resolved by a look."""
        self.rows = []
        self.troubles.look()
        raised = [(row.alert_key, row.severity) for row in self.rows if isinstance(row, RaiseAlert)]
        return raised + [(row.alert_key, "resolved") for row in self.rows if isinstance(row, ResolveAlert)]


@pytest.mark.rule("LOG-5", "REC-4")
def test_an_account_that_is_not_traded_is_an_alert_that_gets_worse_with_groups_and_ends_when_mended() -> None:
    scene = Scene()
    scene.condition.trouble("account/binance", "account binance: its api_secret is not in the vault")
    assert scene.look() == [("account_not_traded:binance", "error")]
    assert scene.look() == []
    scene.holding = {"binance"}
    assert scene.look() == [("account_not_traded:binance", "critical")]
    alert = next(row for row in scene.rows if isinstance(row, RaiseAlert))
    assert (alert.account, alert.message) == (
        "binance",
        "account binance: its api_secret is not in the vault. Groups are live on it: "
        "no exit, target or stop of theirs is sent",
    )
    assert scene.look() == []
    scene.condition.mended("account/binance")
    assert scene.look() == [("account_not_traded:binance", "resolved")]
    assert scene.look() == []


@pytest.mark.rule("LOG-5")
def test_an_alert_of_an_earlier_process_ends_at_the_first_look_unless_it_holds() -> None:
    scene = Scene("account_not_traded:a", "account_not_traded:b", "config_invalid")
    scene.condition.trouble("account/a", "account a: it has no key")
    assert scene.look() == [("account_not_traded:a", "error"), ("account_not_traded:b", "resolved")]


@pytest.mark.rule("LOG-5")
def test_a_shut_vault_and_a_key_that_is_stored_no_more_are_alerts_and_what_has_its_own_is_not() -> None:
    scene = Scene()
    scene.condition.trouble("vault", "the vault does not open")
    scene.condition.trouble("stored_key/binance", "account binance keeps the key it has")
    scene.condition.trouble("overload", "too much to do")
    assert scene.look() == [("vault_shut", "error"), ("stored_key:binance", "warning")]


@pytest.mark.rule("LOG-5", "SEC-2")
def test_a_certificate_that_ends_soon_is_an_alert_and_a_graver_one_once_it_has_ended() -> None:
    scene = Scene()
    assert scene.look() == []
    scene.certificates = {"certificate_ends": "the API's certificate ends at 2026-12-01 00:00 UTC"}
    assert scene.look() == [("certificate_ends", "warning")]
    assert scene.look() == []
    scene.certificates = {"certificate": "the API's certificate ended at 2026-12-01 00:00 UTC"}
    assert sorted(scene.look()) == [("certificate", "error"), ("certificate_ends", "resolved")]
    assert [trouble.name for trouble in scene.condition.broken] == ["certificate"]
    scene.certificates = {}
    assert scene.look() == [("certificate", "resolved")]
    assert scene.condition.broken == ()
