"""Keys are kept for their owner, and a second tenant does not push out the first."""

import stat
from pathlib import Path

from standalone.host.keys import NAME, internal_key, keep_keys, read_keys


def test_keys_can_be_read_by_others_or_are_lost(tmp_path: Path) -> None:
    keep_keys(tmp_path, {"demo": {"admin": "a"}})
    keep_keys(tmp_path, {"main": {"admin": "b"}, "demo": {"rep": "c"}})
    assert read_keys(tmp_path) == {"demo": {"admin": "a", "rep": "c"}, "main": {"admin": "b"}}
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_the_internal_key_changes_with_every_start(tmp_path: Path) -> None:
    first = internal_key(tmp_path)
    assert len(first) == 64
    assert internal_key(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "internal.key").stat().st_mode) == 0o600
