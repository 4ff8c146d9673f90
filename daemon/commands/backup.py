"""`terraced backup`: what is done with backups by a person, without a daemon: make, verify, restore one."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands.common import (
    CANCELLED,
    DONE,
    FAILED,
    FAULTY,
    add_config,
    add_output,
    agreed,
    config_path,
    failed,
    print_json,
    read_config,
)

if TYPE_CHECKING:
    from daemon.backup.manifest import Manifest
    from daemon.backup.restoring import Restored
    from daemon.backup.sealing import Keys, SealKey

NAME = "backup"
BESIDE = "beside"
"""In the name of its draft, in place of the installation's."""
PASSPHRASE_VARIABLE = "TERRACE_BACKUP_PASSPHRASE_FILE"

_EPILOG = """Examples:
  terraced backup verify backups/terrace-20260105T030000000Z-008_oversold.backup
  terraced backup restore FILE --into /srv/terrace-new --dry-run
  terraced backup restore FILE --into /srv/terrace-new

Exit codes: 0 done or well, 1 damaged, refused or not done, 2 usage, 8 not confirmed."""


def add_parser(commands: Any) -> None:
    backup = commands.add_parser(
        NAME,
        help="make, verify or restore a backup",
        description="Makes a backup in a folder of your choice, verifies one, or restores it into a fresh folder. The "
        "running daemon's own are made and listed by terrace backup create, terrace backup list.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_config(backup)
    verbs = backup.add_subparsers(dest="verb", metavar="{create,verify,restore}", required=True)
    create = verbs.add_parser(
        "create",
        help="make one without asking the daemon, which may be running; it is not encrypted",
        allow_abbrev=False,
    )
    add_config(create)
    add_output(create)
    create.add_argument("--into", metavar="DIR", type=Path, required=True, help="folder it is put into")
    verify = verbs.add_parser("verify", help="check that a backup is whole and can be restored", allow_abbrev=False)
    add_output(verify)
    verify.add_argument("--scratch", metavar="DIR", type=Path, help="folder with room to unpack it for the while")
    restore = verbs.add_parser("restore", help="put a backup into a fresh folder", allow_abbrev=False)
    restore.add_argument("--into", metavar="DIR", type=Path, required=True, help="folder that is new or empty")
    restore.add_argument("--dry-run", action="store_true", help="verify it and say what would be done")
    restore.add_argument("--yes", action="store_true", help="do not ask")
    restore.add_argument(
        "--as-copy", action="store_true", help="a copy to look at: own installation id, no account with real money"
    )
    for verb in (verify, restore):
        add_config(verb)
        verb.add_argument("file", metavar="FILE", type=Path)
        verb.add_argument(
            "--passphrase-file",
            metavar="FILE",
            type=Path,
            help=f"what opens it (else {PASSPHRASE_VARIABLE}, else asked)",
        )


def run(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> int:  # noqa: ARG001
    if chosen.verb == "create":
        return _create(chosen)
    keys = _Keys(chosen.passphrase_file, getattr(chosen, "config", None))
    if chosen.verb == "verify":
        return _verify(chosen, keys, _data_dir(getattr(chosen, "config", None)))
    return _restore(chosen, keys)


def _create(chosen: argparse.Namespace) -> int:
    from daemon.backup.archive import no_rest
    from daemon.backup.making import Made, make_backup
    from daemon.backup.setup import source_beside
    from daemon.clock import SystemClock
    from daemon.store.refused import StoreRefused

    config = read_config(getattr(chosen, "config", None))
    if config is None:
        return FAULTY
    source = source_beside(config.daemon, os.environ)
    if isinstance(source, StoreRefused):
        return failed(source)
    now_ms = SystemClock().now_ms()
    made = make_backup(source, chosen.into, installation_id=BESIDE, now_ms=now_ms, key=None, rest=no_rest)
    if not isinstance(made, Made):
        return failed(made)
    if chosen.output == "json":
        print_json({"path": made.path.absolute(), "size_bytes": made.size_bytes, "schema": made.manifest.schema})
        return DONE
    print(_about(made.path, made.manifest, is_encrypted=False))
    return DONE


def _data_dir(config: str | None) -> Path | None:
    """Of the installation at hand; None where none is named and none is here: a backup can be looked at anywhere."""
    path = config_path(config)
    if config is None and not path.is_file():
        return None
    loaded = read_config(config)
    return loaded.daemon.data_dir if loaded is not None else None


def _verify(chosen: argparse.Namespace, keys: Keys, data_dir: Path | None) -> int:
    from daemon.backup.audit import check_audit
    from daemon.backup.verifying import Verified, verify

    path: Path = chosen.file
    found = verify(path, keys, scratch=chosen.scratch, audit=lambda store: check_audit(store, data_dir))
    if not isinstance(found, Verified):
        return failed(found)
    if chosen.output == "json":
        print_json({"backup": path.name, "is_well": not found.problems, **asdict(found)})
        return FAILED if found.problems else DONE
    print(_about(path, found.manifest, is_encrypted=found.is_encrypted))
    for name in found.pending:
        print(f"pending migration: {name}")
    for note in found.notes:
        print(f"note: {note}")
    for problem in found.problems:
        print(f"problem: {problem}")
    print(
        "the backup is not well" if found.problems else "the backup is well: every checksum, the store and its config"
    )
    return FAILED if found.problems else DONE


def _about(path: Path, manifest: Manifest, *, is_encrypted: bool) -> str:
    time = datetime.fromtimestamp(manifest.create_time_ms / 1000, UTC)
    facts = {
        "backup": path.name,
        "made": f"{time:%Y-%m-%d %H:%M:%S} UTC by version {manifest.version}",
        "installation": manifest.installation_id,
        "schema": manifest.schema,
        "newest event": manifest.last_sequence,
        "holds": f"{len(manifest.members)} files, {manifest.size_bytes} bytes",
        "encrypted": "yes" if is_encrypted else "no",
    }
    return "\n".join(f"{name:<13} {fact}" for name, fact in facts.items())


def _restore(chosen: argparse.Namespace, keys: Keys) -> int:
    from daemon.backup.restoring import Restored, restore
    from daemon.backup.verifying import Refused, read_about
    from daemon.clock import SystemClock

    about = read_about(chosen.file, keys)
    if isinstance(about, Refused):
        return failed(about)
    print(_about(chosen.file, about[0], is_encrypted=about[1]))
    if chosen.dry_run:
        return _would_restore(chosen, keys, about[0])
    if not chosen.yes and not _confirmed(chosen):
        failed("not done: it was not confirmed (--yes does not ask)")
        return CANCELLED
    done = restore(chosen.file, chosen.into, keys, now_ms=SystemClock().now_ms(), as_copy=chosen.as_copy)
    if not isinstance(done, Restored):
        return failed(done)
    print(_next_steps(done, is_copy=chosen.as_copy))
    return DONE


def _would_restore(chosen: argparse.Namespace, keys: Keys, manifest: Manifest) -> int:
    from daemon.backup.restoring import refuse_folder
    from daemon.backup.verifying import Refused, verify

    found = verify(chosen.file, keys)
    refused = found if isinstance(found, Refused) else refuse_folder(chosen.into, manifest)
    if refused is not None:
        return failed(refused)
    assert not isinstance(found, Refused)
    if found.problems:
        return failed("; ".join(found.problems))
    print(f"would be restored into {chosen.into}; nothing was done")
    return DONE


def _confirmed(chosen: argparse.Namespace) -> bool:
    what = "a copy to look at" if chosen.as_copy else "the store that takes the old one's place"
    return sys.stdin.isatty() and agreed(f"Restore into {chosen.into} as {what}? [y/N] ")


def _next_steps(done: Restored, *, is_copy: bool) -> str:
    folder = done.folder.absolute()
    lines = [f"restored into {folder}, installation {done.installation_id}"]
    lines += [f"warning: {warning}" for warning in done.warnings]
    if is_copy:
        lines.append("It is a copy: it has an installation id of its own and trades no account with real money.")
    else:
        lines += [
            "The old daemon must never run again: both would use the same order ids at the exchange.",
            "Secrets are not in a backup: put back the files of secrets/, or make new ones "
            "(yours: terraced token rotate admin, which writes secrets/admin.token anew; the forwarder's likewise).",
        ]
    lines += [
        "New entries are paused; exits and reconciling with the exchange are not. To go on:",
        f"  terraced --config {folder / 'config.yaml'}",
        f"  terrace --config {folder / 'config.yaml'} account drift      # what differs from the exchange",
        f"  terrace --config {folder / 'config.yaml'} engine resume",
    ]
    return "\n".join(lines)


class _Keys:
    """Finds what opens a backup: asks once."""

    def __init__(self, passphrase_file: Path | None, config: str | None) -> None:
        self._file = passphrase_file
        self._config = config
        self._known: SealKey | None = None

    def __call__(self, kind: str, key_id: str) -> SealKey | None:
        from daemon.backup.sealing import PASSPHRASE, VAULT

        if kind == VAULT:
            from daemon.backup.vault_key import vault_key_offline

            return vault_key_offline(self._config, key_id)
        if kind == PASSPHRASE and self._known is None:
            self._known = self._passphrase()
        return self._known

    def _passphrase(self) -> SealKey | None:
        from daemon.backup.sealing import PASSPHRASE, SealKey
        from daemon.secrets import Secret, read_secret_file

        given = self._file or os.environ.get(PASSPHRASE_VARIABLE)
        if given:
            found = read_secret_file(Path(given))
            if not isinstance(found, Secret):
                print(f"terraced: {found}", file=sys.stderr)
                raise SystemExit(FAULTY)
            return SealKey(PASSPHRASE, found.reveal().encode())
        if not sys.stdin.isatty():
            return None
        text = getpass.getpass("Passphrase of the backup: ")
        return SealKey(PASSPHRASE, text.encode()) if text else None
