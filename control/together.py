"""Daemon, forwarder and panel as children of one process: started in order, stopped in order, one for all.

Each child has a session of its own, so that Ctrl-C reaches this process alone and it decides who stops when: first the
forwarder (no new alerts), then the panel, then the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TextIO

from control import handover, printer
from control.config_file import ConfigFile, read_config
from control.exits import ExitCode
from control.readable import readable_line
from control.target import TargetFlags

READY_S = 60.0
STOP_S = 90.0
"""Above what the daemon allows itself for finishing what is under way; a second Ctrl-C does not wait for it."""
POLL_S = 0.1
READ_BYTES = 65536
MAX_LINE_BYTES = 1024 * 1024
LOCK_NAME = "terrace.lock"
"""In the data directory; the daemon that holds it writes its process id there."""
MAX_LOCK_BYTES = 32


@dataclass(slots=True)
class _Child:
    name: str
    command: list[str]
    is_needed: bool = True
    environ: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    pump: asyncio.Task[None] | None = None
    ended: asyncio.Task[int] | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None


@dataclass
class _Household:
    """The children, in the order they were started."""

    environ: dict[str, str]
    children: list[_Child] = field(default_factory=list)

    async def start(self, child: _Child) -> None:
        child.process = await asyncio.create_subprocess_exec(
            *child.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**self.environ, **child.environ},
            start_new_session=True,
        )
        child.pump = asyncio.ensure_future(_pump(child.name, child.process))
        child.ended = asyncio.ensure_future(child.process.wait())
        self.children.append(child)

    def fallen(self) -> _Child | None:
        """A child all depend on that has ended."""
        return next((child for child in self.children if child.is_needed and not child.is_running), None)

    async def stop(self, child: _Child) -> None:
        """SIGTERM, and SIGKILL for one that does not go."""
        if child.process is None or child.ended is None:
            return
        if child.is_running:
            child.process.send_signal(signal.SIGTERM)
            done, _ = await asyncio.wait([child.ended], timeout=STOP_S)
            if not done:
                _say(f"{child.name} does not stop: killed")
                with contextlib.suppress(ProcessLookupError):
                    child.process.kill()
        await child.ended
        if child.pump is not None:
            await child.pump

    def kill_all(self) -> None:
        for child in self.children:
            if child.is_running and child.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.kill()


async def _pump(name: str, process: asyncio.subprocess.Process) -> None:
    """Passes a child's output on, each line with its name before it."""
    assert process.stdout is not None
    rest = b""
    while chunk := await process.stdout.read(READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            _print(name, line)
        if len(rest) > MAX_LINE_BYTES:
            _print(name, rest)
            rest = b""
    if rest:
        _print(name, rest)


def _print(name: str, line: bytes) -> None:
    text = line.decode("utf-8", "replace").rstrip()
    _say(f"{name:9} | {readable_line(text) if sys.stderr.isatty() else text}")


def _say(message: str) -> None:
    """As the printer's. A terminal that has gone takes no words, and must not keep the children from being stopped."""
    try:
        printer.say(message)
    except OSError:
        _write_nowhere(sys.stderr)


def _show(text: str) -> None:
    """As the printer's `write`, at once; as `_say` where nobody reads any more."""
    try:
        printer.write(text)
        sys.stdout.flush()
    except OSError:
        _write_nowhere(sys.stdout)


def _write_nowhere(stream: TextIO) -> None:
    """From now on. What still waits in the stream would else fail once more with the next word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def run(flags: TargetFlags, *, panel: bool) -> int:
    """Starts all, waits, stops all; the exit code."""
    config = read_config(flags.config or None)
    return asyncio.run(_Together(flags, config, with_panel=panel).run())


class _Together:
    def __init__(self, flags: TargetFlags, config: ConfigFile, *, with_panel: bool) -> None:
        self._flags = flags
        self._config = config
        self._with_panel = with_panel
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if config.path is not None:
            environ["TERRACE_CONFIG"] = str(config.path)
        self._house = _Household(environ)
        self._named = ["--config", str(config.path)] if config.path else []
        self._daemon = _Child("daemon", [*handover.daemon_command(), *self._named])
        self._stop = asyncio.Event()
        self._signals = 0
        self._was_silent: set[str] = set()
        """Whose address was seen without an answer. One that always answered belongs to another program."""

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # Started with nohup: it is meant to outlive the terminal.
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            return await self._live()
        finally:
            await self._end()

    def _on_signal(self, number: signal.Signals) -> None:
        """The second one kills; but a terminal that closes may say so twice, and nobody is impatient then."""
        self._stop.set()
        if number == signal.SIGHUP:
            return
        self._signals += 1
        if self._signals > 1:
            _say("killing everything")
            self._house.kill_all()

    async def _live(self) -> int:
        await asyncio.to_thread(self._is_daemon_ready)  # Before ours can answer: who does is another.
        await self._house.start(self._daemon)
        if not await self._wait("the daemon", self._is_daemon_ready):
            return self._verdict()
        python = sys.executable
        await asyncio.to_thread(self._is_forwarder_ready)
        forwarder = [python, "-m", "control", *self._named, "forward"]
        await self._house.start(_Child("forwarder", forwarder, environ=handover.NOTHING_FROM_HERE))
        if self._with_panel:
            await self._start_panel(python)
        if not await self._wait("the forwarder", self._is_forwarder_ready):
            return self._verdict()
        await self._await_panel()
        if self._stop.is_set() or self._house.fallen() is not None:
            return self._verdict()
        from control.welcome import welcome

        _show(await asyncio.to_thread(welcome, self._flags, self._config, self._has_panel()) + "\n")
        await self._until_the_end()
        return self._verdict()

    async def _start_panel(self, python: str) -> None:
        from control.commands.panel import MISSING, is_installed

        if is_installed():
            panel = _Child("panel", [python, "-m", "gui"], is_needed=False, environ=handover.NOTHING_FROM_HERE)
            await self._house.start(panel)
        else:
            _say(f"warning: {MISSING}")

    async def _await_panel(self) -> None:
        """Until it answers, so that "is up" is true of it too. It is not needed: one that has ended or takes long
        keeps nobody waiting, and is said."""
        if self._has_panel() and not await self._wait("the panel", self._is_panel_ready, is_needed=False):
            _say("warning: the panel does not answer yet; its output above says why if it fails")

    def _is_panel_ready(self) -> bool:
        from control.welcome import panel_health

        return not self._has_panel() or panel_health(self._config, timeout_s=1.0) is not None

    def _has_panel(self) -> bool:
        return any(child.name == "panel" and child.is_running for child in self._house.children)

    async def _wait(self, what: str, is_ready: Callable[[], bool], *, is_needed: bool = True) -> bool:
        """Until it is ready; False if it will not be: stopped, a child fell, or it took too long."""
        give_up = time.monotonic() + READY_S
        while not self._stop.is_set() and self._house.fallen() is None:
            if await asyncio.to_thread(is_ready) and self._house.fallen() is None:
                return True
            if time.monotonic() > give_up:
                if is_needed:
                    _say(f"terrace: {what} is not ready after {READY_S:.0f} s")
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), POLL_S)
        return False

    def _is_daemon_ready(self) -> bool:
        """Whether our own daemon serves. One that is refused (port taken, directory in use) ends with its own words;
        until then the other daemon's answers must not be taken for its."""
        return self._is_own("daemon", self._is_serving()) and self._holds_lock()

    def _is_forwarder_ready(self) -> bool:
        from control.welcome import healthz

        return self._is_own("forwarder", healthz(self._config, timeout_s=1.0) is not None)

    def _is_own(self, name: str, answers: bool) -> bool:
        if not answers:
            self._was_silent.add(name)
        return answers and name in self._was_silent

    def _is_serving(self) -> bool:
        from control.client import Client, ClientError, ConfigFault, find_target

        try:
            with Client(find_target(TargetFlags(config=str(self._config.path or "")))) as client:
                return client.is_serving(timeout_s=1.0)
        except (ClientError, ConfigFault):
            return False

    def _holds_lock(self) -> bool:
        """Whether the lock names our daemon. Empty: it is held, and a full disk kept the daemon from signing it."""
        process = self._daemon.process
        try:
            with (self._config.data_dir / LOCK_NAME).open("rb") as opened:
                text = opened.read(MAX_LOCK_BYTES).strip()
        except OSError:
            return False
        return process is not None and text in (b"", str(process.pid).encode())

    async def _until_the_end(self) -> None:
        stop = asyncio.ensure_future(self._stop.wait())
        watched = {child.ended for child in self._house.children if child.ended is not None}
        told: set[str] = set()
        while not self._stop.is_set() and self._house.fallen() is None:
            done, _ = await asyncio.wait({stop, *watched}, return_when=asyncio.FIRST_COMPLETED)
            watched -= done
            for child in self._house.children:
                if not child.is_needed and not child.is_running and child.name not in told:
                    told.add(child.name)
                    _say(f"warning: {child.name} has ended ({_code(child)}); the rest goes on")
        stop.cancel()

    def _verdict(self) -> int:
        if self._stop.is_set():
            return ExitCode.DONE
        fallen = self._house.fallen()
        if fallen is not None:
            _say(f"terrace: {fallen.name} has ended by itself ({_code(fallen)}): stopping the rest")
            if fallen.name == "daemon" and fallen.process is not None and fallen.process.returncode == ExitCode.USAGE:
                return ExitCode.USAGE  # The daemon has said what is wrong with the config.
        return ExitCode.FAILED

    async def _end(self) -> None:
        """First who lets alerts in, then who shows, last who trades. Each is stopped whatever befalls the others."""
        by_name = {child.name: child for child in self._house.children}
        async with AsyncExitStack() as stack:  # The last one in is the first one out.
            for name in ("daemon", "panel", "forwarder"):
                if name in by_name:
                    stack.push_async_callback(self._house.stop, by_name[name])


def _code(child: _Child) -> str:
    code = child.process.returncode if child.process is not None else None
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
