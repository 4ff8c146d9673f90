"""The checks of `terrace doctor`. Each looks at one thing and says what was found and what to do about it."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from control.config_file import ConfigFault, ConfigFile, read_config
from control.contexts import chosen_context
from control.errors import ClientError
from control.health_check import FAILED, OK, WARNING, Check
from control.health_check import failed as _failed
from control.health_check import ok as _ok
from control.health_check import warning as _warning
from control.health_engine import check_accounts, check_alerts, check_backups, check_engine
from control.health_files import check_config, check_data_dir, check_disk, check_token
from control.target import Target, TargetFlags, find_target
from control.version import own_version
from control.welcome import forwarder_address, healthz

if TYPE_CHECKING:
    from control.client import Client
    from protos.terrace.v1 import engine_pb2

__all__ = ["FAILED", "OK", "WARNING", "Check", "examine"]

TIME_UNSYNCHRONISED = 5
"""What Linux answers to adjtimex where nobody keeps its clock right."""
EARLIEST_S = 1_735_689_600
"""2025-01-01: a clock before this is not set at all."""
MAX_AHEAD_S = 120
TIMEX_BYTES = 512
OLD_SPOOLED_S = 60
SLOW_S = 2.0


def examine(flags: TargetFlags) -> list[Check]:
    """Every check, in the order in which one trouble leads to the next."""
    try:
        context = chosen_context(flags.context, os.environ)
        target = find_target(flags)
        keys = context.keys
        config = read_config(flags.config or keys.get("config"), data_dir=keys.get("data_dir"))
    except ConfigFault as fault:
        remedy = "Name the file with --config or TERRACE_CONFIG; terrace context show tells what is meant."
        return [_failed("config", str(fault), remedy), check_clock()]
    daemon = check_daemon(target)
    if context.is_elsewhere and not flags.config:
        here = _ok("context", f"{context.told()}: the files of that machine are not looked at")
        return [here, check_token(target), *daemon, check_clock()]
    is_answered = daemon[0].result == OK
    is_empty = target.tls_cert is not None
    return [
        *check_config(config, is_answered=is_answered),
        check_data_dir(config),
        *([] if is_empty else [check_token(target)]),
        *daemon,
        *check_forwarder(config),
        *check_source_secrets(config),
        check_clock(),
        check_disk(config),
    ]


def check_daemon(target: Target) -> list[Check]:
    """Reachable, ready, of this version; then what it knows of itself, its accounts, alerts and backups."""
    from control.client import Client

    try:
        client = Client(target)
    except ConfigFault as fault:
        return [_failed("daemon", str(fault), "Name files that are there: --tls-ca, --tls-cert, --tls-key.")]
    with client:
        start = time.perf_counter()
        try:
            is_ready = client.is_serving(timeout_s=SLOW_S)
        except ClientError as error:
            return [_failed("daemon", f"{target.address}: {error.message}", _unreached(error))]
        took_ms = (time.perf_counter() - start) * 1000
        checks = [_ok("daemon", f"{target.address} answers in {took_ms:.0f} ms")]
        if not is_ready:
            checks = [
                _warning("daemon", f"{target.address} is not ready", "Wait; terrace status says what it waits for.")
            ]
        statuses: list[engine_pb2.Status] = []
        try:
            statuses += _statuses(client)
        except ClientError as error:
            return [*checks, _failed("access", error.message, error.remedy or "Look at the daemon's log.")]
        return [*checks, *_asked(client, statuses)]


def _unreached(error: ClientError) -> str:
    if error.code == "DEADLINE_EXCEEDED":
        return "It is there and stands still, or something else listens there: look at its log, then restart it."
    if error.code == "UNIMPLEMENTED":
        return "Another program listens there: `ss -ltnp` names it; or the address is wrong."
    return "Start it: terrace up, or terraced. If it runs, the address or TLS differs: terrace context show."


def _asked(client: Client, statuses: list[engine_pb2.Status]) -> list[Check]:
    if not statuses:
        return []
    checks = [_version(statuses[0].version)]
    for status in statuses:
        checks += check_engine(status)
    checks += check_accounts(client)
    for status in statuses:
        checks += check_alerts(client, status)
    return [*checks, *check_backups(client, statuses)]


def _statuses(client: Client) -> list[engine_pb2.Status]:
    from protos.terrace.v1 import engine_pb2 as pb

    return [client.call(pb.GetStatusRequest(world=world), pb.GetStatusResponse).status for world in _worlds(client)]


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


def check_forwarder(config: ConfigFile) -> list[Check]:
    address = forwarder_address(config)
    found = healthz(config, timeout_s=2.0)
    if found is None:
        return [_no_forwarder(address), _spool_file(config)]
    state = str(found.get("status", ""))
    first = _ok("forwarder", f"{address} takes alerts")
    if state == "failed":
        first = _failed(
            "forwarder", f"{address}: {found.get('reason', '')}", "Make room on its disk, or start the daemon."
        )
    elif state != "ok":
        first = _warning("forwarder", f"{address}: {found.get('reason', '')}", "Alerts are kept; start the daemon.")
    return [first, _spool(found)]


def _no_forwarder(address: str) -> Check:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=SLOW_S).close()
    except (OSError, ValueError):
        return _warning("forwarder", f"{address}: nothing answers, so no alert is taken", "Start it: terrace forward.")
    remedy = "Stop that program (`ss -ltnp` names it), or set forwarder.address to another port."
    return _failed("forwarder", f"{address}: another program listens there", remedy)


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
