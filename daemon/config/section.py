"""The base of every part of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from daemon.config.kinds import Flag, Text

FLAG = Flag()
NAME = Text("a name of letters, digits, - and _", r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
ASSET = Text("an asset's code, such as USDT", r"[A-Z0-9][A-Za-z0-9._-]{0,19}")
FILE = Text("a path", r"[^\x00]+", 4096, "PATH")


class Section(BaseModel):
    """A map of keys: unknown ones are faults, values are checked strictly, the result does not change."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, validate_default=False)

    builds: ClassVar[type[Any] | None] = None
    """The settings class whose fields these are, if it has one."""


def built(value: Any) -> Any:
    """The settings of a validated value: sections become what they build, in lists and maps too."""
    if isinstance(value, Section):
        if value.builds is None:
            raise TypeError(f"{type(value).__name__} builds nothing by itself")
        return value.builds(**{name: built(getattr(value, name)) for name in type(value).model_fields})
    if isinstance(value, Mapping):
        return {key: built(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(built(item) for item in value)
    return value
