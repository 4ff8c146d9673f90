"""The questions of `terrace init`, one by one; each answer is judged at once and asked for again where it is wrong.

Questions go to standard error, so that standard output holds the answer alone. Keys are read without an echo.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from control.exits import ExitCode
from control.printer import say
from control.session import Stop
from control.setup import answers as given
from control.setup.answers import Answers, Facts, WrongAnswer

Value = TypeVar("Value")
_KEYS = {"api_key": "API key", "api_secret": "API secret", "passphrase": "Passphrase of the key"}
AGAIN, STORE, QUIT = "again", "store", "quit"


def ask_for_missing(answers: Answers, facts: Facts, *, with_keys: bool = True) -> bool:
    """Asks for everything that is not answered yet. Whether anything was asked."""
    before, keys = repr(answers), len(answers.keys)
    if answers.exchange is None:
        say("Enter takes what stands in brackets; Ctrl-C ends it, and nothing is done.")
        answers.exchange = _asked(
            "Exchange", lambda text: given.one_of(text, facts.exchanges), facts.exchanges, "paper"
        )
    _ask_account(answers, facts)
    if with_keys:
        ask_for_keys(answers, facts)
    _ask_sizes(answers, facts)
    return repr(answers) != before or len(answers.keys) != keys


def ask_for_keys(answers: Answers, facts: Facts) -> None:
    for name in answers.wanted_keys(facts):
        if name not in answers.keys:
            answers.keys[name] = _hidden(_KEYS[name])


def ask_after_refusal(words: str) -> str:
    """What to do with a key that the exchange does not take, or could not be asked about: AGAIN, STORE or QUIT."""
    say(f"The key could not be confirmed: {words}")
    choices = (AGAIN, STORE, QUIT)
    return _asked("Other keys, store these all the same, or quit", lambda text: _choice(text, choices), choices, AGAIN)


def _choice(text: str, choices: tuple[str, ...]) -> str:
    """A word, or its first letter."""
    word = text.strip().lower()
    return given.one_of(next((each for each in choices if word and each.startswith(word)), text), choices)


def agree(question: str) -> None:
    """Anything but yes or Enter ends the command."""
    if _line(f"{question} [Y/n] ").strip().lower() not in ("", "y", "yes"):
        raise Stop("cancelled, nothing was done", ExitCode.CANCELLED)


def _ask_account(answers: Answers, facts: Facts) -> None:
    exchange = answers.exchange or given.PAPER
    if answers.account is None:
        answers.account = _asked("Name of the account", lambda text: given.name(text, facts), (), exchange)
    if answers.market is None:
        answers.market = _asked("Market", lambda text: given.one_of(text, facts.markets), facts.markets, "spot")
    if answers.world is None and not answers.is_paper:
        worlds = facts.worlds(exchange)
        if worlds == (given.LIVE,):
            say(f"{exchange} has no testnet: this account trades real money")
        answers.world = _asked("World", lambda text: given.one_of(text, worlds), worlds, given.TESTNET)


def _ask_sizes(answers: Answers, facts: Facts) -> None:
    if answers.capital is None:
        answers.capital = _asked(
            f"Capital of one entry (pyramid), in {facts.currency}", given.amount, (), facts.capital
        )
    if answers.ladder is None:
        say("Ladder: for each leg GAP:WEIGHT:TARGET in percent: below the entry, of the capital, above its own price.")
        shipped = given.shown_ladder(facts.ladder)
        answers.ladder = _asked("Ladder", lambda text: given.ladder(text, facts), (), shipped)
    if answers.pool is None:
        answers.pool = _asked(
            "Pool: groups open at the same time", lambda text: given.pool(text, facts), (), str(facts.pool)
        )
    most = Decimal(answers.capital) * answers.pool * facts.pyramids
    say(
        f"At most {answers.pool} groups of up to {facts.pyramids} entries of {answers.capital}: "
        f"{most:f} {facts.currency} in use."
    )


def _asked(question: str, judge: Callable[[str], Value], allowed: tuple[str, ...], default: str) -> Value:
    """Until the answer is one. Enter takes the default, where that is one of those allowed."""
    has_default = not allowed or default in allowed
    words = f" ({', '.join(allowed)})" if allowed else ""
    prompt = f"{question}{words}{f' [{default}]' if has_default else ''}: "
    while True:
        text = _line(prompt).strip()
        try:
            return judge(text or (default if has_default else ""))
        except WrongAnswer as wrong:
            say(f"  {wrong}")


def _hidden(question: str) -> str:
    while True:
        try:
            text = getpass.getpass(f"{question} (not shown): ", stream=sys.stderr)
        except EOFError:
            raise _ended() from None
        try:
            return given.key(text)
        except WrongAnswer as wrong:
            say(f"  {wrong}")


def _line(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    text = sys.stdin.readline()
    if not text:
        say("")
        raise _ended()
    return text


def _ended() -> Stop:
    return Stop("the input ended, nothing was done", ExitCode.CANCELLED)
