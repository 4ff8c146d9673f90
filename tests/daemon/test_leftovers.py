"""Old drafts go; what is young, somebody else's or no draft stays."""

from __future__ import annotations

from pathlib import Path

from daemon.leftovers import OLD_S, clear_leftovers
from daemon.secrets import write_draft


def test_only_old_private_drafts_are_deleted(tmp_path: Path) -> None:
    draft = write_draft(tmp_path / "vault.json", "half a secret")
    vacuum = tmp_path / ".terrace.db.vacuum"
    others = [tmp_path / ".hidden", tmp_path / "terrace.db", tmp_path / f".open.{'0' * 16}"]
    link = tmp_path / f".link.{'1' * 16}"
    for path in (vacuum, *others):
        path.write_text("x")
        path.chmod(0o600)
    others[2].chmod(0o644)
    link.symlink_to(others[1])
    now_s = draft.stat().st_mtime
    assert clear_leftovers([tmp_path, tmp_path / "nowhere"], now_s + OLD_S - 5) == []
    assert sorted(clear_leftovers([tmp_path], now_s + OLD_S + 5)) == sorted([draft, vacuum])
    assert all(path.exists() for path in (*others, link))
