"""Points in time as a user types them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from control.exits import ExitCode
from control.session import Stop

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def point_in_time(text: str, option: str) -> datetime | None:
    """ISO 8601 (UTC unless it says otherwise), or an age such as `90m`, `12h`, `7d`; None of nothing."""
    if not text:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(
            f"{option}: not a time: {text} (e.g. 2025-06-01, 2025-06-01T12:00:00Z, 12h)", ExitCode.USAGE
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
