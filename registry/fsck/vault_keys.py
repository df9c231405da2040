"""The vault's key files: there, for their owner alone, and the ones that the rows were made with. None is ever made."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlmodel import SQLModel

from registry.fsck.finding import UNREADABLE, Finding, altered, missing
from registry.fsck.reading import Snapshot, table_of
from registry.fsck.scene import Keys, Scene
from registry.key_files import KEY_SIZE, KeyFileError, demand_private
from registry.settings import Settings
from registry.tables import Document, Subject
from registry.vault import Vault
from registry.wrapping import Generation, Wrapping, WrappingFiles, WrappingKeys, generation_of, prefix_of

_PROBED = 8


def open_keys(settings: Settings, token: WrappingKeys | None) -> tuple[Keys, list[Finding]]:
    """The keys as far as they are fit to be used, and what is wrong with the others."""
    files = WrappingFiles(settings.vault)
    wrapping = Wrapping(token, files) if token else Wrapping(files)
    found: list[Finding] = []
    parts = {}
    for name in ("index.key", "rows.key"):
        parts[name] = _read(settings, settings.vault / name, found)
    read = [_read(settings, path, found) for path in sorted(settings.vault.glob("wrapping*.key"))]
    fit = all(read)
    if not token and not files.generations():
        found.append(missing("file", "keys/registry/wrapping-1.key, or a later one", "a wrapping key"))
        fit = False
    vault = Vault(wrapping, parts["index.key"], parts["rows.key"])
    return Keys(vault, bool(parts["rows.key"]), bool(parts["index.key"]), fit), found


def _read(settings: Settings, path: Path, found: list[Finding]) -> bytes:
    """The key in a file; empty: it is not fit to be used."""
    name = str(path.relative_to(settings.home))
    if not path.exists():
        found.append(missing("file", name, "a key of the vault"))
        return b""
    try:
        demand_private(path)
    except KeyFileError:
        told = path.stat()
        expected = f"mode 600 of user {os.geteuid()}"
        found.append(altered("file", name, expected, f"mode {told.st_mode & 0o777:o} of user {told.st_uid}"))
        if path.name.startswith("wrapping"):
            return b""  # it is not read before that is put right
    key = path.read_bytes()
    if len(key) != KEY_SIZE:
        found.append(altered("file", name, f"{KEY_SIZE} bytes", f"{len(key)} bytes"))
        return b""
    return key


def wrapping(scene: Scene) -> Iterator[Finding]:
    """Every generation that wrapped keys name is there, and opens what was wrapped under it.

    When a few rows alone name one that is not there, while others are, it is the rows that are altered.
    """
    if not scene.keys.wrapping:
        return
    there = scene.there = set(scene.keys.vault.wrapping.generations())
    for generation, count in sorted(_named(scene.snapshot).items()):
        item = f"keys/registry/{_file(generation)}"
        if generation in there:
            if not _opens_any(scene, generation):
                scene.lost.add(generation)
                yield altered(
                    "file", item, "the wrapping key that opens what names it", "one that opens none"
                )
        elif not _is_named_now(scene, generation):
            scene.lost.add(generation)
        elif not there or count > _PROBED:
            scene.lost.add(generation)
            yield missing("file", item, f"the wrapping key that {count} wrapped keys name")


def _is_named_now(scene: Scene, generation: Generation) -> bool:
    """A rotation may have ended since: then nothing names it any more."""
    with scene.store.read() as session:
        return generation in _named(Snapshot(session))


def _file(generation: Generation) -> str:
    return f"wrapping-{generation}.key" if generation else "wrapping.key"


def _kinds() -> list[tuple[type[SQLModel], str]]:
    return [(Subject, "holder_index"), (Document, "id")]


def _named(snapshot: Snapshot) -> Counter[Generation]:
    found: Counter[Generation] = Counter()
    for model, _ in _kinds():
        wrapped = table_of(model).c.wrapped_key
        head, size = func.substr(wrapped, 1, 5).label("head"), func.length(wrapped).label("size")
        wanted = select(head, size, func.count().label("rows")).where(func.length(wrapped) > 0)
        for row in snapshot.stream(wanted.group_by(head, size)):
            try:
                found[generation_of(bytes(row["head"]).ljust(row["size"], b"\0"))] += row["rows"]
            except UNREADABLE:
                continue  # the row is named with the wrapped keys
    return found


def _opens_any(scene: Scene, generation: Generation) -> bool:
    """One bad row among several is the row's fault; when none opens it is the key's."""
    looked = False
    for model, bound in _kinds():
        column: Any = table_of(model).c.wrapped_key
        prefix = prefix_of(generation)
        mine = func.substr(column, 1, 5) == prefix if prefix else func.length(column) == 60
        rows = scene.snapshot.rows(model, [bound, "wrapped_key"], where=mine)
        for _, row in zip(range(_PROBED), rows, strict=False):
            name = f"document {row['id']}" if model is Document else bytes(row[bound]).hex()
            looked = True
            try:
                scene.keys.vault.unwrap(row["wrapped_key"], name)
            except UNREADABLE:
                continue
            return True
    return not looked
