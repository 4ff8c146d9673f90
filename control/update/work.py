"""`terrace update` and `terrace rollback` from begin to end: what is found, begun, gone on with or taken back."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from control.config_file import ConfigFault, read_config
from control.errors import ClientError
from control.exits import ExitCode
from control.printer import say
from control.service.facts import Scope
from control.session import Session
from control.target import TargetFlags
from control.update import seen
from control.update.copies import Files, holder, refuse_room
from control.update.deeds import Work, becoming
from control.update.hands import Hands, NoHands, ServiceHands, find_hands
from control.update.home import Home, default_home, home_of, order_of
from control.update.install import Wanted, wanted
from control.update.journal import Journal, Kind, Stage, clear, read, save
from control.update.move import Book, Stuck, advance, give_up, resumed
from control.update.program import Program
from control.update.refused import StepFailed, UpdateRefused
from control.version import own_version

READY_S = 180.0
WATCH_S = 30.0
STALE_S = 3600.0
"""So long after its last step an update is of another time."""
LOG = "log"
BY_HAND = "somebody asked for it"
"""Why an update that was found half done goes back."""
SERVICE = "terrace service install"
FROZEN = (
    "this is the packaged program, which is replaced as a whole: unpack the new one into a folder beside this one, "
    "stop Terrace, let the link or PATH name the new folder, start it. The former folder is the way back as long as "
    "the store was not brought to a newer schema"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says."""

    config: str
    home: Path | None = None
    given: str = ""
    find_links: str = ""
    is_offline: bool = False
    adopt: Path | None = None
    ready_s: float = READY_S
    watch_s: float = WATCH_S
    to: str = ""
    accept_loss: bool = False
    dry_run: bool = False
    go_on: bool = False
    passed_on: tuple[str, ...] = ()
    """Options for the program that goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it came out."""

    state: str
    """done, went_back, nothing, planned."""
    old: str
    new: str
    words: str
    pause_ms: int = 0
    backup: str = ""
    notes: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAILED if self.state == "went_back" else ExitCode.DONE


