"""Builds docs/troubleshooting.md out of the tables here, those of the program, and what `found` reads from the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import grpc

from actors.rules.model import Reason
from actors.rules.notice_words import WORDS, Words
from actors.rules.notifying import TOLD_WITHOUT_ALERT
from control.errors import RpcFailure, decode
from control.manual import CODES
from daemon.api.errors import CODE_OF, ApiReason, Failed, code_of, to_status
from daemon.api.story_words import WHY
from tests.troubles import answers, found
from tests.troubles.entry import Entry, cell, sentence
from tests.troubles.exits import BY_A_SIGNAL, OF_THE_DAEMON, REMEDIES
from tests.troubles.reasons import OF_A_CALL, OF_THE_API
from tests.troubles.states import STATES
from tests.troubles.symptoms import SYMPTOMS

PAGE = found.ROOT / "docs" / "troubleshooting.md"
_LINK = re.compile(r"\{(reason|state|alert):([A-Z_]+)\}")
_HEAD = """# Troubleshooting

Written by `make troubles` from the tables the program itself speaks by; a test fails when the program can say a word
that is not here. Start with what you see:

{index}

`terrace doctor` looks at configuration, daemon, accounts, alerts, backups, forwarder, clock and disk, and says what
helps; [operations.md](operations.md) tells how Terrace goes on while something is broken. Have a word that it said?
Search this page for it:

