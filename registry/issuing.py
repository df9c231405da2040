"""Issuing: from a department's order to a signed, stored licence, in the caller's one transaction.

The same way for one and for many. Nothing is on the chain yet when this is done; anchoring.py goes on.
"""

import os
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from licence import claims
from licence.canonical import JsonValue
from licence.claims import Seed
from licence.codes import CertificateId
from licence.definition import FieldKind, LicenceType
from licence.entry import Entry, SignedEntry, Terms
from licence.errors import FieldProblem, RecordError
from licence.keys import Kid, PublicKey, Suite, Usage
from licence.record import Record, check_dependencies, number, subject, validate, validity
from licence.status import Act, ListId, Status, StatusRef, lawful
from registry import trail
from registry.errors import ConflictError, ErasingError, InvalidError, RegistryError, UnreachableError
from registry.house import House
from registry.store import demand_kept, demand_open, newest_block_time, newest_key, newest_of, type_for
from registry.tables import (
    Department,
    Document,
    Licence,
    SealedRecord,
    SigningKey,
    StatusBlock,
    StatusList,
    Subject,
)

BLOCK = 4_096
KEY_MUST_LIVE = 7 * 86_400
_SERIAL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Order:
    """What a department wants issued. `succeeds`: the new version of the licence with this number, by that act.

    `source` names the row that the order came from, so that importing it again issues nothing twice.
    """

    type: str
    values: Mapping[str, JsonValue]
    version: int | None = None
    succeeds: Act | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """An order that passed every rule: what is still to be signed."""

    record: Record
    subject: Subject
    data_key: bytes
    seed: Seed
    entry: Entry
    row: Licence


def issue(house: House, session: Session, department: Department, order: Order) -> Licence:
    """Issues one licence, and stores all of it in the caller's transaction.

    Raises:
        RecordError, ConflictError, NotFoundError: the order breaks a rule; nothing is stored.
        UnreachableError: no signer, or no free status position.
    """
    return sign(house, session, department, [draft(house, session, department, order)])[0]


def draft(house: House, session: Session, department: Department, order: Order) -> _Draft:
    """Checks an order against every rule and reserves its place; `sign` makes it a licence.

    Raises:
        RecordError, ConflictError, NotFoundError: the order breaks a rule.
        ReadOnlyError, ClockError: nothing is issued now.
    """
    demand_open(session, department.id)
    house.pace.demand_sound(newest_block_time(session))
    version = type_for(session, department.id, order.type, order.version)
    record = validate(order.values, LicenceType.from_canonical(version.definition))
    before = _predecessor(house, session, department, record, order)
    _check_documents(session, department, record)
    check_dependencies(record, _held(house, session, record))
    key = signing_key(house, session, department)
    holder, data_key = _subject(house, session, record)
    begins, ends = validity(record)
    terms = Terms(
        type=order.type,
        type_version=version.version,
        kid=Kid(bytes.fromhex(key.kid)),
        iat=house.now,
        nbf=begins,
        exp=ends,
        status=_position(session, department.id),
    )
    seed = Seed(os.urandom(claims.SEED_SIZE))
    entry = Entry(terms, claims.root_of(record.values, record.definition, seed))
    row = _row(house, department, record, order, terms)
    row.supersedes, row.supersedes_act = (before.row, order.succeeds) if before else (None, None)
    row.certificate_id, row.version = _certificate(department, order.type, before)
    return _Draft(record, holder, data_key, seed, entry, row)


def sign(house: House, session: Session, department: Department, drafts: Sequence[_Draft]) -> list[Licence]:
    """Signs drafts of one department, checks each signature, and stores them.

    Raises:
        RegistryError: a signature that does not verify: nothing is stored.
        UnreachableError: no signer.
    """
    if not drafts:
        return []
    key = signing_key(house, session, department)
    public = PublicKey(Suite(key.suite), key.x, key.y)
    signatures = house.signer.sign_entries(public.kid, [draft.entry.encode() for draft in drafts])
    for each, signature in zip(drafts, signatures, strict=True):
        signed = SignedEntry.parse(SignedEntry.assemble(each.entry, signature).data)
        signed.check_signature(public, house.network)
        each.row.signed_entry, each.row.leaf = signed.data, signed.leaf
        each.row.subject = _id(each.subject.id)
        session.add(each.row)
    session.flush()
    for each in drafts:
        _store_record(house, session, each)
    return [each.row for each in drafts]


