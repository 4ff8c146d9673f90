"""Two daemons on one PostgreSQL store and one simulated exchange; the first one's way to the store can be cut."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Self

import yaml

from actors.rules.naming import parse_client_order_id
from tests import postgres, stores
from tests.ports import free_ports
from tests.processes.proxy import Proxy
from tests.processes.venue_works import PLACES, VenueWorks
from tests.system.stack import START_S, merged, until

STANDBY = "standby"


class StandbyWorks(VenueWorks):
    """`stores.IS_POSTGRES` must hold. The first daemon is `daemon`, the one that waits `standby`."""

    def __init__(self, folder: Path) -> None:
        server = postgres.server()
        self.to_store = Proxy(server.port)
        self.to_store.__enter__()
        super().__init__(folder, PLACES[0], {"storage": {"standby": True}})
        database = stores.url_of(self.stack.data_dir).partition("@/")[2].partition("?")[0]
        self._store_url = server.tcp_url(database).replace(f":{server.port}/", f":{self.to_store.port}/")
        self.second_ports = free_ports(2)

    def __enter__(self) -> Self:
        self._open.callback(self.to_store.__exit__, None, None, None)
        super().__enter__()
        url = self.stack.config["storage"]["url"]
        both = f"127.0.0.1:{self.stack.ports[0]}, 127.0.0.1:{self.second_ports[0]}"
        second = merged(
            self.stack.config,
            {
                "data_dir": "./second",
                "storage": {"url": url},
                "api": {"address": f"127.0.0.1:{self.second_ports[0]}"},
                "observe": {"address": f"127.0.0.1:{self.second_ports[1]}"},
            },
        )
        self._second_file.write_text(yaml.safe_dump(second, sort_keys=False), encoding="utf-8")
        secrets = self.stack.data_dir / "secrets"
        secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        (secrets / "store").write_text(self._store_url)
        os.chmod(secrets / "store", 0o600)
        self.stack.write_config({"storage": {"url": "file:secrets/store"}, "forwarder": {"daemon": both}})
        return self

    @property
    def _second_file(self) -> Path:
        return self.folder / "second.yaml"

    def spawn_standby(self) -> None:
        """Beside a leader that is ready. Its secrets are the leader's."""
        target = self.folder / "second" / "secrets"
        target.parent.mkdir(mode=0o700)
        shutil.copytree(self.stack.data_dir / "secrets", target)
        command = [sys.executable, "-m", "daemon", "--config", str(self._second_file)]
        self.stack.spawn(STANDBY, command)

        def answers() -> bool:
            self.look_alive(STANDBY)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.second_ports[0]), timeout=1):
                return True
            return False

        until(answers, START_S, "the standby does not answer")

    def turn_to_standby(self) -> None:
        """From here on `daemon` is the second one; the first is `old`."""
        processes = self.stack.processes
        if "daemon" in processes:
            processes["old"] = processes.pop("daemon")
        processes["daemon"] = processes.pop(STANDBY)
        self.stack.close_client()
        self.stack.write_config({"api": {"address": f"127.0.0.1:{self.second_ports[0]}"}})

    def epochs(self) -> set[str]:
        """Of the orders at the exchange."""
        names = [parse_client_order_id(order.client_order_id) for order in self.venue().orders]
        return {name.epoch for name in names if name is not None}
