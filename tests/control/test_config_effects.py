"""What a change of the configuration would do is shown below the keys, whole."""

from __future__ import annotations

import pytest

from control.commands.config_change import WIDTH, changes
from protos.terrace.v1 import config_pb2


@pytest.mark.rule("CFG-4")
def test_effects_stand_below_the_table_each_on_its_own() -> None:
    long = "in paper 4 groups are live: " + "none is closed, " * 10
    found = [
        config_pb2.ConfigChange(path="pool.max_open_groups", old_value="10", new_value="2", effects=["one", long]),
        config_pb2.ConfigChange(path="storage.url", old_value="a" * 99, new_value="b", restart_required=True),
    ]
    table, _, told = changes(found).partition("\n\n")
    assert "needed" in table
    assert "a" * 50 not in table
    assert told.startswith("What it would do:\npool.max_open_groups\n  - one\n  - in paper 4 groups are live")
    assert "storage.url" not in told
    assert all(len(line) <= WIDTH for line in told.splitlines())
    assert " ".join(told.split()).count("none is closed,") == 10


def test_nothing_is_said_where_nothing_changes() -> None:
    assert changes([]) == "no key changes"
    assert "What it would do" not in changes([config_pb2.ConfigChange(path="risk.enabled")])


def test_of_long_values_the_part_that_differs_is_shown() -> None:
    levels = "[" + ", ".join(f"{{gap_percent: '{n}', tp_percent: '1'}}" for n in range(5)) + "]"
    wanted = levels.replace("'3', tp_percent: '1'", "'3', tp_percent: '1.5'")
    change = config_pb2.ConfigChange(path="strategy.default.levels", old_value=levels, new_value=wanted)
    row = changes([change]).splitlines()[1]
    assert "tp_percent: '1.5'" in row
    assert "tp_percent: '1'" in row
    assert len(row) < 130
