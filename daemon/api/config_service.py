"""ConfigService: what the configuration says and means, what a change would do, and the change itself (CFG-3, CFG-7).

Whatever reads a config runs off the loop: a large one takes a while. The one way to change it is the follower's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from actors.rules.model import Reason
from daemon.api import config_seen
from daemon.api import translate_config as to
from daemon.api.auth import caller
from daemon.api.describing import describe_config
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.recorder import Recorder
from daemon.config.apply import Judged, Make, NotWritable, Stale, Wanted, Written
from daemon.config.defaults import with_defaults
from daemon.config.edit import Edit, apply_edits
from daemon.config.fault import ConfigFaults
from daemon.config.load import LoadedConfig, load_text
from daemon.config.preview import effects
from daemon.config.versions import key_changes, text_diff
from daemon.config.watcher import Origin
from daemon.config_follower import ConfigFollower
from daemon.store.found import StoredConfig
from daemon.tokens import TokenRole
from protos.terrace.v1 import config_pb2 as pb
from protos.terrace.v1 import config_pb2_grpc

T = TypeVar("T")

MAX_READING = 1
"""Texts read at the same time for callers; the others wait."""


class _Shown(NamedTuple):
    """What is answered of a change."""

    config: pb.Config
    changes: list[pb.ConfigChange]
    notes: list[str]


class ConfigService(config_pb2_grpc.ConfigServiceServicer):
    def __init__(
        self,
        engine: Engine,
        recorder: Recorder,
        follower: ConfigFollower,
        problem_of: Callable[[str], str] = lambda _reference: "",
    ) -> None:
        """`problem_of`: what keeps a reference from giving its secret, in words without it; empty: nothing."""
        self._problem_of = problem_of
        self._reading = asyncio.Semaphore(MAX_READING)
        self._engine = engine
        self._recorder = recorder
        self._follower = follower

    # --- looking ----------------------------------------------------------------------------------

    async def DescribeConfig(self, request: pb.DescribeConfigRequest, _context: Context) -> pb.DescribeConfigResponse:
        return await asyncio.to_thread(describe_config, request, self._follower.in_force.loaded)

    async def GetConfig(self, request: pb.GetConfigRequest, _context: Context) -> pb.GetConfigResponse:
        now = self._follower.in_force
        if request.version in (0, now.version):
            return pb.GetConfigResponse(config=await asyncio.to_thread(self._current, expand=request.expand))
        stored = await self._stored(request.version)
        loaded = await self._read(self._loaded, stored.text) if request.expand else None
        if isinstance(loaded, ConfigFaults):
            raise _invalid(loaded, f"version {stored.version} does not hold in this Terrace")
        origin = Origin(author=stored.author, source=stored.source)
        shown = to.config(stored.text, stored.version, stored.time_ms, origin, loaded, expand=request.expand)
        return pb.GetConfigResponse(config=shown)

    async def ValidateConfig(self, request: pb.ValidateConfigRequest, _context: Context) -> pb.ValidateConfigResponse:
        make = _make(request.yaml, request.edits)
        judged = await self._read(self._follower.judge, make)
        if not isinstance(judged, Judged):
            faults = judged.faults if isinstance(judged, ConfigFaults) else ()
            return pb.ValidateConfigResponse(valid=False, problems=to.problems(faults))
        return pb.ValidateConfigResponse(
            valid=True,
            changes=await self._changes(judged.running, judged.loaded),
            ineffective_paths=to.ineffective(judged.loaded),
            notes=self._notes(judged.running, judged.loaded),
        )

    async def ListConfigVersions(
        self, request: pb.ListConfigVersionsRequest, _context: Context
    ) -> pb.ListConfigVersionsResponse:
        found = await self._engine.page(self._engine.reader.list_config_versions, request)
        version = self._follower.in_force.version
        return pb.ListConfigVersionsResponse(
            config_versions=[to.version(stored, version) for stored in found.items], next_page_token=found.next_token
        )

    async def DiffConfig(self, request: pb.DiffConfigRequest, _context: Context) -> pb.DiffConfigResponse:
        old_name, old = await self._text(request.from_version)
        new_name, new = ("the text", request.yaml) if request.yaml else await self._text(request.to_version)

        def compare() -> pb.DiffConfigResponse:
            before, after = self._loaded(old), self._loaded(new)
            is_readable = isinstance(before, LoadedConfig) and isinstance(after, LoadedConfig)
            found = key_changes(before.effective, after.effective) if is_readable else ()  # type: ignore[union-attr]
            return pb.DiffConfigResponse(changes=to.changes(found), text=text_diff(old, new, old_name, new_name))

        return await self._read(compare)

    # --- changing ---------------------------------------------------------------------------------

    async def ApplyConfig(self, request: pb.ApplyConfigRequest, context: Context) -> pb.ApplyConfigResponse:
        if not request.yaml and not request.edits:
            raise faulty_field("yaml", "is missing: send a text, edits, or both")
        if request.yaml and not request.etag and not request.validate_only:
            raise faulty_field("etag", "is missing: send the etag of the configuration the text was made from")
        make = _make(request.yaml, request.edits)
        shown = await self._change(make, request.etag, request.source, context, only_judge=request.validate_only)
        return pb.ApplyConfigResponse(config=shown.config, changes=shown.changes, notes=shown.notes)

    async def RestoreConfig(self, request: pb.RestoreConfigRequest, context: Context) -> pb.RestoreConfigResponse:
        target = request.WhichOneof("target")
        if target is None or (target == "defaults" and not request.defaults):
            raise faulty_field("target", "is missing: name a version, or the defaults")
        if not request.etag and not request.validate_only:
            raise faulty_field("etag", "is missing: send the etag of the configuration in force")
        text = "" if target == "defaults" else (await self._stored(request.version)).text
        path = self._follower.in_force.loaded.daemon.config_path

        def make(standing: str) -> str | ConfigFaults:
            if target == "version":
                return text
            reset = with_defaults(standing, path)  # Of a file that does not hold, the one in force is what is reset.
            return with_defaults(self._follower.in_force.loaded.text, path) if _is_faulty(reset) else reset

        shown = await self._change(make, request.etag, request.source, context, only_judge=request.validate_only)
        return pb.RestoreConfigResponse(config=shown.config, changes=shown.changes, notes=shown.notes)

    async def _change(self, make: Make, etag: str, source: int, context: Context, *, only_judge: bool) -> _Shown:
        if only_judge:
            judged = await self._read(self._follower.judge, make, etag)
            if isinstance(judged, ConfigFaults | Stale):
                raise _refused(judged)
            notes = self._notes(judged.running, judged.loaded)
            return _Shown(self._current(), await self._changes(judged.running, judged.loaded), notes)
        if not self._follower.is_started:
            raise Failed(ApiReason.PART_DOWN, "the daemon is starting: try again in a moment", retry_after_s=1)
        if not self._engine.view.current.store_ok:
            raise Failed(Reason.STORE_FAILED, "the store takes nothing at the moment; nothing was changed")
        origin = Origin(author=caller().name, source=to.SOURCE_OF.get(source, "api"))
        wanted = Wanted(make=make, etag=etag, origin=origin)
        with self._engine.in_flight.one():
            done = await self._read(self._follower.change, wanted)
            if not isinstance(done, Written):
                raise _refused(done)
            if done.change is None:
                return _Shown(self._current(), [], [])
            with suppress(Failed):  # It is in force; until it is stored, that is tried again.
                await self._recorder.record((), None, context)
        found = key_changes(done.before.effective, done.change.loaded.effective)
        return _Shown(self._current(), list(to.changes(found)), self._notes(done.before, done.change.loaded))

    def _notes(self, before: LoadedConfig, after: LoadedConfig) -> list[str]:
        return to.notes(before, after, self._follower.environ)

    async def _changes(self, running: LoadedConfig, wanted: LoadedConfig) -> list[pb.ConfigChange]:
        """What would change, with what that would do (CFG-4)."""
        found = await asyncio.to_thread(key_changes, running.effective, wanted.effective)
        if not found:
            return []
        # Whether a path or variable holds a secret is only told to those who could put it in force.
        problem_of = self._problem_of if caller().role is TokenRole.ADMIN else _no_problem
        seen = await config_seen.look(self._engine, running, wanted, problem_of)
        paths = [each.path for each in found]
        said = await asyncio.to_thread(effects, paths, running, wanted, seen)
        return list(to.changes(found, said))

    async def _read(self, work: Callable[..., T], *arguments: Any) -> T:
        """Off the loop, a few at a time: reading a large text takes seconds of a processor that also trades."""
        async with self._reading:
            return await asyncio.to_thread(work, *arguments)

    # --- texts ------------------------------------------------------------------------------------

    def _current(self, *, expand: bool = False) -> pb.Config:
        now = self._follower.in_force
        return to.config(now.loaded.text, now.version, now.time_ms, now.origin, now.loaded, expand=expand)

    def _loaded(self, text: str) -> LoadedConfig | ConfigFaults:
        """The text as it would be read from the file today."""
        return load_text(text, self._follower.in_force.loaded.daemon.config_path, self._follower.environ)

    async def _text(self, version: int) -> tuple[str, str]:
        """Name and text of a version; 0: the one in force."""
        now = self._follower.in_force
        if version in (0, now.version):
            return f"version {now.version}", now.loaded.text
        stored = await self._stored(version)
        return f"version {stored.version}", stored.text

    async def _stored(self, version: int) -> StoredConfig:
        found = await self._engine.read(self._engine.reader.config_version, version) if version > 0 else None
        if found is None:
            raise not_found("config version", str(version))
        return found


def _make(text: str, edits: Sequence[pb.ConfigEdit]) -> Make:
    """The wanted text, from the one in the file: that one or the caller's own, with the edits made."""
    wanted = tuple(Edit(path=edit.path, value=edit.value, unset=edit.unset) for edit in edits)
    return lambda standing: apply_edits(text or standing, wanted)


