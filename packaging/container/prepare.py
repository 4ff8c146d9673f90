"""What a first start of the containers needs and nobody should have to type: keys, certificate, config.

Runs before everything else at each `docker compose up`, and ends. It makes what is missing, mends what does not fit
together, never replaces what is there, and prints no secret. Exit codes: 0 all is there, 1 something cannot be written,
2 the config is faulty (nothing is started then).

Each secret lies in a volume of its own, which only those mount who need it:

    vault     the key of the vault: daemon
    store     password and address of the database: daemon, database
    door      secrets of the sources, the forwarder's token: daemon, forwarder
    tls       a certificate signed by itself, until there is a real one: proxy
    names     the name the proxy answers to, and the forwarder's address
    grafana   the first password of Grafana's admin

Files are for their owner alone (0600), which every program of Terrace's insists on. What another program of another
user must read (database, proxy, Grafana) is 0444: its volume is the wall.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from daemon.config.edit import Edit, apply_edits
from daemon.config.fault import ConfigFaults
from daemon.config.file import ChangedMeanwhile, replace_file, standing_in
from daemon.config.load import LoadedConfig, load_config
from daemon.secrets import Secret, file_of, read_secret_file
from daemon.tokens import TokenTable, load_tokens

DONE, FAILED, FAULTY = 0, 1, 2
OWN, OPEN = 0o600, 0o444
DEFAULT_NAME = "localhost"
DATABASE = "terrace"
FORWARDER = "forwarder"
SELF_SIGNED = "Terrace, signed by itself"
VALID = timedelta(days=800)
RENEW = timedelta(days=30)
OURS = "file:secrets/"
"""Where `terrace init` puts the secrets of sources: in the daemon's own volume, which the forwarder does not see."""
DOOR = "file:door/"


class Stop(Exception):
    """Ends it: words for a person, exit code."""

    def __init__(self, words: object, code: int = FAILED) -> None:
        super().__init__(str(words))
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the volumes are mounted."""

    config: Path
    data: Path
    keys: Path

    @property
    def door(self) -> Path:
        return self.data / "door"


def places(environ: Mapping[str, str]) -> Places:
    return Places(
        config=Path(environ["TERRACE_CONFIG"]),
        data=Path(environ["TERRACE_DATA_DIR"]),
        keys=Path(environ.get("KEYS", "/keys")),
    )


def main(environ: Mapping[str, str]) -> int:
    try:
        where, name = places(environ), host_name(environ.get("HOOKS_NAME", ""))
        forwarder = ip_address(environ["FORWARDER_ADDRESS"])
        make(where.keys / "vault" / "key", secrets.token_urlsafe(32), OWN)
        make_store(where.keys / "store")
        make(where.keys / "grafana" / "password", secrets.token_urlsafe(18), OPEN)
        make_certificate(where.keys / "tls", name, datetime.now(UTC))
        replace(where.keys / "names" / "hooks.conf", f"server_name {name};\n")
        replace(where.keys / "names" / "forwarder.conf", f"server {forwarder}:8461;\n")
        make_config(where)
        open_door(where, environ)
        check()
    except Stop as stop:
        print(f"prepare: {stop}", file=sys.stderr)
        return stop.code
    except OSError as error:
        print(f"prepare: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    print(f"all is there; alerts go to https://{name}/hook/tradingview")
    return DONE


def host_name(given: str) -> str:
    """The name the proxy answers to. It becomes a line of nginx's config, so it is nothing but a name."""
    name = given.strip().lower() or DEFAULT_NAME
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise Stop(f"TERRACE_HOOKS_NAME is no host name: {given[:60]!r}", FAULTY)
    return name


# --- files


def make(path: Path, text: str, mode: int) -> bool:
    """The file, whole or not at all; False if it is there already."""
    if os.path.lexists(path):
        return False
    draft = _draft(path, text, mode)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    print(f"made  {path}")
    return True


