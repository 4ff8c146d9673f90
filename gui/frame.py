"""What every page has around it: the bar with state, pages, theme and login."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from gui.options import Options
from gui.page import Page, no_forms
from gui.sessions import Session

ROOT = "/static/terrace"


_FOREIGN = re.compile(r"<meta\s[^>]*(?:property|name)=\"(?:og|twitter):[^>]*>\s*|<style>.*?</style>\s*", re.DOTALL)
"""What the library's page says about itself to others, and the colours it starts with."""


def dresser(options: Options, pages: Sequence[Page]) -> Callable[[str, Session | None, str, str], str]:
    """Puts the frame into the library's page, and the nonce on its scripts.

    A page without components goes out without the library's client: it is there sooner, and asks for less.
    """

    def dress(html: str, session: Session | None, nonce: str, path: str) -> str:
        if session is not None and "<gradio-app" in html:
            page = next((one for one in pages if one.path == (path.rstrip("/") or "/")), pages[0])
            html = (
                _bare(options, page, session, pages)
                if page.forms is no_forms
                else _framed(html, options, page, session, pages)
            )
        return html.replace("<script", f'<script nonce="{nonce}"')

    return dress


def _bare(options: Options, page: Page, session: Session, pages: Sequence[Page]) -> str:
    return (
        f'<!doctype html>\n<html lang="en" data-theme="{options.theme}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)} · Terrace</title>{_head(options, page)}</head>"
        f"<body>{_frame(page, session, pages)}</body></html>\n"
    )


def _framed(html: str, options: Options, page: Page, session: Session, pages: Sequence[Page]) -> str:
    html = _FOREIGN.sub("", html)
    html = re.sub(r"<html[^>]*>", f'<html lang="en" data-theme="{options.theme}">', html, count=1)
    html = re.sub(r"<title>.*?</title>", "", html, flags=re.DOTALL)
    html = html.replace("</head>", f"<title>{escape(page.title)} · Terrace</title>{_head(options, page)}</head>", 1)
    return html.replace("<gradio-app", _frame(page, session, pages) + "<gradio-app", 1)


def _head(options: Options, page: Page) -> str:
    sheets = ("base.css", "live.css", f"pages/{page.key}.css")
    links = "".join(f'<link rel="stylesheet" href="{ROOT}/{name}">' for name in sheets)
    early = ("shell.js", "bar.js", "dom.js", "live.js", "dialog.js", "table.js", f"pages/{page.key}.js")
    preloads = "".join(f'<link rel="modulepreload" href="{ROOT}/{name}">' for name in early)
    return (
        '<meta name="color-scheme" content="dark light">'
        f'<link rel="icon" href="{ROOT}/icon.svg">{links}{preloads}'
        f'<script src="{ROOT}/theme.js" data-theme="{options.theme}"></script>'
        f'<script type="module" src="{ROOT}/shell.js"></script>'
    )


def _frame(current: Page, session: Session, pages: Sequence[Page]) -> str:
    ways = "".join(
        f'<a href="{page.path}"{" aria-current=page" if page is current else ""}>{escape(page.title)}</a>'
        for page in pages
        if page.in_bar
    )
    name, role = escape(session.caller.name), escape(session.caller.role.lower())
    return (
        '<a class="skip" href="#terrace-page">Skip to the page</a>'
        f'<header id="terrace-bar"><span class="brand"><img src="{ROOT}/icon.svg" alt="">Terrace</span>'
        f'<nav id="terrace-pages" aria-label="Pages">{ways}</nav>'
        '<div id="terrace-state" role="group" aria-label="State of the engine"></div>'
        '<div id="terrace-me">'
        f'<span class="who" title="Logged in as {name}; may do what a token of the role {role} may do"><b>{name}</b> · '
        f"{role}</span>"
        '<button type="button" id="terrace-theme">Theme</button>'
        '<button type="button" id="terrace-logout">Log out</button>'
        '<button type="button" id="terrace-menu" aria-expanded="false" aria-controls="terrace-pages">Menu</button>'
        "</div></header>"
        '<section id="terrace-alerts" aria-label="Notices" tabindex="-1"></section>'
        f'<main id="terrace-page" data-page="{escape(current.key)}" tabindex="-1"><h1>{escape(current.title)}</h1>'
        "<noscript><p>This panel needs JavaScript, from this machine only.</p></noscript></main>"
    )
