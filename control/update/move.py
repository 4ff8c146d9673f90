"""The order of an update or rollback, and of its way back: here is only what follows what.

Each step is written down before it is begun, and each from STOP on may be done again, so that a death at any moment is
gone on with. A step that fails before STOP gives up: nothing was touched. One that fails later turns round, and the
same steps lead back. One that fails on the way back leaves the journal, for a person to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from control.update.journal import ORDER, Journal, Stage
from control.update.refused import StepFailed, UpdateRefused


class Deeds(Protocol):
    """What is done at each step."""

    def do(self, journal: Journal) -> Journal:
        """The step `journal.stage`; what was found out is in the answer. StepFailed, UpdateRefused before STOP."""
        ...

    def give_up(self, journal: Journal) -> None:
        """Takes away what was prepared. Nothing was switched."""
        ...

    def close(self, journal: Journal) -> Journal:
        """The end, whichever version is in use: takes away what nobody needs any more."""
        ...


class Stuck(Exception):
    """The way back failed. The journal stays; words for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Where the journal is kept."""

    save: Callable[[Journal], None]
    """Durable when it returns. OSError."""
    clear: Callable[[], None]


def advance(journal: Journal, deeds: Deeds, book: Book) -> Journal:
    """To the end, from the step the journal names. The journal as it ended: `is_return` where it went back.

    UpdateRefused where it was given up with nothing switched; Stuck where it could not be taken back.
    """
    is_written = journal.is_switching  # It was read from there.
    while True:
        failed = ""
        try:
            if not is_written:
                _save(journal, book)
            is_written = False
            journal = deeds.do(journal)
        except (StepFailed, OSError) as error:
            failed = str(error) or type(error).__name__
        except UpdateRefused as refused:
            if _may_give_up(journal):
                give_up(journal, deeds, book)
                raise
            failed = str(refused)
        except Exception as error:  # A config somebody edits, a broken store, a bug: it has to go back all the same.
            failed = f"{type(error).__name__}: {error}"
        if failed and not journal.is_switching:
            give_up(journal, deeds, book)
            raise UpdateRefused(f"{failed}\nNothing was switched: {journal.old} goes on as before")
        if failed and journal.is_return:
            raise Stuck(failed)
        if failed:
            journal = journal.turned(failed)
        elif journal.stage is ORDER[-1]:
            break
        else:
            journal = replace(journal, stage=ORDER[ORDER.index(journal.stage) + 1])
    journal = deeds.close(journal)
    book.clear()
    return journal


def _may_give_up(journal: Journal) -> bool:
    """Whether nothing that trades was touched. STOP may refuse by itself: where somebody else runs a daemon."""
    return not journal.is_return and (not journal.is_switching or journal.stage is Stage.STOP)


def resumed(journal: Journal) -> Journal:
    """The step a switch is gone on with after a death. Meanwhile a person, or a restart of the machine, may have
    started what the link named: up to the start it is stopped once more, where there are services to do it by."""
    if journal.scope and journal.stage in (Stage.REST, Stage.LINK, Stage.CONVERT, Stage.START):
        return replace(journal, stage=Stage.STOP)
    return journal


def _save(journal: Journal, book: Book) -> None:
    """Without it no switch is begun. From then on a full disk is no obstacle: what the journal says then is an earlier
    step, which may be repeated."""
    try:
        book.save(journal)
    except OSError as error:
        if journal.is_return or (journal.is_switching and journal.stage is not Stage.STOP):
            return
        words = f"how far it has come cannot be written down: {error.strerror or error}"
        raise UpdateRefused(f"{words}\nNothing was switched: {journal.old} goes on as before") from None


def give_up(journal: Journal, deeds: Deeds, book: Book) -> None:
    """Before STOP: as if it had never begun."""
    deeds.give_up(journal)
    book.clear()
