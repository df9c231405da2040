"""Whether this machine's clock can be right: against what the chain has told, and against its own steady ticking.

A clock that cannot be right signs nothing. It is not this module that sets a clock, and it asks nobody: whoever
has seen the chain's newest block tells it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from licence.facts import CLOCK_TOLERANCE
from registry.errors import ClockError

_UNDECIDED = 60.0


def _steady() -> float:
    """Seconds that nobody sets, and that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class _Look:
    number: int
    time: int
    at: float


@dataclass(slots=True)
class Pace:
    """The clock of one process, watched. `wall` is what the system says, in Unix seconds."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = _steady
    _started: float = 0.0
    _offset: float = 0.0
    _first: _Look | None = None
    _slow: _Look | None = None
    _agreed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._started = self.steady()
        self._offset = self.wall() - self._started

    def saw(self, number: int, time: int) -> None:
        """The chain's newest block is this one, now."""
        with self._lock:
            look = _Look(number, time, self.steady())
            behind = self.wall() - time
            if abs(behind) <= CLOCK_TOLERANCE:
                self._agreed, self._slow, self._first = True, None, look
                self._offset = self.wall() - look.at
                return
            self._agreed = False
            # A block of the future is a node's word only; once it is stored, it was read back and counts as known.
            self._slow = look if behind > 0 and self._runs_beside(look) else None

    def _runs_beside(self, look: _Look) -> bool:
        """Whether the chain goes on at the pace of time, and yet is behind our clock: then it is the clock.

        A chain that stands still tells nothing; a node that catches up runs faster than time.
        """
        first = self._first
        if first is None or look.number < first.number:
            self._first = look
            return False
        faster = look.time - first.time > look.at - first.at + CLOCK_TOLERANCE
        if faster:
            self._first = look
        return look.number > first.number and not faster

    def doubt(self, known: int) -> str | None:
        """Why the clock cannot be right; None: nothing speaks against it. `known`: newest block time that is stored."""
        wall = self.wall()
        if wall < known - CLOCK_TOLERANCE:
            return f"{int(known - wall)} seconds behind a block that is stored"
        ahead = self._ahead(wall)
        if ahead > CLOCK_TOLERANCE:
            return f"{ahead} seconds ahead of the chain, which goes on"
        jump = int(wall - self.steady() - self._offset)
        if abs(jump) > CLOCK_TOLERANCE:
            return f"it jumped by {jump} seconds, and the chain does not confirm it"
        return None

    def _ahead(self, wall: float) -> int:
        slow = self._slow
        return int(wall - slow.time - (self.steady() - slow.at)) if slow is not None else 0

    def demand_sound(self, known: int) -> None:
        """Demands that nothing speaks against the clock.

        Raises:
            ClockError: something does; says what.
        """
        doubt = self.doubt(known)
        if doubt is not None:
            raise ClockError(doubt)

    @property
    def undecided(self) -> bool:
        """Whether it is too early to tell a clock that is ahead from a chain that stands still: wait, if you can."""
        return not self._agreed and self.steady() - self._started < _UNDECIDED
