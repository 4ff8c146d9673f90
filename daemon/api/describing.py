"""The keys of the configuration as messages (ConfigService.DescribeConfig)."""

from __future__ import annotations

from actors.rules.model import Reason
from daemon.api.errors import Failed
from daemon.config.describe import KeyDescription, describe, no_such_key
from daemon.config.load import LoadedConfig
from protos.terrace.v1 import config_pb2 as pb

MAX_PATH_CHARS = 500


def describe_config(request: pb.DescribeConfigRequest, running: LoadedConfig | None) -> pb.DescribeConfigResponse:
    """NOT_FOUND for a path that names no key, with the nearest one. `running` gives the values in force."""
    path = request.path[:MAX_PATH_CHARS]
    found = describe(path, running)
    if not found:
        raise Failed(Reason.NOT_FOUND, no_such_key(path), resource=("config key", path))
    return pb.DescribeConfigResponse(keys=[_message(key) for key in found])


def _message(key: KeyDescription) -> pb.ConfigKey:
    return pb.ConfigKey(
        path=key.path,
        help=key.help,
        kind=key.kind,
        unit=key.unit,
        minimum=key.minimum,
        maximum=key.maximum,
        allowed=key.allowed,
        default_value=key.default,
        value=key.value,
        nullable=key.nullable,
        restart_required=key.restart_required,
        rule=key.rule,
        example=key.example,
    )
