"""Where a gRPC server listens: TCP, with TLS or without, and the unix socket."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import grpc

from daemon.api.certificates import Renewal
from daemon.config.daemon_settings import TlsSettings

SOCKET_MODE = 0o600


class AddressInUse(Exception):
    """Somebody else listens there already."""


class SocketRefused(Exception):
    """The folder of the unix socket is not safe."""


class Doors:
    """A server and its doors. Made and used in one loop."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self._socket: Path | None = None
        self.renewal: Renewal | None = None
        """Of the certificate, where TLS is spoken."""
        self.plain_target = ""
        """Where it can be reached without TLS."""

    def listen(self, address: str, tls: TlsSettings | None = None) -> int:
        """Binds a TCP address; answers the port, which for 0 is any free one. AddressInUse if it is taken."""
        try:
            if tls is not None and tls.certificate is not None:
                self.renewal = Renewal(tls)
                return self._server.add_secure_port(address, self.renewal.credentials())
            port = self._server.add_insecure_port(address)
            self.plain_target = f"{address.rpartition(':')[0]}:{port}"
            return port
        except RuntimeError as error:
            raise AddressInUse(f"{address} cannot be listened on: {error}") from error

    def listen_unix(self, path: Path) -> None:
        """Binds a unix socket only this user may use. One left by a daemon that died is removed: the caller holds
        the lock of the data directory, so nobody listens there. The mode stands before the first caller can connect.
        """
        _check_folder(path.parent)
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
        before = os.umask(0o177)
        try:
            self._server.add_insecure_port(f"unix:{path}")
        except RuntimeError as error:
            raise AddressInUse(f"{path} cannot be listened on: {error}") from error
        finally:
            os.umask(before)
        os.chmod(path, SOCKET_MODE)
        self._socket = path
        self.plain_target = self.plain_target or f"unix:{path}"

    def leave(self) -> None:
        """After the server has stopped: takes the socket away."""
        if self._socket is not None:
            self._socket.unlink(missing_ok=True)


def _check_folder(folder: Path) -> None:
    """Who may write there could put a socket of his own in this one's place and be handed tokens."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise SocketRefused(f"{folder} can be written by everybody: chmod o-w {folder}")