- [Reasons](#reasons): why something was refused, waits, or was decided so. In brackets at the end of a refused command
  (`[POOL_FULL]`), in the column WHY of lists, as `reason` in JSON and as `ErrorInfo.reason` over gRPC.
- [Degraded states](#degraded-states): of `terrace status` and `terrace engine status`.
- [Alerts and messages](#alerts-and-messages): of `terrace alert list` and of the channels.
- [Exit codes](#exit-codes), [what the forwarder answers](#what-the-forwarder-answers),
  [faults of an alert's body](#faults-of-an-alerts-body), [what the panel answers](#what-the-panel-answers),
  [what a program says when it stops](#what-a-program-says-when-it-stops).
"""


def page() -> str:
    """The whole page. KeyError where a link leads to no entry."""
    parts = [
        _HEAD.format(index="\n".join(f"- [{one.title}](#{slug(one.title)})" for one in SYMPTOMS)),
        *_symptoms(),
        *_reasons(),
        *_states(),
        *_alerts(),
        *_exits(),
        *_answers(),
        *_refusals(),
    ]
    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(_link, "\n".join(parts))).rstrip() + "\n"


def reasons() -> Mapping[str, Entry]:
    """Every reason, by its name. What the engine and the API both say has both meanings."""
    entries = {reason.value: _sentences(Entry(*WHY[reason])) for reason in Reason}
    for reason, given in {**OF_A_CALL, **OF_THE_API}.items():
        call, other = _sentences(given), entries.get(reason.value)
        if other is not None:
            what = "an account" if isinstance(reason, ApiReason) else "a signal or order"
            call = Entry(*(f"Of a call: {one} Of {what}: {two}" for one, two in zip(call, other, strict=True)))
        entries[reason.value] = call
    return dict(sorted(entries.items()))


def alerts() -> Mapping[str, Words]:
    """Every type of alert, with its words; those that tell of nothing amiss stay out."""
    return {name: WORDS[name] for name in sorted(WORDS) if name not in TOLD_WITHOUT_ALERT}


def slug(title: str) -> str:
    """The anchor of a heading, as GitHub and mkdocs make it."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def anchor(kind: str, name: str) -> str:
    return f"{kind}-{name.lower().replace('_', '-')}"


# --- the parts ------------------------------------------------------------------------------------


def _symptoms() -> Iterator[str]:
    yield "## By symptom\n"
    for one in SYMPTOMS:
        yield f"### {one.title}\n\nLook first: {one.look}\n"
        yield from _table(("you see", "what it is, what helps"), one.causes)


def _reasons() -> Iterator[str]:
    yield "## Reasons\n"
    rows = [(_named("reason", name), *entry) for name, entry in reasons().items()]
    yield from _table(("reason", "cause", "remedy"), rows)
    yield "### Over gRPC\n"
    yield (
        "The code that goes with each reason, and the exit code of `terrace`. Every reason that is not listed is "
        f"`{code_of(Reason.POOL_FULL).name}` and {_exit_of(Reason.POOL_FULL)}: the engine understood and said no.\n"
    )
    by_code: dict[tuple[str, int], list[str]] = {}
    for reason in (*CODE_OF, *(one for one in ApiReason if one not in CODE_OF)):
        by_code.setdefault((code_of(reason).name, _exit_of(reason)), []).append(reason.value)
    table = (
        (f"`{code}`", str(number), ", ".join(_linked("reason", name) for name in sorted(set(names))))
        for (code, number), names in sorted(by_code.items())
    )
    yield from _table(("gRPC", "exit code", "reasons"), table)


def _states() -> Iterator[str]:
    yield "## Degraded states\n"
    yield "What each means for entries and exits in turn stands in [operations.md](operations.md#degraded-states).\n"
    rows = [(_named("state", name), *_sentences(entry)) for name, entry in sorted(STATES.items())]
    yield from _table(("state", "cause", "remedy"), rows)


def _alerts() -> Iterator[str]:
    yield "## Alerts and messages\n"
    yield (
        "By the type that `terrace alert list` and `types` of a channel use. Each stands until its cause is gone or "
        "somebody acknowledges it with `terrace alert ack ALERT` ([alerts.md](alerts.md)).\n"
    )
    rows = [
        (_named("alert", name), sentence(f"{words.title}. {words.meaning}"), sentence(words.remedy))
        for name, words in alerts().items()
    ]
    yield from _table(("alert", "cause, what it means", "remedy"), rows)
    told = ", ".join(f"`{name}`" for name in sorted(TOLD_WITHOUT_ALERT))
    yield f"Messages without an alert, of which nothing is amiss or somebody wanted it: {told}.\n"


def _exits() -> Iterator[str]:
    yield "## Exit codes\n\n### Of `terrace`\n"
    rows = [(f"`{int(code)}`", sentence(words), REMEDIES[code]) for code, words in CODES.items()]
    yield from _table(("code", "means", "what helps"), rows)
    yield "What is handed to `terraced` (`token`, `source`, `db`, `replay`, parts of `backup`) ends with its codes.\n"
    yield "### Of `terraced`, and of the forwarder and the panel as services\n"
    both = {**OF_THE_DAEMON, **BY_A_SIGNAL}
    yield from _table(
        ("code", "means", "what helps"), ((f"`{code}`", *_sentences(both[code])) for code in sorted(both))
    )


def _answers() -> Iterator[str]:
    yield "## What the forwarder answers\n"
    yield "JSON with `error` and `reason`; a sender may repeat whatever was not answered 200 or 202.\n"
    rows = [
        (f"{status} {f'`{reason}`' if reason else ''}".strip(), *_sentences(entry))
        for (status, reason), entry in answers.ANSWERS.items()
    ]
    yield from _table(("answer", "cause", "remedy"), rows)
    yield "## Faults of an alert's body\n"
    yield "`problems[].reason` of a 400, with `path`, `message` and, where it is no JSON, line and column.\n"
    faults = ((f"`{name}`", *_sentences(entry)) for name, entry in answers.FAULTS.items())
    yield from _table(("fault", "cause", "remedy"), faults)
    yield "## What the panel answers\n"
    yield "Its own reasons; those of the daemon come through as they are.\n"
    panel = ((f"`{name}`", *_sentences(entry)) for name, entry in answers.OF_THE_PANEL.items())
    yield from _table(("reason", "cause", "remedy"), panel)


def _refusals() -> Iterator[str]:
    yield "## What a program says when it stops\n"
    yield (
        "The daemon at its start, and the commands about store and backups. A faulty configuration is told by file, "
        "line and key, with what is allowed; what the vault says is in [secrets.md](secrets.md#the-vault).\n"
    )
    rows = ((f"`{problem}`", sentence(remedy)) for problem, remedy in (*found.refusals("daemon"), *_OTHERS))
    yield from _table(("it says", "what helps"), rows)


_OTHERS = (
    ("api.tls cannot be used: …", "Name certificate and key that fit together, the key without passphrase and readable "
     "for the daemon's user alone"),
    ("… cannot be listened on: …. Is another daemon running? Set api.address to another",
     "End what listens there (`ss -ltnp` names it), or set `api.address`"),
    ("… cannot be listened on: …. Set observe.address to another", "The same, for `observe.address`"),
    ("… can be written by everybody: chmod o-w …", "Do that: whoever may write there could take the socket's place"),
    ("a standby needs the audit key of the daemon that leads. …", "Copy `secrets/audit.key` from there"),
    ("this machine's audit key does not fit the trail in the store, which would break off at a takeover. …",
     "Copy `secrets/audit.key` from the daemon that leads"),
    ("the standby cannot listen: …", "Give it another `api.address`"),
    ("storage.standby needs the driver for PostgreSQL. …",
     "Install Terrace once more, with `[postgres]` behind its name: [install.md](install.md#extras)"),
    ("another forwarder uses …", "End that one, or give this one another `forwarder.spool`"),
    ("the panel is not installed: install Terrace once more, with [panel] behind its name",
     "In the same place and in the same way as before: [install.md](install.md#extras)"),
    ("panel.address: … can be reached from outside this machine, without TLS: …",
     "A proxy with TLS before it, or `panel.public: true` if it is meant"),
)  # fmt: skip
"""Where problem and remedy are not said apart. The test looks for the words in the code."""


def others() -> Iterable[str]:
    return (problem for problem, _ in _OTHERS)


# --- cells ----------------------------------------------------------------------------------------


def _table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(cell(text) for text in row)} |" for row in rows)
    yield ""


def _sentences(entry: Entry) -> Entry:
    return Entry(sentence(entry.cause), sentence(entry.remedy))


def _named(kind: str, name: str) -> str:
    return f'<a id="{anchor(kind, name)}"></a>`{name}`'


def _linked(kind: str, name: str) -> str:
    return f"[`{name}`](#{anchor(kind, name)})"


def _link(match: re.Match[str]) -> str:
    kind, name = match[1], match[2]
    known: Mapping[str, object] = {"reason": reasons, "state": lambda: STATES, "alert": alerts}[kind]()
    if name not in known:
        raise KeyError(f"{match[0]} leads nowhere")
    return _linked(kind, name)


class _Status(RpcFailure):
    """A refused call as the client gets it."""

    def __init__(self, reason: Reason | ApiReason) -> None:
        self._code, self._words, self._status = to_status(Failed(reason, "no"))

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._words

    def trailing_metadata(self) -> list[tuple[str, str | bytes]]:
        return [("grpc-status-details-bin", self._status)]


def _exit_of(reason: Reason | ApiReason) -> int:
    """The exit code the command line makes of it, found by its own decoder."""
    return int(decode(_Status(reason), is_change=True).exit_code)


def write(path: Path = PAGE) -> None:
    path.write_text(page(), encoding="utf-8")
