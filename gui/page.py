"""What a page is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from gui.live.topics import Topic
from gui.verbs import Verb

if TYPE_CHECKING:
    from gui.panel import Panel


def no_forms(_panel: Panel) -> None:
    """A page without forms or charts of the library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page. Its script is `static/pages/<key>.js`, its looks `static/pages/<key>.css`.

    The script draws into one element and gets what it shows from the page's topics. `forms` adds components of the
    library below it; it is called once, while the application is built, and a fault in it takes only this page down.
    """

    key: str
    title: str
    path: str
    """`/` and a word."""
    topics: Sequence[Topic] = ()
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    """By name, unique among all pages."""
    routes: Sequence[BaseRoute] = ()
    """Further HTTP routes, below `/x/<key>/`."""
    in_bar: bool = True
    """False: it is reached from another page."""
    forms: Callable[[Panel], None] = no_forms
