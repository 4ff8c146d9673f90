"""What `terrace up` prints when all is running: addresses, and an alert ready to paste."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from control.config_file import ConfigFault, ConfigFile
from control.errors import ClientError
from control.target import DEFAULT_ADDRESS, TargetFlags, normal_address, socket_path, token_path

if TYPE_CHECKING:
    from control.client import Client
    from protos.terrace.v1 import account_pb2

FORWARDER_ADDRESS = "127.0.0.1:8461"
PANEL_ADDRESS = "127.0.0.1:8462"
OBSERVE_ADDRESS = "127.0.0.1:9461"
MASK = "****"


def forwarder_address(config: ConfigFile) -> str:
    return normal_address(config.text("forwarder.address", FORWARDER_ADDRESS))


def healthz(config: ConfigFile, *, timeout_s: float) -> dict[str, Any] | None:
    """What the forwarder says about itself; None where nothing answers."""
    return _health(forwarder_address(config), timeout_s)


def panel_health(config: ConfigFile, *, timeout_s: float) -> dict[str, Any] | None:
    """What the panel says about itself; None where nothing answers."""
    return _health(normal_address(config.text("panel.address", PANEL_ADDRESS)), timeout_s)


def _health(address: str, timeout_s: float) -> dict[str, Any] | None:
    host, _, port = address.rpartition(":")
    try:
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)
        try:
            connection.request("GET", "/healthz")
            found = json.loads(connection.getresponse().read())
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return found if isinstance(found, dict) else None


def welcome(flags: TargetFlags, config: ConfigFile, has_panel: bool) -> str:
    """The addresses and the alert, as lines. What goes into a file or another program holds no secret (LOG-4)."""
    sources = list(config.section("sources")) or ["tradingview"]
    hook = f"http://{forwarder_address(config)}/hook/{sources[0]}"
    lines = ["", "Terrace is up.", "", f"  gRPC     {config.text('api.address', DEFAULT_ADDRESS)}"]
    if socket_path(config).exists():
        lines.append(f"           unix:{socket_path(config)}")
    lines.append(f"  webhook  {hook}")
    if has_panel:
        lines.append(f"  panel    http://{normal_address(config.text('panel.address', PANEL_ADDRESS))}")
        lines.append(f"           log in with the token in {token_path(config, 'admin')}")
    lines.append(f"  metrics  http://{normal_address(config.text('observe.address', OBSERVE_ADDRESS))}/metrics")
    lines += ["", *_alert(hook, config, sources[0], flags), ""]
    named = f" --config {shlex.quote(str(config.path))}" if config.path else ""
    lines += [f"Watch it:  {program()}{named} watch", "Stop:      Ctrl-C", ""]
    return "\n".join(lines)


def program() -> str:
    """This program, as a shell standing here finds it."""
    program = Path(sys.argv[0])
    found = shutil.which("terrace")
    if found is not None and os.path.realpath(found) == os.path.realpath(program):
        return "terrace"
    if program.is_file() and os.access(program, os.X_OK):
        return shlex.quote(_from_here(program))
    return f"{shlex.quote(_from_here(Path(sys.executable)))} -m control"


def _from_here(program: Path) -> str:
    path, here = Path(os.path.abspath(program)), Path.cwd()
    return os.path.join(".", path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _alert(hook: str, config: ConfigFile, source: str, flags: TargetFlags) -> list[str]:
    """An alert that opens a group at the current mark: without a price and a time, so that it stays good (SIG-1)."""
    from control.forwarder.references import SecretFault, read_secret

    reference = config.text(f"sources.{source}.secret", f"file:secrets/{source}")
    try:
        secret = read_secret(reference, config.data_dir, os.environ)
    except SecretFault as fault:
        return [f"No alert to paste: sources.{source}.secret: {fault}"]
    exchange, symbol = _market(flags, config)
    body = {
        "secret": secret if sys.stdout.isatty() else MASK,
        "source": source,
        "tv": {"exchange": exchange, "symbol": symbol, "timeframe": "15", "action": "buy"},
    }
    data, lines = json.dumps(body), []
    if sys.stdout.isatty():
        told = shlex.quote(data)
    elif (path := _plain_file(reference, config, secret)) is not None:
        before, after = data.split(MASK, 1)
        told = f'{shlex.quote(before)}"$(cat {shlex.quote(str(path))})"{shlex.quote(after)}'
        lines = ["", f"Its secret, which is shown on a terminal only:  cat {shlex.quote(str(path))}"]
    else:
        told = shlex.quote(data)
        lines = [
            "",
            f"Put the source's secret where {MASK} is; it is shown on a terminal only. It stands in {reference}",
        ]
    return ["Send an alert:", "", f"  curl -sS {hook} -H 'Content-Type: application/json' -d {told}", *lines]


def _plain_file(reference: str, config: ConfigFile, secret: str) -> Path | None:
    """The file that holds the secret, where a shell may put its text into JSON as it is."""
    if not reference.startswith("file:") or json.dumps(secret) != f'"{secret}"':
        return None
    return config.data_dir / Path(reference.removeprefix("file:")).expanduser()


def _market(flags: TargetFlags, config: ConfigFile) -> tuple[str, str]:
    """TradingView's names of exchange and symbol for an instrument of the paper account, Bitcoin if it has it."""
    from control.client import Client, find_target

    try:
        with Client(find_target(TargetFlags(config=str(config.path or ""), timeout_s=flags.timeout_s))) as client:
            account = _paper_account(client)
            if account is None:
                return "BINANCE", "BTCUSDT"
            return _exchange(config, account.account), _symbol(client, account)
    except (ClientError, ConfigFault):
        return "BINANCE", "BTCUSDT"


def _paper_account(client: Client) -> account_pb2.Account | None:
    from protos.terrace.v1 import account_pb2 as pb

    accounts = client.call(pb.ListAccountsRequest(world="WORLD_PAPER"), pb.ListAccountsResponse).accounts
    return next(iter(accounts), None)


def _symbol(client: Client, account: account_pb2.Account) -> str:
    from protos.terrace.v1 import account_pb2 as pb
    from protos.terrace.v1 import types_pb2

    request = pb.ListInstrumentsRequest(account=account.account, active_only=True, page_size=1000)
    found = client.call(request, pb.ListInstrumentsResponse).instruments
    chosen = _bitcoin_first(found)
    if chosen is None:
        return "BTCUSDT"
    plain = chosen.exchange_symbol or f"{chosen.base}{chosen.quote}"
    return f"{plain}.P" if account.market == types_pb2.MARKET_SWAP and not plain.endswith(".P") else plain


def _bitcoin_first(instruments: Iterable[account_pb2.Instrument]) -> account_pb2.Instrument | None:
    return min(instruments, key=lambda one: (one.base != "BTC", one.quote != "USDT"), default=None)


def _exchange(config: ConfigFile, account: str) -> str:
    """A name the routes map to the account; `*` is any."""
    routes = config.section("routes") or {"*": account}
    named = next((str(name) for name, target in routes.items() if target == account and name != "*"), "")
    return named or "BINANCE"
