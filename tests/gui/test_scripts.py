"""Every script of the panel can be read by a browser: one that cannot takes its page down."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "gui" / "static"


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine to read the panel's scripts with")
def test_every_script_is_well_formed(tmp_path: Path) -> None:
    faulty = []
    for script in sorted(STATIC.rglob("*.js")):
        copy = tmp_path / "script.mjs"
        copy.write_bytes(script.read_bytes())
        done = subprocess.run(["node", "--check", str(copy)], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            faulty.append(f"{script.relative_to(STATIC)}: {done.stderr[:500]}")
    assert faulty == []
