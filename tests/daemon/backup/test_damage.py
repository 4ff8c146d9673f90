"""Whatever was changed in a backup is noticed, whoever changed it and wherever."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.backup.archive import no_rest, opened, unpack
from daemon.backup.manifest import Manifest, Member, NotABackup, is_member_name, read_manifest
from daemon.backup.sealing import CHUNK_BYTES, MAGIC, PASSPHRASE, Sealing, SealKey, WrongKey
from daemon.backup.verifying import Refused, Verified, verify
from tests.daemon.backup.houses import SEAL, House, keys_of, no_keys, seal_keys

CHANGES = 40


QUICK = SealKey("vault", b"k" * 32)
"""Of a vault: derived quickly."""


def is_noticed(path: Path, data: bytes, key: SealKey | None) -> bool:
    path.write_bytes(data)
    try:
        with opened(path, keys_of(key)) as backup:
            unpack(backup.stream, None, no_rest)
    except (NotABackup, WrongKey):
        return True
    return False


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("key", [None, QUICK], ids=["plain", "encrypted"])
def test_a_changed_byte_is_noticed_wherever_it_is(house: House, tmp_path: Path, key: SealKey | None) -> None:
    """gzip holds a few bits that mean nothing: what is in it is the same then."""
    made = house.make(key=key)
    data = made.path.read_bytes()
    found = verify(made.path, keys_of(key))
    assert isinstance(found, Verified)
    assert found.problems == ()
    rng = random.Random(1)
    for _ in range(CHANGES):
        place, bit = rng.randrange(10, len(data) - 32), 1 << rng.randrange(8)
        changed = data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :]
        noticed = is_noticed(tmp_path / "x.backup", changed, key)
        assert noticed or (key is None and gzip.decompress(changed) == gzip.decompress(data)), place


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("key", [None, QUICK], ids=["plain", "encrypted"])
def test_a_cut_off_backup_is_noticed_wherever_it_ends(house: House, tmp_path: Path, key: SealKey | None) -> None:
    data = house.make(key=key).path.read_bytes()
    rng = random.Random(2)
    for size in [0, 1, 20, 100, len(data) - 33, *(rng.randrange(len(data) - 40) for _ in range(CHANGES))]:
        assert is_noticed(tmp_path / "x.backup", data[:size], key), size


def test_a_passphrase_that_is_wrong_or_missing_is_told_apart_from_damage(house: House) -> None:
    path = house.make(key=SEAL).path
    wrong = verify(path, keys_of(SealKey(PASSPHRASE, b"another passphrase")))
    assert isinstance(wrong, Refused)
    assert "the passphrase is wrong" in wrong.problem
    missing = verify(path, no_keys)
    assert isinstance(missing, Refused)
    assert "was not given" in missing.problem
    assert "passphrase" in missing.remedy


# --- encryption -----------------------------------------------------------------------------------------


def sealed(data: bytes) -> bytes:
    out = io.BytesIO()
    sealing = Sealing(out, QUICK, {})
    sealing.write(data)
    sealing.finish()
    return out.getvalue()


def unsealed(path: Path) -> bytes:
    with opened(path, keys_of(QUICK)) as backup:
        return backup.stream.read()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_was_encrypted_comes_back(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(sealed(data))
    assert unsealed(tmp_path / "x") == data


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_chunk_taken_out_doubled_or_moved_is_noticed(tmp_path: Path, chunk: int) -> None:
    data = sealed(os.urandom(4 * CHUNK_BYTES))
    begin = data.index(b"\n", len(MAGIC)) + 1
    step = CHUNK_BYTES + 16
    parts = [data[begin + step * number : begin + step * (number + 1)] for number in range(4)]
    tail = data[begin + 4 * step :]
    broken = {
        "out": parts[:chunk] + parts[chunk + 1 :],
        "doubled": [*parts[: chunk + 1], *parts[chunk:]],
        "moved": [*parts[:chunk], parts[chunk + 1], parts[chunk], *parts[chunk + 2 :]],
        "cut at its border": parts[: chunk + 1],
    }
    for name, rest in broken.items():
        (tmp_path / "x").write_bytes(data[:begin] + b"".join(rest) + tail)
        with pytest.raises(NotABackup):
            unsealed(tmp_path / "x")
        assert name


def test_two_backups_of_the_same_never_look_the_same() -> None:
    assert sealed(b"same") != sealed(b"same")


def test_a_key_is_never_shown() -> None:
    assert "horse" not in repr(SEAL)


# --- what somebody else wrote ---------------------------------------------------------------------------


def foreign(path: Path, members: list[tuple[str, bytes]], manifest: Manifest) -> Path:
    """A tar with these members behind the manifest."""
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for name, data in [("manifest.json", manifest.to_json()), *members]:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.rule("SEC-4")
@pytest.mark.parametrize(
    "name",
    [
        *("../x", "/etc/passwd", "data/../../x", "data/./x", "data//x", "data/.hidden", "data/", "config.yaml/x"),
        *("other/x", "data/a b", "data/x\n", "data/" + "a/" * 9 + "x", "data/" + "x" * 400, "", "data/\u00e4"),
    ],
)
def test_a_name_that_leads_elsewhere_never_comes_out(house: House, tmp_path: Path, name: str) -> None:
    assert not is_member_name(name)
    manifest = house.make().manifest
    member = Member(name=name, size_bytes=1, sha256="0" * 64)
    bad = foreign(tmp_path / "x.backup", [(name or "x", b"x")], replace(manifest, members=(member,)))
    with pytest.raises(NotABackup), opened(bad, no_keys) as backup:
        unpack(backup.stream, tmp_path / "out", no_rest)
    assert not (tmp_path / "out").exists()


@pytest.mark.rule("SEC-4")
def test_a_link_in_it_or_in_its_place_is_never_followed(house: House, tmp_path: Path) -> None:
    made = house.make()
    (tmp_path / "link.backup").symlink_to(made.path)
    found = verify(tmp_path / "link.backup", no_keys)
    assert isinstance(found, Refused)
    with gzip.open(tmp_path / "x.backup", "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        about = made.manifest.to_json()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(about)
        tar.addfile(entry, io.BytesIO(about))
        link = tarfile.TarInfo(made.manifest.store)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    found = verify(tmp_path / "x.backup", no_keys)
    assert isinstance(found, Refused)
    assert "missing in it" in found.problem


def test_more_or_less_than_the_manifest_names_is_noticed(house: House, tmp_path: Path) -> None:
    made = house.make()
    only = replace(made.manifest, members=(made.manifest.members[2],), store="config.yaml")
    config = (house.folder / "config.yaml").read_bytes()
    more = foreign(tmp_path / "more", [("config.yaml", config), ("data/x", b"x")], only)
    less = foreign(tmp_path / "less", [], only)
    for path in (more, less):
        with pytest.raises(NotABackup), opened(path, no_keys) as backup:
            unpack(backup.stream, None, no_rest)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x1f\x8b", b"\x1f\x8b" + b"x" * 100, MAGIC, MAGIC + b"{}\n"])
def test_what_is_no_backup_is_told_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    found = verify(tmp_path / "x", seal_keys)
    assert isinstance(found, Refused)
    assert str(tmp_path / "x") in found.problem
    assert isinstance(verify(tmp_path / "nowhere", seal_keys), Refused)
    assert isinstance(verify(tmp_path, seal_keys), Refused)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_manifest_breaks_the_reader(found: object) -> None:
    for data in (json.dumps(found), json.dumps({"format": 1, "members": found}), json.dumps({"format": 1, "x": found})):
        with pytest.raises(NotABackup):
            read_manifest(data.encode())


def test_one_of_a_newer_terrace_is_told_so(house: House) -> None:
    newer = replace(house.make().manifest, format=2)
    with pytest.raises(NotABackup, match="newer Terrace"):
        read_manifest(newer.to_json())


def test_a_bad_header_of_an_encrypted_one_costs_nothing(house: House, tmp_path: Path) -> None:
    """Nobody can have a reader take gigabytes by what he writes there."""
    data = house.make(key=SEAL).path.read_bytes()
    end = data.index(b"\n", len(MAGIC))
    header = json.loads(data[len(MAGIC) : end])
    for change in ({"n": 2**40}, {"r": 2**20}, {"p": 10**9}, {"salt": "zz"}, {"prefix": "00"}, {"key": "x"}):
        text = json.dumps({**header, **change}).encode()
        (tmp_path / "x").write_bytes(MAGIC + text + data[end:])
        with pytest.raises((NotABackup, WrongKey)), opened(tmp_path / "x", seal_keys):
            pass
