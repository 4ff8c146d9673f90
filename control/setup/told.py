"""What `terrace init` tells when it is done: where things are, the webhook, the messages, the next steps."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control.alert_message import KINDS, SECRET, WHEN, field_map, message
from control.config_file import DEFAULT_FILE, ConfigFile
from control.source_secret import DEFAULT_SOURCES, SecretFault, read_source_secret
from control.welcome import forwarder_address, program


def hooks(config: ConfigFile, *, with_secret: bool) -> list[dict[str, Any]]:
    """Of each source: its webhook, and the message of each kind of alert. The secret only where it may be shown."""
    found = []
    for source in config.section("sources") or DEFAULT_SOURCES:
        mapped = field_map(config, source)
        secret, where = _secret(config, source) if with_secret else (SECRET, "")
        messages = {kind: message(source, kind, mapped, secret) for kind in KINDS}
        found.append(
            {
                "source": source,
                "webhook": f"http://{forwarder_address(config)}/hook/{source}",
                "path": f"/hook/{source}",
                "secret": where or config.text(f"sources.{source}.secret", f"file:secrets/{source}"),
                "messages": {kind: text for kind, (text, _) in messages.items()},
                "left_out": sorted({field for _, left_out in messages.values() for field in left_out}),
            }
        )
    return found


def _secret(config: ConfigFile, source: str) -> tuple[str, str]:
    """The secret; or what stands in its place, and why."""
    try:
        return read_source_secret(config, source), ""
    except SecretFault as fault:
        return SECRET, str(fault)


def next_steps(config: ConfigFile, account: str, *, is_paper: bool, is_checked: bool) -> list[str]:
    """Commands, as a shell here takes them."""
    named = program() if _is_found(config) else f"{program()} --config {shlex.quote(str(config.path))}"
    why = "all that a first order needs" if is_checked else "the key was not tried: will it do?"
    check = [] if is_paper else [f"{named} account check {account}    # {why}"]
    return [
        f"{named} up    # daemon, forwarder and panel; Ctrl-C stops them",
        *check,
        f"{named} doctor    # is all as it should be?",
        f"{named} service install --dry-run    # when it shall run by itself",
    ]


def _is_found(config: ConfigFile) -> bool:
    """Whether a command that is given here uses this file without being told."""
    return config.path == Path.cwd() / DEFAULT_FILE and not os.environ.get("TERRACE_CONFIG")


def told(done: Mapping[str, Any], steps: list[str]) -> str:
    """All of it for a person. `done` is what `-o json` prints."""
    lines = [f"written   {done['config']}"]
    lines += [f"kept      {done['kept']}"] if done["kept"] else []
    lines += [f"vault     {name}" for name in done["vault"]]
    lines += [f"note      {note}" for note in done["notes"]]
    for each in done["sources"]:
        lines += _of_source(each)
    return "\n".join([*lines, "", "Next:", "", *(f"  {step}" for step in steps)])


def _of_source(each: Mapping[str, Any]) -> list[str]:
    lines = [
        "",
        f"Webhook of the source {each['source']}:  {each['webhook']}",
        "TradingView posts to ports 80 and 443 only: a proxy that speaks TLS stands before it, and the address in the",
        f"alert is then https://YOUR-HOST{each['path']}",
    ]
    if not sys.stdout.isatty():
        lines.append(f"{SECRET} stands for its secret, which is shown on a terminal only: {each['secret']}")
    for kind, text in each["messages"].items():
        lines += ["", f"Message for an alert {WHEN[kind]}:", "", text]
    if each["left_out"]:
        lines += ["", f"Not in it, as the source's map computes them: {', '.join(each['left_out'])}"]
    return lines
