"""What an application shares with the process around it: its limits, its counts, and whether it is to stop."""

from dataclasses import dataclass, field

from doors.condition import Stopping
from doors.counting import Counts
from doors.settings import DoorSettings


@dataclass(frozen=True, slots=True)
class Doorway:
    """One process's doorway."""

    settings: DoorSettings = field(default_factory=DoorSettings)
    counts: Counts = field(default_factory=Counts)
    stopping: Stopping = field(default_factory=Stopping)
