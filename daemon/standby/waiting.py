"""Waits for the lead, answering on the daemon's addresses meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from actors.rules.choices import World
from daemon.api.auth import Identities
from daemon.api.doors import AddressInUse, SocketRefused
from daemon.config.daemon_settings import DaemonSettings
from daemon.config.kinds import split_address
from daemon.observe.health import Check, page
from daemon.observe.http import ObserveServer, Page
from daemon.standby.server import WaitingServer
from daemon.standby.watch import Look, Watch
from daemon.store.audit_keys import FILE, NoKeys, load_keys
from daemon.store.leadership import Wish
from daemon.store.open import is_postgres, lock_directory
from daemon.store.refused import StoreRefused
from daemon.tokens import TokenFaults, ensure_tokens

_LOG = structlog.stdlib.get_logger("terrace.system")

LOOK_EVERY_S = 0.25
MAX_UNIX_PATH_BYTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRefused:
    """It cannot wait as it is; words with the remedy."""

    words: str


class Waiting:
    """One wait. `run` answers what to open the store with; None: it was told to stop."""

    def __init__(
        self,
        daemon: DaemonSettings,
        url: str,
        *,
        version: str,
        start_ms: int,
        worlds: tuple[World, ...],
        stopping: asyncio.Event,
    ) -> None:
        self._daemon = daemon
        self._version, self._start_ms, self._worlds = version, start_ms, worlds
        self._stopping = stopping
        self._watch = Watch(url) if is_postgres(url) else None
        self._newest = Look(is_free=False)
        self._troubled = ""
        self.has_waited = False
        """What was read at the start may be old."""

    async def run(self) -> Wish | WaitRefused | None:
        if self._watch is None:
            words = "storage.standby needs a store that daemons can share: set storage.url to a PostgreSQL database"
            return WaitRefused(words=words)
        try:
            return await self._run(self._watch)
        finally:
            await asyncio.to_thread(self._watch.close)

    async def _run(self, watch: Watch) -> Wish | WaitRefused | None:
        look = await asyncio.to_thread(watch.look)
        if look.trouble is not None:
            return WaitRefused(words=str(look.trouble))
        if look.is_free:
            return self._wish(look)
        self._newest = look
        lock = lock_directory(self._daemon.data_dir)
        if isinstance(lock, StoreRefused):
            return WaitRefused(words=str(lock))
        try:
            return await self._check_key(watch) or await self._answering(watch)
        finally:
            lock.release()

    async def _check_key(self, watch: Watch) -> WaitRefused | None:
        """Another machine's audit key would break the trail off at each takeover."""
        keys = load_keys(self._daemon.data_dir)
        remedy = f"Copy {FILE} of the leader's data_dir into {self._daemon.data_dir}, mode 0600, and start again"
        if isinstance(keys, NoKeys):
            return WaitRefused(words=f"a standby needs the audit key of the daemon that leads. {keys}. {remedy}")
        if not await asyncio.to_thread(watch.fits, keys):
            words = "this machine's audit key does not fit the trail in the store, which would break off at a takeover"
            return WaitRefused(words=f"{words}. {remedy}")
        return None

    async def _answering(self, watch: Watch) -> Wish | WaitRefused | None:
        tokens = ensure_tokens(self._daemon)
        if isinstance(tokens, TokenFaults):
            return WaitRefused(words=f"{self._daemon.api.tokens} cannot be used:\n{tokens}")
        server = WaitingServer(
            Identities(self._daemon.api.tokens, tokens.table),
            version=self._version,
            start_ms=self._start_ms,
            worlds=self._worlds,
            lead=lambda: self._newest.seen.lead if self._newest.seen is not None else None,
            trouble=lambda: self._troubled,
        )
        observe = ObserveServer(
            {
                "/healthz": lambda: page([Check(name="loop", passed=True)], "alive"),
                "/readyz": lambda: page([Check(name="serving", passed=False, message=server.words())], "standby"),
                "/metrics": lambda: Page("200 OK", b"# TYPE terrace_standby gauge\nterrace_standby 1\n"),
            }
        )
        try:
            refused = await self._open(server, observe)
            if refused is not None:
                return refused
            self.has_waited = True
            _LOG.info("standby", waits_for=server.words())
            return await self._wait(watch)
        finally:
            await server.stop()
            await observe.stop()

    async def _open(self, server: WaitingServer, observe: ObserveServer) -> WaitRefused | None:
        api = self._daemon.api
        try:
            server.listen(api.address, api.tls)
            if api.unix_socket is not None and len(bytes(api.unix_socket)) <= MAX_UNIX_PATH_BYTES:
                server.listen_unix(api.unix_socket)
            host, number = split_address(self._daemon.observe.address)
            await observe.start(host, int(number))
        except (AddressInUse, SocketRefused, OSError, ValueError) as error:
            return WaitRefused(words=f"the standby cannot listen: {error}")
        await server.start()
        return None

    async def _wait(self, watch: Watch) -> Wish | None:
        while not self._stopping.is_set():
            look = await asyncio.to_thread(watch.look)
            self._note(look)
            if look.trouble is None:
                self._newest = look
                if look.is_free:
                    return self._wish(look)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)
        return None

    def _note(self, look: Look) -> None:
        """One line when the leader cannot be seen, one when it can again."""
        words = "" if look.trouble is None else look.trouble.problem
        if bool(words) != bool(self._troubled):
            if words:
                _LOG.error(f"the standby cannot see who leads: {words}")
            else:
                _LOG.info("the standby sees who leads again")
        self._troubled = words

    def _wish(self, look: Look) -> Wish:
        if look.claim is not None:
            _LOG.warning("taking_over", epoch=look.claim.lead.epoch, leader=look.claim.lead.leader)
        return Wish(address=self._daemon.api.address, claim=look.claim)
