"""A clean shell on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ROWS, COLUMNS = 60, 180
_STAMP = re.compile(r"\x1e(\d+)\x1f")
"""The prompt: the exit code of what was done before."""
_PROMPT = r"\036$?\037"
_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>()][A-Z0-9]?|\r(?=\n)")
_ASKS = re.compile(r"\[[yY]/[nN]\]:? $")
STOP_S = 60.0


class Terminal:
    """A bash without anybody's settings. What it writes is in `text`, its prompts are not."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        modes = termios.tcgetattr(slave)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        try:
            self._process = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "--noediting", "-i"],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**environ, "VIRTUAL_ENV_DISABLE_PROMPT": "1"},  # Else it changes the prompt we look for.
                cwd=folder,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
            )
        finally:
            os.close(slave)
        self.text = ""
        self.code: int | None = None
        """Of what was typed last; None while it runs."""
        self._raw = ""
        self.type(f"PS2=''; set +o history; PS1=$'{_PROMPT}'")
        self.wait(STOP_S)
        self.text = ""

    def type(self, command: str) -> None:
        self.code = None
        self._write(command + "\n")

    def press(self, key: str) -> None:
        self._write(key)

    def answer(self, text: str) -> None:
        """To a question; the terminal shows it, as terminals do."""
        self.text += f"{text}\n"
        self._write(f"{text}\n")

    @property
    def is_asked(self) -> bool:
        return self.code is None and _ASKS.search(self.text) is not None

    def read(self, timeout_s: float) -> bool:
        """Takes what was written meanwhile; False if nothing was."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, timeout_s))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says so when the last writer has gone.
            data = b""
        assert data, f"the shell has ended: {self.text[-2000:]}"
        self._raw += data.decode("utf-8", "replace")
        held = re.search(r"\x1b[^@-~]*$|\x1e\d*$", self._raw)  # Half of a code is kept for the next time.
        ready_raw, self._raw = (self._raw[: held.start()], held[0]) if held else (self._raw, "")
        plain = _CODES.sub("", ready_raw)
        stamp = _STAMP.search(plain)
        if stamp:
            self.code = int(stamp[1])
        self.text += _STAMP.sub("", plain)
        return True

    def wait(self, timeout_s: float) -> bool:
        """Until what was typed has ended; False if it has not in time."""
        limit = time.monotonic() + timeout_s
        while self.code is None and time.monotonic() < limit:
            self.read(limit - time.monotonic())
        return self.code is not None

    def close(self) -> None:
        """Ends what runs, in peace if it can, then the shell."""
        try:
            if self.code is None and self._process.poll() is None:
                self._write("\x03")
                self.wait(STOP_S)
        except (AssertionError, OSError):
            pass
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGHUP)
                self._process.terminate()
                try:
                    self._process.wait(timeout=1)
                except subprocess.TimeoutExpired:  # An interactive shell takes no SIGTERM.
                    self._process.kill()
            self._process.wait(timeout=STOP_S)
            os.close(self._master)

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._master, data) :]
