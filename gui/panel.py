"""What pages share: options, logins, feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from control.client import Target
from gui.guard import cookie
from gui.live.hub import Hub
from gui.options import Options
from gui.sessions import Session, Sessions


class LoginEnded(Exception):
    """The login is over; the browser is sent to the login page."""


@dataclass(slots=True)
class Panel:
    """One running panel."""

    options: Options
    target: Target
    sessions: Sessions
    hub: Hub

    def session_of(self, headers: Mapping[str, str]) -> Session:
        """The login behind an event of the library (`request.headers`). Raises LoginEnded."""
        session = self.sessions.find(cookie({key.lower(): value for key, value in headers.items()}))
        if session is None:
            raise LoginEnded("log in again: the login has ended")
        return session
