"""Batches on their way: sealed → prepared → final, or set aside for a person. Recovery is this same loop.

Every step asks the chain first, so that nothing is anchored twice. What is sent was stored before, signed, and its
leaf file is public: a root never stands on the chain without its leaves. Only the holder of the department's lease
writes. What is final is looked at again in checking.py.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from eth_utils import keccak
from sqlalchemy import func
from sqlmodel import Session, col, select

from contracts import artifacts
from contracts.events import Anchored, decode
from licence import merkle
from licence.facts import CLOCK_TOLERANCE
from licence.status import Act, Status, lawful
from registry import acts, trail
from registry.house import House
from registry.leases import Leases
from registry.store import department_by_id, leaves_of
from registry.tables import Batch, BatchState, Department, Hold, Licence

log = structlog.get_logger("anchoring")
_GAS = 150_000


def seal(leases: Leases, force: bool = False) -> int:
    """Closes a batch for every department whose licences are many enough or have waited long enough; how many."""
    house = leases.house
    with house.store.read() as session:
        waiting = session.exec(
            select(Licence.department, func.count(), func.min(Licence.iat))
            .where(col(Licence.batch).is_(None))
            .where(col(Licence.department).not_in(select(Hold.department)))  # on top of what, nobody knows
            .group_by(col(Licence.department))
        ).all()
    ripe = [
        department
        for department, count, oldest in waiting
        if department in leases.held
        and (force or count >= house.settings.seal_at or house.now - oldest >= house.settings.seal_after)
    ]
    for department in ripe:
        with leases.writing(department) as session:
            _seal(session, department)
    return len(ripe)


def _seal(session: Session, department: int) -> None:
    wanted = select(Licence).where(Licence.department == department, col(Licence.batch).is_(None))
    licences = session.exec(wanted.order_by(col(Licence.row)).limit(65_536)).all()
    last = session.exec(
        select(Batch).where(Batch.department == department).order_by(col(Batch.seq).desc())
    ).first()
    batch = Batch(
        department=department,
        seq=last.seq + 1 if last else 1,
        prev_root=last.root if last else bytes(32),
        root=merkle.root([licence.leaf for licence in licences]),
        size=len(licences),
    )
    session.add(batch)
    session.flush()
    for position, licence in enumerate(licences):
        licence.batch, licence.position = batch.id, position
        session.add(licence)


def open_batches(house: House) -> list[Batch]:
    """The oldest unfinished batch of each department. One at a time: each root names the one before."""
    with house.store.read() as session:
        wanted = select(Batch).where(Batch.state != BatchState.FINAL).order_by(col(Batch.seq))
        oldest: dict[int, Batch] = {}
        for batch in session.exec(wanted):
            oldest.setdefault(batch.department, batch)
    return [batch for batch in oldest.values() if batch.state is not BatchState.QUARANTINED]


def advance(leases: Leases, batch: Batch) -> None:
    """Takes a batch one step on its way.

    Raises:
        ChainUnreachableError, SignerUnreachableError: nothing is lost; the next round goes on.
        LeaseLostError: another process works for the department.
    """
    seq, size, _, voided = leases.house.chain.call("AnchorLog", "anchorOf", batch.department, batch.root)
    if seq:
        if (seq, size, voided) != (batch.seq, batch.size, False):
            _quarantine(leases, batch, f"the chain has this root as anchor {seq} of {size}, void {voided}")
        else:
            _finish(leases, batch)
    elif batch.raw_transaction is None:
        _prepare(leases, batch)
    else:
        _follow(leases, batch)


def _prepare(leases: Leases, batch: Batch) -> None:
    house = leases.house
    if house.chain.call("AnchorLog", "head", batch.department) != (batch.seq - 1, batch.prev_root):
        # Not for us to say why: checking.py compares, and holds the department up if the chain knows more.
        log.warning("the chain is at another anchor", department=batch.department, batch=batch.seq)
        return
    with house.store.read() as session:
        account = department_by_id(session, batch.department).anchor_account
        leaves = leaves_of(session, batch.id or 0)
        signed = session.exec(select(func.max(Licence.iat)).where(Licence.batch == batch.id)).one()
    if not leaves or merkle.root(leaves) != batch.root:
        _quarantine(leases, batch, "its licences are not in this store: they were lost, or altered")
        return
    if house.pace.undecided or (signed or 0) > house.now + CLOCK_TOLERANCE // 2:
        # Anchored before its own time a licence would never be valid: better late.
        log.warning("signed ahead of time: waits", department=batch.department, until=signed)
        return
    house.publisher.leaves(batch.department, batch.root, leaves)
    data = artifacts.calldata("AnchorLog", "anchor", batch.prev_root, batch.root, batch.size)
    target = house.chain.try_out(account, "AnchorLog", data)
    nonce = house.chain.nonce(account)
    raw = house.signer.sign_transaction(account, house.chain.transaction(data, nonce, to=target, gas=_GAS))
    with leases.writing(batch.department) as session:
        stored = _stored(session, batch)
        stored.raw_transaction, stored.transaction_hash = raw, "0x" + keccak(raw).hex()
        stored.nonce, stored.state = nonce, BatchState.PREPARED
    house.chain.send(raw)


def _follow(leases: Leases, batch: Batch) -> None:
    """A prepared batch that is not on the chain yet: send it again, unless its transaction can no longer be mined."""
    house = leases.house
    receipt = house.chain.receipt(batch.transaction_hash or "")
    if receipt is not None and int(receipt["status"], 16) != 1 and _mined(house, receipt):
        _prepare_again(leases, batch, "its transaction was reverted")
        return
    with house.store.read() as session:
        account = department_by_id(session, batch.department).anchor_account
    nonce = house.chain.nonce(account)
    if nonce == batch.nonce:
        house.chain.send(batch.raw_transaction or b"")
    elif nonce < (batch.nonce or 0):
        _prepare_again(leases, batch, "nothing of ours is under way below its nonce: it would wait for ever")
    elif not house.chain.call("AnchorLog", "anchorOf", batch.department, batch.root)[0]:
        _prepare_again(leases, batch, "its nonce was used by another transaction")


def _mined(house: House, receipt: Mapping[str, Any]) -> bool:
    return bool(house.chain.block(int(receipt["blockNumber"], 16)).hash == receipt["blockHash"])


def _prepare_again(leases: Leases, batch: Batch, why: str) -> None:
    with leases.writing(batch.department) as session:
        _stored(session, batch).raw_transaction = None
    log.warning("a batch is signed anew", batch=batch.id, why=why)


def _finish(leases: Leases, batch: Batch) -> None:
    """The chain has it, deep enough: remember where, and let every successor in it supersede its predecessor."""
    house = leases.house
    event = find(house, batch)
    if event is None or not _deep(house, event):
        return
    with leases.writing(batch.department) as session:
        stored = _stored(session, batch)
        if stored.state is BatchState.FINAL:
            return
        again = stored.block is not None
        stored.state, stored.block, stored.time = BatchState.FINAL, event.place.block, event.time
        stored.block_hash = "0x" + event.place.block_hash.hex()
        stored.transaction_hash = "0x" + event.place.transaction.hex()
        department = department_by_id(session, batch.department)
        _supersede(house, session, department, stored)
        note = f"batch {batch.seq}: {batch.size} licences"
        deed = "anchor-again" if again else "anchor"
        trail.note(house, session, batch.department, actor="worker", deed=deed, object=note)
    log.info(
        "anchored",
        department=batch.department,
        anchor=batch.seq,
        licences=batch.size,
        block=event.place.block,
    )


def _deep(house: House, event: Anchored) -> bool:
    """Whether the event's block is the chain's own at that height, with `depth` blocks on top."""
    number = event.place.block
    if house.chain.head() < number + house.settings.depth:
        return False
    found = house.chain.block(number)
    # A time ahead of ours would stop all issuing (pace.py): it waits until one of the two is put right.
    timely = event.time == found.time <= house.now + CLOCK_TOLERANCE
    return timely and found.hash == "0x" + event.place.block_hash.hex()


def find(house: House, batch: Batch) -> Anchored | None:
    """The event of a batch's anchoring; None: the node shows none."""
    found = anchored(house, batch.department, batch.seq)
    return next((event for event in found if event.root == batch.root), None)