def signing_key(house: House, session: Session, department: Department) -> SigningKey:
    """The department's newest issuing key that lives long enough to anchor what it signs.

    Raises:
        ConflictError: it has none.
    """
    key = newest_key(session, department.id, Usage.ISSUE, lives_past=house.now + KEY_MUST_LIVE)
    if key is None:
        raise ConflictError(
            "签发密钥即将到期，请先更换", "no issuing key lives 7 days more: renew the key first"
        )
    return key


def number_index(house: House, department: int, type_code: str, licence_number: str) -> bytes:
    """The blind index of a licence's number within its department and type."""
    return house.vault.blind("number", str(department), type_code, licence_number)


def source_index(house: House, department: int, type_code: str, source: str) -> bytes:
    """The blind index of the row that an order came from."""
    return house.vault.blind("source", str(department), type_code, source)


def bound_to(department: int, licence: Licence) -> str:
    """What a sealed record is bound to: it opens in no other place."""
    return f"licence {department} {licence.id} {licence.type} {licence.type_version}"


def open_record(house: House, session: Session, licence: Licence) -> tuple[dict[str, JsonValue], Seed]:
    """A licence's values and seed, decrypted.

    Raises:
        VaultError: altered or swapped behind our back.
        GoneError, ErasingError: it was erased, or is about to be.
    """
    demand_kept(licence)
    holder = session.get(Subject, licence.subject)
    if holder is not None and holder.erasing:
        raise ErasingError
    sealed = session.get(SealedRecord, licence.row)
    if holder is None or sealed is None:
        raise RegistryError(
            "证照数据缺失", f"licence {licence.id} has no sealed record: restore it from a backup"
        )
    key = house.vault.unwrap(holder.wrapped_key, holder.holder_index.hex())
    return house.vault.open_record(key, sealed.sealed, bound_to(licence.department, licence))


def _row(house: House, department: Department, record: Record, order: Order, terms: Terms) -> Licence:
    source = source_index(house, department.id, order.type, order.source) if order.source else None
    return Licence(
        id=secrets.token_hex(16),
        department=department.id,
        subject=0,
        type=order.type,
        type_version=terms.type_version,
        certificate_id="",
        number_index=number_index(house, department.id, order.type, number(record)),
        source_index=source,
        iat=terms.iat,
        nbf=terms.nbf,
        exp=terms.exp,
        kid=terms.kid.hex(),
        status_list=terms.status.list,
        status_index=terms.status.index,
        signed_entry=b"",
        leaf=b"",
    )


def _predecessor(
    house: House, session: Session, department: Department, record: Record, order: Order
) -> Licence | None:
    """The version that the order succeeds; None for the first of its number."""
    index = number_index(house, department.id, order.type, number(record))
    before = newest_of(session, index)
    if order.succeeds is None:
        if before is not None:
            raise ConflictError(
                "该编号的证照已存在，请用换发或变更", "a licence of this number exists: renew or change it"
            )
        return None
    if order.succeeds.status is not Status.SUPERSEDED:
        raise InvalidError("应为换发或变更", "a new version is issued by RENEWED or CHANGED")
    if before is None:
        raise ConflictError("没有该编号的证照可换发", "there is no licence of this number to renew or change")
    if not lawful(Status(before.status), Status.SUPERSEDED):
        raise ConflictError(
            "原证照已失效，不能换发", "the version before is no longer in force: issue a new number"
        )
    return before


def _check_documents(session: Session, department: Department, record: Record) -> None:
    """Demands that every photo or original named by its digest was uploaded by this department."""
    for field in record.definition.fields:
        value = record.values.get(field.name)
        if field.kind is not FieldKind.DOCUMENT or value is None:
            continue
        wanted = select(Document).where(Document.digest == value, Document.department == department.id)
        if session.exec(wanted).first() is None:
            zh, en = f"{field.label.zh}：请先上传该文件", f"{field.label.en}: upload the document first"
            raise RecordError([FieldProblem(field.name, "document", zh, en)])


def _held(house: House, session: Session, record: Record) -> dict[str, Record]:
    """The licences in force of the same holder that this one rests on, by type."""
    index = _holder_index(house, record)
    return {
        rule.type: held
        for rule in record.definition.dependencies
        if (held := _in_force(house, session, index, rule.type)) is not None
    }


