"""The container's files, as far as no engine is needed: what they say fits the program and each other.

`tests/install/test_container_runs.py` builds and starts them.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import re
import shutil
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from control.client import read_config
from control.forwarder.settings import read_settings
from daemon.app import STOP_BOUND_S
from daemon.config.load import LoadedConfig, load_text
from daemon.secrets import Secret, Unresolved, read_secret_file
from daemon.store_url import stored_url
from gui.options import read_options
from tests.install import container_files as files
from tests.install import container_names
from tests.install.container_files import FOLDER, ROOT, Service

BIN = Path(sys.executable).parent
PROGRAM_S = 120
UID = "10001:10001"
OURS = {"prepare", "daemon", "forwarder", "panel"}
SERVICES = files.services()
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def load(name: str) -> ModuleType:
    """A program of the folder as a module: it is no package."""
    spec = importlib.util.spec_from_file_location(f"container_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Dataclasses look their module up.
    spec.loader.exec_module(module)
    return module


def tool(name: str) -> str:
    """A program that may be missing: then the test is skipped, and says so."""
    found = shutil.which(name) or shutil.which(name, path=str(BIN))
    if found is None:
        print(f"skipped: {name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


def done(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=False, **more)


# --- Containerfile


@pytest.fixture(scope="module")
def stages() -> list[list[files.Instruction]]:
    return files.stages(files.CONTAINERFILE.read_text(encoding="utf-8"))


def of(stage: list[files.Instruction], word: str) -> list[files.Instruction]:
    return [each for each in stage if each.word == word]


def test_the_image_is_built_in_one_stage_and_runs_in_another_on_the_same_base(
    stages: list[list[files.Instruction]],
) -> None:
    before, build, last = stages
    (base,) = before
    assert re.fullmatch(r"PYTHON_IMAGE=docker\.io/library/python:3\.\d+-slim-[a-z]+", base.rest)
    assert [stage[0].rest for stage in (build, last)] == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    assert f"docker.io/{base.rest.partition('docker.io/')[2]}" == files.defaults()["PYTHON_IMAGE"]
    copied = [each.rest for each in of(last, "COPY")]
    assert copied == ["--from=build /opt/terrace /opt/terrace"], (
        "no tool and no source of the build gets into the image"
    )


def test_the_image_runs_as_a_user_of_fixed_number_and_needs_no_shell(stages: list[list[files.Instruction]]) -> None:
    last = stages[-1]
    assert [each.rest for each in of(last, "USER")] == [UID]
    assert of(last, "CMD")[0].as_list == ["terraced"]
    assert not of(last, "ENTRYPOINT")
    assert not of(last, "VOLUME"), "an anonymous volume would be made where nobody named one"
    (check,) = of(last, "HEALTHCHECK")
    assert json.loads(check.rest.partition("CMD ")[2]) == SERVICES["daemon"]["healthcheck"]["test"][1:]
    assert of(last, "STOPSIGNAL")[0].rest == "SIGTERM" == SERVICES["daemon"]["stop_signal"]
    assert not any(each.word == "ADD" for stage in stages for each in stage)


def test_everything_is_installed_by_the_hashes_of_the_lock(stages: list[list[files.Instruction]]) -> None:
    (_, *commands) = [line for each in of(stages[1], "RUN") for line in each.rest.split(" && ")]
    installs = [line for line in commands if " install " in line and "pip" in line]
    assert len(installs) == 3
    for line in installs:
        assert "--no-deps" in line
        assert "--require-hashes --only-binary :all:" in line or "--no-index /wheels/*.whl" in line


def test_the_label_says_this_version(stages: list[list[files.Instruction]]) -> None:
    (version,) = re.findall(r"(?m)^version = (.+)$", (ROOT / "setup.cfg").read_text(encoding="utf-8"))
    assert f'org.opencontainers.image.version="{version}"' in of(stages[-1], "LABEL")[0].rest


def test_what_is_copied_is_let_through_and_nothing_secret_is() -> None:
    lines = (FOLDER / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "what is not named is kept out"
    named = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    for room in ("actors", "control", "daemon", "gui", "protos"):
        assert room in named
    copied = re.findall(r"packaging/container/[a-z.]+", files.CONTAINERFILE.read_text(encoding="utf-8"))
    assert {path for path in copied if (ROOT / path).is_file()} - {"packaging/container/Containerfile"} <= named
    assert not [path for path in named if (ROOT / path).exists() and path.startswith(("data", ".", "tests"))]


def test_the_list_of_what_the_image_needs_is_current() -> None:
    renew = "python -m tests.install.container_names writes it anew"
    assert container_names.FILE.read_text(encoding="utf-8") == container_names.text(), renew


def test_the_picked_entries_are_those_of_the_lock_with_all_their_hashes() -> None:
    pick = load("pick")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    names = pick.names((FOLDER / "runtime.txt").read_text(encoding="utf-8"))
    text = pick.picked(lock, names)
    entries = pick.entries(text)
    assert sorted(entries) == sorted(names)
    for name, some in entries.items():
        assert len(some) == len(re.findall(rf"(?m)^{name}==", lock)), "each Python has its own"
        assert all(entry in lock and "--hash=sha256:" in entry for entry in some)
    assert len(entries["numpy"]) > 1
    assert len(pick.entries(lock)) > len(entries)


def test_a_name_that_is_not_in_the_lock_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("aiohttp\nno-such-thing  # of ours\n", encoding="utf-8")
    found = done([sys.executable, str(FOLDER / "pick.py"), str(ROOT / "requirements.lock"), str(tmp_path / "names")])
    assert found.returncode == 1
    assert "'no-such-thing'" in found.stderr


def test_hadolint_has_nothing_to_say() -> None:
    found = done([tool("hadolint"), str(files.CONTAINERFILE)])
    assert (found.returncode, found.stdout) == (0, ""), found.stdout


# --- health.py


class Probe(BaseHTTPRequestHandler):
    """Answers as the test wants."""

    answer = (200, b"{}")

    def do_GET(self) -> None:
        self.send_response(self.answer[0])
        self.end_headers()
        self.wfile.write(self.answer[1])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def probe() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Probe)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/readyz"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((200, b'{"checks": []}'), 0, "200"),
        ((200, b"not JSON"), 0, "200"),
        (
            (
                503,
                b'{"checks": [{"name": "store", "passed": false, "message": "full"}, {"name": "x", "passed": true}]}',
            ),
            1,
            "503 store: full",
        ),
        ((503, b'{"checks": [7]}'), 1, "503"),
        ((404, b""), 1, "404"),
    ],
)
def test_the_health_check_says_what_the_probe_says(
    probe: str, answer: tuple[int, bytes], code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Probe, "answer", answer)
    found = done([sys.executable, "-I", "-S", str(FOLDER / "health.py"), probe])
    assert (found.returncode, found.stdout.strip(), found.stderr) == (code, words, "")


def test_the_health_check_fails_where_nobody_listens_or_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    health = load("health")
    monkeypatch.setattr(health, "LIMIT_S", 0.2)
    with HTTPServer(("127.0.0.1", 0), Probe) as silent:  # Connected to, never answered.
        assert health.main([f"http://127.0.0.1:{silent.server_port}/readyz"]) == 1
        port = silent.server_port
    assert health.main([f"http://127.0.0.1:{port}/readyz"]) == 1
    assert "timed out" in capsys.readouterr().out
    assert files.seconds(SERVICES["daemon"]["healthcheck"]["timeout"]) > load("health").LIMIT_S


# --- prepare.py


class Prepared:
    """A folder laid out as the volumes are, and the environment the service has."""

    said = ""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config" / "config.yaml"
        self.data = folder / "data"
        self.keys = folder / "keys"
        for each in (self.config.parent, self.data, self.data / "door", *map(self.key, VOLUMES)):
            each.mkdir(parents=True)
        self.environ = self.of("prepare")

    def key(self, name: str) -> Path:
        return self.keys / name

    def of(self, service: str, data: Path | None = None) -> dict[str, str]:
        """What a service's programs are told, with the folders of here."""
        given = {name: str(value) for name, value in SERVICES[service]["environment"].items()}
        moved = {name: value.replace("/keys/", f"{self.keys}/") for name, value in given.items()}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TERRACE_")}
        own = {"TERRACE_CONFIG": str(self.config), "TERRACE_DATA_DIR": str(data or self.data)}
        return plain | moved | own | {"KEYS": str(self.keys), "PATH": f"{BIN}:{os.environ['PATH']}"}

    def run(self, **more: str) -> subprocess.CompletedProcess[str]:
        return done([sys.executable, str(FOLDER / "prepare.py")], env=self.environ | more, cwd=self.data)

    def files(self) -> dict[str, tuple[int, bytes]]:
        """All that is there, with its mode."""
        top = self.config.parent.parent
        found = (path for path in top.rglob("*") if path.is_file() and "logs" not in path.parts)
        return {
            str(path.relative_to(top)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
            for path in found
            if path.name != "terrace.lock"
        }

    def loaded(self) -> LoadedConfig:
        found = load_text(self.config.read_text(encoding="utf-8"), self.config, self.of("daemon"))
        assert isinstance(found, LoadedConfig), found
        return found


VOLUMES = ("vault", "store", "tls", "names", "grafana")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """After the first start."""
    prepared = Prepared(tmp_path_factory.mktemp("volumes"))
    found = prepared.run()
    assert found.returncode == 0, found.stderr
    prepared.said = found.stdout + found.stderr
    return prepared


@pytest.fixture
def copy(first: Prepared, tmp_path: Path) -> Prepared:
    """The same, to change."""
    prepared = Prepared.__new__(Prepared)
    shutil.copytree(first.config.parent.parent, tmp_path / "volumes")
    prepared.config = tmp_path / "volumes" / "config" / "config.yaml"
    prepared.data, prepared.keys = tmp_path / "volumes" / "data", tmp_path / "volumes" / "keys"
    prepared.environ = prepared.of("prepare")
    return prepared


def test_a_first_start_makes_all_that_is_needed_with_the_modes_that_are_needed(first: Prepared) -> None:
    modes = {name: mode for name, (mode, _) in first.files().items()}
    assert modes == {
        "config/config.yaml": 0o600,
        "data/door/forwarder.token": 0o600,
        "data/door/tradingview": 0o600,
        "data/secrets/tokens.yaml": 0o600,
        "keys/grafana/password": 0o444,
        "keys/names/forwarder.conf": 0o444,
        "keys/names/hooks.conf": 0o444,
        "keys/store/password": 0o444,
        "keys/store/url": 0o600,
        "keys/tls/hooks.key": 0o444,
        "keys/tls/hooks.pem": 0o444,
        "keys/vault/key": 0o600,
    }


def test_the_daemon_takes_the_config_and_finds_its_secrets(first: Prepared) -> None:
    config = first.loaded()
    daemon = config.daemon
    assert (daemon.api.address, daemon.observe.address) == ("0.0.0.0:7461", "0.0.0.0:9461")
    assert config.settings.sources["tradingview"].secret == "file:door/tradingview"
    password = first.key("store").joinpath("password").read_text(encoding="utf-8")
    assert stored_url(daemon) == f"postgresql://terrace:{password}@database:5432/terrace"
    assert daemon.vault_key == f"file:{first.keys}/vault/key"
    assert isinstance(read_secret_file(first.key("vault") / "key"), Secret)


def test_the_forwarder_sees_its_secret_and_its_token_and_no_other(first: Prepared, tmp_path: Path) -> None:
    shutil.copytree(first.data / "door", tmp_path / "door")  # Its own volume, with the door in it.
    environ = first.of("forwarder", tmp_path)
    settings = read_settings(read_config(first.config, environ), environ)
    assert settings.faults == ()
    assert settings.sources["tradingview"].secret
    assert {path.name for path in (tmp_path / "door").iterdir()} == {"tradingview", "forwarder.token"}
    table = yaml.safe_load((first.data / "secrets" / "tokens.yaml").read_text(encoding="utf-8"))["tokens"]
    assert [(token["name"], token["role"]) for token in table] == [("forwarder", "ingest")]


def test_the_panel_takes_the_config(first: Prepared) -> None:
    options = read_options(read_config(first.config, first.of("panel")))
    assert (options.host, options.port) == ("0.0.0.0", 8462)


def test_nothing_it_says_is_a_secret(first: Prepared) -> None:
    said = first.said
    for name, (_, text) in first.files().items():
        if name.startswith(("keys/grafana", "keys/store", "keys/vault", "data/door")):
            assert text.decode().strip() not in said, name


def test_a_second_start_changes_nothing(copy: Prepared) -> None:
    before = copy.files()
    found = copy.run()
    assert found.returncode == 0, found.stderr
    assert copy.files() == before
    assert "made" not in found.stdout


def test_another_name_gets_another_certificate_that_browsers_could_check(copy: Prepared) -> None:
    found = copy.run(HOOKS_NAME="Hooks.Example")
    assert found.returncode == 0, found.stderr
    assert (copy.key("names") / "hooks.conf").read_text(encoding="utf-8") == "server_name hooks.example;\n"
    context = ssl.create_default_context(cafile=str(copy.key("tls") / "hooks.pem"))
    context.load_cert_chain(copy.key("tls") / "hooks.pem", copy.key("tls") / "hooks.key")
    (certificate,) = context.get_ca_certs()
    assert ("DNS", "hooks.example") in certificate["subjectAltName"]


@pytest.mark.parametrize("name", ["a b", "x;return 200", "-a", "a" * 300, "näme"])
def test_a_name_that_is_none_is_refused_before_anything_is_made(name: str, tmp_path: Path) -> None:
    prepared = Prepared(tmp_path)
    found = prepared.run(HOOKS_NAME=name)
    assert found.returncode == 2
    assert "TERRACE_HOOKS_NAME is no host name" in found.stderr
    assert prepared.files() == {}


def test_a_faulty_config_is_told_with_exit_code_2_and_left_alone(copy: Prepared) -> None:
    text = copy.config.read_text(encoding="utf-8").replace("max_open_groups: 10 ", "max_open_groups: ten ", 1)
    copy.config.write_text(text, encoding="utf-8")
    found = copy.run()
    assert found.returncode == 2
    assert "pool.max_open_groups" in found.stderr
    assert copy.config.read_text(encoding="utf-8") == text


def test_a_config_that_init_wrote_anew_keeps_its_secret_where_the_forwarder_sees_it(copy: Prepared) -> None:
    secret = (copy.data / "door" / "tradingview").read_text(encoding="utf-8")
    text = copy.config.read_text(encoding="utf-8").replace("file:door/tradingview", "file:secrets/tradingview")
    copy.config.write_text(text, encoding="utf-8")
    (copy.data / "secrets" / "tradingview").write_text("another", encoding="utf-8")
    (copy.data / "secrets" / "tradingview").chmod(0o600)
    found = copy.run()
    assert found.returncode == 0, found.stderr
    assert copy.loaded().settings.sources["tradingview"].secret == "file:door/tradingview"
    assert (copy.data / "door" / "tradingview").read_text(encoding="utf-8") == secret, "senders need no new one"
    assert not (copy.data / "secrets" / "tradingview").exists()


def test_a_forwarders_token_that_is_lost_or_nobodys_is_made_anew(copy: Prepared) -> None:
    token = copy.data / "door" / "forwarder.token"
    before = token.read_text(encoding="utf-8")
    token.write_text("nobodys", encoding="utf-8")
    found = copy.run()
    assert found.returncode == 0, found.stderr
    after = token.read_text(encoding="utf-8")
    assert after not in (before, "nobodys")
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert copy.run().returncode == 0
    assert token.read_text(encoding="utf-8") == after


# --- compose.yaml


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_as_small_as_it_can_be(name: str) -> None:
    service: Service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "devices", "pid", "ipc", "userns_mode"} & set(service)
    assert all(line.startswith("/tmp:") for line in service["tmpfs"])
    assert all("noexec,nosuid,nodev" in line and "size=" in line for line in service["tmpfs"])
    user = service.get("user", UID)
    assert user.partition(":")[0] not in ("0", "root", "")
    limits = service["deploy"]["resources"]["limits"]
    assert {"memory", "pids"} <= set(limits)
    assert ("cpus" in limits) == (name != "daemon")
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert not any("docker.sock" in source for source, _, _ in files.mounts(service))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_started_again_checked_and_stopped_in_peace(name: str) -> None:
    service = SERVICES[name]
    if name == "prepare":
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD", "needs no shell"
    assert files.seconds(service["stop_grace_period"]) >= 15


