"""Services whose features come later. They are served and answer UNIMPLEMENTED, so that a caller hears why."""

from __future__ import annotations

from typing import Any

from daemon.api.errors import not_built
from protos.terrace.v1 import (
    config_pb2,
    config_pb2_grpc,
    maintenance_pb2,
    maintenance_pb2_grpc,
    secret_pb2,
    secret_pb2_grpc,
)


def _answering_not_built(base: type, file: Any, service: str) -> type:
    """A servicer all of whose methods say that they are not built."""

    def method(name: str) -> Any:
        async def answer(_self: Any, _request: Any, _context: Any) -> None:
            raise not_built(name)

        return answer

    names = [each.name for each in file.DESCRIPTOR.services_by_name[service].methods]
    return type(f"Unbuilt{service}", (base,), {name: method(name) for name in names})


UNBUILT = (
    (
        _answering_not_built(config_pb2_grpc.ConfigServiceServicer, config_pb2, "ConfigService"),
        config_pb2_grpc.add_ConfigServiceServicer_to_server,
    ),
    (
        _answering_not_built(secret_pb2_grpc.SecretServiceServicer, secret_pb2, "SecretService"),
        secret_pb2_grpc.add_SecretServiceServicer_to_server,
    ),
    (
        _answering_not_built(maintenance_pb2_grpc.MaintenanceServiceServicer, maintenance_pb2, "MaintenanceService"),
        maintenance_pb2_grpc.add_MaintenanceServiceServicer_to_server,
    ),
)
"""Servicer classes and what registers them."""
