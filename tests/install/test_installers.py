"""What makes executables and installers on three systems, looked at as far as one system can."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import plistlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.install.packages import ROOMS, ROOT

PACKAGING = ROOT / "packaging"
WORKFLOW = ROOT / ".github" / "workflows" / "package.yml"
INNO = PACKAGING / "windows" / "terrace.iss"
MAC = PACKAGING / "macos"
SCRIPTS = [MAC / "build_pkg.sh", MAC / "uninstall.sh", MAC / "scripts" / "preinstall", MAC / "scripts" / "postinstall"]
PIN = re.compile(r"^[\w-]+/[\w-]+@[0-9a-f]{40}$")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def contents() -> ModuleType:
    return load(PACKAGING / "pyinstaller" / "contents.py")


@pytest.fixture(scope="module")
def frozen() -> ModuleType:
    return load(PACKAGING / "pyinstaller" / "terrace_frozen.py")


# --- executables ----------------------------------------------------------------------------------


def started_by_name() -> Iterator[tuple[str, str]]:
    """File and module of every `-m module` in the source."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                words = node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
                plain = [word.value if isinstance(word, ast.Constant) else None for word in words]
                for first, second in pairwise(plain):
                    if first == "-m" and isinstance(second, str):
                        yield str(path.relative_to(ROOT)), second


def test_every_part_that_is_started_by_its_name_is_known_to_the_executables(frozen: ModuleType) -> None:
    found = [(path, name) for path, name in started_by_name() if name.partition(".")[0] in ROOMS]
    assert len(found) > 3, "nobody starts parts of himself any more"
    assert [(path, name) for path, name in found if name not in frozen.MODULES] == []


def test_what_the_executables_know_by_name_has_a_main(frozen: ModuleType) -> None:
    for place in frozen.MODULES.values():
        path = PACKAGING / "pyinstaller" / f"{place}.py" if "." not in place else ROOT.joinpath(*place.split("."))
        tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
        assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, place


def test_children_see_nothing_of_the_starter_and_the_libraries_of_the_system(
    frozen: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    environ = {"_PYI_ARCHIVE_FILE": "x", "LD_LIBRARY_PATH": "/here:/own", "LD_LIBRARY_PATH_ORIG": "/own", "HOME": "/"}
    frozen.clean(environ)
    assert environ == {"LD_LIBRARY_PATH": "/own", "HOME": "/"}
    environ = {"LD_LIBRARY_PATH": "/here"}
    frozen.clean(environ)
    assert environ == {}


def test_certificates_that_somebody_named_stay_named(frozen: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for environ in ({"SSL_CERT_FILE": "/own.pem"}, {"SSL_CERT_DIR": "/own"}):
        before = dict(environ)
        frozen.trust(environ)
        assert environ == before
    monkeypatch.setattr(frozen, "CERTIFICATES", ("/nowhere",))
    environ = {}
    frozen.trust(environ)
    assert environ["SSL_CERT_FILE"].endswith("cacert.pem")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["-m", "gui", "--config", "x"], "gui"),
        (["-m", "os"], ""),
        (["-m"], ""),
        (["status"], ""),
        (["signal", "-m", "gui"], ""),
    ],
)
def test_only_known_parts_are_started_by_name(frozen: ModuleType, words: list[str], part: str) -> None:
    assert frozen.wanted(words) == part


def test_all_package_data_and_every_module_goes_into_the_folder(contents: ModuleType) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    told = {name for name in setup["options.package_data"] if name != "*"}
    places = {folder.replace("/", ".").partition(".")[0] for _, folder in contents.own_data()}
    assert {name.partition(".")[0] for name in told} - {"protos"} <= places
    files = {Path(path).name for path, _ in contents.own_data()}
    assert {"shipped.yaml", "001_initial.py", "login.html", "launchd.plist", "prometheus-rules.yaml"} <= files
    names = contents.own_modules()
    assert {"daemon.app", "control.commands.status", "gui.__main__", "protos.terrace.v1.signal_pb2"} <= set(names)
    assert not set(names) & set(contents.TOOLS)
    assert contents.version() == setup["metadata"]["version"]


def test_the_exchanges_in_the_folder_are_those_terrace_trades_on(contents: ModuleType) -> None:
    from daemon.exchanges.venues import _VENUES, venue_class

    kinds = [kind for place in _VENUES if not isinstance(kind := venue_class(*place), str)]
    assert {kind.ccxt_id for kind in kinds} == set(contents.EXCHANGES)
    others = contents.other_exchanges()
    assert "ccxt.async_support.kraken" in others
    assert not {name.rpartition(".")[2] for name in others} & set(contents.EXCHANGES)


