"""What helps with each exit code, of `terrace` and of `terraced`."""

from __future__ import annotations

from collections.abc import Mapping

from control.exits import ExitCode
from daemon.commands import canary, common
from tests.troubles.entry import NOTHING, Entry

NOT_FOUND = 3
"""Of `terraced token`, `source` and `config`."""

REMEDIES: Mapping[ExitCode, str] = {
    ExitCode.DONE: NOTHING,
    ExitCode.FAILED: "Read the line on standard error; `terrace doctor` looks at everything and says what helps.",
    ExitCode.USAGE: "Mend the option, file or field it names; `--help` of the command says what may stand there.",
    ExitCode.NOT_FOUND: "List what there is (`terrace group list --all`, `terrace signal list`, ...) and name that.",
    ExitCode.NOT_PERMITTED: "See {reason:UNAUTHENTICATED} and {reason:PERMISSION_DENIED}: another token, or a "
    "role that may.",
    ExitCode.UNAVAILABLE: "Start it (`terrace up`, or its service) or wait; `terrace doctor` tells why it does not "
    "answer.",
    ExitCode.REFUSED: "The reason stands in brackets at the end of the line: look it up [here](#reasons).",
    ExitCode.UNKNOWN: "Look whether it was done (`terrace group list`, `terrace log search`). Repeated under the same "
    "`--request-id` it is done once.",
    ExitCode.CANCELLED: NOTHING,
}

OF_THE_DAEMON: Mapping[int, Entry] = {
    common.DONE: Entry("it was stopped in peace, or the command is done", NOTHING),
    common.FAILED: Entry(
        "it could not start, or the command found something wrong or could not do it",
        "The last line on standard error says why ([what it may say](#what-a-program-says-when-it-stops)). A service "
        "tries again after five seconds.",
    ),
    common.FAULTY: Entry(
        "usage, or a faulty configuration",
        "`terraced --check` lists every fault with its line. A systemd service is not tried again: mend the file, "
        "then `terrace service start`.",
    ),
    NOT_FOUND: Entry("there is no such token, source or key", "`terrace token list`, `terrace source list`."),
    canary.NOT_READY: Entry(
        "`terraced canary`: an account could not be opened or compared in time",
        "The line names it: its key, or the network. Credentials of a systemd unit exist only inside it.",
    ),
    canary.DIFFERS: Entry(
        "`terraced canary`: the new version, the copy and the exchange do not agree",
        "Do not update: `differences` in its answer says what and where ([canary.md](canary.md)).",
    ),
    common.CANCELLED: Entry("a question was not answered with yes; nothing was done", NOTHING),
    common.INTERRUPTED: Entry(
        "Ctrl-C, while `terrace replay`, `audit verify` or a canary was at work", "Start it again."
    ),
}

BY_A_SIGNAL: Mapping[int, Entry] = {
    137: Entry(
        "killed with SIGKILL: by a person, or by the system for want of memory",
        "`journalctl -k` or `dmesg` says whether memory ran out. Start it again: it goes on where it was.",
    ),
    143: Entry("ended by SIGTERM before it could end by itself", "Start it again."),
}
"""What a shell shows of a program that was killed: 128 and the signal's number."""
