"""`terraced source`: lists the sources of alerts, rotates their secrets.

A rotation writes the new secret into a file of its own and then changes the configuration in one step: the new file,
the old one as the previous, and until when. So there is no moment at which the old secret is not taken, whatever breaks
off. Exit codes: 0 done, 1 the files cannot be written, 2 refused, 3 there is no such source.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from actors.rules.settings import SourceSettings
from daemon.commands.common import config_path
from daemon.config.edit import Edit, apply_edits
from daemon.config.fault import ConfigFaults
from daemon.config.file import ChangedMeanwhile, Standing, replace_file, standing_in
from daemon.config.load import LoadedConfig, load_text
from daemon.secrets import Secret, Unresolved, file_of, new_token, resolve, write_new_secret
from daemon.token_changes import MAX_OVERLAP, TokenRefused, span

DONE, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 3
MAX_FILES = 10_000
_PREVIOUS = {"secret": "previous_secret", "hmac_secret": "previous_hmac_secret"}


class _Stop(Exception):
    """Ends the command: words and exit code."""

    def __init__(self, words: object, code: int = USAGE) -> None:
        super().__init__(str(words))
        self.code = code


class _Config:
    """The configuration as it stands in its file, with the environment laid over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.standing: Standing = standing_in(path)
        if self.standing.text is None:
            problem = self.standing.problem or "is not there: name the file with --config or TERRACE_CONFIG"
            raise _Stop(f"{path} {problem}")
        self.text: str = self.standing.text
        self.loaded = self._read(self.text)

    def _read(self, text: str) -> LoadedConfig:
        loaded = load_text(text, self.path, os.environ)
        if isinstance(loaded, ConfigFaults):
            raise _Stop(f"the configuration is faulty:\n{loaded}")
        return loaded

    @property
    def data_dir(self) -> Path:
        return self.loaded.daemon.data_dir

    def source(self, name: str) -> SourceSettings:
        sources = self.loaded.settings.sources
        if name not in sources:
            raise _Stop(f"there is no source {name[:40]!r} (there are: {', '.join(sources) or 'none'})", NOT_FOUND)
        return sources[name]

    def changed(self, name: str, values: dict[str, str | None]) -> tuple[str, LoadedConfig]:
        """Text and meaning with these keys of the source set; None is null. Refused unless it means exactly that."""
        edits = tuple(Edit(path=f"sources.{name}.{key}", value=_yaml(value)) for key, value in values.items())
        text = apply_edits(self.text, edits, self.path.name)
        if isinstance(text, ConfigFaults):
            raise _Stop(f"{self.path} cannot be changed: {text}")
        after = self._read(text)
        for key, value in values.items():
            if getattr(after.settings.sources[name], key) != value:
                raise _Stop(f"sources.{name}.{key} is set by an environment variable: change it there")
        return text, after

    def write(self, text: str) -> None:
        try:
            replace_file(self.path, text, self.standing)
        except ChangedMeanwhile:
            raise _Stop(f"{self.path} was changed meanwhile, nothing was done: try again", FAILED) from None


