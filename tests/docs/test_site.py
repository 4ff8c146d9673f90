"""The documentation site: it builds without a warning, leads nowhere wrong, and loads nothing from elsewhere."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs import links
from tests.docs.site import Site
from tests.docs.site_hooks import on_page_content
from tests.gui.browser.stage import CHROMIUM, open_browser

VISITS = (
    (1280, "light", ("api.html", "index.html")),
    (390, "dark", ("troubleshooting.html", "panel/index.html")),
)
"""Widths, schemes and pages that are looked at in a browser."""
SETTINGS = yaml.safe_load((links.ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: the site was not built")
    folder = Path(tmp_path_factory.mktemp("site"))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=links.ROOT, env=quiet, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Site(folder)


# --- the pages as they are written ----------------------------------------------------------------


def _in_navigation(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for inner in part.values():
            yield from _in_navigation(inner)
    else:
        for inner in part:
            yield from _in_navigation(inner)


def test_every_page_of_docs_is_in_the_navigation_once() -> None:
    listed = sorted(_in_navigation(SETTINGS["nav"]))
    assert listed == sorted(path.relative_to(links.DOCS).as_posix() for path in links.pages() if path != links.README)


@pytest.mark.parametrize("path", links.pages(), ids=lambda path: path.relative_to(links.ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere_in_the_repository(path: Path) -> None:
    assert links.broken(path) == []


def test_pages_link_within_docs_so_that_the_site_has_it_all() -> None:
    away = [
        f"{path.relative_to(links.ROOT)}:{number}: {address}"
        for path in links.pages()
        if path != links.README
        for number, address in links.links(path)
        if "://" not in address and not (path.parent / address.partition("#")[0]).resolve().is_relative_to(links.DOCS)
    ]
    assert away == []


@pytest.mark.parametrize("path", links.pages(), ids=lambda path: path.relative_to(links.ROOT).as_posix())
def test_lists_and_tables_of_a_page_are_read_alike_in_the_repository_and_on_the_site(path: Path) -> None:
    assert links.misread(path) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("words\n- item", 2),
        ("1. a\n\n    b\n2. c", 4),
        ("1.  a\n\n    ```\n    b\n    ```\n2.  c", 6),
        ("- a\n  - b", 2),
        ("1. a\n\n   b", 3),
        ("words\n| a |\n|---|", 2),
        ("- a\n  b\n- c\n\n1. d\n2. e\n\n| a |\n|---|", 0),
        ("words\n\n<!-- mark -->\n| a |\n|---|", 0),
        ("1.  a\n\n    b\n\n2.  c\n    d\n3.  e", 0),
    ],
)
def test_what_the_site_would_misread_is_found(text: str, line: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self, encoding=None: text)
    found = [int(fault.split(":")[1]) for fault in links.misread(links.README)]
    assert found == ([line] if line else [])


def test_a_page_has_one_title_and_begins_with_it() -> None:
    for path in links.pages():
        headings = [line for _, line in links.prose(path) if line.startswith("#")]
        assert [line for line in headings if line.startswith("# ")] == headings[:1], path
        assert path.read_text(encoding="utf-8").startswith("# "), path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](nowhere.md)", ["nowhere.md"]),
        ("[a](index.md#nowhere)", ["index.md#nowhere"]),
        ("![a](images/nowhere.png)", ["images/nowhere.png"]),
        ("[a](../../outside.md)", ["../../outside.md"]),
        ("[a](index.md#the-words), [b](https://a.example/x), `[c](nowhere.md)`", []),
        ("```\n[a](nowhere.md)\n```\n[b](gone.md)", ["gone.md"]),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    page = links.DOCS / "index.md"
    whole = f"# A\n\n## The words\n\n{text}\n"
    monkeypatch.setattr(Path, "read_text", lambda self, encoding=None: whole if self == page else "")
    links.anchors.cache_clear()
    try:
        assert [line.rpartition(": ")[2] for line in links.broken(page)] == found
    finally:
        links.anchors.cache_clear()


# --- the site -------------------------------------------------------------------------------------


def test_the_site_builds_strictly_has_all_it_links_to_and_loads_nothing_from_elsewhere(site: Site) -> None:
    assert len(site.pages) >= len(links.pages())
    assert site.broken() == []
    assert site.loaded_from_elsewhere() == []
    # Of what the theme's script could fetch, nothing is asked for: no repository's figures, no diagrams.
    classes = {name for page in site.pages.values() for name in page.classes}
    assert not classes & {"mermaid", "md-source", "md-source__repository"}
    assert (site.folder / "search" / "search_index.json").is_file()


def test_the_checker_sees_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('@import "https://fonts.example/x.css"; b { background: url(pic.png) }')
    (tmp_path / "b.html").write_text('<h1 id="there">B</h1>')
    (tmp_path / "index.html").write_text(
        '<script src="//cdn.example/x.js"></script><img src="gone.png"><a href="b.html#there">x</a>'
        '<a href="b.html#away">x</a><a href="c.html">x</a><a href="https://a.example">x</a>'
    )
    site = Site(tmp_path)
    assert site.broken() == ["index.html: b.html#away", "index.html: c.html", "index.html: gone.png"]
    assert site.loaded_from_elsewhere() == ["index.html: //cdn.example/x.js", "a.css: https://fonts.example/x.css"]
    assert list(site.elsewhere()) == ["https://a.example"]


def test_a_bar_in_code_in_a_table_is_shown_without_its_stroke() -> None:
    table = r"<table><tr><td><code>a\|b</code> c\|d</td></tr></table><code>e\|f</code>"
    assert on_page_content(table) == r"<table><tr><td><code>a|b</code> c\|d</td></tr></table><code>e\|f</code>"


# --- in a browser ---------------------------------------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.browser
def test_in_a_browser_pages_fit_search_finds_and_nobody_else_is_asked(site: Site) -> None:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the site was not looked at (Debian: apt install chromium)")
    asked: list[str] = []
    errors: list[str] = []
    with _served(site.folder) as address, open_browser() as browser:
        for width, scheme, names in VISITS:
            context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
            context.on("request", lambda request: asked.append(request.url))
            page = context.new_page()
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            for name in names:
                page.goto(f"{address}/{name}")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                shown = page.evaluate("document.body.getAttribute('data-md-color-scheme')")
                assert shown == ("slate" if scheme == "dark" else "default")
            if width > 1000:
                page.fill("[data-md-component=search-query]", "POOL_FULL")
                page.wait_for_selector(".md-search-result__item")
            context.close()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []
    assert errors == []
