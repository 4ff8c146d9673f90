"""MaintenanceService: backups, the store's health, diagnostics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, faulty_field
from daemon.api.kinds import Context
from daemon.api.pages import slice_of
from daemon.api.translate import timestamp
from daemon.backup.folder import Found
from daemon.backup.keeper import Backups, Stopped
from daemon.backup.making import BackupFailed, Made
from daemon.backup.schedule import Schedule
from daemon.backup.sealing import MAX_PASSPHRASE_CHARS, MIN_PASSPHRASE_CHARS
from daemon.observe.diagnostics import Diagnostics
from daemon.observe.memory import DEFAULT_PLACES, MAX_PLACES, MAX_WATCH_S, Busy, MemoryProfiler
from daemon.store.refused import StoreRefused
from daemon.store.tools import Checked
from protos.terrace.v1 import maintenance_pb2 as pb
from protos.terrace.v1 import maintenance_pb2_grpc

CheckNow = Callable[..., Checked | StoreRefused]
"""Looks the daemon's store through: `full` and `limit_s` as `tools.check` takes them."""
DEFAULT_PAGE = 50
CHECK_LIMIT_S = 600.0


class MaintenanceService(maintenance_pb2_grpc.MaintenanceServiceServicer):
    def __init__(
        self,
        engine: Engine,
        backups: Backups,
        schedule: Schedule,
        check: CheckNow,
        diagnostics: Diagnostics,
    ) -> None:
        self._diagnostics = diagnostics
        self._memory = MemoryProfiler()
        self._engine = engine
        self._backups = backups
        self._schedule = schedule
        self._check = check

    async def Backup(self, request: pb.BackupRequest, _context: Context) -> pb.BackupResponse:
        _judge_passphrase(request)
        key = await asyncio.to_thread(  # A keyring may wait for a person, the vault writes a file.
            self._backups.key, encrypt=request.encrypt or None, passphrase=request.passphrase
        )
        if isinstance(key, BackupFailed):
            raise _failed(key)
        try:
            made = await asyncio.get_running_loop().run_in_executor(
                self._backups.executor, partial(self._backups.make, key)
            )
        except (Stopped, RuntimeError):
            raise Failed(ApiReason.BACKUP_FAILED, "the daemon is stopping: the backup was given up") from None
        self._schedule.tell(made)
        if isinstance(made, BackupFailed):
            raise _failed(made)
        return _response(made)

    async def ListBackups(self, request: pb.ListBackupsRequest, _context: Context) -> pb.ListBackupsResponse:
        try:
            found = await asyncio.to_thread(self._backups.list)
        except OSError as error:
            words = f"{self._backups.terms.folder} cannot be read: {error.strerror}; set backup.directory to another"
            raise Failed(ApiReason.BACKUP_FAILED, words) from None
        request.page_size = request.page_size or DEFAULT_PAGE
        page, token = slice_of(request, found)
        return pb.ListBackupsResponse(backups=[_file(each) for each in page], next_page_token=token)

    async def CheckStore(self, request: pb.CheckStoreRequest, context: Context) -> pb.CheckStoreResponse:
        left_s = context.time_remaining()
        limit_s = CHECK_LIMIT_S if left_s is None else max(0.1, min(CHECK_LIMIT_S, left_s - 1.0))
        found = await asyncio.to_thread(self._check, full=request.full, limit_s=limit_s)
        if isinstance(found, StoreRefused):
            return pb.CheckStoreResponse(valid=False, problems=[pb.StoreProblem(message=found.problem)])
        problems = [*found.problems, *(f"migration of a newer Terrace: {name}" for name in found.unknown)]
        if not found.finished:
            problems.append(f"the check did not come to its end within {limit_s:.0f} s")
        return pb.CheckStoreResponse(
            valid=found.is_well,
            problems=[pb.StoreProblem(message=words) for words in problems],
            schema_version=found.schema,
            size_bytes=found.size_bytes,
            engine_version=found.engine_version,
        )

    async def DumpDiagnostics(
        self, _request: pb.DumpDiagnosticsRequest, _context: Context
    ) -> pb.DumpDiagnosticsResponse:
        text, time_ms = await self._diagnostics.dump()
        return pb.DumpDiagnosticsResponse(json=text, create_time=timestamp(time_ms))

    async def ProfileMemory(self, request: pb.ProfileMemoryRequest, _context: Context) -> pb.ProfileMemoryResponse:
        watch_s = request.duration.seconds + request.duration.nanos / 1e9
        if not 0 <= watch_s <= MAX_WATCH_S:
            raise faulty_field("duration", f"must be 0 to {MAX_WATCH_S:.0f} s")
        if not 0 <= request.max_allocations <= MAX_PLACES:
            raise faulty_field("max_allocations", f"must be 0 to {MAX_PLACES}")
        try:
            found = await self._memory.profile(watch_s, request.max_allocations or DEFAULT_PLACES)
        except Busy:
            words = "a memory profile is being made already; ask again when it is done"
            raise Failed(ApiReason.PROFILE_RUNNING, words) from None
        places = [pb.Allocation(place=each.name, size_bytes=each.size_bytes, count=each.count) for each in found.places]
        return pb.ProfileMemoryResponse(resident_bytes=found.resident_bytes, allocations=places)


def _judge_passphrase(request: pb.BackupRequest) -> None:
    """What is wrong with it; never the passphrase itself."""
    if not request.passphrase:
        return
    if not request.encrypt:
        raise faulty_field("passphrase", "belongs to a backup that is encrypted: set encrypt")
    if not MIN_PASSPHRASE_CHARS <= len(request.passphrase) <= MAX_PASSPHRASE_CHARS:
        raise faulty_field("passphrase", f"must have {MIN_PASSPHRASE_CHARS} to {MAX_PASSPHRASE_CHARS} characters")


def _failed(failed: BackupFailed) -> Failed:
    return Failed(ApiReason.BACKUP_FAILED, str(failed))


def _response(made: Made) -> pb.BackupResponse:
    return pb.BackupResponse(
        name=made.path.name,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        create_time=timestamp(made.manifest.create_time_ms),
        encrypted=made.is_encrypted,
    )


def _file(found: Found) -> pb.BackupFile:
    return pb.BackupFile(
        name=found.path.name,
        size_bytes=found.size_bytes,
        create_time=timestamp(found.create_time_ms),
        encrypted=found.is_encrypted,
        schema_version=found.schema,
        version=found.version,
    )
