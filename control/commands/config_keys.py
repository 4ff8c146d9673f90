"""`terrace config get|set|unset`: one key of the configuration. The rest of the file stays as it is."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from control.commands import config_change
from control.exits import ExitCode
from control.options import DryRun, Output, RequestId, Yes
from control.printer import Format
from control.session import Stop, session

KeyPath = Annotated[str, typer.Argument(metavar="PATH", help="The key, e.g. pool.max_open_groups.")]

_PART = re.compile(r'"([^"]+)"|\[([0-9]+)\]|([^."\[\]]+)')
_MISSING = object()


def get(ctx: typer.Context, path: KeyPath, output: Output = Format.TABLE) -> None:
    """Print what a key is set to, defaults included.

    \b
    Examples:
      terrace config get risk.timer_start
      terrace config get strategy.default.levels
      terrace config get pool -o json
    """
    import yaml

    from protos.terrace.v1 import config_pb2 as pb

    run = session(ctx)
    config = run.call(pb.GetConfigRequest(expand=True), pb.GetConfigResponse).config
    steps = [quoted or index or plain for quoted, index, plain in _PART.findall(path)]
    found = _at(yaml.safe_load(config.expanded_yaml), steps)
    if found is _MISSING:
        raise Stop(f"there is no key {path} (`terrace config explain` lists them)", ExitCode.NOT_FOUND)
    run.emit({"path": path, "value": found}, output, lambda: _shown(found))


def set_key(
    ctx: typer.Context,
    path: KeyPath,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="As YAML on one line; null means off.")],
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Set one key. Comments, order and quotes of the file stay. Shows what changes, then asks.

    A path that ends in [] appends to a list. A name with dots in it stands in double quotes.

    \b
    Examples:
      terrace config set risk.timer_start after_full_pyramids
      terrace config set risk.loss_threshold_percent -6 --dry-run
      terrace config set 'strategy.default.levels[0].tp_percent' 1.5
      terrace config set 'accounts.paper.symbols[]' DOT/USDT
      terrace config set accounts.bybit '{exchange: bybit, testnet: true}'
    """
    from protos.terrace.v1 import config_pb2 as pb

    request = pb.ApplyConfigRequest(edits=[pb.ConfigEdit(path=path, value=value)], request_id=request_id)
    config_change.apply(session(ctx), request, yes=yes, dry_run=dry_run, output=output, question=f"Set {path}")


def unset(
    ctx: typer.Context,
    path: KeyPath,
    yes: Yes = False,
    dry_run: DryRun = False,
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Take one key out of the file, so that its default counts; or an entry of a list or map.

    \b
    Examples:
      terrace config unset queue.max_age_s
      terrace config unset 'strategy.overrides[0]'
      terrace config unset routes.BYBIT
    """
    from protos.terrace.v1 import config_pb2 as pb

    request = pb.ApplyConfigRequest(edits=[pb.ConfigEdit(path=path, unset=True)], request_id=request_id)
    config_change.apply(session(ctx), request, yes=yes, dry_run=dry_run, output=output, question=f"Unset {path}")


def _at(tree: Any, steps: list[str]) -> Any:
    """What stands there. Names that hold dots are put together where there is such a key."""
    if not steps:
        return tree
    if isinstance(tree, list):
        index = steps[0]
        return _at(tree[int(index)], steps[1:]) if index.isdecimal() and int(index) < len(tree) else _MISSING
    if not isinstance(tree, dict):
        return _MISSING
    for count in range(1, len(steps) + 1):
        name = ".".join(steps[:count])
        key = next((key for key in tree if str(key) == name), _MISSING)
        if key is not _MISSING:
            return _at(tree[key], steps[count:])
    return _MISSING


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        import yaml

        text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=120)
        return text.rstrip("\n")
    return {None: "null", True: "true", False: "false"}.get(value) or str(value)
