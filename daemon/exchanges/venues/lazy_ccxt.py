"""ccxt's packages, so that each of their names is loaded when it is first asked for.

`import ccxt.pro` loads the code of a hundred exchanges three times over: about 60 MB and half a second for one that is
used. `load_lazily` puts packages in their places that give the same names one by one. No code of ccxt is changed: an
exchange comes from its own module, a name that is found nowhere else makes the package load as a whole.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

PACKAGES = ("ccxt", "ccxt.async_support", "ccxt.pro")
_SHARED = ("ccxt.base.errors", "ccxt.base.decimal_to_precision", "ccxt.base.precise")


class LazyPackage(ModuleType):
    """What its `__init__` would hold, each name on demand."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Importing a submodule sets it here; the package itself would show the exchange's class under that name."""
        if isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}":
            value = value.__dict__.get(name, value)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        if find_spec(f"{self.__name__}.{name}") is not None:
            import_module(f"{self.__name__}.{name}")  # Sets the name.
            return self.__dict__[name]
        base = "ccxt.base.exchange" if self.__name__ == "ccxt" else "ccxt.async_support.base.exchange"
        if name in ("Exchange", "__version__"):
            return getattr(import_module(base), name)
        for place in _SHARED:
            module = import_module(place)
            if hasattr(module, name):
                return getattr(module, name)
        return self._whole(name)

    def _whole(self, name: str) -> Any:
        spec = self.__spec__
        if spec is None or spec.loader is None or self.__dict__.get("_is_whole"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__dict__["_is_whole"] = True
        spec.loader.exec_module(self)
        return getattr(self, name)


def load_lazily() -> None:
    """To be called before ccxt is imported; afterwards it does nothing."""
    if "ccxt" in sys.modules:
        return
    for name in PACKAGES:
        spec = find_spec(name)
        assert spec is not None, name
        package = LazyPackage(name)
        plain = module_from_spec(spec)
        for each in ("__spec__", "__path__", "__file__", "__loader__", "__package__"):
            setattr(package, each, getattr(plain, each))
        sys.modules[name] = package
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, package)
