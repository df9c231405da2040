"""Photos and original documents: encrypted objects outside the database; a salted digest of each is a claim."""

import hashlib
import os
import secrets
from dataclasses import dataclass

from sqlmodel import Session, select

from licence.canonical import base64url
from registry import trail
from registry.errors import InvalidError, NotFoundError
from registry.house import House
from registry.store import demand_open
from registry.tables import Department, Document
from registry.vault import Vault, VaultError

MAX_SIZE = 10 * 1024 * 1024
SALT_SIZE = 16
MEDIA_TYPES = ("image/jpeg", "image/png", "application/pdf")


@dataclass(frozen=True, slots=True)
class Opened:
    """A document's bytes, what they are, and the salt of its digest."""

    data: bytes
    media_type: str
    salt: bytes


def keep(house: House, department: Department, data: bytes, media_type: str) -> Document:
    """Encrypts and stores a document. Its `digest` goes into the licence's field.

    Raises:
        InvalidError: empty, over 10 MiB, or of another media type.
        ReadOnlyError: the store is behind the chain: it would go with the next backup that is restored.
        ObjectsUnreachableError: nothing is stored; try again.
    """
    if media_type not in MEDIA_TYPES:
        raise InvalidError("仅支持 JPEG、PNG、PDF", f"one of {', '.join(MEDIA_TYPES)} expected")
    if not 0 < len(data) <= MAX_SIZE:
        raise InvalidError("文件为空或超过10MB", "a document of 1 byte to 10 MiB expected")
    with house.store.read() as session:
        demand_open(session, department.id)
    salt, name = os.urandom(SALT_SIZE), secrets.token_hex(16)
    key, wrapped = house.vault.new_key(f"document {name}")
    house.objects.put(name, house.vault.seal(key, salt + data, _bound(department.id, name)))
    row = Document(
        id=name,
        department=department.id,
        digest=base64url(hashlib.sha256(salt + data).digest()),
        object=name,
        wrapped_key=wrapped,
        media_type=media_type,
        size=len(data),
        kept_at=house.now,
    )
    with house.store.write(department.id) as session:
        session.add(row)
        actor = f"department {department.id}"
        trail.note(house, session, department.id, actor=actor, deed="attach", object=row.id)
    return row


def fetch(house: House, session: Session, department: Department, digest: str) -> Opened:
    """A department's own document, decrypted.

    Raises:
        NotFoundError: none of that digest, or another department's.
        VaultError: the object was altered.
        ObjectMissingError: the object is gone.
        ObjectsUnreachableError: the store does not answer.
    """
    wanted = select(Document).where(Document.digest == digest, Document.department == department.id)
    row = session.exec(wanted).first()
    if row is None:
        raise NotFoundError("没有这份文件", "no such document")
    plain = unsealed(house, row)
    return Opened(plain[SALT_SIZE:], row.media_type, plain[:SALT_SIZE])


def unsealed(house: House, row: Document) -> bytes:
    """A document's salt and bytes.

    Raises:
        VaultError: the object was altered, or is another document's or department's.
    """
    key = house.vault.unwrap(row.wrapped_key, f"document {row.id}")
    return unseal(house.vault, key, house.objects.get(row.object), department=row.department, name=row.id)


def unseal(vault: Vault, key: bytes, sealed: bytes, *, department: int, name: str) -> bytes:
    """What `keep` sealed for this department's document: salt and bytes.

    Raises:
        VaultError: altered, or another document's or department's.
    """
    try:
        return vault.unseal(key, sealed, _bound(department, name))
    except VaultError:
        # Release 0.1.0 bound a document to its id alone.
        return vault.unseal(key, sealed, f"document {name}")


def _bound(department: int, name: str) -> str:
    return f"document {department} {name}"
