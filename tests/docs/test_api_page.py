"""docs/api.md: it is what the contract says, nothing is unexplained, and its example works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actors.rules.model import Reason
from daemon.api.errors import ApiReason
from daemon.api.roles import ROLE_OF
from tests.docs import api_errors, api_page, contract
from tests.docs.links import slug
from tests.system.stack import Stack, alert
from tests.troubles.found import ROOT

TEXT = api_page.PAGE.read_text(encoding="utf-8") if api_page.PAGE.exists() else ""
METHODS = [(service.name, method.name) for service in contract.read().services for method in service.methods]


def test_the_page_is_current() -> None:
    assert api_page.page() == TEXT, "make api writes it"


def test_every_element_of_the_contract_is_explained() -> None:
    assert contract.read().uncommented() == []


def test_an_element_without_a_comment_is_noticed() -> None:
    bare = contract.Field(
        name="price", type="string", is_ours=False, is_repeated=False, is_optional=False, one_of="", comment=""
    )
    message = contract.Message(name="Leg", comment="A leg.", fields=(bare,))
    side = contract.Enumeration(name="Side", comment="", values=(("SIDE_LONG", ""),))
    found = contract.Contract(services=(), messages=(message,), enumerations=(side,)).uncommented()
    assert found == ["Leg.price", "SIDE_LONG", "Side"]


def test_every_method_has_its_heading_role_and_errors() -> None:
    assert {f"/terrace.v1.{service}/{method}" for service, method in METHODS} == {
        path for path in ROLE_OF if path.startswith("/terrace.v1.")
    }
    for service, method in METHODS:
        section = TEXT.partition(f"\n### {service}.{method}\n")[2].partition("\n### ")[0]
        assert f"Role `{ROLE_OF[f'/terrace.v1.{service}/{method}'].value}`" in section, method
        assert "Errors: " in section, method


def test_no_two_headings_share_an_anchor() -> None:
    anchors = [slug(line.lstrip("# ")) for line in TEXT.splitlines() if line.startswith("#")]
    assert len(anchors) == len(set(anchors))


# --- errors read from the code --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "method", "some"),
    [
        ("GroupService", "ReduceGroup", {"ALREADY_CLOSED", "INVALID_ARGUMENT", "NOT_FOUND", "OUTCOME_UNKNOWN"}),
        ("SignalService", "SubmitSignal", {"INVALID_BODY", "OVERLOADED", "RATE_LIMITED", "SENDER_REFUSED"}),
        ("EngineService", "RetryDeadLetter", {"NOT_RETRYABLE", "PART_DOWN", "RETRY_RUNNING"}),
        ("SecretService", "SetSecret", {"VAULT_LOCKED", "VAULT_FULL"}),
        ("ConfigService", "ApplyConfig", {"ETAG_MISMATCH", "INVALID_CONFIG", "CONFIG_NOT_WRITABLE"}),
        ("ReportService", "GetProfit", {"STORE_FAILED"}),
        ("MaintenanceService", "Backup", {"BACKUP_FAILED"}),
    ],
)
def test_what_a_method_refuses_for_is_found_in_its_code(service: str, method: str, some: set[str]) -> None:
    assert some <= set(api_errors.of_method(service, method).reasons)


def test_what_only_looks_is_not_said_to_be_refused_by_the_engine() -> None:
    assert not api_errors.of_method("GroupService", "ListGroups").asks_engine
    assert not api_errors.of_method(
        "AccountService", "GetAccount"
    ).asks_engine  # It asks, and shows what it has if not.
    assert api_errors.of_method("GroupService", "CloseGroup").asks_engine


def test_reasons_that_are_found_exist_and_those_of_the_api_are_all_found() -> None:
    found = set(api_errors.of_every_call())
    for service, method in METHODS:
        found |= set(api_errors.of_method(service, method).reasons)
    known = {reason.value for reason in (*Reason, *ApiReason)}
    assert found <= known
    assert {reason.value for reason in ApiReason} <= found


# --- the example ----------------------------------------------------------------------------------


def test_the_example_prints_the_groups_of_a_running_daemon(tmp_path: Path) -> None:
    assert api_page.EXAMPLE in TEXT
    stack = Stack(tmp_path)
    try:
        stack.start("daemon")
        group_id = stack.send(alert(price="100"))["group_id"]
        text = api_page.EXAMPLE.replace("data/secrets/admin.token", str(stack.data_dir / "secrets" / "admin.token"))
        text = text.replace("127.0.0.1:7461", f"127.0.0.1:{stack.ports[0]}")
        command = [sys.executable, "-c", text]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(f"{group_id} BTC/USDT 0.")
    finally:
        stack.stop()
