"""`terraced db vacuum`: says what it takes, does it, says how far it is."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from daemon.commands.common import DONE, FAILED, failed, print_json

MB = 1024 * 1024


def run_vacuum(url: str, data_dir: Path, *, dry_run: bool, is_json: bool = False) -> int:
    from daemon.store.vacuum import Room, Vacuumed, look, vacuum

    room = look(url, data_dir)
    if not isinstance(room, Room):
        return failed(room)
    if dry_run and is_json:
        print_json({**asdict(room), "fits": room.fits})
        return DONE if room.fits else FAILED
    if dry_run:
        would = f"{_mb(room.free_bytes)} of {_mb(room.size_bytes)} in {room.path} would be given back"
        needs = f"it needs {_mb(room.needed_bytes)} for a while, {_mb(room.disk_bytes)} are free"
        print(f"{would}; {needs}")
        return DONE if room.fits else failed("there is too little room for it")
    print(f"rewriting {_mb(room.size_bytes - room.free_bytes)} of {room.path}", file=sys.stderr)
    done = vacuum(url, data_dir, tell=_tell)
    if not isinstance(done, Vacuumed):
        return failed(done)
    if is_json:
        print_json(asdict(done))
        return DONE
    print(f"{done.path}: {_mb(done.before_bytes)} before, {_mb(done.after_bytes)} now")
    return DONE


def _tell(written: int, whole: int) -> None:
    print(f"{_mb(written)} of about {_mb(whole)}", file=sys.stderr, flush=True)


def _mb(size: int) -> str:
    return f"{size / MB:.1f} MB"
