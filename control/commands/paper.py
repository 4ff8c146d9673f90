"""`terrace paper`: price."""

from __future__ import annotations

from typing import Annotated

import typer

from control.options import CONTEXT, Output, RequestId, noun
from control.printer import Format, pairs, when
from control.session import new_request_id, session

app = noun("Move prices of the paper exchange.")


@app.callback()
def _paper() -> None:
    """Move prices of the paper exchange."""


@app.command("price", context_settings=CONTEXT)
def price(
    ctx: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Unified symbol, e.g. BTC/USDT.")],
    price: Annotated[str, typer.Argument(metavar="PRICE", help="New price in quote.")],
    account: Annotated[str, typer.Option(metavar="ACCOUNT", help="Paper account; not needed with only one.")] = "",
    request_id: RequestId = "",
    output: Output = Format.TABLE,
) -> None:
    """Move the price of an instrument on a paper account whose prices are manual.

    Bid and ask are the price less and plus half the spread; resting orders fill against them.

    \b
    Examples:
      terrace paper price BTC/USDT 60000
      terrace paper price ETH/USDT 2999.50 --account paper -o json
    """
    from protos.terrace.v1 import account_pb2 as pb

    run = session(ctx)
    request = pb.SetPaperPriceRequest(
        account=account, symbol=symbol, price=price, request_id=new_request_id(request_id)
    )
    answer = run.call(request, pb.SetPaperPriceResponse)
    run.emit(
        answer,
        output,
        lambda: pairs(
            [
                ("account", answer.price.account),
                ("symbol", answer.price.symbol),
                ("price", answer.price.price),
                ("bid", answer.price.bid),
                ("ask", answer.price.ask),
                ("time", when(answer.price, "time")),
            ]
        ),
    )
