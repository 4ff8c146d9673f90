"""Dashboard and alert rules are files that load, and ask for numbers the daemon has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

import daemon
from tests.daemon.api.calls import alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.observe.test_diag_served import page
from tests.daemon.reports.day import until
from tests.ports import free_port

SERVICE = Path(daemon.__file__).parent / "service"
RULES = SERVICE / "prometheus-rules.yaml"
DASHBOARD = SERVICE / "grafana-dashboard.json"
BY_PROMETHEUS = {"up"}
ONLY_AT_AN_EXCHANGE = {
    "terrace_clock_offset_seconds",
    "terrace_exchange_request_seconds",
    "terrace_exchange_requests",
    "terrace_rate_budget_limit",
    "terrace_rate_budget_used",
    "terrace_stream_up",
}
"""Numbers that a paper account with prices of its own has none of."""

_NAME = re.compile(r"\b(?:terrace|process|python)_[a-z0-9_]+|\bup\b")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard_queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def family(name: str) -> str:
    return re.sub(r"_(?:total|bucket|sum|count)$", "", name)


def families(text: str) -> set[str]:
    return {family(line.split()[2]) for line in text.splitlines() if line.startswith("# TYPE")}


def with_series(text: str) -> set[str]:
    return {family(re.split(r"[{ ]", line)[0]) for line in text.splitlines() if line and not line.startswith("#")}


def live(served: Served) -> str:
    """The numbers once everything that a paper account has was done once."""
    client = served.client("admin")
    client.send(alert())
    until(lambda: 'terrace_equity{world="paper"}' in page(served, "/metrics")[1])
    until(lambda: 'terrace_fills_total{account="paper"} 1.0' in page(served, "/metrics")[1])
    until(lambda: 'terrace_signals_total{outcome="opened"}' in page(served, "/metrics")[1])
    return page(served, "/metrics")[1]


def test_every_number_that_dashboard_and_rules_ask_for_is_there_and_has_values(served: Served) -> None:
    text = live(served)
    asked = {
        name for query in (*dashboard_queries(), *(rule["expr"] for rule in rules())) for name in _NAME.findall(query)
    }
    known, told = families(text), with_series(text)
    assert {name for name in asked - BY_PROMETHEUS if family(name) not in known | ONLY_AT_AN_EXCHANGE} == set()
    silent = {family(name) for name in asked - BY_PROMETHEUS} - told - ONLY_AT_AN_EXCHANGE
    assert silent == set()


def test_every_rule_says_how_grave_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert rule["alert"].startswith("Terrace")
        assert rule["labels"]["severity"] in ("warning", "error", "critical"), rule["alert"]
        assert {"summary", "description"} <= rule["annotations"].keys(), rule["alert"]


def test_the_dashboard_loads_with_panels_that_do_not_overlap() -> None:
    found = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert (found["uid"], found["title"]) == ("terrace", "Terrace")
    ids = [panel["id"] for panel in found["panels"]]
    assert len(ids) == len(set(ids))
    cells: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not mine & cells, panel["title"]
        cells |= mine
    assert {each["name"] for each in found["templating"]["list"]} == {"datasource", "world", "account"}


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        print("skipped: promtool is not installed (Debian package prometheus)")
        pytest.skip("promtool is not installed")
    return found


def test_promtool_takes_the_rules() -> None:
    done = subprocess.run(
        [promtool(), "check", "rules", str(RULES)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout


def test_promtool_has_nothing_to_say_against_the_numbers(served: Served) -> None:
    text = live(served)
    done = subprocess.run(
        [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
    )
    assert [line for line in done.stderr.splitlines() if line.startswith("terrace_")] == []


CASES = """
rule_files: [{rules}]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {{series: 'up{{job="terrace"}}', values: '1 1 0 0 0 0'}}
      - {{series: 'terrace_store_ok', values: '1 0 0 0 1 1'}}
      - {{series: 'terrace_drifts_open{{account="main"}}', values: '0 0 1 1 1 1'}}
      - {{series: 'terrace_rate_budget_used{{account="main", window="weight"}}', values: '10 95 95 95 95 95'}}
      - {{series: 'terrace_rate_budget_limit{{account="main", window="weight"}}', values: '100 100 100 100 100 100'}}
    alert_rule_test:
      - {{eval_time: 30s, alertname: TerraceDown, exp_alerts: []}}
      - eval_time: 2m30s
        alertname: TerraceDown
        exp_alerts: [{{exp_labels: {{severity: critical, job: terrace}}, exp_annotations: {down}}}]
      - eval_time: 1m30s
        alertname: TerraceStoreFailed
        exp_alerts: [{{exp_labels: {{severity: critical}}, exp_annotations: {store}}}]
      - {{eval_time: 2m30s, alertname: TerraceStoreFailed, exp_alerts: []}}
      - eval_time: 2m30s
        alertname: TerraceDrift
        exp_alerts: [{{exp_labels: {{severity: error, account: main}}, exp_annotations: {drift}}}]
      - eval_time: 2m30s
        alertname: TerraceRateBudgetNear
        exp_alerts: [{{exp_labels: {{severity: warning, account: main, window: weight}}, exp_annotations: {budget}}}]
"""


def test_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    def words(name: str, **labels: str) -> str:
        found = next(rule for rule in rules() if rule["alert"] == name)["annotations"]
        text = json.dumps(found)
        for label, value in labels.items():
            text = text.replace("{{ $labels." + label + " }}", value)
        return text

    file = tmp_path / "cases.yaml"
    file.write_text(
        CASES.format(
            rules=RULES,
            down=words("TerraceDown"),
            store=words("TerraceStoreFailed"),
            drift=words("TerraceDrift", account="main"),
            budget=words("TerraceRateBudgetNear", account="main", window="weight"),
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        [promtool(), "test", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not os.environ.get("TERRACE_TEST_PROMETHEUS"), reason="set TERRACE_TEST_PROMETHEUS=1; it takes a minute"
)
def test_a_real_prometheus_answers_every_query_of_the_dashboard(serve: Serve, tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    served = serve()
    live(served)
    port = free_port()
    target = f"127.0.0.1:{served.daemon.observe_port}"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "terrace", "static_configs": [{"targets": [target]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [program, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    process = subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def ask(path: str, **arguments: str) -> Any:
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # It has not begun yet.
                return {}
            raise AssertionError(f"{arguments}: {error.read().decode()}") from error
        except OSError:
            return {}

    try:
        until(lambda: bool(ask("query", query="rate(terrace_commit_seconds_count[1m])").get("result")), 60)
        served.client("admin").send(alert("ETHUSDT"))
        refusal(lambda: served.client(None).send(alert()))
        time.sleep(3)
        silent = []
        for query in dashboard_queries():
            concrete = query.replace('"$world"', '".*"').replace('"$account"', '".*"').replace("[10m]", "[1m]")
            found = ask("query", query=concrete)["result"]
            names = {family(name) for name in _NAME.findall(query)}
            if not found and not names & ONLY_AT_AN_EXCHANGE:
                silent.append(query)
        assert silent == []
        loaded = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
        assert len(loaded) == len(rules())
        assert {rule["health"] for rule in loaded} == {"ok"}
        firing = {rule["name"] for rule in loaded if rule["state"] == "firing"}
        assert firing <= {"TerraceDiskLow"}
    finally:
        process.terminate()
        process.wait(20)
