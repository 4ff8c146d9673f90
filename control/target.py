"""Where the daemon is and what proves who asks: address, token, timeout, from flags, environment, context and config.

The first that says something wins: the command line, the named context, the config file, the defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from control.config_file import ConfigFault, ConfigFile, read_config
from control.contexts import chosen_context

DEFAULT_ADDRESS = "127.0.0.1:7461"
DEFAULT_TIMEOUT_S = 10.0
ADMIN = "admin"
FORWARDER = "forwarder"
MAX_TOKEN_BYTES = 4096
SOCKET_NAME = "terrace.sock"
MAX_SOCKET_BYTES = 100
"""With a longer path the daemon opens no socket."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "*": "127.0.0.1", "": "127.0.0.1"}


class TokenFile:
    """A token in a file, read again when the file changes, so that a rotated token needs no restart."""

    def __init__(self, path: Path, hint: str = "") -> None:
        """`hint` follows the reason where the file cannot be read."""
        self.path = path
        self._hint = hint
        self._stamp: tuple[int, int, int] | None = None
        self._token = ""
        self.fault = ""
        """Why there is no token, readable; empty while there is one."""

    def read(self) -> str:
        """The token; empty where there is none, and `fault` says why."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp or self.fault:
                with self.path.open("rb") as opened:
                    self._token = opened.read(MAX_TOKEN_BYTES).decode("ascii").strip()
                self._stamp, self.fault = stamp, ""
                if not self._token:
                    self.fault = f"{self.path} is empty"
        except OSError as error:
            self._token, self._stamp = "", None
            self.fault = f"{self.path}: {error.strerror or error}{self._hint}"
        except UnicodeDecodeError:
            self._token, self.fault = "", f"{self.path} holds no token"
        return self._token


class NoToken(TokenFile):
    """None: the certificate says who asks. A token of this machine's daemon would be a wrong one elsewhere."""

    def __init__(self) -> None:
        super().__init__(Path())

    def read(self) -> str:
        self.fault = "the daemon does not know your certificate: `terrace token create NAME --certificate FILE` there"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One daemon, as a client sees it."""

    address: str
    """`host:port`, or `unix:` and a path."""
    token: TokenFile
    tls_ca: Path | None = None
    """Certificate to trust; None: those the machine trusts, or no TLS where none of the three is named."""
    tls_cert: Path | None = None
    """Certificate that says who we are, where the daemon asks for one."""
    tls_key: Path | None = None
    """Its key; None: in the same file."""
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFlags:
    """What the command line says. Empty fields say nothing."""

    config: str = ""
    context: str = ""
    address: str = ""
    token_file: str = ""
    timeout_s: float | None = None
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""


def find_target(
    flags: TargetFlags | None = None, *, role: str = ADMIN, environ: Mapping[str, str] | None = None
) -> Target:
    """The daemon meant by flags, context, environment and config. Raises ConfigFault."""
    flags = flags or TargetFlags()
    environ = os.environ if environ is None else environ
    context = chosen_context(flags.context, environ).keys
    config: ConfigFile | None = None
    address = flags.address or context.get("address", "")
    token_file = flags.token_file or context.get("token_file", "")
    tls_ca, tls_cert, tls_key = (_file(getattr(flags, key) or context.get(key, "")) for key in _TLS_KEYS)
    if tls_key is not None and tls_cert is None:
        raise ConfigFault("tls_key without tls_cert: name the certificate it belongs to")
    if not (address and token_file):
        config = read_config(flags.config or context.get("config"), environ, context.get("data_dir"))
    if config is not None and not address:
        address, tls_ca = own_address(config, tls_ca)
    address = normal_address(address)
    if address.startswith("unix:"):  # Nobody else can read what passes through it.
        tls_ca = tls_cert = tls_key = None
    token = NoToken() if tls_cert is not None and not token_file else None
    is_named = token_file or context.get("data_dir") or environ.get("TERRACE_DATA_DIR")
    is_guessed = config is not None and config.path is None and not is_named
    if config is not None:
        token_file = token_file or str(token_path(config, role))
    return Target(
        address=address,
        token=token or TokenFile(Path(token_file).expanduser(), _NO_CONFIG if is_guessed else ""),
        tls_ca=tls_ca,
        tls_cert=tls_cert,
        tls_key=tls_key,
        timeout_s=flags.timeout_s or _seconds(context.get("timeout_s", "")) or DEFAULT_TIMEOUT_S,
    )


_NO_CONFIG = ". There is no config.yaml here: name yours with --config or TERRACE_CONFIG, or go to its folder"
_TLS_KEYS = ("tls_ca", "tls_cert", "tls_key")


def _file(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def token_path(config: ConfigFile, role: str) -> Path:
    """Where the daemon of this machine puts the token of a role on its first start."""
    return config.data_dir / "secrets" / f"{role}.token"


def socket_path(config: ConfigFile) -> Path:
    return config.data_dir / SOCKET_NAME


def own_address(config: ConfigFile, tls_ca: Path | None = None) -> tuple[str, Path | None]:
    """Address of this machine's daemon, and the certificate to trust there.

    The socket takes TLS's place where there is one: nobody else can read what passes through it. It also helps where
    the port was left to chance.
    """
    address = config.text("api.address", DEFAULT_ADDRESS)
    certificate = config.value("api.tls.certificate")
    socket = socket_path(config)
    if config.flag("api.unix_socket", True) and _takes_socket(socket, bool(certificate), address):
        return f"unix:{socket}", None
    if certificate:
        return address, tls_ca or config.file("api.tls.certificate", "")
    return address, tls_ca


def _takes_socket(socket: Path, has_certificate: bool, address: str) -> bool:
    """With TLS also one that is not there yet: whoever starts before the daemon must not ask at the port for ever."""
    if has_certificate:
        return len(bytes(socket)) <= MAX_SOCKET_BYTES
    return address.endswith(":0") and socket.exists()


def normal_address(address: str) -> str:
    """An address to connect to: a listener on every interface is reached over loopback."""
    address = address.removeprefix("http://")
    host, colon, port = address.rpartition(":")
    if address.startswith("unix:") or not colon:
        return address
    return f"{_EVERYWHERE.get(host, host)}:{port}"


def _seconds(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ConfigFault(f"timeout_s: {text} is not a number of seconds") from None
