"""A proxy before a stack: nginx or Caddy with the very file of docs/proxy, its names, paths and ports put in place."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.daemon.api.certificates import Made, authority, make
from tests.ports import free_ports
from tests.system.stack import START_S, Plain, until

PROGRAMS = {name: shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in ("nginx", "caddy")}
FILES = Path(__file__).parent.parent.parent / "docs" / "proxy"
HOOKS, PANEL = "hooks.example", "panel.example"
KNOWN_SENDER = "127.0.0.2"
"""Stands for one of the addresses TradingView sends from."""
TRADINGVIEW = {
    NameOID.COUNTRY_NAME: "US",
    NameOID.STATE_OR_PROVINCE_NAME: "Ohio",
    NameOID.LOCALITY_NAME: "Westerville",
    NameOID.ORGANIZATION_NAME: "TradingView, Inc.",
    NameOID.COMMON_NAME: "TradingView Webhooks",
}
MAIN = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/terrace.conf;
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """Certificates: what the proxy shows, and whom it is to believe."""

    folder: Path
    server: tuple[Path, Path]
    authority: Made

    def caller(self, name: str, by: Made | None, changes: Mapping[x509.ObjectIdentifier, str] | None = None) -> Path:
        """A caller's certificate with its key in one file; `by` None: signed by itself."""
        made = _caller(TRADINGVIEW | dict(changes or {}), by)
        path = self.folder / f"{name}.pem"
        path.write_bytes(made.pem + made.key)
        return path


def make_papers(folder: Path) -> Papers:
    names = (x509.DNSName(HOOKS), x509.DNSName(PANEL))
    issuer = authority()
    issuer.write(folder, "tradingview-ca")
    return Papers(folder=folder, server=make("proxy", names=names).write(folder, "server"), authority=issuer)


def _caller(subject: Mapping[x509.ObjectIdentifier, str], by: Made | None) -> Made:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject.items()])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if by is None else by.certificate.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return Made(certificate=builder.sign(private if by is None else by.private, hashes.SHA256()), private=private)


def filled(text: str, changes: Mapping[str, str]) -> str:
    """The text with its placeholders replaced. AssertionError where one is not there: then the file has changed."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Plain:
        found: Plain = json.loads(self.body)
        return found


class Proxy(ABC):
    """One proxy on ports of its own, ended by its process id."""

    symbol: ClassVar[str]
    """What alerts through it are about, so that those of two proxies do not meet."""

    def __init__(self, folder: Path, papers: Papers, *, forwarder: int, panel: int) -> None:
        self.folder = folder
        self.papers = papers
        self.port, self.plain_port = free_ports(2)
        self.behind = {"127.0.0.1:8461": f"127.0.0.1:{forwarder}", "127.0.0.1:8462": f"127.0.0.1:{panel}"}
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def write(self, *, wants_certificate: bool) -> list[str]:
        """Writes its files; the command that runs it."""

    @abstractmethod
    def check(self, command: list[str]) -> list[str]:
        """The command that only checks the files."""

    def start(self, *, wants_certificate: bool) -> None:
        self.folder.mkdir(parents=True)
        command = self.write(wants_certificate=wants_certificate)
        checked = self._run(self.check(command))
        assert checked.returncode == 0, checked.stderr.decode()
        assert b"[warn]" not in checked.stderr, checked.stderr.decode()
        with (self.folder / "out.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())
        until(self._listens, START_S, "the proxy does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(timeout=START_S) == 0

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, check=False, timeout=START_S, env=self._environment())

    def _environment(self) -> dict[str, str]:
        return os.environ | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "out.log").read_text(encoding="utf-8")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def context(self, certificate: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.papers.server[0]))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def connection(self, name: str, *, sender: str = "127.0.0.1", certificate: Path | None = None) -> Named:
        return Named(self.port, name, sender, self.context(certificate))

    def ask(
        self,
        name: str,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        sender: str = "127.0.0.1",
        certificate: Path | None = None,
    ) -> Answer:
        """One request over TLS on a connection of its own; the proxy's certificate is checked for `name`."""
        connection = self.connection(name, sender=sender, certificate=certificate)
        try:
            connection.request(method, path, body, {"Host": f"{name}:{self.port}"} | dict(headers or {}))
            found = connection.getresponse()
            return Answer(status=found.status, headers=found.headers, body=found.read())
        finally:
            connection.close()


