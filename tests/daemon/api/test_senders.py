"""Programs that send alerts to the daemon by themselves (SIG-5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest

from actors.rules.settings import SourceSettings
from daemon.api.body import Body, decode
from daemon.api.errors import Failed, FieldFault
from daemon.api.senders import check_sender
from tests.daemon.api.calls import alert, refusal

LISTED = SourceSettings(name="desk", secret="file:x", allow_addresses=("10.0.0.0/8", "2001:db8::/32"))


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize(
    "peer",
    ["ipv4:10.0.0.1:5000", "ipv6:%5B2001:db8::1%5D:5000", "ipv6:[::ffff:10.1.1.1]:1", "unix:", "unix:/x/terrace.sock"],
)
def test_a_sender_of_the_list_and_of_this_machine_is_let_in(peer: str) -> None:
    check_sender(LISTED, peer)


@pytest.mark.rule("SIG-5")
@pytest.mark.parametrize("peer", ["ipv4:11.0.0.1:5000", "ipv6:%5B2001:db9::1%5D:5000", "nonsense", "", "ipv4:10.0.0.1"])
def test_another_is_not_and_not_told_why(peer: str) -> None:
    with pytest.raises(Failed) as refused:
        check_sender(LISTED, peer)
    with pytest.raises(Failed) as bare:
        check_sender(SourceSettings(name="desk"), "ipv4:10.0.0.1:5000")
    assert str(refused.value) == str(bare.value)
    assert refused.value.reason == bare.value.reason == "SENDER_REFUSED"


@pytest.mark.rule("SIG-2")
def test_nesting_has_the_limit_of_the_forwarder() -> None:
    assert isinstance(decode(b'{"a": [[[[[[[1]]]]]]]}'), Body)
    fault = decode(b'{"a": [[[[[[[[1]]]]]]]]}')
    assert isinstance(fault, FieldFault)
    assert "deeper than 8" in fault.problem
    flat = json.dumps({"a": [{"b": [number]} for number in range(50)]}).encode()
    assert isinstance(decode(flat), Body)


@pytest.mark.rule("SIG-5")
def test_over_the_wire_a_program_is_held_to_its_sources_rules_and_a_person_is_not(serve: Callable[..., Any]) -> None:
    sources = {"tradingview": {"secret": "file:secrets/t", "allow_addresses": ["10.0.0.0/8"]}, "bare": {}}
    served = serve({"sources": sources})
    program, person = served.client("ingest"), served.client("operator")
    for source in sources:
        refused = refusal(partial(program.send, alert(), source))
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SENDER_REFUSED")
    assert person.send(alert(), "bare").signal_id
    assert person.send(alert("ETHUSDT"), "tradingview").signal_id
