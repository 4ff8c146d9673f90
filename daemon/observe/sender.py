"""Sends over one channel, through a process of its own that is started when there is something to send (LOG-5)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

SEND_LIMIT_S = 30.0
START_LIMIT_S = 30.0
"""More for the first message, which loads the libraries, on a busy machine."""
IDLE_S = 60.0
"""The process ends when it had nothing to do for so long."""
STOP_LIMIT_S = 2.0
PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "VIRTUAL_ENV", "PYTHONPATH"),
)
"""What it needs of the environment: not the keys that may stand there too."""


class Sender:
    """Used in one loop. One message at a time; several callers wait for each other."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        limit_s: float = SEND_LIMIT_S,
        command: Callable[[], tuple[str, ...]] = lambda: (sys.executable, "-m", "daemon.observe.send_message"),
    ) -> None:
        self._environ = {name: environ[name] for name in PASSED_ON if name in environ}
        self._limit_s = limit_s
        self._command = command
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def send(self, url: str, title: str, text: str, severity: str) -> str:
        """Empty if the service took it, else why not, without the URL. Takes at most the two limits together."""
        async with self._turn:
            self._stay()
            line = json.dumps({"url": url, "title": title, "text": text, "severity": severity})
            try:
                limit_s = self._limit_s + (0.0 if self._runs else START_LIMIT_S)
                answer = await asyncio.wait_for(self._exchange(line), limit_s)
                return str(json.loads(answer)["error"])
            except TimeoutError:
                await self._end()
                return f"the service did not answer within {limit_s:.0f} s"
            except (OSError, ValueError, KeyError, asyncio.IncompleteReadError):
                await self._end()
                return "the process that sends ended; the service's answer may have been too large"
            except BaseException:  # Its answer would be taken for that of the next message.
                await self._end()
                raise
            finally:
                self._leave()

    async def close(self) -> None:
        """Ends the process, if there is one. Another message starts it again."""
        self._stay()
        await self._end()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._runs else None

    @property
    def _runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _exchange(self, line: str) -> bytes:
        if not self._runs:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**self._environ, "PYTHONSAFEPATH": "1"},
                start_new_session=True,  # Ctrl-C is for the daemon, which then ends it.
            )
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
        return await process.stdout.readuntil(b"\n")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _leave(self) -> None:
        """It ends by itself when its input does."""
        if self._process is not None and self._process.stdin is not None:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._let_go)

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