def test_nothing_unused_is_packed_and_nothing_needed_is_left_out(contents: ModuleType) -> None:
    assert contents.is_unused("gradio/templates/node/build/index.js")
    assert contents.is_unused("ccxt-4.5.dist-info/direct_url.json")
    assert not contents.is_unused("gradio/templates/frontend/index.html")
    assert not contents.is_unused("ccxt-4.5.dist-info/METADATA")


# --- Windows --------------------------------------------------------------------------------------


def sections() -> dict[str, list[str]]:
    """Section of the script -> its lines, comments and preprocessor lines left out."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in INNO.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            name = match[1]
            assert name not in found, f"{name} stands there twice"
            found[name] = []
        elif line.strip() and not line.lstrip().startswith((";", "#")):
            assert name, line
            found[name].append(line)
    return found


def test_the_script_for_inno_setup_has_the_sections_it_needs_and_no_others() -> None:
    known = {"Setup", "Languages", "Tasks", "InstallDelete", "Files", "Icons", "Code"}
    assert set(sections()) == known


def test_the_installer_for_windows_is_for_one_person_starts_nothing_and_leaves_data() -> None:
    setup = dict(line.split("=", 1) for line in sections()["Setup"])
    assert setup["PrivilegesRequired"] == "lowest"
    assert setup["CloseApplications"] == "no"
    assert setup["AppVersion"] == "{#Version}"
    assert re.fullmatch(r"\{\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", setup["AppId"])
    assert (INNO.parent / setup["LicenseFile"].replace("\\", "/")).is_file()
    text = INNO.read_text(encoding="utf-8")
    assert not {"Run", "UninstallRun", "UninstallDelete"} & set(sections())
    assert "sc.exe" not in text


def test_every_entry_of_the_script_for_inno_setup_is_well_formed() -> None:
    for name in ("Languages", "Tasks", "InstallDelete", "Files", "Icons"):
        for line in sections()[name]:
            fields = re.findall(r'(\w+): ((?:"(?:[^"]|"")*")|\w+(?: \w+)*)(?:; |$)', line)
            assert "; ".join(f"{key}: {value}" for key, value in fields) == line, line
    built = re.search(r'#define Built "([^"]+)"', INNO.read_text(encoding="utf-8"))
    assert built is not None
    assert (INNO.parent / built[1].replace("\\", "/")).resolve() == ROOT / "dist" / "terrace"


def test_the_code_of_the_script_for_inno_setup_is_balanced_and_its_names_are_defined() -> None:
    code = "\n".join(sections()["Code"])
    plain = re.sub(r"'[^']*'", "''", code)
    words = re.findall(r"\b(begin|try|case|end)\b", plain, re.IGNORECASE)
    assert sum(-1 if word.lower() == "end" else 1 for word in words) == 0
    assert plain.count("(") == plain.count(")")
    own = set(re.findall(r"^(?:procedure|function) (\w+)", plain, re.MULTILINE))
    assert {"AddToPath", "TakeFromPath", "IsRunning", "PrepareToInstall", "CurUninstallStepChanged"} <= own
    for name in own - {"PrepareToInstall", "CurStepChanged", "InitializeUninstall", "CurUninstallStepChanged"}:
        assert len(re.findall(rf"\b{name}\b", plain)) > 1, f"{name} is never used"


# --- macOS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_for_macos_are_sound(path: Path) -> None:
    assert path.stat().st_mode & 0o111, "cannot be run"
    assert path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(path)], check=True)
    linter = shutil.which("shellcheck")
    if linter is None:
        pytest.skip("shellcheck is not here")
    subprocess.run([linter, str(path)], check=True)


def test_the_description_of_the_macos_package_names_what_the_script_packs() -> None:
    tree = ET.parse(MAC / "distribution.xml").getroot()
    assert tree.tag == "installer-gui-script"
    packed = {each.text for each in tree.iter("pkg-ref") if each.text}
    script = (MAC / "build_pkg.sh").read_text(encoding="utf-8")
    assert packed == {"terrace-programs.pkg"}
    assert "parts/terrace-programs.pkg" in script
    refs = {each.get("id") for each in tree.iter("pkg-ref")}
    assert refs == {"terrace.programs"}
    assert "--identifier terrace.programs" in script
    domains = tree.find("domains")
    assert domains is not None
    assert domains.get("enable_currentUserHome") == "true"
    for kind in ("license", "conclusion"):
        part = tree.find(kind)
        assert part is not None
        name = str(part.get("file"))
        assert name == "LICENSE.txt" or (MAC / "resources" / name).is_file()
        assert name in script


def test_bundles_of_the_macos_package_stay_where_they_are_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "components.plist"
    inner = {"RootRelativeBundlePath": "a/b.bundle", "BundleIsRelocatable": True}
    outer = {"RootRelativeBundlePath": "a", "BundleIsRelocatable": True, "ChildBundles": [inner]}
    path.write_bytes(plistlib.dumps([outer]))
    monkeypatch.setattr(sys, "argv", ["fixed_in_place.py", str(path)])
    assert load(MAC / "fixed_in_place.py").main() == 0
    (found,) = plistlib.loads(path.read_bytes())
    assert found["RootRelativeBundlePath"] == "a"
    assert found["BundleIsRelocatable"] is False
    assert found["ChildBundles"][0]["BundleIsRelocatable"] is False


def folder_of_programs(tmp_path: Path) -> Path:
    folder = tmp_path / "Library" / "Terrace"
    (folder / "_internal").mkdir(parents=True)
    for name in ("terrace", "terraced", "LICENSE", "uninstall.sh"):
        (folder / name).write_text("")
    shutil.copy(MAC / "uninstall.sh", folder / "uninstall.sh")
    return folder


def run_script(path: Path, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(path), *words],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_removal_on_macos_takes_the_programs_and_leaves_everything_else(tmp_path: Path) -> None:
    folder = folder_of_programs(tmp_path)
    (folder / "mine.yaml").write_text("config_version: 1\n")
    done = run_script(folder / "uninstall.sh", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]


def test_the_removal_on_macos_refuses_a_foreign_folder_and_an_installed_service(tmp_path: Path) -> None:
    shutil.copy(MAC / "uninstall.sh", tmp_path / "uninstall.sh")
    assert run_script(tmp_path / "uninstall.sh", home=tmp_path).returncode == 2
    folder = folder_of_programs(tmp_path)
    (tmp_path / "Library" / "LaunchAgents").mkdir()
    (tmp_path / "Library" / "LaunchAgents" / "terrace.daemon.plist").write_text("")
    done = run_script(folder / "uninstall.sh", home=tmp_path)
    assert done.returncode == 1
    assert "service uninstall" in done.stderr
    assert (folder / "terraced").exists()


def test_the_installation_on_macos_replaces_libraries_and_names_the_path_once(tmp_path: Path) -> None:
    folder = folder_of_programs(tmp_path)
    for _ in range(2):
        assert run_script(MAC / "scripts" / "preinstall", "pkg", str(folder), home=tmp_path).returncode == 0
        assert run_script(MAC / "scripts" / "postinstall", "pkg", str(folder), home=tmp_path).returncode == 0
    assert not (folder / "_internal").exists()
    assert (folder / "terraced").exists()
    assert (tmp_path / ".zprofile").read_text().count(str(folder)) == 1


# --- the workflow ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


def steps(workflow: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_the_workflow_builds_on_the_three_systems(workflow: dict[Any, Any]) -> None:
    jobs = workflow["jobs"]
    runners = {job["runs-on"] for job in jobs.values()}
    rows = jobs["executables"]["strategy"]["matrix"]["include"]
    assert {row["system"] for row in rows} == {"linux", "macos", "windows"}
    assert {"macos-latest", "windows-latest"} <= {row["runner"] for row in rows}
    assert "ubuntu-latest" in runners
    for job in jobs.values():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(jobs)
        assert job["timeout-minutes"] <= 60


def test_the_workflow_takes_no_secret_and_may_only_read(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
    assert all("permissions" not in job for job in workflow["jobs"].values())
    taken = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert taken
    assert all(step["with"]["persist-credentials"] is False for step in taken)


def test_the_actions_of_the_workflow_are_pinned_and_say_their_version(workflow: dict[Any, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [name for name in used if not PIN.match(name)] == []
    lines = [line for line in WORKFLOW.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert [line for line in lines if not re.search(r"  # v\d+\.\d+\.\d+$", line)] == []


def test_the_workflow_keeps_what_it_builds_with_checksums(workflow: dict[Any, Any]) -> None:
    kept = [step["with"] for step in steps(workflow) if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert {each["name"] for each in kept} == {"wheel", "executables-${{ matrix.system }}", "checksums"}
    assert all(each["if-no-files-found"] == "error" for each in kept)
    places = next(each["path"] for each in kept if each["name"].startswith("executables"))
    assert {"dist/terrace-*.pkg", "dist/terrace-*-setup.exe", "dist/terrace-*.sha256"} <= set(places.split())


def test_files_and_targets_that_the_workflow_names_exist(workflow: dict[Any, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for step in steps(workflow):
        text = str(step.get("run", "")).replace("\\", "/")
        for place in re.findall(r"(?:packaging|tests)/[\w./]+\.\w+", text):
            assert (ROOT / place).is_file(), place
        for target in re.findall(r"\bmake ([a-z-]+)", text):
            assert target in targets
        if step.get("shell", "bash") == "bash" and text:
            filled = re.sub(r"\$\{\{.*?\}\}", "x", str(step["run"]))
            subprocess.run(["bash", "-n", "-c", filled], check=True)
