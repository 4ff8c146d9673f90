"""The checks of `terrace doctor`. Each looks at one thing and says what was found and what to do about it."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from control.config_file import ConfigFault, ConfigFile, read_config
from control.errors import ClientError
from control.printer import word
from control.target import Target, TargetFlags, find_target
from control.version import own_version
from control.welcome import forwarder_address, healthz

if TYPE_CHECKING:
    from protos.terrace.v1 import engine_pb2

OK = "OK"
WARNING = "WARNING"
FAILED = "FAILED"
DISK_FREE_MB = 500
TIME_UNSYNCHRONISED = 5
"""What Linux answers to adjtimex where nobody keeps its clock right."""
EARLIEST_S = 1_735_689_600
"""2025-01-01: a clock before this is not set at all."""
MAX_AHEAD_S = 120
TIMEX_BYTES = 512
OLD_SPOOLED_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    result: str
    found: str
    remedy: str = ""

    def plain(self) -> dict[str, Any]:
        return {"name": self.name, "result": self.result, "found": self.found, "remedy": self.remedy}


def examine(flags: TargetFlags) -> list[Check]:
    """Every check, in the order in which one trouble leads to the next."""
    try:
        config = read_config(flags.config or None)
        target = find_target(flags)
    except ConfigFault as fault:
        return [_failed("config", str(fault), "Name the file with --config or TERRACE_CONFIG."), check_clock()]
    status: list[engine_pb2.Status] = []
    return [
        check_config(config),
        check_data_dir(config),
        check_token(target),
        *check_daemon(target, status),
        *(check for found in status for check in check_engine(found)),
        *check_forwarder(config),
        *check_source_secrets(config),
        check_clock(),
        check_disk(config),
    ]


def _ok(name: str, found: str) -> Check:
    return Check(name=name, result=OK, found=found)


def _warning(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, result=WARNING, found=found, remedy=remedy)


def _failed(name: str, found: str, remedy: str) -> Check:
    return Check(name=name, result=FAILED, found=found, remedy=remedy)


def check_config(config: ConfigFile) -> Check:
    if config.path is None:
        return _warning("config", "no config file: the defaults hold", "Name yours with --config or TERRACE_CONFIG.")
    return _ok("config", str(config.path))


def check_data_dir(config: ConfigFile) -> Check:
    folder = config.data_dir
    if not folder.is_dir():
        return _failed("data", f"{folder} is not there", "It is made when the daemon first starts: terrace up.")
    if not os.access(folder, os.R_OK | os.X_OK):
        return _failed("data", f"{folder} cannot be read", "Run this as the daemon's user.")
    return _ok("data", str(folder))


def check_token(target: Target) -> Check:
    path = target.token.path
    if not target.token.read():
        return _failed(
            "token", target.token.fault, "The daemon makes it on its first start; else name yours with --token-file."
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return _failed("token", f"{path} can be read by others (mode {mode:04o})", f"chmod 600 {path}")
    return _ok("token", str(path))


def check_daemon(target: Target, status: list[engine_pb2.Status]) -> list[Check]:
    """Reachable, ready, and of this version. What it says about itself is added to `status`."""
    from control.client import Client
    from protos.terrace.v1 import engine_pb2 as pb

    with Client(target) as client:
        start = time.perf_counter()
        try:
            is_ready = client.is_serving()
        except ClientError as error:
            return [_failed("daemon", f"{target.address}: {error.message}", "Start it: terrace up, or terraced.")]
        took_ms = (time.perf_counter() - start) * 1000
        checks = [_ok("daemon", f"{target.address} answers in {took_ms:.0f} ms")]
        if not is_ready:
            checks = [_warning("daemon", f"{target.address} is not ready yet", "Wait, or look at its log.")]
        try:
            for world in _worlds(client):
                status.append(client.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse).status)
        except ClientError as error:
            return [*checks, _failed("access", error.message, error.remedy or "Look at the daemon's log.")]
    return [*checks, _version(status[0].version)] if status else checks


def _worlds(client: Any) -> list[str]:
    from control.errors import Invalid, NotFound
    from control.overview import WORLDS
    from protos.terrace.v1 import engine_pb2 as pb

    try:
        client.call(pb.GetStatusRequest(), pb.GetStatusResponse)
        return ["WORLD_UNSPECIFIED"]
    except Invalid:
        found = []
    for world in WORLDS:
        try:
            client.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse)
            found.append(world)
        except (Invalid, NotFound):
            continue
    return found


def _version(theirs: str) -> Check:
    own = own_version()
    if theirs and theirs != own:
        found = f"daemon {theirs}, this command {own}"
        return _warning("version", found, "Restart the daemon, or use the command that came with it.")
    return _ok("version", own)


def check_engine(status: engine_pb2.Status) -> list[Check]:
    name = f"engine {word(status, 'world')}".strip()
    state = word(status, "state").upper()
    checks = [_ok(name, state)]
    if state != "RUNNING":
        remedy = "terrace engine resume" if state == "PAUSED" else "terrace status"
        checks = [_warning(name, f"{state} {status.state_reason}".strip(), remedy)]
    checks += [_warning(name, line, "terrace status") for line in status.degradations if line != status.state_reason]
    if status.alerts:
        checks.append(_warning("alerts", f"{status.alerts} active", "terrace alert list"))
    return checks


def check_forwarder(config: ConfigFile) -> list[Check]:
    address = forwarder_address(config)
    found = healthz(config, timeout_s=2.0)
    if found is None:
        return [_warning("forwarder", f"{address}: nothing answers", "Start it: terrace forward."), _spool_file(config)]
    state = str(found.get("status", ""))
    first = _ok("forwarder", f"{address} takes alerts")
    if state == "failed":
        first = _failed(
            "forwarder", f"{address}: {found.get('reason', '')}", "Make room on its disk, or start the daemon."
        )
    elif state != "ok":
        first = _warning("forwarder", f"{address}: {found.get('reason', '')}", "Alerts are kept; start the daemon.")
    return [first, _spool(found)]


def _spool(found: dict[str, Any]) -> Check:
    length, refused = int(found.get("spool_length", 0)), int(found.get("refused_kept", 0))
    age_s = float(found.get("oldest_age_s", 0))
    if length and age_s > OLD_SPOOLED_S:
        text = f"{length} alerts wait, the oldest for {age_s:.0f} s"
        return _warning("spool", text, "terrace forward --show-spool; is the daemon running?")
    if refused:
        return _warning("spool", f"{length} wait; {refused} were refused for good", "terrace forward --show-spool")
    return _ok("spool", f"{length} alerts wait")


def _spool_file(config: ConfigFile) -> Check:
    from control.forwarder.spool import SpoolBroken, read_spool

    try:
        waiting, refused = read_spool(config.file("forwarder.spool", "spool.db"), most=100_000)
    except SpoolBroken as error:
        return _failed("spool", str(error), "Restart the forwarder: it puts a broken spool aside.")
    if waiting:
        return _warning("spool", f"{len(waiting)} alerts wait", "Start the forwarder: terrace forward.")
    return _ok("spool", f"0 alerts wait, {len(refused)} were refused")


def check_source_secrets(config: ConfigFile) -> list[Check]:
    """Every source's secret can be read, by its owner alone."""
    from control.forwarder.settings import read_settings

    try:
        settings = read_settings(config, os.environ)
    except ConfigFault as fault:
        return [_failed("sources", str(fault), "terrace config validate")]
    if settings.faults:
        return [
            _failed("sources", fault, "Its alerts are turned away until it can be read.") for fault in settings.faults
        ]
    bare = [one.name for one in settings.sources.values() if not (one.secret or one.hmac_secret)]
    if bare:
        return [_warning("sources", f"without a secret: {', '.join(bare)}", "Such a source accepts nothing.")]
    return [_ok("sources", ", ".join(settings.sources) or "none")]


