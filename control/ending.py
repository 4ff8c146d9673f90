"""What a command that failed says, and with which code it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from control.exits import ExitCode
from control.printer import say

if TYPE_CHECKING:
    from control.errors import ClientError


def explain(error: Exception) -> ExitCode | None:
    """Says on standard error what went wrong; None where the error is not ours to explain."""
    from control.config_file import ConfigFault

    if isinstance(error, ConfigFault):
        say(f"terrace: {error}")
        return ExitCode.USAGE
    if "control.errors" not in sys.modules:
        return None
    from control.errors import ClientError

    return _told(error) if isinstance(error, ClientError) else None


def _told(error: ClientError) -> ExitCode:
    reason = f" [{error.reason}]" if error.reason else ""
    say(f"terrace: {error.message}{reason}")
    faults = [f"{fault.path or 'body'}: {fault.message or fault.reason}" for fault in error.violations]
    for fault in faults if faults != [error.message] else ():  # A single fault is the message itself.
        say(f"  {fault}")
    if error.remedy:
        say(f"  {error.remedy}")
    return error.exit_code
