"""Who works for a department: one process at a time, which shows by its beat that it lives.

No clocks are compared. A contender that has seen the same beat for ELICENCE_LEASE seconds of its own monotonic time
takes over under the next token; every write of the one before then fails, however late it wakes up. (A fencing token;
the chain's compare-and-swap on the root before stands behind it.)
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from registry.errors import ConflictError
from registry.house import House
from registry.tables import Department, Lease

_BEATS = 7  # in the time after which a silent holder counts as dead


class LeaseLostError(ConflictError):
    """Another process works for the department now."""

    code = "lease_lost"

    def __init__(self, department: int) -> None:
        super().__init__("其他进程已接管上链", f"another process works for department {department} now")


@dataclass(slots=True)
class Leases:
    """The leases of this process. `clock` is monotonic, in seconds."""

    house: House
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    clock: Callable[[], float] = time.monotonic
    held: dict[int, int] = field(default_factory=dict)
    _seen: dict[int, tuple[int, int, float]] = field(default_factory=dict)
    wanted: int = 0
    _tended: float = float("-inf")

    def tend(self) -> None:
        """Renews what is held and takes what is free or whose holder is dead; does nothing when it just did.

        Raises:
            UnreachableError: the store does not answer.
        """
        if self.clock() - self._tended < self.house.settings.lease / _BEATS:
            return
        self._tended = self.clock()
        with self.house.store.read() as session:
            wanted = select(Department.id).where(Department.admitted_at != 0)
            departments = session.exec(wanted.order_by(col(Department.id))).all()
            known = {row.department: row for row in session.exec(select(Lease))}
        self.wanted = len(departments)
        for department in departments:
            if self._may_have(department, known.get(department)):
                self._have(department)
            else:
                self.held.pop(department, None)

    def _may_have(self, department: int, row: Lease | None) -> bool:
        if row is None or not row.holder or row.holder == self.holder:
            return True
        token, beat, since = self._seen.get(department, (-1, -1, 0.0))
        if (token, beat) != (row.token, row.beat):
            self._seen[department] = (row.token, row.beat, self.clock())
            return False
        return self.clock() - since >= self.house.settings.lease

    def _have(self, department: int) -> None:
        with self.house.store.write(department) as session:
            row = session.get(Lease, department, with_for_update=True)
            if row is None:
                row = Lease(department=department, holder="", token=0, beat=0)
            if not self._may_have(department, row):
                return
            if row.holder != self.holder:
                row.holder, row.token = self.holder, row.token + 1
            row.beat += 1
            session.add(row)
        self.held[department] = row.token

    @contextmanager
    def writing(self, department: int) -> Iterator[Session]:
        """A write transaction that only the holder of the department's lease completes.

        Raises:
            LeaseLostError: somebody else holds it.
            UnreachableError: as Store.write.
        """
        with self.house.store.write(department) as session:
            row = session.get(Lease, department, with_for_update=True)
            if row is None or row.holder != self.holder or row.token != self.held.get(department):
                self.held.pop(department, None)
                raise LeaseLostError(department)
            yield session

    def release(self) -> None:
        """Gives everything up, so that the next holder need not wait."""
        for department in list(self.held):
            with self.house.store.write(department) as session:
                row = session.get(Lease, department, with_for_update=True)
                if row is not None and row.holder == self.holder:
                    row.holder = ""
                    session.add(row)
            del self.held[department]
