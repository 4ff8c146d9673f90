"""The browser's side of the frames does what the panel's side means."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from gui.live.feed import Feed
from gui.live.topics import Row, Topic
from tests.gui.live_help import nobody, read_nothing

STATIC = Path(__file__).parents[2] / "gui" / "static"
SCRIPT = """
import {apply, fresh, whole} from %s;
import {readFileSync} from "node:fs";
const told = (topic) => topic.order.map((id) => [id, topic.rows.get(id)]);
const answers = JSON.parse(readFileSync(0)).map((frames) => {
  const topic = fresh("t"), late = fresh("t");
  frames.forEach((frame) => apply(topic, frame));
  apply(late, JSON.parse(JSON.stringify(whole(topic))));
  return [told(topic), told(late), topic.rows.size];
});
console.log(JSON.stringify(answers));
"""
SEQUENCES = 150


def test_the_browser_shows_what_was_read_whichever_frames_it_was_told() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine: the browser's part was not tried by itself")
    chance = random.Random(7)
    asked, expected = [], []
    for _ in range(SEQUENCES):
        feed = Feed(topic=Topic(name="t", read=read_nothing), argument="", caller=nobody(), world="")
        frames, seen = [], 0
        for number in range(chance.randrange(1, 12)):
            feed.take(_reading(chance), number + 1)
            if chance.random() < 0.6:
                frames.append(feed.frame(seen))
                seen = feed.version
        frames.append(feed.frame(seen))
        asked.append(frames)
        expected.append([[name, dict(row)] for name, row in feed.rows.items()])
    script = SCRIPT % json.dumps((STATIC / "rows.js").as_uri())
    done = subprocess.run(
        [node, "--input-type=module", "-e", script],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for (shown, late, size), rows in zip(json.loads(done.stdout), expected, strict=True):
        assert shown == rows
        assert late == rows
        assert size == len(rows)


def _reading(chance: random.Random) -> dict[str, Row]:
    """Up to five rows in any order, of up to three cells."""
    names = chance.sample(["a", "b", "c", "d", "e"], chance.randrange(6))
    return {name: {key: chance.choice("123") for key in chance.sample("xyz", chance.randrange(4))} for name in names}
