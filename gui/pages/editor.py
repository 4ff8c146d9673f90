"""The page `Editor`: the configuration as text, checked and put in force.

Made of the library's components, because its code editor colours and numbers YAML, which a field of our own would not.
Who opened it reads and writes under the token of the login, as everywhere. It is reached from Settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

import gradio
from gradio.context import Context

from control.client import ClientError
from gui.page import Page
from gui.panel import LoginEnded, Panel
from gui.sessions import Session
from gui.show.ways import in_panel
from protos.terrace.v1 import config_pb2 as pb

MAX_CHARS = 400_000
MAY = "ConfigService/ApplyConfig"
ENDED = "The login has ended: reload the page and log in again."


async def read(session: Session) -> pb.Config:
    """The configuration in force. Raises ClientError."""
    answer = await session.caller.client.call(pb.GetConfigRequest(), pb.GetConfigResponse)
    return answer.config


async def judge(session: Session, text: str) -> tuple[str, bool]:
    """What is wrong with a text, or what it would change, in words; and whether it could be put in force."""
    if len(text) > MAX_CHARS:
        return f"The text is longer than {MAX_CHARS:,} characters.", False
    answer = await session.caller.client.call(pb.ValidateConfigRequest(yaml=text), pb.ValidateConfigResponse)
    if not answer.valid:
        faults = (f"{_place(one.line, one.column)}{one.path}: {one.message}" for one in answer.problems)
        return _list("Nothing was changed: this is not valid.", faults), False
    if not answer.changes:
        return "Valid, and nothing differs from what is in force.", False
    return _list(f"Valid. {len(answer.changes)} keys would change:", map(_change, answer.changes)), True


async def put(session: Session, text: str, etag: str) -> str:
    """Puts a text in force; a newer version than the one that was read is not written over (CFG-7)."""
    request = pb.ApplyConfigRequest(
        yaml=text, etag=etag, source=pb.CONFIG_SOURCE_PANEL, request_id=f"panel-editor-{uuid4().hex}"
    )
    answer = await session.caller.client.call(request, pb.ApplyConfigResponse)
    return _list(f"Version {answer.config.version} is in force.", map(_change, answer.changes))


def _change(one: pb.ConfigChange) -> str:
    words = f"{one.path}: {one.old_value or 'not set'} becomes {one.new_value or 'not set'}"
    later = "takes effect after a restart" if one.restart_required else ""
    return "; ".join(filter(None, (words, later, *one.effects)))


def _place(line: int, column: int) -> str:
    return f"line {line}, column {column}: " if line else ""


def _list(first: str, lines: Iterable[str]) -> str:
    return "\n".join((first, *(f"  - {line}" for line in lines)))


def _text(given: object) -> str:
    """What the page sent as text; anything else, which no page of ours sends, as none."""
    is_text = isinstance(given, str) and not any("\ud800" <= letter <= "\udfff" for letter in given)
    return str(given) if is_text else ""


def _words(error: ClientError) -> str:
    return in_panel(". ".join(filter(None, (error.message, error.remedy))))


def forms(panel: Panel) -> None:
    """The components and what they do. Nothing is read before a login asks."""
    etag, checked = gradio.State(""), gradio.State("")
    about = gradio.Textbox(label="In force", interactive=False, max_lines=1, elem_id="editor-about")
    code = gradio.Code(language="yaml", label="config.yaml", lines=24, max_lines=32, elem_id="editor-text")
    with gradio.Row():
        again = gradio.Button("Read again", elem_id="editor-read")
        check = gradio.Button("Check", elem_id="editor-check")
        apply = gradio.Button("Put in force", variant="primary", interactive=False, elem_id="editor-apply")
    result = gradio.Textbox(label="Result", lines=6, max_lines=16, interactive=False, elem_id="editor-result")

    async def load(request: gradio.Request) -> tuple[object, ...]:
        try:
            session = panel.session_of(request.headers)
            found = await read(session)
        except (ClientError, LoginEnded) as error:
            return "", "", "", gradio.skip(), gradio.update(interactive=False), _told(error)
        may = MAY in session.caller.methods
        words = f"version {found.version}, by {found.author or 'nobody'}"
        note = "" if may else "A token of the role admin puts a configuration in force; you may look and check."
        return found.etag, "", words, found.yaml, gradio.update(interactive=False), note

    async def look(text: object, request: gradio.Request) -> tuple[object, ...]:
        try:
            session = panel.session_of(request.headers)
            words, is_ready = await judge(session, _text(text))
        except (ClientError, LoginEnded) as error:
            return "", gradio.update(interactive=False), _told(error)
        is_ready = is_ready and MAY in session.caller.methods
        return _text(text) if is_ready else "", gradio.update(interactive=is_ready), words

    async def store(text: object, seen: str, tag: str, request: gradio.Request) -> tuple[object, ...]:
        """Only what was checked, and as it was checked."""
        if not isinstance(text, str) or not seen or text != seen:
            return tag, "", gradio.skip(), gradio.update(interactive=False), "The text changed since: check it again."
        try:
            session = panel.session_of(request.headers)
            words = await put(session, text, tag)
            found = await read(session)
        except (ClientError, LoginEnded) as error:
            return tag, "", gradio.skip(), gradio.update(interactive=False), _told(error)
        return found.etag, "", f"version {found.version}, by {found.author}", gradio.update(interactive=False), words

    first = [etag, checked, about, code, apply, result]
    root = Context.root_block
    assert root is not None
    root.load(load, None, first, api_visibility="private", show_progress="hidden")
    again.click(load, None, first, api_visibility="private", show_progress="hidden")
    check.click(look, code, [checked, apply, result], api_visibility="private", show_progress="hidden")
    apply.click(
        store,
        [code, checked, etag],
        [etag, checked, about, apply, result],
        api_visibility="private",
        show_progress="hidden",
    )


def _told(error: ClientError | LoginEnded) -> str:
    return _words(error) if isinstance(error, ClientError) else ENDED


PAGE = Page(key="editor", title="Editor", path="/editor", in_bar=False, forms=forms)
