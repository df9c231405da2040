"""Licences: the record opens, the claims root is made anew from it, T says what the columns say, the key signed it.

An erased licence keeps its leaf and its places; that nothing else of it is left is checked instead.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import and_, select
from sqlmodel import col

from licence import claims
from licence.canonical import JsonValue
from licence.codes import CertificateId
from licence.definition import FieldKind, LicenceType
from licence.entry import SignedEntry
from licence.errors import LicenceError
from licence.keys import NetworkId, PublicKey, Suite, Usage
from licence.record import Record, agrees, number, subject
from licence.status import Act
from registry.fsck.finding import UNREADABLE, Finding, altered, contradicts, foreign, missing
from registry.fsck.reading import Row, pages
from registry.fsck.scene import Scene
from registry.issuing import bound_to
from registry.tables import (
    Department,
    Document,
    Licence,
    SealedRecord,
    SigningKey,
    StatusAct,
    StatusActLicence,
    Subject,
    TypeVersion,
)

_TABLE = "table licence"
_PROBED = 8


@dataclass(slots=True)
class _Known:
    """What all licences are held against: few, and read once."""

    keys: dict[str, Row]
    departments: dict[int, str]
    types: dict[tuple[str, int], LicenceType]


@dataclass(frozen=True, slots=True)
class _Page:
    """Some licences, and what belongs to them by row or subject."""

    licences: list[Row]
    records: Mapping[int, bytes]
    subjects: Mapping[int, Row]
    acts: Mapping[int, Row] = field(default_factory=dict)
    before: Mapping[int, Row] = field(default_factory=dict)


def types(scene: Scene) -> Iterator[Finding]:
    """Type definitions: each has the digest that is told of it, and is of its code and version."""
    for row in scene.every(TypeVersion, "code", "version"):
        item = f"code {row['code']}, version {row['version']}"
        try:
            kind = LicenceType.from_canonical(row["definition"])
            found = (kind.code, kind.version, kind.digest.hex())
        except UNREADABLE as error:
            yield altered("table typeversion", item, "a type definition", type(error).__name__)
            continue
        if found != (row["code"], row["version"], row["digest"]):
            yield altered(
                "table typeversion", item, "a definition of this code, version and digest", "another"
            )


def subjects(scene: Scene) -> Iterator[Finding]:
    """Holders: each data key opens, bound to its holder; an erased one has none."""
    for row in scene.every(Subject, "id"):
        item, empty = f"id {row['id']}", row["wrapped_key"] == b""
        if (row["erased_at"] is not None) != empty:
            yield contradicts(
                "table subject", item, "a key, or a time of erasing: one of both", "both or none"
            )
        elif not empty and not scene.opens(row["wrapped_key"], bytes(row["holder_index"]).hex()):
            yield altered("table subject", item, "a wrapped key that opens for this holder", "another")


def licences(scene: Scene) -> Iterator[Finding]:
    """Every licence, from its stored record to its leaf."""
    known = _known(scene)
    rows = scene.every(Licence, "row")
    for page in pages(rows):
        beside = _beside(scene, page)
        for row in page:
            item = f"row {row['row']}, id {row['id']}"
            try:
                yield from _licence(scene, known, beside, row=row)
            except UNREADABLE as error:
                yield altered(_TABLE, item, "readable columns", type(error).__name__)


def _known(scene: Scene) -> _Known:
    kinds = {}
    for row in scene.snapshot.rows(TypeVersion):
        try:
            kinds[row["code"], row["version"]] = LicenceType.from_canonical(row["definition"])
        except UNREADABLE:
            continue  # `types` has named it
    return _Known(
        {row["kid"]: row for row in scene.snapshot.rows(SigningKey)},
        {row["id"]: row["code"] for row in scene.snapshot.rows(Department, ["id", "code"])},
        kinds,
    )


def _beside(scene: Scene, page: list[Row]) -> _Page:
    snapshot = scene.snapshot
    within = (page[0]["row"], page[-1]["row"])
    records = snapshot.rows(
        SealedRecord, ["licence", "sealed"], where=col(SealedRecord.licence).between(*within)
    )
    holders = snapshot.rows(
        Subject,
        ["id", "holder_index", "wrapped_key", "erasing", "erased_at"],
        where=col(Subject.id).in_({row["subject"] for row in page}),
    )
    earlier = {row["supersedes"] for row in page if row["supersedes"] is not None}
    before = snapshot.rows(
        Licence,
        ["row", "department", "type", "version", "certificate_id", "erased_at"],
        where=col(Licence.row).in_(earlier),
    )
    return _Page(
        page,
        {row["licence"]: row["sealed"] for row in records},
        {row["id"]: row for row in holders},
        {row["licence"]: row for row in _acts(scene, within)},
        {row["row"]: row for row in before} if earlier else {},
    )


def _acts(scene: Scene, within: tuple[int, int]) -> Iterator[Row]:
    """The acts that were effective, in their order: the last of each licence counts."""
    wanted = (
        select(col(StatusActLicence.licence), col(StatusAct.id), col(StatusAct.act))
        .join(StatusAct, and_(col(StatusAct.id) == col(StatusActLicence.act)))
        .where(col(StatusAct.block).is_not(None), col(StatusActLicence.licence).between(*within))
        .order_by(col(StatusActLicence.licence), col(StatusAct.id))
    )
    return scene.snapshot.stream(wanted)


def _licence(scene: Scene, known: _Known, beside: _Page, *, row: Row) -> Iterator[Finding]:
    yield from _status(beside, row)
    holder = beside.subjects.get(row["subject"])
    if row["erased_at"] is not None or row["signed_entry"] == b"":
        yield from _erased(beside, row)
        return
    yield from _succession(known, beside, row)
    if holder is not None and holder["erased_at"] is not None:
        yield contradicts(_TABLE, _item(row), "erased, as its subject is", "values that are not")
    signed = SignedEntry.parse(row["signed_entry"])
    yield from _entry(scene, known, row, signed)
    yield from _record(scene, known, beside, row=row, signed=signed)


def _item(row: Row) -> str:
    return f"row {row['row']}, id {row['id']}"


def _erased(beside: _Page, row: Row) -> Iterator[Finding]:
    if row["erased_at"] is None or row["signed_entry"] != b"":
        yield contradicts(
            _TABLE, _item(row), "a signed entry, or a time of erasing: one of both", "both or none"
        )
    if row["row"] in beside.records:
        yield foreign("table sealedrecord", f"licence {row['row']}", "none: the licence is erased", "one")


def _status(beside: _Page, row: Row) -> Iterator[Finding]:
    last = beside.acts.get(row["row"])
    expected = (int(Act(last["act"]).status), last["act"]) if last else (0, None)
    if (row["status"], row["act"]) != expected:
        what = f"status {expected[0]} by act {expected[1]}, as its last effective act"
        what += f" (statusact id {last['id']}) made it" if last else ", of which it has none, made it"
        yield contradicts(_TABLE, _item(row), what, f"status {row['status']} by act {row['act']}")


def _succession(known: _Known, beside: _Page, row: Row) -> Iterator[Finding]:
    """The certificate identifier names type, department and version, and keeps the serial of the version before."""
    certificate = CertificateId.parse(row["certificate_id"])
    named = (certificate.type_code, certificate.issuer_code, certificate.version)
    if named != (row["type"], known.departments.get(row["department"]), row["version"]):
        expected = "a certificate identifier of its type, department and version"
        yield contradicts(_TABLE, _item(row), expected, "another")
    if row["supersedes"] is None:
        continues = row["version"] == 1 and row["supersedes_act"] is None
    else:
        before = beside.before.get(row["supersedes"])
        continues = before is None or _continues(certificate, before, row)
    if not continues:
        yield contradicts(_TABLE, _item(row), "the version after the one that it supersedes", "another")


def _continues(certificate: CertificateId, before: Row, row: Row) -> bool:
    same = [before[name] == row[name] for name in ("department", "type")]
    if before["erased_at"] is None:
        same.append(CertificateId.parse(before["certificate_id"]).serial == certificate.serial)
    return all(same) and before["version"] + 1 == row["version"]


def _entry(scene: Scene, known: _Known, row: Row, signed: SignedEntry) -> Iterator[Finding]:
    """T, its leaf, and what it says in clear; signed by an issuing key of the department."""
    if signed.leaf != row["leaf"]:
        yield contradicts(_TABLE, _item(row), "the leaf of its signed entry", "another leaf")
    terms = signed.entry.terms
    places = (int(terms.status.list), terms.status.index)
    said = (terms.type, terms.type_version, terms.kid.hex(), terms.iat, terms.nbf, terms.exp, *places)
    names = ("type", "type_version", "kid", "iat", "nbf", "exp", "status_list", "status_index")
    wrong = [name for name, value in zip(names, said, strict=True) if row[name] != value]
    if wrong:
        yield contradicts(_TABLE, _item(row), f"{', '.join(wrong)} as its signed entry says", "otherwise")
    key = known.keys.get(terms.kid.hex())
    if key is None or scene.pins is None:
        return  # the missing row, or the pins, are named elsewhere
    if (key["department"], key["usage"]) != (row["department"], int(Usage.ISSUE)):
        yield contradicts(_TABLE, _item(row), "an issuing key of its department", f"key {row['kid']}")
    try:
        public = PublicKey(Suite(key["suite"]), key["x"], key["y"])
        signed.check_signature(public, NetworkId(scene.pins.network))
    except (LicenceError, ValueError):
        yield altered(
            _TABLE, _item(row), f"a signature of key {row['kid']} over its entry", "none that verifies"
        )


def _record(
    scene: Scene, known: _Known, beside: _Page, *, row: Row, signed: SignedEntry
) -> Iterator[Finding]:
    sealed = beside.records.get(row["row"])
    if sealed is None:
        yield missing("table sealedrecord", f"licence {row['row']}", f"the record of licence {row['id']}")
        return
    opened = _open(scene, beside, row, sealed)
    kind = known.types.get((row["type"], row["type_version"]))
    if isinstance(opened, Finding):
        yield opened
    if opened is None or isinstance(opened, Finding) or kind is None:
        return
    values, seed = opened
    if claims.root_of(values, kind, claims.Seed(seed)) != signed.entry.claims_root:
        yield contradicts(_TABLE, _item(row), "the claims root of its record in its entry", "another")
    if not agrees(values, kind, signed.entry.terms):
        yield contradicts(_TABLE, _item(row), "the dates of its record in its entry", "others")
    if scene.index_fits:
        yield from _indexes(scene, beside, row, Record(kind, values))
    yield from _documents(scene, row, Record(kind, values))


def _open(
    scene: Scene, beside: _Page, row: Row, sealed: bytes
) -> tuple[dict[str, JsonValue], bytes] | Finding | None:
    """Values and seed; None: its key does not open, which is the subject's fault and named there."""
    holder = beside.subjects.get(row["subject"])
    if holder is None or not scene.keys.wrapping:
        return None
    try:
        key = scene.keys.vault.unwrap(holder["wrapped_key"], bytes(holder["holder_index"]).hex())
    except UNREADABLE:
        return None
    try:
        named = Licence(**row)
        return scene.keys.vault.open_record(key, sealed, bound_to(row["department"], named))
    except UNREADABLE:
        item = f"licence {row['row']}"
        return altered("table sealedrecord", item, "a record that opens for its licence", "another")


