"""Ports that tests give to programs."""

from __future__ import annotations

import socket
from concurrent.futures import ProcessPoolExecutor

from tests.ports import AFTER, FIRST, free_ports


def test_workers_that_ask_at_once_are_never_given_the_same_port() -> None:
    with ProcessPoolExecutor(4) as workers:
        asked = [workers.submit(free_ports, 25) for _ in range(8)]
        given = [port for each in asked for port in each.result()]
    assert len(set(given)) == 200
    assert all(FIRST <= port < AFTER for port in given)


def test_a_port_on_which_somebody_listens_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as held:
        taken = held.getsockname()[1]
        assert taken not in free_ports(AFTER - FIRST - 1_000)
