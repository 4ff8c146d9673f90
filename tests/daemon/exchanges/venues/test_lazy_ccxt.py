"""ccxt's packages, loaded name by name. In processes of their own: this one has loaded them long ago."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
LAZILY = "from daemon.exchanges.venues.lazy_ccxt import load_lazily; load_lazily(); import sys, ccxt.pro\n"


def said_by(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_one_exchange_does_not_load_the_others() -> None:
    loaded = said_by(LAZILY + "ccxt.pro.binance(); print(*sys.modules)").split()
    assert "ccxt.async_support.binance" in loaded
    assert not {"ccxt.kraken", "ccxt.async_support.kraken", "ccxt.pro.kraken", "ccxt.binance"} & set(loaded)


def test_every_name_means_what_it_means_without() -> None:
    """In whatever order modules are imported, a package shows the class and not the module it is from."""
    names = """
from ccxt.async_support.binanceusdm import binanceusdm
print(ccxt.async_support.binance, ccxt.async_support.binanceusdm, ccxt.pro.binanceusdm.__mro__)
print(ccxt.BaseError, ccxt.Exchange, ccxt.async_support.Exchange, ccxt.TICK_SIZE, ccxt.Precise, ccxt.__version__)
print(ccxt.exchanges, ccxt.pro.exchanges, ccxt.kraken)
"""
    assert said_by(LAZILY + names) == said_by("import ccxt.pro\n" + names)


def test_a_name_that_is_nowhere_is_an_attribute_error() -> None:
    code = "\ntry:\n    ccxt.pro.nowhere\nexcept AttributeError as error:\n    print(error)"
    assert said_by(LAZILY + code) == "module 'ccxt.pro' has no attribute 'nowhere'"


def test_what_was_loaded_before_stays() -> None:
    before = "import ccxt.pro, ccxt\nfirst = ccxt\n"
    assert said_by(before + LAZILY + "print(first is ccxt, type(ccxt).__name__)") == "True module"
