"""What is done at each step of an update or rollback, with real programs, files and services."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from control.config_file import read_config
from control.errors import ClientError
from control.service.facts import Part
from control.session import Session
from control.target import TargetFlags
from control.update import seen
from control.update.copies import (
    Files,
    copy_at_rest,
    holder,
    is_whole,
    nobody_else,
    put_back,
    put_config,
)
from control.update.hands import Hands
from control.update.home import Home
from control.update.install import Wanted, install
from control.update.journal import Journal, Kind, Stage, save
from control.update.loss import Loss, copy_of, forgotten_alerts, losses
from control.update.program import Program, Readable, only_store
from control.update.refused import StepFailed, UpdateRefused
from control.update.watching import HasEnded, Watch

REST, BROKEN, COPY = "at-rest", "broken", "copy"
FORGOTTEN = "alerts-not-in-the-store.jsonl"
KEPT_WORKS = 2
"""Folders of earlier updates, with their copies of the store."""
CANARY_S = 120.0
PAUSE_MARGIN_S = 2.0


@dataclass(slots=True, kw_only=True)
class Work:
    """The deeds of one update or rollback (`control.update.move.Deeds`)."""

    home: Home
    hands: Hands
    tell: Callable[[str], None]
    ask: Callable[[str], None]
    """Raises UpdateRefused where the answer is not yes."""
    go_on_as: Callable[[Program], None]
    """Becomes that version's program, which goes on from the journal; returns where it is the one that runs."""
    wanted: Wanted | None = None

    def do(self, journal: Journal) -> Journal:
        done: Callable[[Journal], Journal] = getattr(self, f"_{journal.stage.value}")
        return done(journal)

    # --- what they work with ----------------------------------------------------------------------

    def program(self, version: str, journal: Journal) -> Program:
        within = self.hands.within(journal.config)
        return Program(version=version, folder=self.home.folder(version), config=journal.config, within=within)

    def newer(self, journal: Journal) -> Program:
        return self.program(journal.newer, journal)

    def files(self, journal: Journal) -> Files:
        return Files.of(read_config(journal.config))

    def _folder(self, journal: Journal) -> Path:
        return Path(journal.folder)

    def _note(self, journal: Journal) -> None:
        """Within a step. It helps who goes on after a death; without it the step is done all the same."""
        with contextlib.suppress(OSError):
            save(self.home.journal, journal)

    def _look(self, journal: Journal) -> Mapping[str, Any]:
        run = Session(flags=TargetFlags(config=journal.config))
        try:
            return seen.look(run)
        except ClientError as error:
            raise StepFailed(f"the daemon does not say how it is: {error.message}") from None
        finally:
            run.close()

    # --- nothing is touched that trades -----------------------------------------------------------

    def _install(self, journal: Journal) -> Journal:
        if journal.kind is Kind.UPDATE:
            assert self.wanted is not None
            self.tell(f"installing {journal.new} in {self.home.folder(journal.new)}")
            extras = self.program(journal.old, journal).extras()
            install(self.home, self.wanted, extras)
            save(self.home.journal, replace(journal, stage=Stage.JUDGE))
            self.go_on_as(self.program(journal.new, journal))
        return journal

    def _judge(self, journal: Journal) -> Journal:
        """Can the version that is to be used read the config?"""
        newer = self.newer(journal)
        target = self.program(journal.new, journal)
        self.tell(f"{journal.new} looks at the config")
        if journal.kind is Kind.UPDATE and newer.migrates_config():
            self.tell("its first start writes the config in a newer shape; the present one is kept")
        elif faults := target.faults():
            raise StepFailed(f"{journal.new} does not take the config:\n  " + "\n  ".join(faults[:10]))
        readable = {
            version: asdict(self.program(version, journal).readable()) for version in (journal.old, journal.new)
        }
        return replace(journal, options={**journal.options, "readable": readable})

    def _readable(self, version: str, journal: Journal) -> Readable:
        """As it was found before anything was stopped: every second counts from then on."""
        found = journal.options["readable"][version]
        return Readable(migrations=tuple(found["migrations"]), books=found["books"])

    def _copy(self, journal: Journal) -> Journal:
        """A backup, and a copy made from it: so it is known that it can be restored."""
        folder = self._folder(journal)
        shutil.rmtree(folder / COPY, ignore_errors=True)
        newer = self.newer(journal)
        self.tell("backing up the store, and restoring a copy from the backup")
        backup = newer.backup(folder)
        newer.restore(backup, folder / COPY)
        return replace(journal, backup=str(backup))

    def _canary(self, journal: Journal) -> Journal:
        """What will become of the store, tried on the copy."""
        data = self._folder(journal) / COPY / "data"
        journal = self._tried_up(journal, data) if not journal.leads_down else self._tried_down(journal, data)
        shutil.rmtree(self._folder(journal) / COPY, ignore_errors=True)
        self.ask(f"Switch from {journal.old} to {journal.new} now?")
        for path in self.hands.point_at(self.home, journal.config):
            self.tell(f"{path} starts {self.home.bin} from its next start on")
        return replace(journal, seen=self._look(journal)) if journal.scope else journal

    def _tried_up(self, journal: Journal, data: Path) -> Journal:
        newer = self.newer(journal)
        before = newer.schema(data)
        known = self._readable(newer.version, journal).migrations
        steps = known[known.index(before) + 1 :] if before in known else known
        if steps:
            self.tell(f"the store is brought from {before} to {known[-1]}, {len(steps)} step(s)")
        if self.files(journal).store is None:
            self.tell("the store is on a server: the new version cannot be tried on a copy of it")
        else:
            self._tried(newer, data)
        return journal

    def _tried(self, program: Program, data: Path) -> None:
        self.tell(f"{program.version} is tried on the copy: it writes to no exchange")
        found = program.canary(data, limit_s=CANARY_S)
        took_ms = int(found.get("took_ms", 0))
        groups = len(found.get("groups", ()))
        self.tell(
            f"on the copy it was ready after {took_ms / 1000:.1f} s with {groups} group(s), and nothing contradicts "
            f"the exchange; trading will pause for about {took_ms / 1000 + PAUSE_MARGIN_S:.0f} s"
        )
        for order in tuple(found.get("would_send", ()))[: seen.MAX_NAMED]:
            self.tell(f"it would begin with: {_in_words(order)}")

    def _tried_down(self, journal: Journal, data: Path) -> Journal:
        """What the store loses."""
        newer, target = self.newer(journal), self.program(journal.new, journal)
        store, before = only_store(data), data.parent / "before.db"
        copy_of(store, before)
        gone = newer.downgrade(self._readable(target.version, journal), data)
        if gone:
            self.tell(f"the store is brought down by {len(gone)} step(s), for {target.version}")
        if problem := target.cannot_read(store):
            raise UpdateRefused(
                f"{journal.new} cannot read what {journal.old} has stored ({problem}). Nothing was done"
            )
        lost = losses(before, store)
        for loss in lost:
            self.tell(f"lost: {loss}")
        heavy = [loss for loss in lost if not loss.is_harmless]
        if heavy and not journal.options.get("accept_loss"):
            raise UpdateRefused(_loses(heavy, journal))
        if self.files(journal).store is not None and target.has_canary():
            self._tried(target, data)
        return journal

    # --- the switch -------------------------------------------------------------------------------

    def _stop(self, journal: Journal) -> Journal:
        files = self.files(journal)
        if not journal.stop_ms and journal.scope:
            journal = replace(journal, stop_ms=_now_ms())
        self.tell(f"stopping {journal.source}" if journal.scope else "nothing runs here")
        self.hands.stop_daemon()
        deadline = time.monotonic() + 10
        while (pid := holder(files.data_dir)) is not None:
            if time.monotonic() > deadline:
                words = f"a daemon (pid {pid}) uses {files.data_dir}"
                if not journal.scope and not journal.is_return:  # Somebody has started it meanwhile.
                    raise UpdateRefused(f"{words}: stop it and repeat. Nothing was switched")
                raise StepFailed(words)
            time.sleep(0.05)
        return journal

    def _rest(self, journal: Journal) -> Journal:
        files, folder = self.files(journal), self._folder(journal)
        into = folder / (BROKEN if journal.is_return else REST)
        try:
            with nobody_else(files.data_dir):
                if not journal.is_return and self.home.current() != journal.target:
                    shutil.rmtree(into, ignore_errors=True)  # Of before a death: the old one may have traded since.
                    journal = replace(journal, options={**journal.options, "is_stale": False})
                copy_at_rest(files, into)
        except StepFailed as failed:
            if not journal.is_return:
                raise
            self.tell(f"warning: {failed}")  # The way back does not hang on it.
        return journal

    def _link(self, journal: Journal) -> Journal:
        """On the way down the link goes first: an older program does not open what the newer one wrote."""
        self.home.use(journal.target)
        return journal

    def _convert(self, journal: Journal) -> Journal:
        if not journal.leads_down:
            return journal
        files, folder = self.files(journal), self._folder(journal)
        newer, target = self.newer(journal), self.program(journal.target, journal)
        try:
            gone = newer.downgrade(self._readable(target.version, journal))
            if files.store is not None and (problem := target.cannot_read(files.store)):
                raise StepFailed(f"{target.version} cannot read what {newer.version} has stored: {problem}")
            if gone:
                self.tell(f"the store was brought down by {len(gone)} step(s); it keeps what happened meanwhile")
        except StepFailed as failed:
            journal = self._restored(journal, files, folder / REST, str(failed))
        return self._old_config(journal, files, folder / REST, target)

    def _restored(self, journal: Journal, files: Files, copy: Path, why: str) -> Journal:
        """The last resort: the store as it was when the older version was stopped."""
        if journal.kind is not Kind.UPDATE or files.store is None or not is_whole(copy):
            raise StepFailed(f"the store could not be brought down: {why}")
        if journal.options.get("is_stale"):
            raise StepFailed(
                f"the store could not be brought down: {why}\nThe copy in {copy} is too old to put it back"
            )
        with nobody_else(files.data_dir):
            forgotten = forgotten_alerts(files.store, copy / "store.db", self._folder(journal) / FORGOTTEN)
            put_back(files, copy)
        reason, kept = why.splitlines()[-1], self._folder(journal) / BROKEN
        words = (
            f"THE STORE WAS PUT BACK as it was when {journal.old} was stopped, because it could not be brought down "
            f"({reason}). What {journal.new} did since is not in it, it is kept in {kept}; {forgotten}. "
            "New entries are paused until `terrace engine resume`. Before that: terrace account drift"
        )
        self.tell(words)
        options = {**journal.options, "restored": True}
        return replace(
            journal, notes=(*journal.notes, words), options=options, seen={}
        )  # It is paused, and another one.

    def _old_config(self, journal: Journal, files: Files, copy: Path, target: Program) -> Journal:
        """Of an update that goes back: where the newer program has written the config anew."""
        if journal.kind is not Kind.UPDATE or not is_whole(copy) or not target.faults():
            return journal
        kept = put_config(files, copy, f"of-{journal.new}")
        if kept is None:
            return journal
        words = f"the config is again as it was; as {journal.new} has left it: {kept}"
        self.tell(words)
        return replace(journal, notes=(*journal.notes, words))

    def _start(self, journal: Journal) -> Journal:
        if journal.scope:
            self.tell(f"starting {journal.target}")
            self.hands.start_daemon()
        return journal

    def _watch(self, journal: Journal) -> Journal:
        if not journal.scope:
            return journal
        watch = Watch(journal.config, self.hands, journal.seen, version=journal.target)
        try:
            watch.until_ready(journal.ready_s)
        except HasEnded as failed:  # One that runs and waits for an exchange is no reason to forget what happened.
            files, copy = self.files(journal), self._folder(journal) / REST
            is_last = journal.options.get("restored") or journal.options.get("is_stale") or not is_whole(copy)
            if not (journal.is_return and journal.leads_down) or is_last:
                raise
            self.hands.stop_daemon()
            journal = self._restored(journal, files, copy, f"{journal.target} does not run on it: {failed}")
            self._note(journal)
            self.hands.start_daemon()
            watch = Watch(journal.config, self.hands, journal.seen, version=journal.target)
            watch.until_ready(journal.ready_s)
        pause_ms = _now_ms() - journal.stop_ms if journal.stop_ms else 0
        journal = replace(journal, stop_ms=0, paused_ms=journal.paused_ms + pause_ms)
        self.tell(f"{journal.target} is ready, with what it had before; trading paused for {pause_ms / 1000:.1f} s")
        self._note(journal)
        if Part.FORWARDER.value in journal.parts:
            watch.until_drained(self.files(journal).spool)
        watch.for_a_while(journal.watch_s)
        return journal

    def _others(self, journal: Journal) -> Journal:
        for part in journal.parts:
            if part != Part.DAEMON.value:
                self.tell(f"restarting the {part}")
                self.hands.restart(part)
        return journal

    # --- the end ----------------------------------------------------------------------------------

    def give_up(self, journal: Journal) -> None:
        shutil.rmtree(journal.folder, ignore_errors=True)
        if journal.kind is Kind.UPDATE:
            self.home.spoil(journal.new)

    def close(self, journal: Journal) -> Journal:
        folder = self._folder(journal)
        shutil.rmtree(folder / COPY, ignore_errors=True)
        if read_config(journal.config).value("backup.passphrase") is not None and journal.backup:
            Path(journal.backup).unlink(missing_ok=True)
            words = "the backup it made is not kept: yours are encrypted (terrace backup list)"
            journal = replace(journal, backup="", notes=(*journal.notes, words))
        if journal.is_return and journal.kind is Kind.UPDATE:
            self.home.forget(journal.new, previous=str(journal.options.get("previous", "")))
        for version in self.home.prune():
            self.tell(f"version {version} was taken away")
        works = sorted(path for path in self.home.works.iterdir() if path.is_dir() and path != folder)
        for path in works[: max(0, len(works) - KEPT_WORKS + 1)]:
            shutil.rmtree(path, ignore_errors=True)
        return journal


def becoming(config: str, home: Home, passed_on: Sequence[str] = ()) -> Callable[[Program], None]:
    """Hands the work over to another version's program."""

    def become(program: Program) -> None:
        own = Path(sys.executable).parent.parent
        if own.resolve() == program.folder.resolve():
            return
        sys.stdout.flush()
        sys.stderr.flush()
        words = ["--config", config, "update", "--home", str(home.path), "--go-on", *passed_on]
        os.execv(program.terrace, [str(program.terrace), *words])

    return become


def _loses(heavy: list[Loss], journal: Journal) -> str:
    listed = ", ".join(str(loss) for loss in heavy)
    return (
        f"{journal.new} has no place for what {journal.old} has stored: {listed}. Nothing was done. "
        "If that may be lost, say so: terrace rollback --accept-loss"
    )


def _in_words(order: Any) -> str:
    if not isinstance(order, Mapping):
        return str(order)
    return " ".join(str(order.get(name, "")) for name in ("account", "symbol", "what", "side", "quantity", "price"))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
