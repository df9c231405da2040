"""Photos and originals: each object is there, opens, and has the digest that its licence names; none is nobody's."""

import hashlib
import time
from collections.abc import Iterator

from sqlalchemy import ColumnElement
from sqlmodel import col

from licence.canonical import base64url
from registry.documents import SALT_SIZE
from registry.fsck.finding import UNREADABLE, Finding, altered, foreign, missing
from registry.fsck.reading import Row, pages
from registry.fsck.scene import Scene
from registry.tables import Document

_PATIENCE = 2


def documents(scene: Scene) -> Iterator[Finding]:
    """Every document with its object."""
    for row in scene.every(Document, "id"):
        key: bytes | None = None
        try:
            if scene.may_open(row["wrapped_key"]):
                key = scene.keys.vault.unwrap(row["wrapped_key"], f"document {row['id']}")
        except UNREADABLE:
            item = f"id {row['id']}"
            yield altered("table document", item, "a wrapped key that opens for it", "another")
        yield from _object(scene, row, key)


def _object(scene: Scene, row: Row, key: bytes | None) -> Iterator[Finding]:
    name, told = str(row["object"]), f"the object of document {row['id']}"
    try:
        sealed = scene.objects.get(name)
    except FileNotFoundError:
        if scene.by_now(Document, id=row["id"]):
            yield missing("object", name, told)
        return
    if key is None:
        return
    try:
        plain = scene.keys.vault.unseal(key, sealed, f"document {row['id']}")
    except UNREADABLE:
        yield altered("object", name, f"{told}, sealed with its key", "other bytes")
        return
    found = (base64url(hashlib.sha256(plain).digest()), len(plain) - SALT_SIZE)
    if found != (row["digest"], row["size"]):
        yield altered("table document", f"id {row['id']}", "the digest and size of its object", "others")


def orphans(scene: Scene) -> Iterator[Finding]:
    """Objects that no document has. An upload that is under way is waited for: its row comes after its object."""
    suspects: list[str] = []
    for page in pages(scene.counted("objects", scene.objects.names())):
        known = {row["object"] for row in scene.snapshot.rows(Document, ["object"], where=_within(page))}
        suspects += [name for name in page if name not in known]
    if suspects:
        time.sleep(_PATIENCE)
    for name in sorted(suspects):
        if not scene.by_now(Document, object=name) and name in _again(scene, name):
            yield foreign("object", name, "a document that has it", "none")


def _within(names: list[str]) -> ColumnElement[bool]:
    return col(Document.id).in_(names)


def _again(scene: Scene, name: str) -> set[str]:
    """An erasure may have taken the object since."""
    try:
        scene.objects.get(name)
    except FileNotFoundError:
        return set()
    return {name}