def replace(path: Path, text: str) -> None:
    """The file with this text, unless it has it."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        os.replace(_draft(path, text, OPEN), path)
        print(f"wrote {path}")


def _draft(path: Path, text: str, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWN)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    return draft


# --- database, certificate


def make_store(folder: Path) -> None:
    """The password first: an address is made from the one that is there."""
    make(folder / "password", secrets.token_urlsafe(32), OPEN)
    password = (folder / "password").read_text(encoding="utf-8").strip()
    make(folder / "url", f"postgresql://{DATABASE}:{password}@database:5432/{DATABASE}\n", OWN)


def make_certificate(folder: Path, name: str, now: datetime) -> None:
    """One that nobody but us believes in. Anew for another name and before it ends; another's is left alone."""
    path = folder / "hooks.pem"
    if path.exists() and (folder / "hooks.key").exists() and _is_good(path.read_bytes(), name, now):
        return
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_SIGNED), x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(_names(name)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    key = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    replace(folder / "hooks.key", key.decode())
    replace(path, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _is_good(pem: bytes, name: str, now: datetime) -> bool:
    certificate = x509.load_pem_x509_certificate(pem)
    if not certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME):
        return True  # Somebody else's.
    if certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value != SELF_SIGNED:
        return True
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names) == set(_names(name)) and certificate.not_valid_after_utc - now > RENEW


def _names(name: str) -> list[x509.GeneralName]:
    try:
        own: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        own = x509.DNSName(name)
    names = [own, x509.DNSName(DEFAULT_NAME), x509.IPAddress(ip_address("127.0.0.1"))]
    return list(dict.fromkeys(names))


# --- config, door


def make_config(where: Places) -> None:
    """A paper account with everything as shipped. What `init` prints is thrown away: there is a secret in it."""
    if where.config.exists():
        return
    run("terrace", "--config", str(where.config), "init", "--paper")
    print(f"made  {where.config}")


def open_door(where: Places, environ: Mapping[str, str]) -> None:
    """Secrets of sources, and the forwarder's token, lie where the forwarder sees them, and nothing else does."""
    config = load_config(where.config, environ)
    if isinstance(config, ConfigFaults):
        raise Stop(f"the config is faulty\n{config}", FAULTY)
    if _move_secrets(where, config):
        config = load_config(where.config, environ)
        if isinstance(config, ConfigFaults):
            raise Stop(config, FAULTY)
    token = where.door / "forwarder.token"
    table = load_tokens(config.daemon.api.tokens)
    if not isinstance(table, TokenTable):
        raise Stop(f"{config.daemon.api.tokens} cannot be used\n{table}")
    text = read_secret_file(token)
    owner = table.find(text.reveal(), datetime.now(UTC)) if isinstance(text, Secret) else None
    if owner is not None:
        return
    token.unlink(missing_ok=True)
    verb = ["create", "--role", "ingest"] if table.named(FORWARDER) is None else ["rotate", "--overlap", "0"]
    run("terraced", "token", "--config", str(where.config), *verb, "--out", str(token), FORWARDER)
    print(f"made  {token}")


def _move_secrets(where: Places, config: LoadedConfig) -> bool:
    """The files first, then the config that names them: a start in between finds the secrets at either place."""
    standing = standing_in(where.config)
    edits = []
    for name, source in config.settings.sources.items():
        for key in ("secret", "hmac_secret", "previous_secret", "previous_hmac_secret"):
            reference: str | None = getattr(source, key)
            if reference is None or not reference.startswith(OURS):
                continue
            moved = DOOR + reference.removeprefix(OURS)
            _copy(file_of(reference, where.data), file_of(moved, where.data))
            edits.append(Edit(path=f'sources."{name}".{key}', value=moved))
    if not edits:
        return False
    text = apply_edits(standing.text or "", tuple(edits), where.config.name)
    if isinstance(text, ConfigFaults):
        raise Stop(f"{where.config} cannot be changed: {text}", FAULTY)
    try:
        replace_file(where.config, text, standing)
    except ChangedMeanwhile:
        raise Stop(f"{where.config} was changed meanwhile: start again") from None
    for edit in edits:
        file_of(OURS + edit.value.removeprefix(DOOR), where.data).unlink(missing_ok=True)
    return True


def _copy(old: Path, new: Path) -> None:
    """One that is not there yet is made by the daemon, at its new place."""
    text = read_secret_file(old)
    if isinstance(text, Secret):
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make(new, text.reveal(), OWN)
    elif os.path.lexists(old):
        raise Stop(text)


def check() -> None:
    done = subprocess.run(["terraced", "--check"], check=False)
    if done.returncode != DONE:
        raise Stop("the config is not one to start with", done.returncode)


def run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Stop(f"{' '.join(command[:3])}: exit code {done.returncode}\n{done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main(os.environ))
