"""Data keys are wrapped by the newest generation, and opened by the one they name."""

import os
import stat
from pathlib import Path

import pytest

from registry.key_files import KEY_SIZE, KeyFileError, write_secret
from registry.vault import Vault, VaultError
from registry.wrapping import Generation, generation_of, seal


def test_a_wrapped_key_names_its_generation_and_the_newest_wraps(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path)
    key, first = vault.new_key("one")
    assert vault.wrapping.add() == 2
    second = vault.wrap(key, "one")
    assert (generation_of(first), generation_of(second)) == (1, 2)
    assert vault.unwrap(first, "one") == vault.unwrap(second, "one") == key


def test_a_process_that_runs_picks_up_a_new_generation(tmp_path: Path) -> None:
    running, rotating = Vault.open(tmp_path), Vault.open(tmp_path)
    rotating.wrapping.add()
    key, wrapped = rotating.new_key("one")
    assert running.unwrap(wrapped, "one") == key
    assert generation_of(running.wrap(key, "one")) == 2


def test_the_key_of_the_release_before_is_generation_0_without_a_prefix(tmp_path: Path) -> None:
    old, key = os.urandom(KEY_SIZE), os.urandom(KEY_SIZE)
    write_secret(tmp_path / "wrapping.key", old)
    wrapped = seal(old, key, b"key one")
    vault = Vault.open(tmp_path)
    assert vault.unwrap(wrapped, "one") == key
    assert generation_of(vault.wrap(key, "one")) == 0
    assert vault.wrapping.add() == 1
    assert generation_of(vault.wrap(key, "one")) == 1
    assert vault.unwrap(wrapped, "one") == key


def test_an_unprefixed_key_is_known_by_its_length_even_if_it_begins_like_a_prefix(tmp_path: Path) -> None:
    old = os.urandom(KEY_SIZE)
    write_secret(tmp_path / "wrapping.key", old)
    vault = Vault.open(tmp_path)
    wrapped = seal(old, bytes(KEY_SIZE), b"key one")
    while wrapped[0] != 1:
        wrapped = seal(old, bytes(KEY_SIZE), b"key one")
    assert vault.unwrap(wrapped, "one") == bytes(KEY_SIZE)


@pytest.mark.parametrize("change", [b"\x02\0\0\0\x01", b"\x01\0\0\0\0", b"\x01\0\0\0\x02", b"\x01\0\0\0\x63"])
def test_a_prefix_that_was_altered_is_refused(tmp_path: Path, change: bytes) -> None:
    vault = Vault.open(tmp_path)
    vault.wrapping.add()
    wrapped = vault.wrap(bytes(KEY_SIZE), "one")
    assert wrapped[:5] == b"\x01\0\0\0\x02"
    altered = change + wrapped[5:]
    if change == wrapped[:5]:
        altered = b"\x01\0\0\0\x01" + wrapped[5:]
    with pytest.raises(VaultError):
        vault.unwrap(altered, "one")


def test_what_a_destroyed_generation_wrapped_opens_no_more(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path)
    _, wrapped = vault.new_key("one")
    vault.wrapping.add()
    vault.wrapping.destroy(Generation(1))
    assert [path.name for path in tmp_path.glob("wrapping*")] == ["wrapping-2.key"]
    with pytest.raises(VaultError, match="generation 1"):
        vault.unwrap(wrapped, "one")


def test_a_folder_that_lost_its_wrapping_keys_is_not_given_new_ones(tmp_path: Path) -> None:
    Vault.open(tmp_path)
    (tmp_path / "wrapping-1.key").unlink()
    with pytest.raises(KeyFileError, match="restore the key files"):
        Vault.open(tmp_path)


@pytest.mark.parametrize("name", ["index.key", "rows.key"])
def test_a_lost_key_beside_the_wrapping_keys_is_asked_for_and_not_made_anew(
    tmp_path: Path, name: str
) -> None:
    Vault.open(tmp_path)
    kept = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    with pytest.raises(KeyFileError, match="bring it back"):
        Vault.open(tmp_path)
    assert not (tmp_path / name).exists()
    write_secret(tmp_path / name, kept)
    Vault.open(tmp_path)


def test_every_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "registry"
    Vault.open(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["index.key", "rows.key", "wrapping-1.key"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_row_seal_and_derived_keys_hang_on_the_row_key(tmp_path: Path) -> None:
    one, two = Vault.open(tmp_path / "one"), Vault.open(tmp_path / "two")
    assert one.seal_row(b"row") == Vault.open(tmp_path / "one").seal_row(b"row") != two.seal_row(b"row")
    assert len({one.derive("a"), one.derive("b"), two.derive("a"), one.seal_row(b"a")}) == 4