def test_the_daemon_has_the_time_its_stop_may_take() -> None:
    assert files.seconds(SERVICES["daemon"]["stop_grace_period"]) > STOP_BOUND_S


@pytest.mark.parametrize("name", sorted(set(SERVICES) - OURS))
def test_images_of_others_have_a_tag_and_can_be_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"docker\.io/[a-z]+/[a-z]+:v?\d[a-z0-9.-]*", image)
    variable = {"database": "POSTGRES_IMAGE", "proxy": "NGINX_IMAGE"}.get(name, f"{name.upper()}_IMAGE")
    pinned = f"{image}@sha256:{'0' * 64}"
    assert files.services({variable: pinned})[name]["image"] == pinned


def test_only_the_proxy_can_be_published_beyond_this_machine() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {
        "proxy": ["127.0.0.1:8443:8443"],
        "panel": ["127.0.0.1:8462:8462"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    public = files.services({"TERRACE_HTTPS": "443", "TERRACE_PANEL_PORT": "9", "TERRACE_GRAFANA_PORT": "8"})
    assert public["proxy"]["ports"] == ["443:8443"]
    assert public["panel"]["ports"] == ["127.0.0.1:9:8462"]
    assert public["grafana"]["ports"] == ["127.0.0.1:8:3000"]


def test_who_meets_whom_in_which_network() -> None:
    joined: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for network in files.networks_of(service):
            joined.setdefault(network, set()).add(name)
    assert joined == {
        "edge": {"proxy"},
        "front": {"proxy", "forwarder"},
        "door": {"forwarder", "daemon"},
        "desk": {"panel", "daemon"},
        "store": {"database", "daemon"},
        "watch": {"prometheus", "daemon"},
        "graphs": {"grafana", "prometheus"},
        "outside": {"daemon"},
        "panel_out": {"panel"},
        "grafana_out": {"grafana"},
    }
    networks = files.compose()["networks"]
    assert networks.keys() == joined.keys()
    for name, parties in joined.items():
        assert networks[name].get("internal", False) == (len(parties) > 1), "only who is alone sees the outside"
    assert SERVICES["prepare"]["network_mode"] == "none"


def test_the_forwarder_believes_the_proxys_address_and_no_other() -> None:
    for front in ("10.83.61", "192.168.7"):
        found = files.compose({"TERRACE_FRONT": front})
        addresses = {
            name: service["networks"]["front"]["ipv4_address"]
            for name, service in found["services"].items()
            if "front" in service.get("networks", ())
        }
        subnet = ipaddress.ip_network(found["networks"]["front"]["ipam"]["config"][0]["subnet"])
        assert all(ipaddress.ip_address(address) in subnet for address in addresses.values())
        forwarder = found["services"]["forwarder"]["environment"]
        assert forwarder["TERRACE_FORWARDER__TRUSTED_PROXIES"] == f"[{addresses['proxy']}]"
        assert found["services"]["prepare"]["environment"]["FORWARDER_ADDRESS"] == addresses["forwarder"]


def test_who_sees_which_volume() -> None:
    seen: dict[str, dict[str, str]] = {}
    for name, service in SERVICES.items():
        for source, _, writes in files.mounts(service):
            if not source.startswith("."):
                seen.setdefault(source, {})[name] = "rw" if writes else "ro"
    assert seen == {
        "config": {"prepare": "rw", "daemon": "rw", "forwarder": "ro", "panel": "ro"},
        "data": {"prepare": "rw", "daemon": "rw"},
        "door": {"prepare": "rw", "daemon": "rw", "forwarder": "ro"},
        "spool": {"forwarder": "rw"},
        "backups": {"daemon": "rw"},
        "vault_key": {"prepare": "rw", "daemon": "ro"},
        "store_key": {"prepare": "rw", "daemon": "ro", "database": "ro"},
        "tls": {"prepare": "rw", "proxy": "ro"},
        "names": {"prepare": "rw", "proxy": "ro"},
        "grafana_key": {"prepare": "rw", "grafana": "ro"},
        "database": {"database": "rw"},
        "database_socket": {"database": "rw"},
        "prometheus": {"prometheus": "rw"},
        "grafana": {"grafana": "rw"},
    }
    assert files.compose()["volumes"].keys() == seen.keys()


def test_files_of_the_project_that_are_mounted_are_there_and_read_only() -> None:
    found = [(mount, name) for name, service in SERVICES.items() for mount in files.mounts(service)]
    local = [(source, writes, name) for (source, _, writes), name in found if source.startswith(".")]
    assert len(local) == 6
    for source, writes, name in local:
        assert (FOLDER / source).exists(), (name, source)
        assert not writes


def test_empty_volumes_of_ours_take_their_owner_from_a_folder_of_the_image() -> None:
    text = files.CONTAINERFILE.read_text(encoding="utf-8")
    (line,) = re.findall(r"(?s)&& install -d -o 10001.*?\nCOPY", text)
    made = set(re.findall(r"/[a-z/]+", line))
    targets = {target for name in OURS for _, target, _ in files.mounts(SERVICES[name])}
    assert made == targets


def test_everybody_waits_for_the_secrets_and_alerts_wait_for_nobody_else() -> None:
    waits = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    ready = {"prepare": "service_completed_successfully"}
    assert waits == {
        "prepare": {},
        "daemon": ready | {"database": "service_healthy"},
        "forwarder": ready,
        "proxy": ready | {"forwarder": "service_healthy"},
        "panel": ready,
        "database": ready,
        "prometheus": {},
        "grafana": ready | {"prometheus": "service_healthy"},
    }


def test_no_variable_holds_a_secret_and_every_one_is_explained() -> None:
    explained = files.example()
    assert set(explained) == files.names_filled_in() - {"TERRACE_KEYS"}
    in_force = files.example(with_comments=False)
    for name, value in in_force.items():
        default = files.defaults()[name]
        assert value == default, name
    images = {name: value for name, value in explained.items() if name.endswith("_IMAGE")}
    assert images == {name: files.defaults()[name] for name in images}
    assert files.services(in_force) == SERVICES
    text = json.dumps(SERVICES)
    assert not re.search(r'"[A-Z_]*(PASSWORD|SECRET|TOKEN|KEY)": "(?!file:/keys|/keys)', text)


def test_keys_of_an_exchange_go_to_the_daemon_alone() -> None:
    found = files.compose({"TERRACE_KEYS": "/srv/keys"}, files.KEYS)
    assert list(found["services"]) == ["daemon"]
    assert set(found["services"]["daemon"]["secrets"]) == set(found["secrets"])
    assert {each["file"] for each in found["secrets"].values()} == {"/srv/keys/api_key", "/srv/keys/api_secret"}
    with pytest.raises(KeyError, match="TERRACE_KEYS"):
        files.compose({}, files.KEYS)


def test_a_key_as_its_file_tells_to_hand_it_over_is_taken_and_another_is_not(tmp_path: Path) -> None:
    (said,) = re.findall(r"chmod (\d{3}) api_key api_secret", files.KEYS.read_text(encoding="utf-8"))
    key = tmp_path / "api_key"
    key.write_text("of an exchange", encoding="utf-8")
    key.chmod(int(said, 8))
    assert isinstance(read_secret_file(key), Secret)
    key.chmod(0o444)
    assert isinstance(read_secret_file(key), Unresolved)


def test_both_files_keep_to_the_published_schema() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    found = done([*command, str(files.COMPOSE), str(files.KEYS)])
    assert found.returncode == 0, found.stdout


def test_compose_lint_finds_nothing_but_missing_digests_and_the_daemons_processor_time() -> None:
    found = done([tool("compose-lint"), "--format", "json", str(files.COMPOSE)])
    assert set(re.findall(r"CL-\d{4}", found.stdout)) <= {"CL-0019", "CL-0026"}, found.stdout


@pytest.mark.parametrize("command", [["docker", "compose"], ["docker-compose"], ["podman-compose"]])
def test_compose_takes_the_file(command: list[str]) -> None:
    tool(command[0])
    if done([*command, "version"]).returncode != 0:
        print(f"skipped: {' '.join(command)} is not installed")
        pytest.skip(f"{' '.join(command)} is not installed")
    found = done([*command, "--file", str(files.COMPOSE), "config"])
    assert found.returncode == 0, found.stderr
    assert set(yaml.safe_load(found.stdout)["services"]) == set(SERVICES)


# --- proxy, Prometheus, Grafana


def test_the_proxy_is_configured_as_docs_proxy_explains_it() -> None:
    theirs = (ROOT / "docs" / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    ours = (FOLDER / "proxy" / "hooks.conf").read_text(encoding="utf-8")
    theirs = re.sub(r"upstream terrace_panel \{.*?\n\}\n", "", theirs, flags=re.DOTALL)
    theirs = re.sub(r"# In clear nothing.*?\n\}\n\n", "", theirs, flags=re.DOTALL)
    theirs = re.sub(r"(?m)^ +listen \[::\].*\n", "", theirs)
    servers = theirs.split("\nserver {\n")
    assert "server_name panel.example;" in servers.pop()
    theirs = "\nserver {\n".join(servers).rstrip() + "\n"
    places = {
        "listen 443 ": "listen 8443 ",
        "server_name hooks.example;": "include /etc/nginx/names/hooks.conf;",
        "server 127.0.0.1:8461;      # forwarder.address": "include /etc/nginx/names/forwarder.conf;",
    }
    for old, new in places.items():
        assert old in theirs
        theirs = theirs.replace(old, new)
    assert ours.partition("\n\n")[2] == theirs.partition("\n\n")[2]


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_takes_the_config(first: Prepared, tmp_path: Path) -> None:
    names, tls = first.key("names"), first.key("tls")
    here = {"/etc/nginx/terrace": tmp_path, "/etc/nginx/names": names, "/etc/ssl/terrace": tls, "/tmp": tmp_path}
    for name in ("nginx.conf", "hooks.conf"):
        text = (FOLDER / "proxy" / name).read_text(encoding="utf-8")
        text = re.sub("|".join(here), lambda match: str(here[match[0]]), text)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = done([str(NGINX), "-t", "-e", "/dev/stderr", "-c", str(tmp_path / "nginx.conf")])
    assert found.returncode == 0, found.stderr
    assert "[warn]" not in found.stderr


def test_promtool_takes_the_config_and_the_rules(tmp_path: Path) -> None:
    promtool = tool("promtool")
    for source, target, _ in files.mounts(SERVICES["prometheus"]):
        if source.startswith("."):
            shutil.copyfile(FOLDER / source, tmp_path / Path(target).name)
    found = done([promtool, "check", "config", str(tmp_path / "prometheus.yml")])
    assert found.returncode == 0, found.stdout + found.stderr
    assert "prometheus-rules.yaml" in found.stdout, "the rules are found beside it"


def test_prometheus_asks_the_daemon_under_the_name_the_rules_want() -> None:
    found = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = found["scrape_configs"]
    port = SERVICES["daemon"]["environment"]["TERRACE_OBSERVE__ADDRESS"].rpartition(":")[2]
    assert (job["job_name"], job["static_configs"]) == ("terrace", [{"targets": [f"daemon:{port}"]}])


def test_grafana_is_given_its_source_and_its_dashboard() -> None:
    grafana = SERVICES["grafana"]
    targets = {target for _, target, _ in files.mounts(grafana)}
    folder = FOLDER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert "--web.listen-address=0.0.0.0:9090" in SERVICES["prometheus"]["command"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "terrace.yaml").read_text(encoding="utf-8"))["providers"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in targets
    assert str(Path(home).parent) == provider["options"]["path"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"].startswith("/keys/grafana/")
