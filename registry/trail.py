"""The audit trail: who did what, row after row, each holding the seal of the one before. Ids and counts only.

fsck holds it against the rows that the deeds made: whoever deletes such a row on purpose notes FORGOTTEN, with the
object of the deed that made it.
"""

from sqlmodel import Session, col, select

from registry.house import House
from registry.tables import Audit

FORGOTTEN = "forget"
SHORT = 16  # hex digits that tell a hash from others


def note(
    house: House, session: Session, department: int, *, actor: str, deed: str, object: str
) -> None:  # `object` as in "who did what to which"
    """Adds a row to a department's trail, in the caller's transaction: no deed without its row."""
    last = _last(session, department)
    row = Audit(
        department=department,
        seq=last.seq + 1 if last else 1,
        before=last.seal if last else b"",
        time=house.now,
        actor=actor,
        deed=deed,
        object=object,
    )
    session.add(row)
    session.flush()
    session.info["trail", department] = row


def _last(session: Session, department: int) -> Audit | None:
    known: Audit | None = session.info.get(("trail", department))
    if known is not None:
        return known
    wanted = select(Audit).where(Audit.department == department).order_by(col(Audit.seq).desc()).limit(1)
    return session.exec(wanted).first()