def check_clock() -> Check:
    """Set at all, not behind the files it wrote, and kept right where the system tells."""
    now_s = time.time()
    remedy = "Set the clock and keep it right: chrony or systemd-timesyncd."
    if now_s < EARLIEST_S:
        return _failed("clock", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now_s)), remedy)
    newest_s = Path(__file__).stat().st_mtime
    if newest_s > now_s + MAX_AHEAD_S:
        return _failed("clock", f"{newest_s - now_s:.0f} s behind the program's own files", remedy)
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if _is_unsynchronised():
        return _warning("clock", f"{text}, not synchronised", remedy)
    return _ok("clock", text)


def _is_unsynchronised() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))) == TIME_UNSYNCHRONISED
    except (OSError, AttributeError):
        return False


def check_disk(config: ConfigFile) -> Check:
    folder = next(path for path in (config.data_dir, *config.data_dir.parents) if path.exists())
    free_mb = shutil.disk_usage(folder).free // (1024 * 1024)
    least_mb = config.whole("alerts.disk_free_mb", DISK_FREE_MB)
    if free_mb < least_mb:
        return _failed("disk", f"{free_mb} MB free, at least {least_mb} wanted", f"Make room on the disk of {folder}.")
    return _ok("disk", f"{free_mb} MB free")
