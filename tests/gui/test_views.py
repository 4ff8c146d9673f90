"""What the panel's one screen says."""

from __future__ import annotations

from gui import views
from protos.terrace.v1.engine_pb2 import AccountStatus, Status
from protos.terrace.v1.types_pb2 import ENGINE_STATE_DEGRADED


def test_the_screen_says_how_many_groups_are_live() -> None:
    shown = views.overview(Status(live_groups=3, max_open_groups=10, queued_signals=7))
    assert "<th>Live groups</th><td>3 of 10</td>" in shown
    assert "<th>Queued signals</th><td>7</td>" in shown


def test_accounts_that_are_not_ready_are_named_with_the_reason() -> None:
    ready = AccountStatus(account="a", state="ACCOUNT_STATE_READY")
    lost = AccountStatus(account="b", state="ACCOUNT_STATE_DISCONNECTED", state_reason="wrong <key>")
    shown = views.overview(Status(world="WORLD_LIVE", accounts=[ready, lost]))
    assert "<th>World</th><td>live</td>" in shown
    assert "<th>Account b</th><td>disconnected: wrong &lt;key&gt;</td>" in shown
    assert "Account a" not in shown


def test_what_the_daemon_says_is_escaped() -> None:
    status = Status(state=ENGINE_STATE_DEGRADED, state_reason="<script>")
    assert "DEGRADED: &lt;script&gt;" in views.overview(status)
    assert "&lt;b&gt;" in views.unreachable("<b>")