def anchored(house: House, department: int, seq: int | None = None) -> list[Anchored]:
    """The anchorings of a department that the node shows: all of them, or those of one number."""
    signature = artifacts.signature(artifacts.load("AnchorLog").item("event", "Anchored"))
    topics = ["0x" + keccak(text=signature).hex(), "0x" + department.to_bytes(32, "big").hex()]
    topics += ["0x" + seq.to_bytes(32, "big").hex()] if seq is not None else []
    start = house.chain.demand_pins().block
    logs = house.chain.logs("AnchorLog", topics, start, house.chain.head())
    return [event for entry in logs if isinstance(event := decode(entry), Anchored)]


def _supersede(house: House, session: Session, department: Department, batch: Batch) -> None:
    successors = session.exec(
        select(Licence).where(Licence.batch == batch.id, col(Licence.supersedes).is_not(None))
    ).all()
    for act in (Act.RENEWED, Act.CHANGED):
        replaced = [
            before
            for successor in successors
            if successor.supersedes_act == int(act)
            and (before := session.get(Licence, successor.supersedes)) is not None
            and lawful(acts.coming_status(session, before), Status.SUPERSEDED)
        ]
        if replaced:
            acts.record(house, session, department, acts.Ask(act, replaced, "由新版本取代", "worker"))


def _quarantine(leases: Leases, batch: Batch, why: str) -> None:
    with leases.writing(batch.department) as session:
        stored = _stored(session, batch)
        stored.state, stored.note = BatchState.QUARANTINED, why
    log.error("batch set aside: a person must look", batch=batch.id, why=why)


def _stored(session: Session, batch: Batch) -> Batch:
    stored = session.get(Batch, batch.id)
    if stored is None:
        raise LookupError(f"batch {batch.id} is gone from the store")
    return stored
