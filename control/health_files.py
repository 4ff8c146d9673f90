"""The checks of `terrace doctor` on this machine's files: configuration, data directory, token, disk."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from control.config_file import ConfigFile
from control.handover import daemon_command
from control.health_check import Check, failed, ok, warning

if TYPE_CHECKING:
    from control.target import Target

DISK_FREE_MB = 500
START_CHECK_S = 30.0
"""How long the look at what a start would meet may take; a keyring may have to be asked."""
MAX_FINDINGS = 10
_WARNING = "warning: "


def check_config(config: ConfigFile, *, is_answered: bool) -> list[Check]:
    """What the engine's own look at the file, its folders, addresses and secrets finds, without starting it.

    `is_answered`: a daemon answers where this config says, so that its own address is not free rightly.
    """
    if config.path is None:
        return [warning("config", "no config file: the defaults hold", "Name yours with --config or TERRACE_CONFIG.")]
    command = [*daemon_command(), "--config", str(config.path), "--check"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_CHECK_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [warning("config", f"{config.path} could not be checked: {error}", "terrace config validate")]
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    hints = [line.removeprefix(_WARNING) for line in lines if line.startswith(_WARNING)]
    faults = [line for line in lines if not line.startswith(_WARNING)]
    if is_answered:
        faults = [line for line in faults if "another program listens there" not in line]
    first = [] if faults else [ok("config", f"{config.path}: valid")]
    if done.returncode not in (0, 2):  # It ended as it never should; what it wrote last says most.
        words = lines[-1] if lines else f"exit code {done.returncode}"
        return [failed("config", f"{config.path} cannot be checked: {words}", "terrace config validate")]
    found = [failed("config", line, _remedy(line)) for line in faults]
    found += [warning(_about(line), line, _remedy(line)) for line in hints]
    return [*first, *_at_most(found)]


def _at_most(found: list[Check]) -> list[Check]:
    more = len(found) - MAX_FINDINGS
    if more <= 0:
        return found
    last = found[MAX_FINDINGS - 1]
    rest = Check(name="config", result=last.result, found=f"and {more + 1} more", remedy="terrace config validate")
    return [*found[: MAX_FINDINGS - 1], rest]


_SECRETS = (": so ", ", so alerts that need it are refused", "is not traded", "nothing is sent there", "no heartbeat")


def _about(line: str) -> str:
    return "secret" if any(words in line for words in _SECRETS) else "config"


def _remedy(line: str) -> str:
    if "another program listens there" in line:
        return "Stop that program (`ss -ltnp` names it), or choose another port in the config."
    if "cannot be used: " in line and ("writable" in line or "folder" in line):
        return "Give the folder to the user Terrace runs as, or name another one."
    if _about(line) == "secret":
        return "Put the secret where the reference says; `terrace secret set` stores one in the vault."
    return "Mend the file; terrace config explain KEY says what may stand there."


def check_data_dir(config: ConfigFile) -> Check:
    folder = config.data_dir
    if not folder.is_dir():
        return failed("data", f"{folder} is not there", "It is made when the daemon first starts: terrace up.")
    if not os.access(folder, os.R_OK | os.X_OK):
        return failed("data", f"{folder} cannot be read", "Run this as the daemon's user.")
    if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return failed(
            "data", f"{folder} lies on a read-only file system", "Mount it for writing: `dmesg` says why not."
        )
    is_own = not hasattr(os, "geteuid") or folder.stat().st_uid == os.geteuid()
    if is_own and not os.access(folder, os.W_OK):
        return failed("data", f"{folder} is not writable: nothing can be stored", f"chmod u+w {folder}")
    return ok("data", f"{folder}" if is_own else f"{folder} (of another user)")


def check_token(target: Target) -> Check:
    path = target.token.path
    if not target.token.read():
        remedy = "The daemon makes it on its first start; else name yours with --token-file."
        if _is_listed(path):
            remedy = "The daemon knows a token of that name, only its file is gone: terraced token rotate admin"
        return failed("token", target.token.fault, remedy)
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:  # Windows has no modes of this kind.
        return failed("token", f"{path} can be read by others (mode {mode:04o})", f"chmod 600 {path}")
    return ok("token", str(path))


def _is_listed(path: Path) -> bool:
    """Whether the admin's token is among those the daemon knows: then it makes no new one."""
    if path.name != "admin.token":
        return False
    try:
        text = (path.parent / "tokens.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"\bname[\"']?\s*:\s*[\"']?admin(?:[\"'\s,}]|$)", text) is not None


def check_disk(config: ConfigFile) -> Check:
    folder = next(path for path in (config.data_dir, *config.data_dir.parents) if path.exists())
    free_mb = shutil.disk_usage(folder).free // (1024 * 1024)
    least_mb = config.whole("alerts.disk_free_mb", DISK_FREE_MB)
    if free_mb < least_mb:
        return failed("disk", f"{free_mb} MB free, at least {least_mb} wanted", f"Make room on the disk of {folder}.")
    return ok("disk", f"{free_mb} MB free")