def _indexes(scene: Scene, beside: _Page, row: Row, record: Record) -> Iterator[Finding]:
    by_number, by_holder = _made(scene, row, record)
    if row["number_index"] != by_number:
        yield altered(_TABLE, _item(row), "the blind index of its number", "another")
    if beside.subjects[row["subject"]]["holder_index"] != by_holder:
        yield contradicts(_TABLE, _item(row), "the subject of its holder's code", "another")


def _made(scene: Scene, row: Row, record: Record) -> tuple[bytes, bytes]:
    """The blind indexes of a licence's number and of its holder."""
    blind, holder = scene.keys.vault.blind, subject(record)
    by_number = blind("number", str(row["department"]), row["type"], number(record))
    return by_number, blind("holder", holder.code_type, holder.code)


def index_key(scene: Scene) -> Iterator[Finding]:
    """index.key is the one that the blind indexes were made with, if it makes one of the first again."""
    if not scene.keys.index:
        return
    known, first = _known(scene), scene.snapshot.rows(Licence, order=["row"])
    page = list(islice(first, _PROBED))
    answers = [_fits(scene, known, _beside(scene, [row]), row) for row in page]
    scene.index_fits = True in answers
    if False in answers and not scene.index_fits:
        yield altered("file", "keys/registry/index.key", "the key of the blind indexes", "another")


