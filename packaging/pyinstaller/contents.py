"""What goes into the folder besides what PyInstaller finds by following imports, and what stays out.

Pure lists and functions over the source tree and the environment that builds; terrace.spec puts them together.
"""

from __future__ import annotations

import configparser
import py_compile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions, entry_points
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROOMS = ("actors", "control", "daemon", "gui", "protos")
TOOLS = ("protos.build", "protos.check", "protos.manual", "control.manual", "daemon.config.reference")
"""Modules of the rooms that serve who works on the source."""
EXCHANGES = ("binance", "binanceusdm", "bybit", "gate", "kucoin", "mexc", "okx")
"""ccxt knows a hundred more, which would take most of the room. frozen_check makes a client of each."""
SOURCES = ("apprise", "gradio")
"""They look for their own modules as .py files. Their compiled form comes along, so that no start compiles them."""
NEEDED_WHOLE = ("apprise", "ccxt.static_dependencies", "ccxt.protobuf", "grpc_health", "keyring.backends", "tzdata")
"""Packages whose modules are loaded by name."""
DATA_OF = ("apprise", "gradio", "gradio_client", "groovy", "safehttpx", "tzdata")
ENTRY_POINTS = ("keyring.backends", "opentelemetry_")
"""Beginnings of the groups by which packages find their parts."""
LEFT_OUT = (
    *("IPython", "PyInstaller", "_pytest", "altgraph", "axe_playwright_python", "build", "coverage", "execnet"),
    *("greenlet", "grpc_tools", "hf_xet", "hypothesis", "importlinter", "matplotlib", "mkdocs", "mypy", "mypyc"),
    *("mypy_protobuf", "notebook", "pip", "pipx", "playwright", "pluggy", "pydoc_data", "pytest", "ruff", "setuptools"),
    *("tests", "tkinter", "torch", "uv", "uvloop", "wheel", "xdist", "pandas.tests", "numpy.tests", "ccxt.test"),
    *("numpy.distutils", "lib2to3", "idlelib", "ensurepip", "turtledemo", "unittest.test"),
)
UNUSED_FILES = (
    "gradio/media_assets/*",
    "gradio/templates/node/*",
    "gradio/test_data/*",
    "plotly/labextension/*",
    "plotly/package_data/plotly.min.js",
    "plotly/package_data/widgetbundle.js",
    "scipy/*/tests/*",
    "terrace.egg-info/*",
    "*.dist-info/RECORD",
    "*.dist-info/direct_url.json",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
)
"""Patterns of files in the folder that nobody reads: servers of the panel's library that are not started, its examples,
drawings in a browser that plotly would do, and notes of the installation this was built from."""

Pair = tuple[str, str]
"""A file, and its folder in the folder."""


def own_modules() -> list[str]:
    """Dotted names of Terrace's modules; many are loaded by name."""
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name not in TOOLS and "migrations" not in parts:
                found.append(name)
    return found


def own_data() -> list[Pair]:
    """The package data of setup.cfg: what a wheel carries besides modules."""
    told = _setup()["options.package_data"]
    found = []
    for package, patterns in told.items():
        if package == "*":
            continue
        folder = ROOT.joinpath(*package.split("."))
        for pattern in patterns.split():
            for path in sorted(folder.glob(pattern)):
                if path.is_file() and path.suffix not in (".pyi", ".proto"):
                    found.append((str(path), str(path.parent.relative_to(ROOT))))
    return found


def version() -> str:
    return _setup()["metadata"]["version"].strip()


def own_metadata(folder: Path) -> list[Pair]:
    """What `importlib.metadata` tells of Terrace, without the paths an installation from the tree would carry."""
    place = folder / f"terrace-{version()}.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    told = place / "METADATA"
    told.write_text(f"Metadata-Version: 2.1\nName: terrace\nVersion: {version()}\nLicense: MIT\n", encoding="utf-8")
    return [(str(told), place.name), (str(ROOT / "LICENSE"), place.name)]


def named_modules() -> list[str]:
    """Modules that are found through entry points."""
    groups = [group for group in entry_points().groups if group.startswith(ENTRY_POINTS)]
    return sorted({point.module for group in groups for point in entry_points(group=group)})


def other_exchanges() -> list[str]:
    """Modules of ccxt that belong to exchanges Terrace does not trade on."""
    found = []
    for package in ("ccxt", "ccxt.abstract", "ccxt.async_support", "ccxt.pro"):
        folder = ROOT / "nowhere" if (place := _folder_of(package)) is None else place
        names = {path.stem for path in folder.glob("*.py")} - {"__init__", *EXCHANGES}
        found += [f"{package}.{name}" for name in sorted(names)]
    return [*found, "ccxt.prediction"]


def exchange_modules() -> list[str]:
    kinds = ("ccxt.abstract", "ccxt.async_support", "ccxt.pro")
    return [name for kind in kinds for each in EXCHANGES if find_spec(name := f"{kind}.{each}") is not None]


def compiled(package: str, work: Path) -> list[Pair]:
    """The package's modules compiled, as Python keeps them beside sources; dates do not matter to them."""
    place = _folder_of(package)
    if place is None:
        raise LookupError(f"{package} is not installed here")
    found = []
    for path in sorted(place.rglob("*.py")):
        inside = path.relative_to(place.parent)
        if is_unused(inside.as_posix()) or "tests" in inside.parts:
            continue
        target = work / inside.parent / "__pycache__" / _cache_name(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        py_compile.compile(
            str(path),
            cfile=str(target),
            dfile=str(inside),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        found.append((str(target), str(inside.parent / "__pycache__")))
    return found


def described(tops: Iterable[str]) -> list[Pair]:
    """Metadata, entry points and licences of the distributions that these top-level modules belong to."""
    wanted, found = set(tops), []
    for each in distributions():
        name = each.metadata["Name"]
        if name.lower() != "terrace" and wanted & set(_tops_of(each)):
            found += list(_notes_of(each))
    return found


def is_unused(place: str) -> bool:
    """Whether nobody reads the file at this place of the folder."""
    return any(fnmatch(place.replace("\\", "/"), pattern) for pattern in UNUSED_FILES)


def _notes_of(one: Distribution) -> Iterator[Pair]:
    for file in one.files or ():
        parts = file.parts
        if not parts or not parts[0].endswith(".dist-info"):
            continue
        is_licence = any(word in file.name.upper() for word in ("LICEN", "COPYING", "NOTICE", "AUTHORS"))
        path = Path(str(one.locate_file(file)))
        if (is_licence or file.name in ("METADATA", "entry_points.txt")) and path.is_file():
            yield str(path), str(Path(*parts[:-1]))


def _tops_of(one: Distribution) -> set[str]:
    told = (one.read_text("top_level.txt") or "").split()
    seen = {file.parts[0].partition(".")[0] for file in one.files or () if file.suffix in (".py", ".so", ".pyd")}
    return {*told, *seen}


def _folder_of(package: str) -> Path | None:
    """Where the package lies; it is not loaded."""
    top, *rest = package.split(".")
    spec = find_spec(top)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return Path(places[0], *rest) if places else None


def _cache_name(path: Path) -> str:
    from importlib.util import cache_from_source

    return Path(cache_from_source(path.name)).name


def _setup() -> configparser.ConfigParser:
    told = configparser.ConfigParser()
    told.read(ROOT / "setup.cfg", encoding="utf-8")
    return told
