"""All checks, one after the other, over one moment of the database. Read-only; the registry may run meanwhile.

The order matters: the chain's head is taken first, then the database's moment, then everything else is read. So what
stood on the chain by then must be known to the database, and what was written since is held against nobody.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import make_url, text
from sqlalchemy.exc import DatabaseError, OperationalError

from contracts.deployment import Deployment, PinError
from registry.chain import Chain
from registry.errors import RegistryError, UnreachableError
from registry.fsck import (
    against,
    batches,
    documents,
    files,
    licences,
    rows,
    shape,
    signing_keys,
    statuses,
    told,
    trail,
    vault_keys,
)
from registry.fsck.finding import UNREADABLE, Finding, Unsettled, altered, missing
from registry.fsck.reading import Snapshot
from registry.fsck.scene import Keys, Progress, Scene
from registry.objects import Objects, Part
from registry.settings import Settings
from registry.store import Store, Tables
from registry.token import open_token
from registry.token_keys import TokenKeys
from registry.token_wrapping import TokenWrapping
from registry.wrapping import WrappingKeys

Said: TypeAlias = Finding | Unsettled
Step: TypeAlias = Callable[[Scene], Iterator[Said]]
_FAULTS = 100  # of one database file: after so many it is restored, not read


def check(settings: Settings, progress: Progress) -> Iterator[Said]:
    """Everything that is wrong, as it is found; and what could not be found out. Nothing is made or mended.

    Raises:
        UnreachableError: the database does not answer.
        OtherReleaseError: it is of another release.
        TokenError, TokenUnreachableError: a token is named, and does not open.
    """
    keys, faults = vault_keys.open_keys(settings, _wrapping_token(settings))
    pins = files.read_pins(settings.home)
    yield from [*faults, *([pins] if isinstance(pins, Finding) else [])]
    path = _database_file(settings)
    if path is not None and not path.exists():
        yield missing("file", path.name, "the database")
        return
    chain = Chain(settings.chain_url, pins if isinstance(pins, Deployment) else None)
    head = _head(chain)
    try:
        with _opened(settings, keys) as (store, snapshot):
            objects, public = Objects.open(settings), Objects.open(settings, Part.PUBLIC)
            now = int(time.time())
            scene = Scene(settings, store, snapshot, keys, objects, public, None, now, progress)
            yield from _all(scene, chain, pins, head)
    except DatabaseError as error:
        if _is_away(settings, error):
            raise
        yield altered("file", _name(path), "a database that can be read", type(error.orig).__name__)
    except UnicodeDecodeError:
        yield altered("file", _name(path), "a database that can be read", "one whose words are no text")


def _wrapping_token(settings: Settings) -> WrappingKeys | None:
    if not settings.pkcs11_wrapping_token:
        return None
    token = open_token(
        settings.pkcs11_module, settings.pkcs11_wrapping_token, pin=settings.pkcs11_wrapping_pin
    )
    return TokenWrapping(token)


def _database_file(settings: Settings) -> Path | None:
    url = make_url(settings.database)
    return Path(url.database) if url.drivername.startswith("sqlite") and url.database else None


def _is_away(settings: Settings, error: DatabaseError) -> bool:
    """A file that is broken is a finding; a server that is gone, or a lock, is not."""
    return isinstance(error, OperationalError) and (
        _database_file(settings) is None or "locked" in str(error.orig) or "open" in str(error.orig)
    )


def _name(path: Path | None) -> str:
    return path.name if path else "the database"


def _head(chain: Chain) -> int | Unsettled:
    try:
        return chain.head()
    except RegistryError as error:
        return Unsettled("what the chain has", error.en)


@contextmanager
def _opened(settings: Settings, keys: Keys) -> Iterator[tuple[Store, Snapshot]]:
    store = Store(settings.database, keys.vault.seal_row, tables=Tables.DEMANDED)
    try:
        with store.read() as session:
            yield store, Snapshot(session)
    finally:
        store.close()


def _all(scene: Scene, chain: Chain, pins: Deployment | Finding, head: int | Unsettled) -> Iterator[Said]:
    yield from _step(scene, "the database's own check", _integrity)
    yield from _step(scene, "the database's shape", shape.shape)
    yield from _step(scene, "seals", _seals)
    yield from _step(scene, "audit trail", trail.chain)
    if isinstance(pins, Deployment):
        faults = list(files.pins(scene, pins))
        scene.pins = None if faults else pins
        yield from faults
    if not scene.keys.wrapping:
        yield Unsettled("what records and documents hold", "a wrapping key is not fit")
    for name, step in _LOCAL:
        yield from _step(scene, name, step)
    if scene.pins is None:
        yield Unsettled("signatures of licences, and what the chain has", "the pins are not to be believed")
        yield from _signing_keys(scene, None)
        return
    yield from _with_chain(scene, chain, head)


def _step(scene: Scene, name: str, step: Step) -> Iterator[Said]:
    """One check. What it cannot read has been named by its seal, or by the database itself."""
    try:
        yield from step(scene)
    except DatabaseError as error:
        if _is_away(scene.settings, error):
            raise
        yield altered(
            "file",
            _name(_database_file(scene.settings)),
            "tables that can be read",
            type(error.orig).__name__,
        )
    except UnreachableError:
        raise
    except UNREADABLE as error:
        yield Unsettled(name, f"it ended at a row that cannot be read ({type(error).__name__})")


def _integrity(scene: Scene) -> Iterator[Said]:
    """SQLite looks at its own file. PostgreSQL has its checksums and amcheck."""
    path = _database_file(scene.settings)
    if path is None:
        return
    scene.progress("the database's own check", 0, 0)
    for fault in scene.snapshot.all(text(f"PRAGMA integrity_check({_FAULTS})")):
        if fault != "ok":
            yield altered("file", path.name, "a whole database", str(fault))


def _seals(scene: Scene) -> Iterator[Said]:
    if not scene.keys.rows:
        yield Unsettled("the seals of rows", "their key is not fit")
    elif not rows.rows_key_fits(scene):
        yield altered("file", "keys/registry/rows.key", "the key of the seals of rows", "another")
        yield Unsettled("the seals of rows", "their key is not fit")
    else:
        yield from rows.seals(scene)


_LOCAL: tuple[tuple[str, Step], ...] = (
    ("rows that others name", rows.references),
    ("wrapping keys", vault_keys.wrapping),
    ("blind indexes", licences.index_key),
    ("deeds", trail.deeds),
    ("types", licences.types),
    ("subjects", licences.subjects),
    ("licences", licences.licences),
    ("batches", batches.batches),
    ("status positions", batches.positions),
    ("documents", documents.documents),
    ("objects", documents.orphans),
    ("public files", files.public),
    ("files left over", files.left_over),
)


def _with_chain(scene: Scene, chain: Chain, head: int | Unsettled) -> Iterator[Said]:
    if isinstance(head, Unsettled):
        yield head
        yield from _signing_keys(scene, None)
        return
    owner: str | None = None
    try:
        facts = told.read(chain, head, scene.progress)
        owner = str(chain.call("IssuerRegistry", "owner")[0])
        yield from against.registry(scene, facts, chain)
        yield from against.anchors(scene, facts, chain)
        yield from statuses.statuses(scene, facts, chain)
    except (RegistryError, PinError) as error:
        yield Unsettled("what the chain has", str(error))
    yield from _signing_keys(scene, owner)


def _signing_keys(scene: Scene, owner: str | None) -> Iterator[Said]:
    settings = scene.settings
    if settings.pkcs11_module:
        token = open_token(settings.pkcs11_module, settings.pkcs11_token, pin=settings.pkcs11_pin)
        yield from signing_keys.in_token(scene, TokenKeys(token))
        return
    unlock, faults = signing_keys.unlocking(settings)
    yield from faults
    yield from signing_keys.in_files(scene, unlock, owner)