def _fits(scene: Scene, known: _Known, beside: _Page, row: Row) -> bool | None:
    """Whether one of a licence's indexes is made again; None: it does not open."""
    with suppress(*UNREADABLE):
        opened = _open(scene, beside, row, beside.records[row["row"]])
        if isinstance(opened, tuple):
            record = Record(known.types[row["type"], row["type_version"]], opened[0])
            holder = beside.subjects[row["subject"]]
            said = (row["number_index"], holder["holder_index"])
            return any(one == other for one, other in zip(said, _made(scene, row, record), strict=True))
    return None


def _documents(scene: Scene, row: Row, record: Record) -> Iterator[Finding]:
    """Every photo or original that the record names is kept, and says of what licence it is."""
    for field_ in record.definition.fields:
        digest: Any = record.values.get(field_.name)
        if field_.kind is not FieldKind.DOCUMENT or digest is None:
            continue
        found = select(col(Document.id), col(Document.licence)).where(
            Document.digest == digest, Document.department == row["department"]
        )
        kept = next(scene.snapshot.stream(found), None)
        if kept is None and not _has_ended(scene, row):
            yield missing("table document", f"digest {digest}", f"a row: licence {row['id']} names it")
        elif kept is not None and (kept["licence"] is None or kept["licence"] < row["row"]):
            expected = f"licence {row['row']}, which names it, or a later one"
            yield contradicts("table document", f"id {kept['id']}", expected, f"licence {kept['licence']}")


def _has_ended(scene: Scene, row: Row) -> bool:
    """Then retention may have taken its documents; the trail tells of it."""
    return row["status"] != 0 or (row["exp"] is not None and row["exp"] <= scene.now)
