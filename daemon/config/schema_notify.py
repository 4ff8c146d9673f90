"""Schema of the channels over which messages are sent, and the settings they become (LOG-5).

Names of channels must differ; one that is not named is `channel-1` for the first of the list, `channel-2` and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum, unique
from string import Template
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, create_model

from actors.rules.notice_words import PLACES
from actors.rules.settings import NotificationSettings, QuietHours
from daemon.config.kinds import Kind, SecretReference, Text, TimeZone, Whole, Word, found, refuse
from daemon.config.section import FLAG, NAME, Section

MAX_TEMPLATE_CHARS = 2_000
MAX_TYPES = 100

CLOCK_TIME = Text("a time of the day such as 22:30, in quotes", r"([01][0-9]|2[0-3]):[0-5][0-9]")
TYPE = Text("a type such as GROUP_CLOSED", r"[A-Z][A-Z0-9_]{0,63}")


@unique
class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@unique
class Category(StrEnum):
    ENGINE = "engine"
    SIGNAL = "signal"
    PRECISION = "precision"
    ORDER = "order"
    RISK = "risk"
    EXCHANGE = "exchange"
    CONFIG = "config"
    SECURITY = "security"
    SYSTEM = "system"


class MessageTemplate(Kind):
    """Text with `$names` in it. Nothing in it is ever run or looked up."""

    def check(self, value: object) -> str:
        places = tuple(f"${name}" for name in PLACES)
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEMPLATE_CHARS:
            raise refuse(f"must be a text of at most {MAX_TEMPLATE_CHARS} characters, {found(value)}", *places)
        template = Template(value)
        unknown = [name for name in template.get_identifiers() if name not in PLACES]
        if unknown or not template.is_valid():
            wrong = f"${unknown[0]} is no name" if unknown else "a $ that begins no name is written $$"
            raise refuse(wrong, *places)
        return value


if TYPE_CHECKING:

    class QuietHoursModel(Section):
        pass

else:
    QuietHoursModel = create_model(  # `from` and `except` are words of the language.
        "QuietHoursModel",
        __base__=Section,
        **{
            "from": (Annotated[str, CLOCK_TIME], Field(description="When they begin.", examples=["22:00"])),
            "to": (Annotated[str, CLOCK_TIME], Field(description="When they end; earlier than `from`: the next day.")),
            "timezone": (
                Annotated[str, TimeZone()] | None,
                Field(None, description="Whose times these are; null: `engine.reporting_timezone`."),
            ),
            "except": (
                Annotated[Severity, Word(Severity)],
                Field(Severity.CRITICAL, description="Messages of this severity or more are sent all the same."),
            ),
        },
    )


class NotificationModel(Section):
    url: Annotated[str, SecretReference()] = Field(
        description="Reference to the apprise URL of the service, such as `tgram://BOT/CHAT`; the URL is a secret."
    )
    name: Annotated[str, NAME] | None = Field(
        default=None, description="What lists and `terrace alert test --channel` call it; null: channel-1 and so on."
    )
    severity: Annotated[Severity, Word(Severity)] = Field(
        default=Severity.WARNING, description="The least severity that is sent."
    )
    categories: tuple[Annotated[Category, Word(Category)], ...] = Field(
        default=(), description="Only these categories; empty: all.", max_length=len(Category)
    )
    types: tuple[Annotated[str, TYPE], ...] = Field(
        default=(),
        description="Only these types, whatever their severity; empty: what the severity says.",
        max_length=MAX_TYPES,
    )
    quiet_hours: QuietHoursModel | None = Field(
        default=None, description="When only the most severe is sent; the rest comes together afterwards."
    )
    rate_per_hour: Annotated[int, Whole(1, 3600, "messages")] = Field(
        default=60, description="More wait and are sent together. Critical ones have as many again for themselves."
    )
    template: Annotated[str, MessageTemplate()] | None = Field(
        default=None, description="The text of every message, with $names; null: the usual text."
    )
    templates: dict[Annotated[str, TYPE], Annotated[str, MessageTemplate()]] = Field(
        default_factory=dict, description="The text of messages of one type, before `template`.", max_length=MAX_TYPES
    )
    resolved: Annotated[bool, FLAG] = Field(
        default=True, description="Whether the end of an alert that was sent is told too."
    )


def minute_of(clock_time: str) -> int:
    """`22:30` as minutes since midnight."""
    hours, _, minutes = clock_time.partition(":")
    return int(hours) * 60 + int(minutes)


def build_channels(models: Sequence[NotificationModel]) -> tuple[NotificationSettings, ...]:
    """The channels in the order of the file. Names that two share were refused before."""
    return tuple(_channel(model, name) for model, name in zip(models, names_of(models), strict=True))


def names_of(models: Sequence[NotificationModel]) -> tuple[str, ...]:
    return tuple(model.name or f"channel-{number}" for number, model in enumerate(models, 1))


def notify_faults(models: Sequence[NotificationModel]) -> Iterator[tuple[int, str]]:
    """Place in the list and words of each channel whose name another has before it."""
    names = names_of(models)
    for index, name in enumerate(names):
        if name in names[:index]:
            yield index, f"{name} is the name of notifications[{names.index(name)}] already"


def _channel(model: NotificationModel, name: str) -> NotificationSettings:
    return NotificationSettings(
        name=name,
        url=model.url,
        severity=model.severity.value,
        categories=tuple(category.value for category in model.categories),
        types=model.types,
        quiet_hours=None if model.quiet_hours is None else _quiet(model.quiet_hours),
        rate_per_hour=model.rate_per_hour,
        template=model.template,
        templates=dict(model.templates),
        resolved=model.resolved,
    )


def _quiet(model: Section) -> QuietHours:
    value: dict[str, Any] = {name: getattr(model, name) for name in type(model).model_fields}
    return QuietHours(
        start_minute=minute_of(value["from"]),
        end_minute=minute_of(value["to"]),
        timezone=value["timezone"] or "",
        least=value["except"].value,
    )
