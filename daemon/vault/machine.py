"""The id of this machine, which the default key of the vault is mixed with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
MAX_ID_BYTES = 256


def machine_id() -> str:
    """What tells this installation of the operating system from every other; empty where it has no such id."""
    for file in FILES:
        try:
            with file.open("rb") as opened:
                text = opened.read(MAX_ID_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text and text != "uninitialized":
            return text
    return _platform_id() if sys.platform == "darwin" else ""


def _platform_id() -> str:
    """macOS keeps it in the registry of devices."""
    command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False, text=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = [line for line in done.stdout.splitlines() if "IOPlatformUUID" in line]
    return lines[0].rpartition("=")[2].strip().strip('"') if lines else ""
