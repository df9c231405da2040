"""The audit trail: who did what, row after row, each holding the seal of the one before. Ids and counts only.

fsck holds it against the rows that the deeds made: whoever deletes such a row on purpose notes FORGOTTEN, with the
object of the deed that made it.
"""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from registry.house import House
from registry.tables import Audit, Sealed

FORGOTTEN = "forget"
SHORT = 16  # hex digits that tell a hash from others
_AT_ONCE = 200


def note(
    house: House, session: Session, department: int, *, actor: str, deed: str, object: str
) -> None:  # `object` as in "who did what to which"
    """Adds a row to a department's trail, in the caller's transaction: no deed without its row."""
    row = _row(department, house.now, deed, object)
    row.actor = actor
    _add(session, row)


def forget(session: Session, department: int, objects: Sequence[str], time: int) -> None:
    """Notes that rows which deeds made are deleted on purpose, by the objects that the deeds' notes name."""
    for start in range(0, len(objects), _AT_ONCE):
        told = " ".join(objects[start : start + _AT_ONCE])
        _add(session, _row(department, time, FORGOTTEN, told))


def mark(row: Sealed) -> str:
    """How the trail names a row whose key may say too much: by its seal, which nobody can guess. It must be flushed."""
    return bytes(row.seal).hex()[:SHORT]


def _row(department: int, time: int, deed: str, object: str) -> Audit:
    return Audit(
        department=department, seq=0, before=b"", time=time, actor="operator", deed=deed, object=object
    )


def _add(session: Session, row: Audit) -> None:
    last = _last(session, row.department)
    row.seq, row.before = (last.seq + 1, last.seal) if last else (1, b"")
    session.add(row)
    session.flush()
    session.info["trail", row.department] = row


def _last(session: Session, department: int) -> Audit | None:
    known: Audit | None = session.info.get(("trail", department))
    if known is not None:
        return known
    wanted = select(Audit).where(Audit.department == department).order_by(col(Audit.seq).desc()).limit(1)
    return session.exec(wanted).first()