@dataclass
class Teller:
    """Says what goes on, to a person and, once there is a folder, to a file; a terminal that is gone is no obstacle."""

    file: Path | None = None
    lines: list[str] = field(default_factory=list)

    def __call__(self, words: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            say(words)
        if self.file is not None:
            with contextlib.suppress(OSError), self.file.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {words}\n")


def find_home(given: Path | None) -> Home:
    """The one named, the one this program lies in, or that of this user."""
    if given is not None:
        return Home(given.expanduser().absolute())
    try:
        return home_of(Path(sys.executable).parent) or Home(default_home(os.environ))
    except RuntimeError:  # Neither HOME nor an entry for this user.
        raise UpdateRefused("this user has no home directory: say --home DIR", ExitCode.USAGE) from None


def update(asked: Asked, confirm: Callable[[str], None]) -> Ended:
    """UpdateRefused, Stuck."""
    tell = Teller()
    _refuse_frozen()
    home = find_home(asked.home)
    if asked.dry_run:
        return _planned(_begun(asked, home, _hands(asked.config), tell, is_dry=True))
    home.make()
    with home.locked():
        found = read(home.journal)
        if found is not None and (asked.go_on or found.is_switching):
            return _gone_on(found, asked, home, tell, confirm)
        if asked.go_on:
            raise UpdateRefused(f"no update is under way in {home.path}")
        if found is not None:
            _take_away(found, home, tell)
        home.sweep(but=_own_folder().name)
        begun = _begun(asked, home, _hands(asked.config), tell)
        if begun.journal is None:
            return _planned(begun)
        for line in begun.plan:
            tell(line)
        return _run(begun.journal, asked, home, begun.hands, tell, confirm, begun.wanted)


def rollback(asked: Asked, confirm: Callable[[str], None]) -> Ended:
    """UpdateRefused, Stuck."""
    tell = Teller()
    _refuse_frozen()
    home = find_home(asked.home)
    if not home.current():
        raise UpdateRefused(f"{home.path} holds no versions", ExitCode.NOT_FOUND)
    if asked.dry_run:
        return _planned(_begun_back(asked, home, _hands(asked.config)))
    with home.locked():
        found = read(home.journal)
        if found is not None and found.is_switching:
            turned = found if found.is_return or found.kind is Kind.ROLLBACK else found.turned(BY_HAND)
            return _gone_on(turned, asked, home, tell, confirm)
        if found is not None:
            return _take_away(found, home, tell)
        begun = _begun_back(asked, home, _hands(asked.config))
        if begun.journal is None:
            return _planned(begun)
        for line in begun.plan:
            tell(line)
        return _run(begun.journal, asked, home, begun.hands, tell, confirm)


# --- beginning ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    plan: tuple[str, ...]
    hands: Hands
    journal: Journal | None = None
    """None: there is nothing to do, and the plan says so."""
    wanted: Wanted | None = None


def _hands(config: str) -> ServiceHands | None:
    return find_hands(_config_of(config))


def _config_of(given: str) -> str:
    try:
        found = read_config(given or None)
    except ConfigFault as fault:
        raise UpdateRefused(str(fault), ExitCode.USAGE) from None
    if found.path is None:
        raise UpdateRefused(
            "there is no config.yaml here: name the one that is used with --config FILE", ExitCode.USAGE
        )
    return str(found.path)


def _refuse_frozen() -> None:
    if getattr(sys, "frozen", False):
        raise UpdateRefused(FROZEN, ExitCode.USAGE)


def _own_folder() -> Path:
    """Of the installation this program belongs to."""
    return Path(sys.executable).parent.parent


def _begun(asked: Asked, home: Home, services: ServiceHands | None, tell: Teller, *, is_dry: bool = False) -> _Begun:
    config = _config_of(asked.config)
    new = _wanted(asked, home)
    old, adopted = _old(asked, home, services, new.version)
    if old == new.version:
        return _Begun(plan=(f"version {old} is in use already",), hands=NoHands())
    if order_of(new.version) < order_of(old):
        raise UpdateRefused(f"{new.version} is older than {old}, which is in use: terrace rollback --to {new.version}")
    hands, files = _looked_at(config, services)
    _refuse_private(hands, home)
    folder = adopted or home.folder(old)
    notes = _well(config, hands, files, home)
    if adopted is not None and not is_dry:
        home.adopt(old, adopted)
        tell(f"{adopted} is taken in as version {old}: {home.current_link}")
    plan = [
        f"update from {old} ({folder}) to {new.version}, in {home.path}",
        "  1 install it beside the old one, which goes on trading; let it judge the config",
        "  2 back the store up, restore a copy from the backup, try the new version on the copy without any order",
        "  3 ask you",
        "  4 " + _switch_words(hands, asked),
        "  5 if anything is not as before: back to the old version, by itself",
        *(f"note: {note}" for note in notes),
    ]
    journal = _journal(Kind.UPDATE, old, new.version, config, home, hands, asked)
    return _Begun(plan=tuple(plan), hands=hands, journal=None if is_dry else journal, wanted=new)


def _wanted(asked: Asked, home: Home) -> Wanted:
    if asked.given and home.is_complete(asked.given):
        return Wanted(version=asked.given, source="")  # It is there, from an update that was rolled back.
    return wanted(asked.given, find_links=asked.find_links, is_offline=asked.is_offline)


def _refuse_private(hands: Hands, home: Home) -> None:
    """The account of the system's services reads nobody's home."""
    if hands.scope == Scope.SYSTEM and any(home.path.is_relative_to(private) for private in ("/root", "/home")):
        words = f"the account that runs the system's services cannot read {home.path}: say --home /opt/terrace"
        raise UpdateRefused(words, ExitCode.USAGE)


def _switch_words(hands: Hands, asked: Asked) -> str:
    if not hands.scope:
        return "switch; nothing runs here now, and you start it"
    return (
        f"stop the old, copy the store at rest, start the new ({hands.scope} services), watch it for "
        f"{asked.watch_s:.0f} s. Trading pauses for a stop and a start; alerts are kept by the forwarder"
    )


def _old(asked: Asked, home: Home, services: ServiceHands | None, new: str) -> tuple[str, Path | None]:
    """The version in use; the folder to take in where it does not lie in the home yet."""
    if home.current():
        return home.current(), None
    folder = asked.adopt or (services.program() if services is not None else None)
    if folder is None and own_version() != new and (_own_folder() / "bin" / "terraced").is_file():
        folder = _own_folder()
    if folder is None:
        words = f"{home.path} holds no version yet, and which program is used now? Say --adopt DIR, its environment"
        raise UpdateRefused(words, ExitCode.USAGE)
    folder = folder.expanduser().absolute()
    other = Home(folder.parent)
    if folder == other.current_link and other.versions.is_dir():
        words = f"{folder} is what another home uses: say --home {other.path}"
        raise UpdateRefused(words, ExitCode.USAGE)
    told = Program(version="", folder=folder, config="").told_version()
    if not told:
        raise UpdateRefused(
            f"{folder} holds no Terrace that runs: {folder / 'bin' / 'terrace'} --version", ExitCode.USAGE
        )
    return told, folder


def _looked_at(config: str, services: ServiceHands | None) -> tuple[Hands, Files]:
    """Who stops and starts. Refused where a daemon runs that nobody here can start again."""
    files = Files.of(read_config(config))
    try:
        pid = holder(files.data_dir)
    except StepFailed as failed:
        raise UpdateRefused(str(failed), ExitCode.NOT_PERMITTED) from None
    _refuse_account(services)
    if pid is None:
        return NoHands(services), files
    if services is None or (services.pid() and pid not in (0, services.pid())) or not services.pid():
        who = f"a daemon (pid {pid}) runs and is no service of this machine"
        raise UpdateRefused(f"{who}: stop it and repeat, then start it again yourself; or make it one: {SERVICE}")
    return services, files


def _refuse_account(services: ServiceHands | None) -> None:
    """Found out before anything is stopped, not by the stop."""
    if services is not None and services.scope == Scope.SYSTEM and os.geteuid():
        raise UpdateRefused("the system's services are root's to stop and start: sudo", ExitCode.NOT_PERMITTED)


def _well(config: str, hands: Hands, files: Files, home: Home) -> list[str]:
    """What stands; UpdateRefused where that is no state to update from."""
    there = next(path for path in (home.path, *home.path.parents) if path.exists())
    if words := refuse_room(files, there):
        raise UpdateRefused(words)
    services = hands if isinstance(hands, ServiceHands) else getattr(hands, "services", None)
    if services is not None and (words := services.refuse_strange(home)):
        raise UpdateRefused(words)
    if not hands.scope:
        return []
    run = Session(flags=TargetFlags(config=config))
    try:
        if not run.client.is_serving():
            raise UpdateRefused("the daemon is not ready: terrace doctor", ExitCode.UNAVAILABLE)
        now = seen.look(run)
    except ClientError as error:
        raise UpdateRefused(f"{error.message}: terrace doctor", ExitCode.UNAVAILABLE) from None
    finally:
        run.close()
    return [*now["critical"].values(), *now["degraded"].values()]


def _journal(kind: Kind, old: str, new: str, config: str, home: Home, hands: Hands, asked: Asked) -> Journal:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return Journal(
        kind=kind,
        stage=Stage.INSTALL,
        old=old,
        new=new,
        config=config,
        folder=str(home.works / f"{stamp}-{kind.value}-{new}"),
        scope=hands.scope,
        parts=hands.running(),
        ready_s=asked.ready_s,
        watch_s=asked.watch_s,
        options={"accept_loss": asked.accept_loss, "previous": home.previous()},
    )


def _begun_back(asked: Asked, home: Home, services: ServiceHands | None) -> _Begun:
    old, new = home.current(), asked.to or home.previous()
    if not new or not home.is_complete(new):
        there = ", ".join(version for version in home.installed() if version != old) or "none"
        raise UpdateRefused(f"there is no version {new or 'before this one'}; installed: {there}", ExitCode.NOT_FOUND)
    if new == old:
        return _Begun(plan=(f"version {old} is in use already",), hands=NoHands())
    if order_of(new) > order_of(old):
        raise UpdateRefused(f"{new} is newer than {old}: terrace update {new}", ExitCode.USAGE)
    config = _config_of(asked.config)
    hands, files = _looked_at(config, services)
    notes = _well(config, hands, files, home)
    plan = [
        f"rollback from {old} to {new}, in {home.path}",
        "  1 back the store up; bring a copy down and see what is lost; refused if that is more than remarks",
        "  2 ask you",
        "  3 stop the new, bring the store down (it keeps what happened), start the old, watch it",
        *(f"note: {note}" for note in notes),
    ]
    journal = _journal(Kind.ROLLBACK, old, new, config, home, hands, asked)
    return _Begun(plan=tuple(plan), hands=hands, journal=None if asked.dry_run else journal)


def _planned(begun: _Begun) -> Ended:
    is_plan = len(begun.plan) > 1
    words = "" if is_plan else begun.plan[0]
    return Ended(state="planned" if is_plan else "nothing", old="", new="", words=words, plan=begun.plan)


# --- going on -------------------------------------------------------------------------------------


def _gone_on(journal: Journal, asked: Asked, home: Home, tell: Teller, confirm: Callable[[str], None]) -> Ended:
    journal = _of_now(resumed(journal), home)
    newer = Program(version=journal.newer, folder=home.folder(journal.newer), config=journal.config)
    if not asked.go_on:
        where = "on the way back" if journal.is_return else f"to {journal.new}"
        tell(f"the {journal.kind.value} from {journal.old} {where} is gone on with, at: {journal.stage.value}")
        save(home.journal, journal)
        becoming(journal.config, home, asked.passed_on)(newer)
    hands: Hands = NoHands(find_hands(journal.config)) if not journal.scope else NoHands()
    if journal.scope:
        found = find_hands(journal.config, journal.scope)
        _refuse_account(found)
        if found is None:
            raise UpdateRefused(f"the services ({journal.scope}) it began with are gone: {SERVICE}")
        hands = found
    return _run(journal, asked, home, hands, tell, confirm)


def _of_now(journal: Journal, home: Home) -> Journal:
    """One that died long ago: a version has traded since. What it knew of the groups says nothing any more, and the
    copy it made of the store is put back by nobody but a person."""
    if time.time() - home.journal.stat().st_mtime < STALE_S:
        return journal
    return replace(journal, seen={}, options={**journal.options, "is_stale": True})


def _take_away(journal: Journal, home: Home, tell: Teller) -> Ended:
    """One that died before it switched anything."""
    work = Work(home=home, hands=NoHands(), tell=tell, ask=lambda _: None, go_on_as=lambda _: None)
    give_up(journal, work, _book(home))
    words = (
        f"the {journal.kind.value} to {journal.new} had come to {journal.stage.value}: nothing was switched, it is gone"
    )
    tell(words)
    return Ended(state="done", old=journal.old, new=journal.old, words=words)


def _run(
    journal: Journal,
    asked: Asked,
    home: Home,
    hands: Hands,
    tell: Teller,
    confirm: Callable[[str], None],
    new: Wanted | None = None,
) -> Ended:
    folder = Path(journal.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tell.file = folder / LOG
    become = becoming(journal.config, home, asked.passed_on)
    work = Work(home=home, hands=hands, tell=tell, ask=confirm, go_on_as=become, wanted=new)
    book = _book(home)
    with _undisturbed(book, tell) as kept:
        try:
            ended = advance(journal, work, kept)
        except Stuck as stuck:
            words = (
                f"{stuck}\nTHE WAY BACK FAILED. The journal is kept: mend that, then `terrace rollback` goes on. "
                f"What was done: {tell.file}. The store as it was when {journal.old} was stopped: {folder / 'at-rest'}"
            )
            raise UpdateRefused(words, ExitCode.UNKNOWN) from None
    return _ended(ended, home)


def _ended(journal: Journal, home: Home) -> Ended:
    if journal.is_return:
        words = f"{journal.new} was taken back: {journal.reason}\n{journal.old} is in use, as before"
    else:
        words = f"{journal.new} is in use"
    if not journal.scope:
        program = home.current_link / "bin" / "terrace"
        words += f"; nothing was started: that is yours to do, with {program} (one elsewhere stays the version it is)"
    return Ended(
        state="went_back" if journal.is_return and journal.reason != BY_HAND else "done",
        old=journal.old,
        new=journal.new,
        words=words,
        pause_ms=journal.paused_ms,
        backup=journal.backup,
        notes=journal.notes,
    )


def _book(home: Home) -> Book:
    return Book(save=lambda journal: save(home.journal, journal), clear=lambda: clear(home.journal))


@contextlib.contextmanager
def _undisturbed(book: Book, tell: Teller) -> Iterator[Book]:
    """Ctrl-C and SIGTERM are a failed step, so that it goes back; on the way back they are not heeded. A terminal that
    hangs up ends nothing."""
    is_returning = False

    def keep(journal: Journal) -> None:
        nonlocal is_returning
        is_returning = journal.is_return
        book.save(journal)

    def interrupted(number: int, _frame: Any) -> None:
        if is_returning:
            tell("not now: it goes back, which takes a moment")
            return
        raise StepFailed(f"interrupted ({signal.Signals(number).name})")

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield replace(book, save=keep)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
