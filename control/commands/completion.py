"""`terrace completion`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from control.options import CONTEXT
from control.printer import write

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command("completion", context_settings=CONTEXT)
def completion(shell: Annotated[Shell, typer.Argument(help="Your shell.")]) -> None:
    """Print a shell completion script.

    It completes nouns, verbs and options, and asks the daemon for your groups, accounts and symbols.

    \b
    Examples:
      source <(terrace completion bash)
      terrace completion zsh > ~/.zfunc/_terrace
      terrace completion fish > ~/.config/fish/completions/terrace.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    write(get_completion_script(prog_name="terrace", complete_var="_TERRACE_COMPLETE", shell=shell.value) + "\n")
