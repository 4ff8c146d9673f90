"""`terrace init`: the first config, by question and answer or by options."""

from __future__ import annotations

import os
import stat
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.config_file import DEFAULT_FILE
from control.exits import ExitCode
from control.options import CONTEXT, DryRun, Output
from control.printer import Format, say, write
from control.session import Session, Stop, session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from control.setup.answers import Answers, Facts

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
MAX_KEY_FILE_BYTES = 64 * 1024


class MarketName(StrEnum):
    SPOT = "spot"
    SWAP = "swap"


KeyFile = typer.Option(metavar="FILE", help="A file with it that only you may read; else it is asked for.")


@app.command("init", context_settings=CONTEXT)
def init(
    ctx: typer.Context,
    config: Annotated[
        str, typer.Option("--config", metavar="FILE", help="What to write; else the file named before the noun.")
    ] = "",
    paper: Annotated[
        bool, typer.Option("--paper", help="A paper account, everything as shipped: no question.")
    ] = False,
    exchange: Annotated[
        str, typer.Option(metavar="NAME", help="paper, binance, bybit, okx, kucoin, mexc or gate.")
    ] = "",
    account: Annotated[str, typer.Option(metavar="NAME", help="Your name for the account; else the exchange's.")] = "",
    market: Annotated[MarketName | None, typer.Option("--market", help="What is traded there.")] = None,
    testnet: Annotated[
        bool | None, typer.Option("--testnet/--live", help="The exchange's test system, or real money.")
    ] = None,
    api_key_file: Annotated[Path | None, KeyFile] = None,
    api_secret_file: Annotated[Path | None, KeyFile] = None,
    passphrase_file: Annotated[Path | None, KeyFile] = None,
    capital: Annotated[str, typer.Option(metavar="AMOUNT", help="In quote, of one entry (pyramid).")] = "",
    ladder: Annotated[
        str, typer.Option(metavar="LEGS", help="GAP:WEIGHT:TARGET of each leg in percent: '0:60:1 0.5:40:0.8'.")
    ] = "",
    pool: Annotated[str, typer.Option(metavar="N", help="Groups open at the same time.")] = "",
    check: Annotated[bool, typer.Option("--check/--no-check", help="Try the keys at the exchange first.")] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a config that is there; it is kept beside it.")
    ] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Write the first config, keep the keys in the vault, and print webhook and alert messages for TradingView.

    Asks for what the options leave out. Keys are never shown and stand in no file as they are; they are tried at the
    exchange before anything is written. Where nobody can be asked, what is missing is named (exit code 2).
    `--dry-run` prints the file. Ctrl-C before the end leaves everything as it was.

    \b
    Examples:
      terrace init
      terrace init --paper
      terrace init --exchange binance --market spot --testnet --api-key-file k --api-secret-file s --capital 100
      terrace init --paper --capital 500 --ladder '0:50:1 1:50:2' --pool 3 --dry-run
    """
    run = session(ctx)
    named = config or run.local_config() or os.environ.get("TERRACE_CONFIG") or DEFAULT_FILE
    path = Path(named).expanduser().absolute()
    if os.path.lexists(path) and not (force or dry_run):
        raise Stop(f"{path} is there already: --force writes it anew and keeps the old one beside it")
    if paper and exchange not in ("", "paper"):
        raise Stop(f"--paper and --exchange {exchange} are not both possible", ExitCode.USAGE)
    facts = _facts()
    options = {
        "exchange": "paper" if paper else exchange,
        "account": account,
        "market": market.value if market else "",
        "world": "" if testnet is None else ("testnet" if testnet else "live"),
        "capital": capital,
        "ladder": ladder,
        "pool": pool,
    }
    answers = _given(options, facts, _keys(api_key_file, api_secret_file, passphrase_file, dry_run=dry_run))
    is_asked = _completed(answers, facts, is_quiet=paper, dry_run=dry_run)
    if dry_run:
        _show(run, answers, path, output)
        return
    _render(answers, path)  # Every fault is told before the exchange is bothered.
    is_checked = check and not answers.is_paper and _tried(answers, facts, path, is_asked=is_asked)
    if is_asked:
        from control.setup.asking import agree

        agree(f"Write {path}?")
    _write(run, answers, path, output, force=force, is_checked=is_checked)


# --- answers --------------------------------------------------------------------------------------


def _engine(action: str, plan: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    from control.setup.engine import EngineFailed, ask

    try:
        return ask(action, plan)
    except EngineFailed as failed:
        raise Stop(str(failed)) from None


def _facts() -> Facts:
    from control.setup.answers import read_facts

    return read_facts(_engine("facts"))


def _given(options: dict[str, str], facts: Facts, keys: dict[str, str]) -> Answers:
    """What the options say, judged; what they leave out stays open."""
    from control.setup import answers as judge

    found = judge.Answers(keys=keys)
    judges: dict[str, Any] = {
        "exchange": lambda text: judge.one_of(text, facts.exchanges),
        "account": lambda text: judge.name(text, facts),
        "market": lambda text: text,
        "world": lambda text: _world(text, found.exchange, facts),
        "capital": judge.amount,
        "ladder": lambda text: judge.ladder(text, facts),
        "pool": lambda text: judge.pool(text, facts),
    }
    for name, text in options.items():
        if text:
            option = f"--{text}" if name == "world" else f"--{name}"
            try:
                setattr(found, name, judges[name](text))
            except judge.WrongAnswer as wrong:
                raise Stop(f"{option}: {wrong}", ExitCode.USAGE) from None
    useless = sorted(set(keys) - set(found.wanted_keys(facts))) if found.exchange else []
    if useless:
        raise Stop(f"{found.exchange} has no use for: {', '.join(useless)}", ExitCode.USAGE)
    return found


def _world(text: str, exchange: str | None, facts: Facts) -> str:
    from control.setup.answers import WrongAnswer

    if exchange == "paper":
        raise WrongAnswer("a paper account is neither")
    if exchange is not None and text not in facts.worlds(exchange):
        raise WrongAnswer(f"{exchange} has no testnet")
    return text


def _keys(api_key: Path | None, api_secret: Path | None, passphrase: Path | None, *, dry_run: bool) -> dict[str, str]:
    given = {"api_key": api_key, "api_secret": api_secret, "passphrase": passphrase}
    return {name: "" if dry_run else _key_in(path, name) for name, path in given.items() if path is not None}


def _key_in(path: Path, name: str) -> str:
    from control.setup.answers import WrongAnswer, key

    option = f"--{name.replace('_', '-')}-file"
    try:
        with path.expanduser().open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
                raise Stop(f"{option}: others may read {path}: chmod 600 {path}", ExitCode.USAGE)
            return key(file.read(MAX_KEY_FILE_BYTES).decode())
    except OSError as error:
        raise Stop(f"{option}: {path}: {error.strerror or error}", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise Stop(f"{option}: {path} is no text", ExitCode.USAGE) from None
    except WrongAnswer as wrong:
        raise Stop(f"{option}: {path}: {wrong}", ExitCode.USAGE) from None


def _completed(answers: Answers, facts: Facts, *, is_quiet: bool, dry_run: bool) -> bool:
    """Asks where somebody is there; whether it did. Ends with what is missing where nobody is."""
    from control.setup.answers import missing

    if is_quiet:
        return False
    if sys.stdin.isatty():
        from control.setup.asking import ask_for_missing

        return ask_for_missing(answers, facts, with_keys=not dry_run)
    found = [each for each in missing(answers, facts) if not (dry_run and each.endswith("-file"))]
    if found:
        raise Stop("nobody can be asked here; missing: " + "; ".join(found), ExitCode.USAGE)
    return False


# --- what is done ---------------------------------------------------------------------------------


def _render(answers: Answers, path: Path) -> Mapping[str, Any]:
    """The config as text; its faults end the command."""
    plan = answers.plan(str(path), force=True)
    found = _engine("render", {**plan, "keys": {}})
    _end_with_faults(found)
    return found


def _end_with_faults(found: Mapping[str, Any]) -> None:
    if found.get("faults"):
        raise Stop("\n".join(["the config would not hold, nothing was done:", *found["faults"]]), ExitCode.USAGE)


def _show(run: Session, answers: Answers, path: Path, output: Format) -> None:
    found = _render(answers, path)
    if output in (Format.JSON, Format.YAML):
        run.emit({"dry_run": True, "config": str(path), "text": found["text"]}, output, str)
        return
    for note in found["notes"]:
        say(f"note  {note}")
    write(found["text"])


def _tried(answers: Answers, facts: Facts, path: Path, *, is_asked: bool) -> bool:
    """Whether the exchange took the keys. Where it does not, a person may give others or have these stored."""
    while True:
        say(f"trying the key at {answers.exchange} ...")
        found = _engine("try", answers.plan(str(path), force=True))
        _end_with_faults(found)
        words = found["refused"]
        if not words:
            say("the exchange takes the key")
            return True
        if not is_asked:
            raise Stop(f"the key could not be confirmed, nothing was done: {words} (--no-check stores it all the same)")
        from control.setup import asking

        choice = asking.ask_after_refusal(words)
        if choice == asking.QUIT:
            raise Stop("cancelled, nothing was done", ExitCode.CANCELLED)
        if choice == asking.STORE:
            return False
        answers.keys.clear()
        asking.ask_for_keys(answers, facts)


def _write(run: Session, answers: Answers, path: Path, output: Format, *, force: bool, is_checked: bool) -> None:
    from control.config_file import read_config
    from control.setup.told import hooks, next_steps, told

    found = _engine("write", answers.plan(str(path), force=force))
    _end_with_faults(found)
    if found.get("refused"):
        raise Stop(found["refused"])
    account = answers.account or answers.exchange or "paper"
    config = read_config(path)
    is_for_people = output in (Format.TABLE, Format.WIDE)
    steps = next_steps(config, account, is_paper=answers.is_paper, is_checked=is_checked)
    done = {
        "dry_run": False,
        **found,
        "account": account,
        "checked": is_checked,
        "sources": hooks(config, with_secret=is_for_people and sys.stdout.isatty()),
        "next": steps,
    }
    run.emit(done, output, lambda: told(done, steps))
