"""`terraced vault`: looks at the vault, or locks it with another key, while no daemon uses it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from daemon.commands.common import DONE, FAULTY, add_config, failed, read_config

if TYPE_CHECKING:
    from daemon.config.daemon_settings import DaemonSettings

NAME = "vault"


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        NAME,
        help="look at the vault, or lock it with another key",
        description="check: does it open, and what is in it (names only). rekey: locks it with the key that vault.key "
        "names, after opening it with the one it was locked with so far (--from); the daemon must be stopped for that.",
        epilog="Example: terraced vault rekey --from machine. Exit codes: 0 done, 1 not possible, 2 usage or a faulty "
        "config.",
        allow_abbrev=False,
    )
    add_config(parser)
    parser.add_argument("action", choices=("check", "rekey"))
    parser.add_argument(
        "--from",
        dest="before",
        metavar="KEY",
        help="rekey: machine, passphrase (TERRACE_VAULT_OLD_PASSPHRASE_FILE, else asked for) or a reference",
    )


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if (chosen.action == "rekey") != (chosen.before is not None):
        parser.error("rekey needs --from KEY, check takes none")
    config = read_config(chosen.config)
    if config is None:
        return FAULTY
    if chosen.action == "check":
        return _check(config.daemon)
    from daemon.vault.opening import is_key

    if not is_key(chosen.before):
        parser.error("--from must be machine, passphrase, keyring:service/name, systemd:NAME, file:PATH or env:NAME")
    return _rekey(config.daemon, chosen.before)


def _check(daemon: DaemonSettings) -> int:
    from daemon.clock import SystemClock
    from daemon.vault.faults import VaultFault
    from daemon.vault.opening import make_vault

    vault = make_vault(daemon, os.environ, SystemClock().now_ms)
    if not vault.exists():
        print(f"{vault.path}: there is no vault yet")
        return DONE
    listed = vault.list()
    if isinstance(listed, VaultFault):
        return failed(listed)
    print(f"{vault.path}: opens with {daemon.vault_key}, {len(listed)} secrets")
    for stored in listed:
        print(f"  {stored.name}  {stored.mask}")
    return DONE


def _rekey(daemon: DaemonSettings, before: str) -> int:
    from daemon.clock import SystemClock
    from daemon.store.lock import Held, take_lock
    from daemon.vault.faults import VaultFault
    from daemon.vault.opening import make_vault, new_key

    try:
        lock = take_lock(daemon.data_dir)
    except OSError as error:
        return failed(f"{daemon.data_dir} cannot be used: {error.strerror}")
    if isinstance(lock, Held):
        return failed(f"a daemon (pid {lock.pid}) is using {daemon.data_dir}: stop it first")
    try:
        vault = make_vault(daemon, os.environ, SystemClock().now_ms, chosen=before)
        if not vault.exists():
            return failed(f"{vault.path}: there is no vault yet, nothing needs another key")
        count = vault.change_key(new_key(daemon, os.environ))
    finally:
        lock.release()
    if isinstance(count, VaultFault):
        return failed(count)
    print(f"{vault.path}: {count} secrets, locked with {daemon.vault_key} from now on")
    if before == "machine":
        print(f"{daemon.secrets_dir / 'vault.key'} opens nothing any more: delete it", file=sys.stderr)
    return DONE