def _no_problem(_reference: str) -> str:
    return ""


def _is_faulty(text: str | ConfigFaults) -> bool:
    return isinstance(text, ConfigFaults)


def _refused(outcome: ConfigFaults | Stale | NotWritable) -> Failed:
    if isinstance(outcome, ConfigFaults):
        return _invalid(outcome, "the configuration is not valid")
    if isinstance(outcome, NotWritable):
        words = (
            f"the file cannot be replaced ({outcome.problem}); nothing was changed. The user Terrace runs as must be"
        )
        return Failed(ApiReason.CONFIG_NOT_WRITABLE, f"{words} allowed to write the file and its folder")
    words = f"the configuration was changed since you read it: version {outcome.version} is in force, nothing was done"
    words += ". Get it again and make your change to that"
    if outcome.faults is not None:
        first = outcome.faults.faults[0]
        words += f". The file holds a change that is not valid ({first}): mend that first, or send its etag"
        words += f" to write over it: {outcome.etag}"
    return Failed(ApiReason.ETAG_MISMATCH, words, metadata={"etag": outcome.etag, "version": str(outcome.version)})


def _invalid(faults: ConfigFaults, what: str) -> Failed:
    first, more = faults.faults[0], len(faults.faults) - 1
    words = f"{what}: {first}{f' and {more} more' if more else ''}"
    return Failed(ApiReason.INVALID_CONFIG, words, faults=to.field_faults(faults.faults))
