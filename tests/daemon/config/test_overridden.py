"""Which changes of the file an environment variable makes useless (CFG-1, CFG-4)."""

from __future__ import annotations

import pytest

from daemon.config.environment import overridden

BEFORE = """\
config_version: 1
risk:
  enabled: true
routes: {A: paper}
strategy: {default: {levels: [{gap_percent: 0}]}}
"""
LEVELS = "strategy.default.levels"


@pytest.mark.rule("CFG-4")
@pytest.mark.parametrize(
    ("old", "new", "name", "key"),
    [
        ("enabled: true", "enabled: false", "TERRACE_RISK__ENABLED", "risk.enabled"),
        ("enabled: true", "enabled: false", "TERRACE_risk__Enabled", "risk.enabled"),
        ("A: paper", "B: paper", "TERRACE_ROUTES", "routes.B"),
        ("A: paper", "A: other", "TERRACE_ROUTES", "routes.A"),
        ("gap_percent: 0", "gap_percent: 1", "TERRACE_STRATEGY__DEFAULT__LEVELS__0__GAP_PERCENT", LEVELS),
        ("config_version: 1\n", "config_version: 1\ndata_dir: x\n", "TERRACE_DATA_DIR", "data_dir"),
    ],
)  # fmt: skip
def test_a_changed_key_names_the_variable_that_overrides_it(old: str, new: str, name: str, key: str) -> None:
    environ = {name: "x", "TERRACE_POOL__MAX_OPEN_GROUPS": "3", "TERRACE_CONFIG": "c", "PATH": "p"}
    assert overridden(BEFORE, BEFORE.replace(old, new), environ)[key] == name
    assert overridden(BEFORE, BEFORE.replace(old, new), {"TERRACE_RISK__POST_FULL_WAIT_S": "3"}) == {}
    assert overridden(BEFORE, BEFORE, environ) == {}
