"""The browser's small tools with texts nobody meant: cells that a spreadsheet would run, marks that are no text."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parents[2] / "gui" / "static"


def told(script: str, asked: Any) -> Any:
    """What a module of the panel answers, run by node: `asked` is its input, `answer` is called with the outcome."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine: the browser's part was not tried by itself")
    head = 'import {readFileSync} from "node:fs";\nconst asked = JSON.parse(readFileSync(0));\n'
    tail = "\nfunction answer(found) { console.log(JSON.stringify(found)); }\n"
    done = subprocess.run(
        [node, "--input-type=module", "-e", head + script + tail],
        input=json.dumps(asked).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def module(path: str) -> str:
    return json.dumps((STATIC / path).as_uri())


def test_no_cell_of_a_table_begins_what_a_spreadsheet_runs() -> None:
    cells = [
        "=1+1",
        "+1",
        "@SUM(1)",
        "-2+3+cmd|' /C calc'!A0",
        "-cmd",
        "\t=1",
        "\r=1",
        "\n=1",
        'a"b,c',
        "x\rd",
        "-12.50",
    ]
    text = told(
        f"const {{toCsv}} = await import({module('pages/performance/files.js')}); answer(toCsv(['a'], asked));",
        [[one] for one in cells],
    )
    found = [row[0] for row in csv.reader(io.StringIO(text, newline=""))][1:]
    assert found == [f"'{one}" for one in cells[:8]] + ['a"b,c', "x\rd", "-12.50"]


def test_every_script_of_the_panel_can_be_read() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine: the browser's part was not tried by itself")
    script = (
        'const {SourceTextModule} = await import("node:vm"); const {readFileSync} = await import("node:fs");'
        "for (const file of process.argv.slice(1)) {"
        '  try { new SourceTextModule(readFileSync(file, "utf8")); } catch (error) { console.log(file, `${error}`); }'
        "}"
    )
    files = sorted(map(str, STATIC.rglob("*.js")))
    assert len(files) > 50
    command = [node, "--experimental-vm-modules", "--no-warnings", "--input-type=module", "-e", script, *files]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stdout.decode() == ""


@pytest.mark.parametrize(
    ("mark", "text"), [("#pool", "pool"), ("#a%20b", "a b"), ("#%E0%A4%A", ""), ("#%", ""), ("", "")]
)
def test_a_mark_that_is_no_text_is_none(mark: str, text: str) -> None:
    script = (
        f"globalThis.location = {{hash: asked}}; const {{mark}} = await import({module('dom.js')}); answer(mark());"
    )
    assert told(script, mark) == text