def _in_force(house: House, session: Session, holder_index: bytes, type_code: str) -> Record | None:
    wanted = (
        select(Licence)
        .join(Subject, col(Subject.id) == col(Licence.subject))
        .where(
            Subject.holder_index == holder_index,
            Licence.type == type_code,
            Licence.status == int(Status.VALID),
        )
        .order_by(col(Licence.row).desc())
    )
    found = session.exec(wanted).first()
    if found is None or not found.nbf <= house.now or (found.exp is not None and house.now >= found.exp):
        return None
    version = type_for(session, found.department, found.type, found.type_version)
    values, _ = open_record(house, session, found)
    return Record(LicenceType.from_canonical(version.definition), values)


def _holder_index(house: House, record: Record) -> bytes:
    holder = subject(record)
    return house.vault.blind("holder", holder.code_type, holder.code)


def _subject(house: House, session: Session, record: Record) -> tuple[Subject, bytes]:
    """The holder's row and data key, made with the holder's first licence."""
    index = _holder_index(house, record)
    found = session.exec(select(Subject).where(Subject.holder_index == index).with_for_update()).first()
    if found is not None and found.erasing:
        raise ErasingError
    if found is not None:
        return found, house.vault.unwrap(found.wrapped_key, index.hex())
    key, wrapped = house.vault.new_key(index.hex())
    made = Subject(name=secrets.token_hex(16), holder_index=index, wrapped_key=wrapped)
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:  # another department's licence of the same holder came first, this very moment
        if session.exec(select(Subject.id).where(Subject.holder_index == index)).first() is None:
            raise
        return _subject(house, session, record)
    return made, key


def _position(session: Session, department: int) -> StatusRef:
    """The next status position: random within its block, given out once and for all."""
    wanted = select(StatusList).where(StatusList.department == department).order_by(col(StatusList.id))
    for list_ in session.exec(wanted):
        if list_.block * BLOCK < list_.size and not is_closed(session, list_):
            return StatusRef(ListId(list_.id), _take(session, list_))
    raise UnreachableError(
        "状态列表已满，正在开新列表，请稍后再试",
        "every status list is full: the worker opens the next, try again soon",
    )


def close_list(session: Session, list_: StatusList) -> None:
    """Gives out no more positions of a list: after a restore nobody knows which it gave out before.

    A block of no positions, behind the last, says so: what was given out as far as we know stays told.
    """
    end = _end(list_)
    if session.get(StatusBlock, (list_.id, end)) is None:
        session.add(StatusBlock(list=list_.id, block=end, order=b""))


def is_closed(session: Session, list_: StatusList) -> bool:
    """Whether a list gives out no more positions."""
    return session.get(StatusBlock, (list_.id, _end(list_))) is not None


def _end(list_: StatusList) -> int:
    return -(-list_.size // BLOCK)


def _take(session: Session, list_: StatusList) -> int:
    block = session.get(StatusBlock, (list_.id, list_.block))
    if block is None:
        order = list(range(list_.block * BLOCK, min((list_.block + 1) * BLOCK, list_.size)))
        random.SystemRandom().shuffle(order)
        packed = b"".join(index.to_bytes(4, "big") for index in order)
        block = StatusBlock(list=list_.id, block=list_.block, order=packed)
        session.add(block)
    index = int.from_bytes(block.order[4 * list_.cursor : 4 * list_.cursor + 4], "big")
    list_.cursor += 1
    if 4 * list_.cursor >= len(block.order):
        list_.block, list_.cursor = list_.block + 1, 0
    session.add(list_)
    return index


def _certificate(department: Department, type_code: str, before: Licence | None) -> tuple[str, int]:
    """The certificate identifier (GB/T 36904): a version keeps the serial of the one before."""
    if before is None:
        serial, version = "".join(secrets.choice(_SERIAL) for _ in range(16)), 1
    else:
        serial, version = CertificateId.parse(before.certificate_id).serial, before.version + 1
    return CertificateId(type_code, department.code, serial, version).text, version


def _store_record(house: House, session: Session, each: _Draft) -> None:
    row = each.row
    sealed = house.vault.seal_record(
        each.data_key, each.record.values, each.seed, bound_to(row.department, row)
    )
    session.add(SealedRecord(licence=_id(row.row), sealed=sealed))
    actor = f"department {row.department}"
    trail.note(house, session, row.department, actor=actor, deed="issue", object=row.id)
    digests = [
        each.record.values[field.name]
        for field in each.record.definition.fields
        if field.kind is FieldKind.DOCUMENT and field.name in each.record.values
    ]
    for digest in digests:
        for document in session.exec(select(Document).where(Document.digest == digest)):
            document.licence = row.row


def _id(number: int | None) -> int:
    if number is None:
        raise RegistryError("内部错误", "a row without its number")
    return number
