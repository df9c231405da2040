"""Which request goes through which lane, and what it may cost. Shapes only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from doors.settings import DoorSettings

MIB = 2**20


class Lane(StrEnum):
    """Lanes do not wait for each other: many uploads leave room for small requests, and both for the operator."""

    SMALL = "small"
    LARGE = "large"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class Door:
    """What one route takes: its lane, the bytes of a body, the seconds for the body and for all of it.

    A small body is read before the request has its turn, a large one while it works.
    """

    lane: Lane
    body: int
    body_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Places:
    """How many of a lane work at once, how many more may be inside, and how long one waits for its turn."""

    working: int
    waiting: int
    turn: float


@dataclass(frozen=True, slots=True)
class Limits:
    """The places of each lane, the door of the routes that are not ordinary (by path), and that of all others."""

    places: Mapping[Lane, Places]
    ordinary: Door
    doors: Mapping[str, Door] = field(default_factory=dict)

    def door(self, path: str) -> Door:
        """The door that a path goes through."""
        return self.doors.get(path, self.ordinary)


def limits(settings: DoorSettings, larger: Mapping[str, int], uploads: Mapping[str, int]) -> Limits:
    """The limits by these settings. `larger`: small routes with more bytes than usual; `uploads`: the large lane."""
    ordinary = Door(Lane.SMALL, settings.body, settings.body_seconds, settings.request_seconds)
    health = Door(Lane.HEALTH, 0, settings.body_seconds, settings.request_seconds)
    patient = (6 * settings.body_seconds, 20 * settings.request_seconds)
    doors = dict.fromkeys(("/healthz", "/readyz", "/metrics"), health)
    doors |= {path: Door(Lane.SMALL, size, *_times(settings)) for path, size in larger.items()}
    doors |= {path: Door(Lane.LARGE, size, *patient) for path, size in uploads.items()}
    places = {
        Lane.SMALL: Places(settings.working, settings.waiting, settings.turn),
        Lane.LARGE: Places(2, 16, 4 * settings.turn),
        Lane.HEALTH: Places(4, 12, settings.turn),
    }
    return Limits(places, ordinary, doors)


def _times(settings: DoorSettings) -> tuple[float, float]:
    return settings.body_seconds, settings.request_seconds
