"""The heartbeat: a URL outside is asked while all is well, so that somebody notices when this machine is dead (LOG-5).

Plain HTTP/1.1 in a few lines: one GET, the certificate checked, no redirect followed, bounded in time and size. That it
fails is written down and nothing more: trading does not depend on it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from urllib.parse import urlsplit

import structlog

from actors.rules.settings import Settings
from daemon.observe.url_mask import keys_of, without_url
from daemon.secrets import Secret, Unresolved

_LOG = structlog.stdlib.get_logger("terrace.system")

LIMIT_S = 10.0
OFF_LOOK_S = 10.0
"""How often the configuration is looked at while it is off."""
MAX_HEAD_BYTES = 16 * 1024


class Heartbeat:
    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        resolve: Callable[[str], Secret | Unresolved],
        know_secrets: Callable[[Iterable[str]], None],
        why_unwell: Callable[[], Awaitable[str]],
        limit_s: float = LIMIT_S,
    ) -> None:
        """`why_unwell`: empty while all is well, else why not."""
        self._settings = settings
        self._resolve = resolve
        self._know_secrets = know_secrets
        self._why_unwell = why_unwell
        self._limit_s = limit_s
        self._said = ""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            alerts = self._settings().alerts
            if alerts.heartbeat_url is None:
                await asyncio.sleep(OFF_LOOK_S)
                continue
            try:
                self._say(await self.beat(alerts.heartbeat_url))
            except Exception:
                _LOG.exception("heartbeat_broken")
            await asyncio.sleep(alerts.heartbeat_every_s)

    async def beat(self, reference: str) -> str:
        """Empty if the URL was asked and answered well, else why not."""
        unwell = await self._why_unwell()
        if unwell:
            return f"none is sent: {unwell}"
        url = await asyncio.to_thread(self._resolve, reference)  # A keyring may wait for a person.
        if isinstance(url, Unresolved):
            return str(url)
        self._know_secrets(list(keys_of(url.reveal())))
        try:
            status = await asyncio.wait_for(get(url.reveal()), self._limit_s)
        except TimeoutError:
            return f"no answer within {self._limit_s:.0f} s"
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            return without_url(f"{type(error).__name__}: {error}", url.reveal())
        return "" if 200 <= status < 300 else f"answered with status {status}"

    def _say(self, error: str) -> None:
        """Once for each change."""
        if error == self._said:
            return
        self._said = error
        if error:
            _LOG.warning("heartbeat_missed", reason=error)
        else:
            _LOG.info("heartbeat_sent")


async def get(url: str) -> int:
    """The status of a GET. ValueError for a URL or an answer that is none; ssl.SSLError is an OSError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https URL")
    context = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if context else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=MAX_HEAD_BYTES)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        if any(ord(char) <= 32 or ord(char) > 126 for char in target + host):
            raise ValueError("not an http or https URL")
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: terrace\r\nConnection: close\r\n\r\n"
        writer.write(head.encode("ascii"))
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
        with suppress(Exception):
            writer.transport.abort()
    version, _, rest = line.decode("latin-1").partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("not an HTTP answer")
    return int(rest[:3])