def run(program: str, chosen: argparse.Namespace, now: datetime | None = None) -> int:
    """Does what was asked for; the exit code."""
    do = {"list": _list, "rotate": _rotate, "end": _end}[chosen.verb]
    try:
        do(chosen, _Config(config_path(getattr(chosen, "config", None))), now or datetime.now(UTC))
    except _Stop as stop:
        print(f"{program} source: {stop}", file=sys.stderr)
        return stop.code
    except OSError as error:
        print(f"{program} source: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return DONE


def _rotate(chosen: argparse.Namespace, config: _Config, now: datetime) -> None:
    overlap = span(chosen.overlap)
    if isinstance(overlap, TokenRefused):
        raise _Stop(overlap)
    if overlap > MAX_OVERLAP:
        raise _Stop(f"an overlap is at most {MAX_OVERLAP.days}d")
    source = config.source(chosen.name)
    key = "hmac_secret" if chosen.hmac else "secret"
    old = _present(config, source, key)
    if (
        getattr(source, _PREVIOUS[key])
        and source.previous_until
        and datetime.fromisoformat(source.previous_until) > now
    ):
        raise _Stop(
            f"the one before is taken until {source.previous_until} and would be refused at once: wait until then, or "
            f"say terrace source end {source.name} first"
        )
    path, reference = _next_file(config.data_dir, old)
    until = _until(source, key, now, overlap)
    values = {key: reference, _PREVIOUS[key]: old if overlap else None, "previous_until": _text(until)}
    text, after = config.changed(source.name, values)
    if not chosen.dry_run:
        _make(path, file_of(old, config.data_dir))
        try:
            config.write(text)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        _tidy(config, source, after)
    words = f"the old one is taken until {_text(until)}" if overlap else "the old one is refused from now on"
    would = "would write a new one into" if chosen.dry_run else "its new one is in"
    _tell(chosen, after, now, f"{source.name}: {would} {path}; {words}")
    if not chosen.dry_run:
        _say("put it into every sender before then" if overlap else "senders need it at once")


def _end(chosen: argparse.Namespace, config: _Config, now: datetime) -> None:
    source = config.source(chosen.name)
    if source.previous_secret is None and source.previous_hmac_secret is None:
        raise _Stop(f"{source.name} has no previous secret: no rotation is under way")
    nothing: dict[str, str | None] = {"previous_secret": None, "previous_hmac_secret": None, "previous_until": None}
    text, after = config.changed(source.name, nothing)
    if not chosen.dry_run:
        config.write(text)
        _tidy(config, source, after)
    would = "would refuse the old one" if chosen.dry_run else "the old one is refused within seconds"
    _tell(chosen, after, now, f"{source.name}: {would}")


def _list(chosen: argparse.Namespace, config: _Config, now: datetime) -> None:
    _tell(chosen, config.loaded, now, "")


# --- parts


def _present(config: _Config, source: SourceSettings, key: str) -> str:
    """The reference that is rotated: one to a file that can be read."""
    reference: str | None = getattr(source, key)
    if reference is None:
        other = "" if key == "hmac_secret" else "; --hmac rotates the key that signs" if source.hmac_secret else ""
        raise _Stop(f"{source.name} has no {key}{other}")
    if not reference.startswith("file:"):
        where = reference.partition(":")[0]
        raise _Stop(
            f"{source.name} keeps its {key} in {where}:, which is not Terrace's to write. Put the new one there under "
            f"another name, then set {key} to that, {_PREVIOUS[key]} to what stands there now, and previous_until"
        )
    found = resolve(reference, config.data_dir, os.environ)
    if isinstance(found, Unresolved):
        raise _Stop(f"the {key} of {source.name} cannot be read: {found.problem}; {found.remedy}")
    return reference


def _next_file(data_dir: Path, reference: str) -> tuple[Path, str]:
    """A file beside the present one that is not there yet: `tradingview.2` after `tradingview`."""
    present = reference.removeprefix("file:")
    match = re.fullmatch(r"(.+)\.([0-9]{1,6})", present)
    stem, number = (match[1], int(match[2])) if match else (present, 1)
    for each in range(number + 1, number + MAX_FILES):
        path = file_of(f"file:{stem}.{each}", data_dir)
        if not os.path.lexists(path):
            return path, f"file:{stem}.{each}"
    raise _Stop(f"there are {MAX_FILES} files like {stem}.{number}: take some away")


def _until(source: SourceSettings, key: str, now: datetime, overlap: timedelta) -> datetime | None:
    """When the old ones end: not before that of a rotation of the other kind that is under way."""
    others = source.previous_hmac_secret if key == "secret" else source.previous_secret
    standing = datetime.fromisoformat(source.previous_until) if others and source.previous_until else None
    if standing is not None and standing > now:
        return max(standing, now + overlap)
    return now + overlap if overlap else None


def _make(path: Path, like: Path) -> None:
    """The new secret, for the same user as the old one: who rotates as root must not lock the forwarder out."""
    if not write_new_secret(path, new_token()):
        raise _Stop(f"{path} is there meanwhile, nothing was done: try again", FAILED)
    before, made = like.stat(), path.stat()
    if (before.st_uid, before.st_gid) != (made.st_uid, made.st_gid):
        try:
            os.chown(path, before.st_uid, before.st_gid)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _tidy(config: _Config, before: SourceSettings, after: LoadedConfig) -> None:
    """Deletes files of this source that nothing refers to any more, where they are Terrace's own."""
    used = {reference for source in after.settings.sources.values() for reference in source.references}
    home = Path(os.path.abspath(config.data_dir))
    for reference in before.references:
        path = Path(os.path.abspath(file_of(reference, config.data_dir)))
        if reference.startswith("file:") and reference not in used and path.is_relative_to(home):
            path.unlink(missing_ok=True)


def _tell(chosen: argparse.Namespace, config: LoadedConfig, now: datetime, words: str) -> None:
    rows = [_plain(source, config.daemon.data_dir, now) for source in config.settings.sources.values()]
    if chosen.output == "json":
        shown: Any = {"sources": rows} if chosen.verb == "list" else next(r for r in rows if r["name"] == chosen.name)
        print(json.dumps(shown, indent=2))
    elif chosen.verb == "list":
        heads = ("name", "secret", "hmac_secret", "previous_until", "state")
        cells = [tuple(head.upper() for head in heads), *(tuple(row[head] or "-" for head in heads) for row in rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
        for line in cells:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if words:
        _say(words)


def _plain(source: SourceSettings, data_dir: Path, now: datetime) -> dict[str, str | None]:
    faults = [
        found.problem
        for found in (
            resolve(reference, data_dir, os.environ) for reference in (source.secret, source.hmac_secret) if reference
        )
        if not isinstance(found, Secret)
    ]
    is_rotating = source.previous_until is not None and datetime.fromisoformat(source.previous_until) > now
    if source.secret is None and source.hmac_secret is None:
        state = "accepts nothing: no secret"
    else:
        state = "; ".join(faults) or ("the old one is taken too" if is_rotating else "ok")
    return {
        "name": source.name,
        "secret": source.secret,
        "hmac_secret": source.hmac_secret,
        "previous_secret": source.previous_secret,
        "previous_hmac_secret": source.previous_hmac_secret,
        "previous_until": source.previous_until if is_rotating else None,
        "state": state,
    }


def _yaml(value: str | None) -> str:
    if value is None:
        return "null"
    return value if re.fullmatch(r"file:[A-Za-z0-9_./-]+", value) else json.dumps(value)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _say(words: str) -> None:
    print(words, file=sys.stderr)