class Nginx(Proxy):
    symbol = "BTCUSDT"
    looks = False
    """Whether callers' certificates are written down and not judged, as docs/proxy.md advises to begin with."""

    def write(self, *, wants_certificate: bool) -> list[str]:
        certificate, key = self.papers.server
        places = {
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "52.89.214.238 ": f"{KNOWN_SENDER} ",
        }
        for name in ("hooks", "panel"):
            places |= {f"/etc/ssl/terrace/{name}.pem": str(certificate), f"/etc/ssl/terrace/{name}.key": str(key)}
        if self.looks:
            before, inside = _blocks_about("log_format", "optional_no_ca")
            places |= {"map $terrace": f"{before}map $terrace", "    # TradingView's client cert": f"{inside}    #"}
            places |= {"/var/log/nginx": str(self.folder)}
        if wants_certificate:
            places |= {"#include /etc/nginx/terrace/": f"include {self.folder}/"}
            self._copy("client-certificate.conf", {"/etc/ssl/terrace": str(self.papers.folder)})
        self._copy("nginx.conf", places | self.behind)
        (self.folder / "html").mkdir()
        (self.folder / "html" / "index.html").write_text("Welcome to nginx!", encoding="utf-8")
        main = self.folder / "main.conf"
        main.write_text(MAIN.format(folder=self.folder).replace("terrace.conf", "nginx.conf"), encoding="utf-8")
        return [str(PROGRAMS["nginx"]), "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(main)]

    def check(self, command: list[str]) -> list[str]:
        return [*command, "-t"]

    def _copy(self, name: str, changes: Mapping[str, str]) -> None:
        text = re.sub(r"(?m)^ +listen \[::\].*\n", "", (FILES / name).read_text(encoding="utf-8"))
        (self.folder / name).write_text(filled(text, changes), encoding="utf-8")


def _blocks_about(first: str, last: str) -> tuple[str, str]:
    """The two code blocks of docs/proxy.md with these words."""
    blocks = (FILES.parent / "proxy.md").read_text(encoding="utf-8").split("```\n")[1::2]
    (before,) = (block for block in blocks if first in block)
    (inside,) = (block for block in blocks if last in block)
    return before, inside


class Looking(Nginx):
    looks = True


class Caddy(Proxy):
    symbol = "ETHUSDT"

    def write(self, *, wants_certificate: bool) -> list[str]:
        certificate, key = self.papers.server
        text = (FILES / "Caddyfile").read_text(encoding="utf-8")
        shown = f"tls {certificate} {key}"
        places = {"{\n\tservers {": "{\n\tadmin off\n\tauto_https off\n\tservers {"}
        for name in (HOOKS, PANEL):
            begin = f"https://{name}:{self.port} {{\n\tbind 127.0.0.1\n"
            is_in_block = wants_certificate and name == HOOKS
            places[f"\n{name} {{\n"] = f"\n{begin}" if is_in_block else f"\n{begin}\t{shown}\n"
        if wants_certificate:
            places |= {"#\t": "\t", "tls {": f"{shown} {{", "/etc/caddy/tradingview-ca.pem": self._authority()}
        file = self.folder / "Caddyfile"
        file.write_text(filled(text, places | self.behind), encoding="utf-8")
        return [str(PROGRAMS["caddy"]), "run", "--adapter", "caddyfile", "--config", str(file)]

    def check(self, command: list[str]) -> list[str]:
        return [command[0], "validate", *command[2:]]

    def _authority(self) -> str:
        return str(self.papers.folder / "tradingview-ca.pem")


class Named(http.client.HTTPConnection):
    """To a port of this machine under a name, from an address of this machine."""

    def __init__(self, port: int, name: str, sender: str, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=30, source_address=(sender, 0))
        self._name = name
        self._context = context

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


@contextlib.contextmanager
def proxied(
    kind: str, folder: Path, papers: Papers, *, forwarder: int, panel: int, wants_certificate: bool = False
) -> Iterator[Proxy]:
    """A running `nginx`, `looking` (nginx that only looks at certificates) or `caddy`."""
    proxy = {"nginx": Nginx, "looking": Looking, "caddy": Caddy}[kind](folder, papers, forwarder=forwarder, panel=panel)
    try:
        proxy.start(wants_certificate=wants_certificate)
        yield proxy
    finally:
        proxy.stop()
