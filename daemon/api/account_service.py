"""AccountService: what the exchange accounts are, hold and allow."""

from __future__ import annotations

from actors.account_messages import ResolveDrift
from actors.messages import AccountReport, CheckAccount, RefreshInstruments, SetPaperPrice
from actors.rules.model import Group, Quote
from actors.rules.records import DriftState, SaveDrift
from actors.rules.settings import AccountSettings
from daemon.api import translate_account as to
from daemon.api.account_states import describe, describe_all
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.pages import slice_of
from daemon.api.translate import decimal, number, timestamp
from protos.terrace.v1 import account_pb2 as pb
from protos.terrace.v1 import account_pb2_grpc


class AccountService(account_pb2_grpc.AccountServiceServicer):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ListAccounts(self, request: pb.ListAccountsRequest, _context: Context) -> pb.ListAccountsResponse:
        world = self._engine.world_or_all(request.world)
        accounts = [each for each in self._engine.settings().accounts.values() if world in (None, each.world)]
        page, next_token = slice_of(request, accounts)
        known = await describe_all(self._engine, page)
        shown = [to.account(self._engine, now, self._groups(now.settings), whole=False) for now in known]
        return pb.ListAccountsResponse(accounts=shown, next_page_token=next_token)

    async def GetAccount(self, request: pb.GetAccountRequest, _context: Context) -> pb.GetAccountResponse:
        account = self._engine.account(request.account)
        now = await describe(self._engine, account)
        return pb.GetAccountResponse(account=to.account(self._engine, now, self._groups(account), whole=True))

    async def ListInstruments(
        self, request: pb.ListInstrumentsRequest, _context: Context
    ) -> pb.ListInstrumentsResponse:
        account = self._engine.account(request.account)
        known = self._engine.catalogue.instruments(account.name)
        wanted = frozenset(request.symbols)
        found = [
            each
            for _, each in sorted(known.items())
            if (not wanted or each.symbol in wanted) and (each.active or not request.active_only)
        ]
        page, next_token = slice_of(request, found)
        return pb.ListInstrumentsResponse(
            instruments=[to.instrument(each) for each in page], next_page_token=next_token
        )

    async def RefreshInstruments(
        self, request: pb.RefreshInstrumentsRequest, context: Context
    ) -> pb.RefreshInstrumentsResponse:
        account = self._engine.account(request.account)
        before = dict(self._engine.catalogue.instruments(account.name))
        count = await self._engine.ask(
            f"gateway/{account.name}", lambda reply_to: RefreshInstruments(reply_to=reply_to), context
        )
        assert isinstance(count, int), count
        after = self._engine.catalogue.instruments(account.name)
        changed = sorted(symbol for symbol in before.keys() | after.keys() if before.get(symbol) != after.get(symbol))
        return pb.RefreshInstrumentsResponse(
            instrument_count=count, changed_symbols=changed, fetch_time=timestamp(self._engine.clock.now_ms())
        )

    async def CheckAccount(self, request: pb.CheckAccountRequest, context: Context) -> pb.CheckAccountResponse:
        account = self._engine.account(request.account)
        closed = self._engine.unbuilt.get(account.name) or self._engine.broken.get(account.name)
        if closed is not None:  # Nobody is there to be asked.
            return pb.CheckAccountResponse(checks=[pb.AccountCheck(name="account", message=closed)])
        report = await self._engine.ask(
            f"gateway/{account.name}", lambda reply_to: CheckAccount(reply_to=reply_to), context
        )
        assert isinstance(report, AccountReport), report
        checks = [pb.AccountCheck(name=name, passed=passed, message=words) for name, passed, words in report.checks]
        return pb.CheckAccountResponse(passed=all(check.passed for check in checks), checks=checks)

    async def SetPaperPrice(self, request: pb.SetPaperPriceRequest, context: Context) -> pb.SetPaperPriceResponse:
        account = self._paper_account(request.account)
        price = number(request.price, "price")
        if price <= 0:
            raise faulty_field("price", "must be above zero")
        if not request.symbol:
            raise faulty_field("symbol", "is missing")
        quote = await self._engine.ask(
            f"gateway/{account.name}",
            lambda reply_to: SetPaperPrice(symbol=request.symbol, price=price, reply_to=reply_to),
            context,
        )
        assert isinstance(quote, Quote), quote
        shown = pb.PaperPrice(
            account=account.name,
            symbol=request.symbol,
            price=decimal(price),
            bid=decimal(quote.bid),
            ask=decimal(quote.ask),
            time=timestamp(quote.time_ms),
        )
        return pb.SetPaperPriceResponse(price=shown)

    async def ListDrift(self, request: pb.ListDriftRequest, _context: Context) -> pb.ListDriftResponse:
        """ORD-7. Accepted ones count as resolved: they are decided."""
        account = self._engine.account(request.account).name if request.account else ""
        states = () if request.include_resolved else (DriftState.OPEN,)
        page = await self._engine.page(self._engine.reader.list_drifts, request, account, states)
        return pb.ListDriftResponse(drifts=[to.drift(each) for each in page.items], next_page_token=page.next_token)

    async def ResolveDrift(self, request: pb.ResolveDriftRequest, context: Context) -> pb.ResolveDriftResponse:
        resolution = to.RESOLUTION_OF.get(request.resolution)
        if resolution is None:
            raise faulty_field("resolution", "must be adopt, ignore or flatten")
        stored = await self._engine.read(self._engine.reader.get_drift, request.drift_id)
        if stored is None:
            raise not_found("difference", request.drift_id)
        if stored.state is DriftState.RESOLVED:
            raise Failed(ApiReason.ALREADY_CLOSED, f"difference {stored.drift_id} is resolved already")
        account, who = self._engine.account(stored.account), caller().name
        answer = await self._engine.ask(
            f"gateway/{account.name}",
            lambda reply_to: ResolveDrift(
                drift_id=stored.drift_id,
                resolution=resolution.value,
                group_id=request.group_id,
                who=who,
                is_dry_run=request.validate_only,
                reply_to=reply_to,
            ),
            context,
        )
        assert isinstance(answer, SaveDrift), answer
        return pb.ResolveDriftResponse(drift=to.drift(answer))

    def _paper_account(self, name: str) -> AccountSettings:
        """The named one, else the only one whose prices can be set."""
        if name:
            return self._engine.account(name)
        papers = [each for each in self._engine.settings().accounts.values() if each.is_paper]
        if len(papers) != 1:
            names = ", ".join(each.name for each in papers) or "none"
            raise faulty_field("account", f"there is not one paper account but {names}: name it")
        return papers[0]

    def _groups(self, account: AccountSettings) -> list[Group]:
        return [group for group in self._engine.view.current.live() if group.account == account.name]
