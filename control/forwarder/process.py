"""The forwarder as a process: listener, settings that follow the file, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from control.client import FORWARDER, ConfigFault, Target, find_target, read_config
from control.exits import ExitCode
from control.forwarder.connections import Connections
from control.forwarder.deliver import Deliverer
from control.forwarder.http import Forwarder
from control.forwarder.log import Log, make_log
from control.forwarder.settings import SECRET_KEYS, ForwarderSettings, read_settings
from control.forwarder.spool import Spool, SpoolBroken, SpoolInUse
from control.forwarder.tracing import make_tracing
from control.service.notify import tell_manager
from control.target import TargetFlags

RELOAD_S = 1.0
KEEPALIVE_S = 75.0
DRAIN_S = 5.0
BACKLOG = 1024
MAX_HEADERS = 64
MAX_LINE_BYTES = 4096
"""Both together bound what a head may take: a proxy adds some twenty short lines to a sender's ten."""
MIN_FILES = 4096
"""Open files wanted: one a connection, and what delivery and spool need."""


class Process:
    """Everything of one run."""

    def __init__(self, flags: TargetFlags, environ: Mapping[str, str]) -> None:
        self._flags = flags
        self._environ = environ
        self._log: Log = make_log()
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Serves until SIGTERM or SIGINT; the exit code."""
        try:
            settings, target = self._read()
        except ConfigFault as fault:
            self._log.error("the configuration cannot be read", error=str(fault))
            return ExitCode.USAGE
        self._stamp = self._stamp_of()
        spool = Spool(settings.spool, max_alerts=settings.max_spooled, max_bytes=settings.max_spool_bytes)
        try:
            waiting = await spool.open()
        except (SpoolBroken, SpoolInUse) as error:
            self._log.error("the spool cannot be opened", error=str(error))
            return ExitCode.FAILED
        if spool.moved_aside is not None:
            self._log.error("the spool could not be read and was put aside", kept=str(spool.moved_aside))
        self._forwarder = Forwarder(settings, spool, self._log)
        deliverer = Deliverer(target, spool, self._forwarder.bucket_of, self._log)
        self._forwarder.deliverer = deliverer
        tracing = make_tracing(settings.traces_endpoint, settings.traces_sample_percent, self._log)
        self._forwarder.tracing = deliverer.tracing = tracing
        _want_files()
        try:
            await self._forwarder.recall()
            return await self._serve(settings, deliverer, waiting)
        finally:
            await deliverer.stop()
            await spool.close()
            await asyncio.to_thread(tracing.stop)
            self._log.info("stopped", spooled=spool.length)

    async def _serve(self, settings: ForwarderSettings, deliverer: Deliverer, waiting: dict[str, int]) -> int:
        options: dict[str, Any] = {
            "access_log": None,
            "logger": _quiet_logger(self._log),
            "auto_decompress": False,  # A few bytes could become gigabytes, and signatures are over what was sent.
            "keepalive_timeout": KEEPALIVE_S,
            "max_line_size": MAX_LINE_BYTES,
            "max_field_size": MAX_LINE_BYTES,
            "max_headers": MAX_HEADERS,
        }
        runner = web.AppRunner(self._forwarder.app(), shutdown_timeout=DRAIN_S, **options)
        await runner.setup()
        server = await self._listen(runner, settings, options)
        if server is None:
            await runner.cleanup()
            return ExitCode.FAILED
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        host, port = server.sockets[0].getsockname()[:2]
        self._tell(settings)
        deliverer.start(waiting)
        self._log.info(
            "listening",
            address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            daemon=deliverer.target.address,
            sources=sorted(settings.sources),
            spooled=sum(waiting.values()),
        )
        tell_manager(
            self._environ, "READY=1", f"MAINPID={os.getpid()}", f"STATUS=listening, {sum(waiting.values())} spooled"
        )
        reload = asyncio.ensure_future(self._follow(deliverer))
        await self._stop.wait()
        tell_manager(self._environ, "STOPPING=1")
        self._log.info("stopping: no new alerts, those under way are finished")
        reload.cancel()
        server.close()
        await runner.cleanup()
        return ExitCode.DONE

    async def _listen(
        self, runner: web.AppRunner, settings: ForwarderSettings, options: dict[str, Any]
    ) -> asyncio.Server | None:
        guard = Connections(runner, self._forwarder.is_known, self._forwarder.no_request, options)
        try:
            return await asyncio.get_running_loop().create_server(guard, settings.host, settings.port, backlog=BACKLOG)
        except OSError as error:
            taken = "the address is in use: another forwarder runs, or set forwarder.address to another"
            why = taken if error.errno == errno.EADDRINUSE else error.strerror or str(error)
            self._log.error("cannot listen", address=f"{settings.host}:{settings.port}", error=why)
            return None

    # --- settings that follow the file

    def _read(self) -> tuple[ForwarderSettings, Target]:
        config = read_config(self._flags.config or None, self._environ)
        self._paths = [
            path for path in (config.path, *_secret_files(config.section("sources"), config.data_dir)) if path
        ]
        settings = read_settings(config, self._environ)
        address = self._flags.address or config.text("forwarder.daemon")
        flags = TargetFlags(
            config=self._flags.config,
            context=self._flags.context,
            address=address,
            token_file=self._flags.token_file,
            timeout_s=settings.deliver_timeout_s,
            tls_ca=self._flags.tls_ca,
            tls_cert=self._flags.tls_cert,
            tls_key=self._flags.tls_key,
        )
        return settings, find_target(flags, role=FORWARDER, environ=self._environ)

    def _stamp_of(self) -> list[tuple[int, int, int, int] | None]:
        return [_stamp(path) for path in self._paths]

    async def _follow(self, deliverer: Deliverer) -> None:
        """Looks at the files every RELOAD_S. A configuration that cannot be read changes nothing."""
        while True:
            await asyncio.sleep(RELOAD_S)
            self._forwarder.settle()
            tell_manager(self._environ, "WATCHDOG=1")
            stamp = self._stamp_of()
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            try:
                settings, target = self._read()
            except ConfigFault as fault:
                self._log.error("the changed configuration cannot be read: nothing changes", error=str(fault))
                continue
            self._stamp = self._stamp_of()
            self._apply(settings, target, deliverer)

    def _apply(self, settings: ForwarderSettings, target: Target, deliverer: Deliverer) -> None:
        before = self._forwarder.settings
        self._forwarder.apply(settings)
        if (target.address, target.token.path) != (deliverer.target.address, deliverer.target.token.path):
            deliverer.retarget(target)
        self._log.info("configuration read again", sources=sorted(settings.sources), daemon=target.address)
        self._tell(settings)
        fixed = ("host", "port", "spool", "max_spooled", "max_spool_bytes")
        if any(getattr(before, name) != getattr(settings, name) for name in fixed):
            self._log.warning("forwarder.address and forwarder.spool take effect after a restart of the forwarder")

    def _tell(self, settings: ForwarderSettings) -> None:
        for fault in settings.faults:
            self._log.error("a secret cannot be read: its source accepts nothing", error=fault)
        for source in settings.sources.values():
            if not source.all_secrets and not any(f"sources.{source.name}." in fault for fault in settings.faults):
                self._log.warning("a source without a secret accepts nothing", source=source.name)


class _OneLine(logging.Handler):
    """Passes what the HTTP library has to say on as one line, without a traceback."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self._log.warning("http", detail=record.getMessage()[:200], error=type(cause).__name__ if cause else "")


def _quiet_logger(log: Log) -> logging.Logger:
    logger = logging.getLogger("terrace.forwarder.http")
    logger.propagate = False
    logger.handlers = [_OneLine(log)]
    return logger


def _secret_files(sources: Mapping[str, object], data_dir: Path) -> list[Path]:
    """The files that hold secrets; the default source's where none is configured."""
    sections = [section for section in sources.values() if isinstance(section, Mapping)]
    references = [section.get(key) for section in sections for key in SECRET_KEYS]
    if not sources:
        references = ["file:secrets/tradingview"]
    return [
        data_dir / Path(reference.removeprefix("file:")).expanduser()
        for reference in references
        if isinstance(reference, str) and reference.startswith("file:")
    ]


def _want_files() -> None:
    """Many systems allow 1024 open files unless a program asks for more, and have more to give."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MIN_FILES if hard == resource.RLIM_INFINITY else min(MIN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
    return None


def run(flags: TargetFlags) -> int:
    """Runs the forwarder in the foreground; the exit code."""

    async def main() -> int:
        return await Process(flags, os.environ).run()

    return asyncio.run(main())
