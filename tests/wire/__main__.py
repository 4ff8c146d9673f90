"""`python -m tests.wire binance|binanceusdm|bybit [--port N] [--tls-port N] [--instruments FILE] [--price S=P]`

The first line of output is JSON: rest, ws, tls_port, api_key, api_secret. Runs until interrupted or terminated.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
from decimal import Decimal
from pathlib import Path

from tests.wire.run import VENUES, make_simulator


async def serve(options: argparse.Namespace) -> None:
    simulator = make_simulator(options.venue, options.instruments)
    for given in options.price:
        symbol, _, price = given.partition("=")
        simulator.account.set_price(symbol, Decimal(price))
    endpoints = await simulator.start(options.port, options.tls_port)
    print(json.dumps(endpoints.json()), flush=True)
    ended = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    await ended.wait()
    await simulator.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wire", description="A simulated venue.")
    parser.add_argument("venue", choices=sorted(VENUES))
    parser.add_argument("--port", type=int, default=0, help="of http and ws; 0 picks a free one")
    parser.add_argument("--tls-port", type=int, default=0)
    parser.add_argument("--instruments", type=Path, default=None, help="the venue's own instrument list, JSON or .gz")
    parser.add_argument("--price", action="append", default=[], metavar="SYMBOL=PRICE")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
