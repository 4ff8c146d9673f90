"""How an update or a rollback ends when it is not done."""

from __future__ import annotations

from control.exits import ExitCode


class UpdateRefused(Exception):
    """It is not begun, or was given up with nothing switched. Words with the remedy."""

    def __init__(self, words: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(words)
        self.code = code


class StepFailed(Exception):
    """A step did not succeed; where something was switched already, it is taken back. Words: what was found."""
