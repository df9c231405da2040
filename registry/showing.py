"""What is made of a stored licence: its file, its receipt, its paper code as text, SVG and PNG. Made when asked for."""

import io
from dataclasses import dataclass

import segno
from sqlmodel import Session, select

from licence import merkle
from licence.canonical import JsonValue
from licence.definition import LicenceType
from licence.entry import SignedEntry
from licence.file import LicenceFile
from licence.opened import Issued
from licence.paper import PaperCode
from licence.receipt import Receipt
from registry.errors import NotAnchoredError, NotFoundError
from registry.house import House
from registry.issuing import open_record
from registry.store import demand_open, final_batch, leaves_of, type_for
from registry.tables import Batch, Licence, StatusList

MAX_VERSION = 17


@dataclass(frozen=True, slots=True)
class Shown:
    """A licence and its receipt: all that its forms are made of."""

    issued: Issued
    receipt: Receipt

    def file(self) -> bytes:
        """The licence file's bytes."""
        return LicenceFile.of(self.issued, self.receipt).render()

    def paper(self) -> str:
        """The text of the paper code."""
        return PaperCode.of(self.issued, self.receipt).text()

    def svg(self) -> bytes:
        """The paper code as a picture that scales."""
        out = io.BytesIO()
        _code(self.paper()).save(out, kind="svg", border=4, scale=4, svgclass=None, lineclass=None)
        return out.getvalue()

    def png(self, scale: int = 6) -> bytes:
        """The paper code as pixels, `scale` to a module."""
        out = io.BytesIO()
        _code(self.paper()).save(out, kind="png", border=4, scale=scale)
        return out.getvalue()


def show(house: House, session: Session, licence: Licence) -> Shown:
    """The licence, ready to be shown.

    Raises:
        NotAnchoredError: its batch is not final yet.
        VaultError: its record does not open.
    """
    return Shown(issued(house, session, licence), receipt(session, licence))


def issued(house: House, session: Session, licence: Licence) -> Issued:
    """The licence with its values, decrypted."""
    version = type_for(session, licence.department, licence.type, licence.type_version)
    values, seed = open_record(house, session, licence)
    return Issued(
        LicenceType.from_canonical(version.definition), values, seed, SignedEntry.parse(licence.signed_entry)
    )


def receipt(session: Session, licence: Licence) -> Receipt:
    """Where the licence was anchored, with its inclusion proof.

    Raises:
        NotAnchoredError: its batch is not final yet.
    """
    batch = final_batch(session, licence)
    if batch is None or batch.id is None or licence.position is None:
        raise NotAnchoredError
    proof = merkle.proof(leaves_of(session, batch.id), licence.position)
    return Receipt(batch.seq, licence.position, tuple(proof))


def summary(licence: Licence, batch: Batch | None, *, held: bool = False) -> dict[str, JsonValue]:
    """What a department's list shows of a licence: no personal data. Of a department that is held, no status: what was
    revoked since the backup is not known here, and must not look valid."""
    return {
        "id": licence.id,
        "type": licence.type,
        "type_version": licence.type_version,
        "certificate_id": licence.certificate_id,
        "version": licence.version,
        "issued_at": licence.iat,
        "not_before": licence.nbf,
        "expires_at": licence.exp,
        "status": None if held else licence.status,
        "act": None if held else licence.act,
        "held": held,
        "anchored": batch is not None,
        "anchor": batch.seq if batch else None,
        "block": batch.block if batch else None,
    }


def status_list(session: Session, list_: int) -> bytes:
    """A status list as the registry sees it, in IETF Token Status List bytes: two bits an entry, the first lowest.

    Raises:
        NotFoundError: there is no such list.
        ReadOnlyError: the store is behind the chain: what was revoked since would be said to be valid.
    """
    known = session.get(StatusList, list_)
    if known is None:
        raise NotFoundError("没有这个状态列表", "no such status list")
    demand_open(session, known.department)
    entries = bytearray((known.size + 3) // 4)
    wanted = select(Licence.status_index, Licence.status).where(
        Licence.status_list == list_, Licence.status != 0
    )
    for index, status in session.exec(wanted):
        entries[index // 4] |= status << 2 * (index % 4)
    return bytes(entries)


def _code(text: str) -> segno.QRCode:
    """Without boosting: a code keeps the size that its content needs, and the level that the standard asks."""
    return segno.make_qr(text, error="m", boost_error=False, mode="alphanumeric")
