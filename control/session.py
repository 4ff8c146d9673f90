"""What every command works with: the options given before the noun, one client, the printer, the question back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from control.exits import ExitCode
from control.printer import Format, emit, say

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from control.client import Client
    from control.config_file import ConfigFile
    from control.contexts import Context
    from control.target import TargetFlags

Answer = TypeVar("Answer", bound="Message")

PAGE_SIZE = 1000
MAX_STDIN_BYTES = 1024 * 1024


class Stop(Exception):
    """Ends the command with a message and an exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass
class Session:
    """One run of the command line."""

    flags: TargetFlags
    _closers: list[Callable[[], None]] = field(default_factory=list)

    @cached_property
    def meant(self) -> TargetFlags:
        """The flags, with the context in use where nothing says which daemon is meant.

        Only commands that ask a daemon read it: what serves on this machine must not follow a person's choice.
        """
        import os

        from control.contexts import in_use

        flags = self.flags
        is_said = flags.context or flags.config or flags.address
        if is_said or os.environ.get("TERRACE_CONTEXT") or os.environ.get("TERRACE_CONFIG"):
            return flags
        return replace(flags, context=in_use(os.environ))

    @cached_property
    def context(self) -> Context:
        """The named daemon that is meant; one without a name where none is."""
        import os

        from control.contexts import chosen_context

        return chosen_context(self.meant.context, os.environ)

    @cached_property
    def config(self) -> ConfigFile:
        """Of the daemon that is meant, where its files are on this machine."""
        from control.config_file import read_config

        keys = self.context.keys
        return read_config(self.flags.config or keys.get("config"), data_dir=keys.get("data_dir"))

    def local_config(self) -> str:
        """The config file for work on this machine's files; empty where none is named.

        Refused where the context is a daemon elsewhere: the work would be done on the files of another one.
        """
        if self.flags.config:
            return self.flags.config
        context = self.context
        if context.is_elsewhere:
            raise Stop(
                f"this works on files of this machine, and the context {context.told()} names a daemon elsewhere: "
                "run it there, or name a config with --config FILE",
                ExitCode.USAGE,
            )
        return context.keys.get("config", "")

    @cached_property
    def client(self) -> Client:
        from control.client import Client, find_target

        client = Client(find_target(self.meant))
        self._closers.append(client.close)
        return client

    def call(self, request: Message, answer: type[Answer], *, timeout_s: float | None = None) -> Answer:
        """Asks the daemon. Errors end the command with their exit code."""
        return self.client.call(request, answer, timeout_s=timeout_s)

    def pages(self, request: Message, answer: type[Answer], *, limit: int, page_size: int = PAGE_SIZE) -> Answer:
        """Every page of a list as one answer, up to `limit` rows; 0: all there are.

        The answer's `next_page_token` is empty where nothing was left out.
        """
        whole = answer()
        rows = next(f.name for f in answer.DESCRIPTOR.fields if f.is_repeated)
        while True:
            left = limit - len(getattr(whole, rows))
            request.page_size = min(page_size, left) if limit else page_size  # type: ignore[attr-defined]
            page = self.call(request, answer)
            getattr(whole, rows).extend(getattr(page, rows))
            token: str = page.next_page_token  # type: ignore[attr-defined]
            if not token or (limit and len(getattr(whole, rows)) >= limit):
                whole.next_page_token = token  # type: ignore[attr-defined]
                return whole
            request.page_token = token  # type: ignore[attr-defined]

    def emit(self, answer: Message | Mapping[str, Any], output: Format, text: Callable[[], str]) -> None:
        emit(answer, output, text)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Asks before something that cannot be taken back. Anything but yes ends the command with code 8."""
        if yes:
            return
        if self.context.name:
            say(f"context {self.context.told()}")
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.readline() if sys.stdin else ""
        if not answer.endswith("\n"):
            say("")
        if answer.strip().lower() not in ("y", "yes"):
            raise Stop("cancelled, nothing was done (`--yes` answers for you)", ExitCode.CANCELLED)

    def close(self) -> None:
        for close in self._closers:
            close()


def session(ctx: typer.Context) -> Session:
    found = ctx.obj
    assert isinstance(found, Session)
    return found


def new_request_id(given: str = "") -> str:
    """The user's own, else a fresh one: the daemon recognises a repeated request by it."""
    if given:
        return given
    import uuid

    return uuid.uuid4().hex


def world_value(name: str | None) -> str:
    """The proto name of `paper`, `testnet`, `live`; of none the unset one, which means the only one configured."""
    return f"WORLD_{name.upper()}" if name else "WORLD_UNSPECIFIED"
