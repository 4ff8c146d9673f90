"""A program on a terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.control.conftest import ROOT

LIMIT_S = 60.0


class Terminal:
    """`python -m control ...` on a pseudo terminal, its own group of processes, ended with the `with` block."""

    def __init__(self, *arguments: str, environ: Mapping[str, str], cwd: Path = ROOT) -> None:
        self._master, slave = pty.openpty()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "control", *arguments],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**environ, "PYTHONPATH": str(ROOT)},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
            )
        finally:
            os.close(slave)
        self.shown = ""
        self._at = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=LIMIT_S)
        os.close(self._master)

    def until(self, text: str) -> str:
        """Reads until the text has come after what was waited for before."""
        limit = time.monotonic() + LIMIT_S
        while (place := self.shown.find(text, self._at)) < 0:
            assert time.monotonic() < limit, f"no {text!r} in {self.shown}"
            assert self._read(limit), f"ended without {text!r}: {self.shown}"
        self._at = place + len(text)
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def answer(self, question: str, text: str) -> None:
        self.until(question)
        self.type(f"{text}\n")

    def end(self) -> int:
        """The exit code, once everything it wrote was read."""
        limit = time.monotonic() + LIMIT_S
        while self._read(limit):
            assert time.monotonic() < limit, self.shown
        return self.process.wait(timeout=LIMIT_S)

    def _read(self, limit: float) -> bool:
        """False: nobody writes any more."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, limit - time.monotonic()))
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says so when the last writer has gone.
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
