"""Wheel and source package hold what they must, and nothing else."""

from __future__ import annotations

import configparser
import re
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.install.packages import ROOMS, ROOT, Packages, as_constraints, faults, in_sdist, in_wheel

BY_NAME = re.compile(r"(?<![\w./-])terrace\[[a-z]|\binstall\b[^\n`]*[ '\"]terrace(?![\w./\[-])")
"""What would make an installer ask an index for the name, which belongs to another program there."""


def setup_cfg() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


def metadata(packages: Packages) -> bytes:
    return next(content for name, content in in_wheel(packages.wheel).items() if name.endswith(".dist-info/METADATA"))


def names(lines: str) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines.splitlines() if line.strip()}


def test_both_packages_hold_every_file_of_the_rooms_as_it_is_and_no_test(packages: Packages) -> None:
    assert faults(packages) == []


def test_a_file_that_a_package_lacks_is_named(packages: Packages, tmp_path: Path) -> None:
    thin = tmp_path / packages.wheel.name
    forgotten = "gui/static/pages/dashboard/banner.js"
    with ZipFile(packages.wheel) as whole, ZipFile(thin, "w") as copy:
        for name in whole.namelist():
            if name != forgotten:
                copy.writestr(name, whole.read(name))
        copy.writestr("tests/__init__.py", "")
    found = faults(replace(packages, wheel=thin))
    assert found == [f"the wheel lacks {forgotten}", "the wheel has tests/__init__.py"]


def test_the_wheel_is_for_every_system_and_brings_both_programs(packages: Packages) -> None:
    assert packages.wheel.name == f"terrace-{setup_cfg()['metadata']['version']}-py3-none-any.whl"
    inside = in_wheel(packages.wheel)
    about = f"terrace-{packages.version}.dist-info"
    points = configparser.ConfigParser()
    points.read_string(inside[f"{about}/entry_points.txt"].decode())
    programs = {"terraced": "daemon.__main__:main", "terrace": "control.__main__:main"}
    assert dict(points["console_scripts"]) == programs
    assert set(inside[f"{about}/top_level.txt"].decode().split()) == set(ROOMS)
    assert any(name.startswith(f"{about}/") and name.endswith("/LICENSE") for name in inside)


def test_every_room_tells_type_checkers_that_it_is_typed(packages: Packages) -> None:
    inside = in_wheel(packages.wheel)
    assert [room for room in ROOMS if f"{room}/py.typed" not in inside] == []


def test_the_metadata_is_valid_and_names_licence_python_and_extras(packages: Packages) -> None:
    found = Metadata.from_email(metadata(packages), validate=True)
    assert found.name == "terrace"
    assert str(found.version) == packages.version
    assert found.license_expression == "MIT"
    assert str(found.requires_python) == ">=3.11"
    assert set(found.provides_extra or []) == {"panel", "postgres", "traces", "dev"}


def test_the_long_description_is_the_readme(packages: Packages) -> None:
    told = Metadata.from_email(metadata(packages))
    assert told.description_content_type == "text/markdown"
    assert told.description is not None
    assert told.description.strip() == (packages.tree / "README.md").read_text(encoding="utf-8").strip()


def test_without_an_extra_nothing_of_the_panel_is_asked_for(packages: Packages) -> None:
    required = Metadata.from_email(metadata(packages)).requires_dist or []
    plain = {canonicalize_name(one.name) for one in required if one.marker is None}
    panel = names(setup_cfg()["options.extras_require"]["panel"])
    assert plain == names(setup_cfg()["options"]["install_requires"])
    assert not plain & panel


def test_the_source_package_brings_what_a_reader_needs(packages: Packages) -> None:
    inside = in_sdist(packages.sdist)
    assert {"docs/services.md", "config.yaml", "requirements.lock", "CHANGELOG.md", "PKG-INFO"} <= inside.keys()
    assert [name for name in inside if name.endswith((".pyc", ".png"))] == []


def test_the_constraints_pin_every_package_that_is_asked_for(packages: Packages) -> None:
    pinned = names(packages.constraints.read_text(encoding="utf-8"))
    extras = setup_cfg()["options.extras_require"]
    wanted = names(setup_cfg()["options"]["install_requires"]) | names(extras["panel"]) | names(extras["postgres"])
    assert wanted <= pinned


@pytest.mark.parametrize(
    ("lock", "constraints"),
    [
        ("a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\nb-c==2.0\n", "a==1\nb-c==2.0\n"),
        ("a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n", "a==1 ; python_full_version < '3.12'\n"),
        ("a[x]==1.0.post1\n", "a[x]==1.0.post1\n"),
    ],
)
def test_constraints_are_the_lock_without_its_hashes(lock: str, constraints: str) -> None:
    assert as_constraints(lock) == constraints


def test_every_pin_of_the_lock_is_a_constraint() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert len(as_constraints(lock).splitlines()) == len(re.findall(r"^\S+==", lock, re.MULTILINE))


def test_nobody_is_told_to_fetch_by_name_what_an_index_has_of_somebody_else() -> None:
    assert BY_NAME.search("Install it: pip install 'terrace[postgres]'")
    assert BY_NAME.search("$ uv tool install terrace")
    assert not BY_NAME.search("pip install -c constraints.txt './terrace-0.2.0-py3-none-any.whl[panel]'")
    files = [ROOT / name for name in ("README.md", "config.yaml", "CHANGELOG.md", "Makefile")]
    for room in (*ROOMS, "docs", "packaging"):
        files += [path for kind in ("py", "md", "yaml", "toml", "html") for path in (ROOT / room).rglob(f"*.{kind}")]
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in files}
    assert len(texts) > 500
    assert {str(path): found[0] for path, text in texts.items() if (found := BY_NAME.search(text))} == {}


def test_the_folder_of_the_installers_hides_no_package_of_the_same_name() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_no_package_that_terrace_needs_has_a_module_of_the_same_name() -> None:
    owners = packages_distributions()
    assert {room: owners[room] for room in ROOMS if set(owners.get(room, ())) - {"terrace"}} == {}
    assert "grpcio" in owners["grpc"]
