"""Channels in the configuration: what they become, and what is refused."""

from __future__ import annotations

import pytest

from actors.rules.settings import NotificationSettings, QuietHours
from daemon.config.fault import ConfigFaults
from daemon.config.load import load_text
from tests.daemon.config.texts import FILE, load


@pytest.mark.rule("CFG-1", "LOG-5")
def test_a_channel_with_every_key() -> None:
    text = """
notifications:
  - {url: env:ONE}
  - name: phone
    url: keyring:terrace/phone
    severity: error
    categories: [risk, order]
    types: [GROUP_CLOSED]
    quiet_hours: {from: "22:00", to: "07:30", timezone: Europe/Berlin, except: error}
    rate_per_hour: 12
    template: "$title: $message"
    templates: {GROUP_CLOSED: "$symbol $$"}
    resolved: false
"""
    first, second = load(text).settings.notifications
    assert first == NotificationSettings(name="channel-1", url="env:ONE")
    assert second == NotificationSettings(
        name="phone",
        url="keyring:terrace/phone",
        severity="error",
        categories=("risk", "order"),
        types=("GROUP_CLOSED",),
        quiet_hours=QuietHours(start_minute=1320, end_minute=450, timezone="Europe/Berlin", least="error"),
        rate_per_hour=12,
        template="$title: $message",
        templates={"GROUP_CLOSED": "$symbol $$"},
        resolved=False,
    )


@pytest.mark.rule("CFG-1")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("notifications: [{url: 'tgram://secrettoken/1'}]", "a reference to a secret"),
        ("notifications: [{url: env:A, template: '$passwrod'}]", "$passwrod is no name"),
        ("notifications: [{url: env:A, template: '5 $ and'}]", "a $ that begins no name"),
        (
            "notifications: [{url: env:A, quiet_hours: {from: '25:00', to: '07:00'}}]",
            "notifications[0].quiet_hours.from",
        ),
        ("notifications: [{url: env:A, quiet_hours: {from: '22:00'}}]", "quiet_hours.to"),
        ("notifications: [{url: env:A, name: x}, {url: env:B, name: x}]", "notifications[0] already"),
        ("notifications: [{url: env:A, name: channel-2}, {url: env:B}]", "notifications[0] already"),
        ("alerts: {daily_summary_at: '9'}", "alerts.daily_summary_at"),
        ("alerts: {heartbeat_url: 'https://example.org/ping/abc'}", "a reference to a secret"),
    ],
)
def test_what_cannot_be_is_refused_without_showing_a_secret(text: str, words: str) -> None:
    found = load_text(f"config_version: 1\n{text}\n", FILE, {})
    assert isinstance(found, ConfigFaults)
    assert words in str(found)
    assert "secrettoken" not in str(found)
    assert "ping/abc" not in str(found)
