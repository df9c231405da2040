"""Photos and originals: each object is there, opens, and has the digest that its licence names; none is nobody's."""

import hashlib
from collections.abc import Iterator

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from licence.canonical import base64url
from registry.documents import SALT_SIZE, unseal
from registry.errors import ObjectMissingError
from registry.fsck.finding import UNREADABLE, Finding, altered, foreign, missing
from registry.fsck.kept import is_settled_object
from registry.fsck.reading import Row, pages
from registry.fsck.scene import Scene
from registry.tables import Document, Licence, Subject


def documents(scene: Scene) -> Iterator[Finding]:
    """Every document with its object."""
    for row in scene.every(Document, "id"):
        if not scene.opens(row["wrapped_key"], _name(row)):
            yield altered("table document", f"id {row['id']}", "a wrapped key that opens for it", "another")
        yield from _object(scene, row)


def _name(row: Row) -> str:
    return f"document {row['id']}"


def _object(scene: Scene, row: Row) -> Iterator[Finding]:
    name, told = str(row["object"]), f"the object of document {row['id']}"
    try:
        sealed = scene.objects.get(name)
    except ObjectMissingError:
        if scene.by_now(Document, id=row["id"]) and not _is_being_erased(scene, row):
            yield missing("object", name, told)
        return
    try:
        key = scene.keys.vault.unwrap(row["wrapped_key"], _name(row))
    except UNREADABLE:
        return  # the wrapped key, or its wrapping key, is named
    try:
        plain = unseal(scene.keys.vault, key, sealed, department=row["department"], name=row["id"])
    except UNREADABLE:
        yield altered("object", name, f"{told}, sealed with its key", "other bytes")
        return
    found = (base64url(hashlib.sha256(plain).digest()), len(plain) - SALT_SIZE)
    if found != (row["digest"], row["size"]):
        yield altered("table document", f"id {row['id']}", "the digest and size of its object", "others")


def _is_being_erased(scene: Scene, row: Row) -> bool:
    """Erasing takes objects before it takes their rows."""
    wanted = select(col(Subject.id)).join(Licence, col(Licence.subject) == col(Subject.id))
    with scene.store.read() as session:
        found = session.exec(wanted.where(col(Licence.row) == row["licence"], col(Subject.erasing)))
        return found.first() is not None


def orphans(scene: Scene) -> Iterator[Finding]:
    """Objects that no document has. The row of an upload comes after its object: a young one is let be."""
    for page in pages(scene.counted("objects", scene.objects.names())):
        known = {row["object"] for row in scene.snapshot.rows(Document, ["object"], where=_within(page))}
        for name in page:
            if (
                name not in known
                and is_settled_object(scene.objects, name)
                and not scene.by_now(Document, object=name)
            ):
                yield foreign("object", name, "a document that has it", "none")


def _within(names: list[str]) -> ColumnElement[bool]:
    return col(Document.id).in_(names)
