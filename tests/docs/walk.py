"""Follows a page word by word."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.docs.matching import MORE, Names, Wrong, compare, completed
from tests.docs.page import Deed, Line, Step
from tests.docs.place import Place
from tests.docs.terminal import Terminal

STEP_S = 90.0
"""Longer than anything takes on a machine that is busy; a wait ends as soon as it can."""
SERVES = re.compile(r"^(?:make run|(?:\S*/)?terrace (?:--\S+ \S+ )*(?:up|forward|panel))\b")
"""What goes on until it is stopped. Everything else ends by itself."""
SHOWS = re.compile(
    r"^terrace (?:--\S+ \S+ )*"
    r"(?:status|doctor|report profit|(?:group|queue|signal|risk|account) (?:list|show|history|preview))\b"
)
"""What changes nothing. Where it is not yet as the page says one looks again: a busy machine takes its time."""
AGAIN_S = 0.5
OWN_WORDS = re.compile(r"^(terrace|terraced|curl|bash|cat): ", re.MULTILINE)
_ANSWER = re.compile(r"\[[yY]/[nN]\]:? (\S+)$")


class PageWrong(AssertionError):
    """The page says something else than is seen. The words name the line."""


@dataclass
class Walk:
    """Who follows it. `told` gets each step with what was seen, for somebody who writes the page."""

    page: str
    place: Place
    told: Callable[[Step, str], None] | None = None
    step_s: float = STEP_S
    ends_s: float = STEP_S
    """How long the next command waits for what runs, as a person waits for the prompt."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """What is typed in place of what cannot be, such as fetching from somewhere."""
    terminals: dict[str, Terminal] = field(default_factory=dict)
    _read: dict[str, int] = field(default_factory=dict)
    """How much of each terminal the page has spoken of."""
    _names: Names = field(default_factory=Names)

    def follow(self, steps: list[Step]) -> None:
        """Raises PageWrong where the page is not right; ends what was started in any case."""
        __tracebackhide__ = True
        try:
            for step in steps:
                self._do(step)
        finally:
            for terminal in self.terminals.values():
                terminal.close()

    def _do(self, step: Step) -> None:
        __tracebackhide__ = True
        if step.terminal not in self.terminals:
            self.terminals[step.terminal] = Terminal(self.place.environ, self.place.home)
            self._read[step.terminal] = 0
        terminal = self.terminals[step.terminal]
        if step.deed is Deed.TYPE:
            if not terminal.wait(self.ends_s):
                raise PageWrong(f"{self._at(step.at)}: something runs in {step.terminal} that was not stopped")
            used = self._type(step, terminal)
        else:
            if step.deed is Deed.PRESS:
                terminal.press("\x03")
            used = self._watch(step, terminal)
        self._judge(step, terminal, used)

    def _type(self, step: Step, terminal: Terminal) -> int | Wrong:
        """Once; what only shows, until it shows what the page says or the time is over."""
        typed, limit = self._typed(step.at), time.monotonic() + self.step_s
        while True:
            self._read[step.terminal] = len(terminal.text)
            terminal.type(typed)
            used = self._watch(step, terminal)
            may_look_again = SHOWS.match(step.at.text) and terminal.code is not None and self.told is None
            if not isinstance(used, Wrong) or not may_look_again or time.monotonic() > limit:
                return used
            time.sleep(AGAIN_S)

    def _typed(self, at: Line) -> str:
        if at.text in self.instead:
            return self.instead[at.text]
        command = at.text
        if MORE in command:
            shown = [line for each in self.terminals.values() for line in self.place.as_page(each.text).splitlines()]
            found = completed(command, shown)
            if found is None:
                raise PageWrong(f"{self._at(at)}: no line like this was shown before: {command}")
            command = found
        return self._names.of_page(self.place.of_page(command))

    def _watch(self, step: Step, terminal: Terminal) -> int | Wrong:
        """Until the page is satisfied, what was typed has ended or the time is over; answers what is asked."""
        may_run_on = _may_run_on(step)
        answers = [found[1] for line in step.expected if (found := _ANSWER.search(line.text))]
        limit = time.monotonic() + self.step_s
        while True:
            if terminal.is_asked and answers:
                terminal.answer(answers.pop(0))
            has_ended = terminal.code is not None
            used = self._compared(step, terminal, open_end=not has_ended)
            if (has_ended and step.deed is not Deed.LOOK) or (may_run_on and not isinstance(used, Wrong)):
                break
            if time.monotonic() > limit or (has_ended and not terminal.read(1.0)):
                break
            terminal.read(limit - time.monotonic())
        return used

    def _judge(self, step: Step, terminal: Terminal, used: int | Wrong) -> None:
        __tracebackhide__ = True
        for other in self.terminals.values():
            other.read(0)
        seen = terminal.text[self._read[step.terminal] :]
        if self.told is not None:
            self.told(step, self.place.as_page(seen))
        if isinstance(used, Wrong):
            if self.told is None:
                raise PageWrong(self._words(step, used, seen))
        elif step.deed is not Deed.PRESS and terminal.code is None and not _may_run_on(step):
            raise PageWrong(f"{self._at(step.at)}: `{step.at.text}` has not ended after {self.step_s:.0f} s")
        self._judge_end(step, terminal)
        if not isinstance(used, Wrong):
            lines = seen.split("\n")
            self._read[step.terminal] += len("\n".join(lines[:used])) + (used > 0)

    def _compared(self, step: Step, terminal: Terminal, *, open_end: bool) -> int | Wrong:
        seen = self.place.as_page(terminal.text[self._read[step.terminal] :])
        lines = seen.split("\n")
        if open_end:
            lines = lines[:-1]  # The last is not written to its end.
        return compare(
            step.expected,
            lines,
            self._names,
            prices=step.has_made_up_prices,
            open_end=open_end or (step.deed is Deed.LOOK),
        )

    def _judge_end(self, step: Step, terminal: Terminal) -> None:
        """What failed without the page saying so."""
        shown = "\n".join(line.text for line in step.expected)
        if step.deed is Deed.TYPE and terminal.code and not OWN_WORDS.search(shown) and self.told is None:
            raise PageWrong(f"{self._at(step.at)}: `{step.at.text}` ended with exit code {terminal.code}")
        if step.deed is Deed.PRESS and terminal.code is None:
            raise PageWrong(f"{self._at(step.at)}: Ctrl-C did not end it")

    def _words(self, step: Step, wrong: Wrong, seen: str) -> str:
        at = wrong.expected or step.at
        shown = self.place.as_page(seen)
        return "\n".join(
            [
                f"{self._at(at)}: not what is seen" + (f" after `{step.at.text}`" if step.at.text else ""),
                f"  expected  {wrong.expected.text if wrong.expected else '(nothing more)'}",
                f"  seen      {wrong.seen if wrong.seen is not None else '(nothing more)'}",
                "  all that was seen:",
                *(f"    {line}" for line in shown.splitlines()[-80:]),
                *self._elsewhere(step.terminal),
            ]
        )

    def _elsewhere(self, terminal: str) -> list[str]:
        """The end of what the other terminals show: mostly there is the reason."""
        found = []
        for name, other in self.terminals.items():
            if name != terminal:
                lines = self.place.as_page(other.text).splitlines()[-20:]
                found += [f"  the end of {name}:", *(f"    {line[:300]}" for line in lines)]
        return found

    def _at(self, line: Line) -> str:
        return f"{self.page}:{line.number}"


def _may_run_on(step: Step) -> bool:
    return step.deed is Deed.LOOK or (step.deed is Deed.TYPE and SERVES.search(step.at.text) is not None)
