"""`make manual`: writes docs/cli.md from the commands themselves, so that the page cannot tell otherwise.

Each verb with what it does, its options and its examples. What is handed to `terraced` shows its own options with
`--help`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from control.cli import NOUNS, app
from control.exits import ExitCode
from control.quick import read_quickly

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
_EXAMPLES = "Examples:"
_MARK = "\b"
CODES = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "it failed, or a check found something wrong",
    ExitCode.USAGE: "usage, or faulty input",
    ExitCode.NOT_FOUND: "there is no such thing",
    ExitCode.NOT_PERMITTED: "not permitted: no token, or its role may not do this",
    ExitCode.UNAVAILABLE: "the daemon cannot be reached or is not ready; nothing was done",
    ExitCode.REFUSED: "the engine understood and said no",
    ExitCode.UNKNOWN: "a change was sent and no answer came: look before you repeat it",
    ExitCode.CANCELLED: "cancelled by you; nothing was done",
}
_HEAD = """# The command line

Written by `make manual` from the commands themselves. `terrace NOUN VERB --help` says the same on a terminal.

## In common

- **Where the daemon is** is found from the config file (`--config`, else `TERRACE_CONFIG`, else `config.yaml` here) and
  its data directory. `--address`, `--token-file` and the TLS options say otherwise; a *context* says it by name.
- **Contexts**: `terrace context add prod --address 10.0.0.5:7461 --token-file prod.token` names a daemon,
  `terrace --context prod status` asks it once, `terrace context use prod` from now on. What you name wins over the one
  in use, and so do `TERRACE_CONTEXT` and `TERRACE_CONFIG`. Programs that serve (`up`, `forward`, `panel`) never follow
  it, and work on files (`db`, `token`, `backup restore` ...) is refused while a daemon elsewhere is in use. A question
  before a change names the context.
- **Output**: `-o table` (for people), `-o wide` (every column, nothing cut), `-o json` and `-o yaml` (for programs;
  stable). Data goes to standard output, words about it to standard error. On a terminal too narrow for a table long
  texts are cut (`…`), and below 80 columns each row becomes a block; into a pipe nothing is cut. Times are UTC, with
  a `Z`. Numbers have no thousands separators: they can be pasted back. Colour carries nothing that is not also said
  in words, and `NO_COLOR` turns it off.
- **`--watch [S]`** on what only shows: again every S seconds (2), until Ctrl-C. Into a pipe a frame is
  written when it differs. While the daemon is away it says so and goes on.
- **`--dry-run`** says what would be done. **`--yes`** answers the question that names account and world.
- **`--request-id ID`** makes a repeated request harmless: what was done once under an id is not done again.
- **Completion**: `source <(terrace completion bash)`; it also knows your accounts, groups, symbols and contexts.

## Exit codes

"""


def page() -> str:
    """The whole page."""
    import typer

    read_quickly()
    root: Any = typer.main.get_command(app)
    context = typer.Context(root, info_name="terrace")
    lines = [_HEAD + "\n".join(f"- `{int(code)}` {words}" for code, words in CODES.items()), "", "## Commands", ""]
    lines += [f"- [`terrace {name}`](#terrace-{name}): {words}" for name, (_, words) in NOUNS.items()]
    lines += ["", "## Options before the noun", "", *_options(root, context)]
    for name in NOUNS:
        command = root.get_command(context, name)
        lines += ["", f"## terrace {name}", ""]
        lines += [line for part in _verbs(f"terrace {name}", command, context, 3) for line in part]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _verbs(path: str, command: Any, above: Any, depth: int) -> Iterator[list[str]]:
    context = type(above)(command, info_name=path, parent=None)
    yield [*_words(command), *_options(command, context)]
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        inner = command.get_command(context, name)
        yield ["", f"{'#' * depth} {path} {name}", ""]
        yield from _verbs(f"{path} {name}", inner, context, depth + 1)


def _words(command: Any) -> list[str]:
    """Its help: the prose, then the examples as a block."""
    prose, _, examples = (command.help or "").partition(_EXAMPLES)
    lines = [line.strip() for line in prose.replace(_MARK, "").strip().splitlines()]
    if examples:
        block = [line.strip() for line in examples.strip("\n").splitlines() if line.strip()]
        lines += ["", "```", *block, "```"]
    return [*lines, ""]


def _options(command: Any, context: Any) -> list[str]:
    rows = []
    for param in command.params:
        record = None if "--help" in param.opts else param.get_help_record(context)
        if record is not None:
            rows.append(f"| `{_cell(record[0])}` | {_cell(record[1])} |")
    return ["| | |", "|---|---|", *rows, ""] if rows else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
