"""The panel asks for every world by its name where there are several."""

from __future__ import annotations

from pathlib import Path

from control.client import Client, TargetFlags, find_target
from gui.worlds import statuses
from protos.terrace.v1.types_pb2 import WORLD_LIVE, WORLD_PAPER
from tests.control.fake_daemon import ADMIN_TOKEN, FakeDaemon


def test_every_configured_world_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "data" / "secrets").mkdir(parents=True, mode=0o700)
    token = tmp_path / "data" / "secrets" / "admin.token"
    token.write_text(ADMIN_TOKEN)
    token.chmod(0o600)
    daemon = FakeDaemon().start()
    try:
        config = tmp_path / "config.yaml"
        config.write_text(f"config_version: 1\napi: {{address: '{daemon.address}'}}\n")
        with Client(find_target(TargetFlags(config=str(config)), environ={})) as client:
            assert [status.world for status in statuses(client)] == [WORLD_PAPER]
            daemon.worlds = ("WORLD_PAPER", "WORLD_LIVE")
            assert [status.world for status in statuses(client)] == [WORLD_PAPER, WORLD_LIVE]
    finally:
        daemon.stop()
