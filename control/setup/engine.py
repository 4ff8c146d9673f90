"""Asks `terraced init`, the engine's side of `terrace init`. Keys go through a pipe, never onto a command line.

What it writes on standard error is shown where it fails, and where it was interrupted not at all.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from control.handover import daemon_command

LIMIT_S = 120.0
"""The engine's own limit of a trial is shorter."""
MAX_ERROR_CHARACTERS = 4000


class EngineFailed(Exception):
    """The engine's program gave no answer. Words, with what it wrote."""


def ask(action: str, plan: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The answer of `terraced init ACTION`. Raises EngineFailed.

    A `write` is done whole: Ctrl-C waits for its end, a moment later.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if action == "write" else None
    try:
        done = subprocess.run(
            [*daemon_command(), "init", action],
            input=json.dumps(plan or {}).encode(),
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineFailed(f"the engine's program has not answered within {LIMIT_S:.0f} s") from None
    except OSError as error:
        raise EngineFailed(f"the engine's program cannot be started: {error.strerror or error}") from None
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if done.returncode != 0 or not isinstance(found, dict):
        wrote = done.stderr.decode("utf-8", "replace")[-MAX_ERROR_CHARACTERS:].strip()
        raise EngineFailed(f"the engine's program failed (exit code {done.returncode})\n{wrote}".strip())
    return found
