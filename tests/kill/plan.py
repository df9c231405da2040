"""What is killed when: drawn from a seed. Half of the kills are at named points, half at random moments."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.kill.system import NAMES, every_point

_TOGETHER = (
    ("registry",), ("registry",), ("worker",), ("worker2",), ("worker", "worker2"), ("signer",), ("chain",),
    ("chain",), ("chain", "worker", "worker2"), ("chain", "registry"), ("registry", "worker", "worker2"),
    ("verifier",), NAMES,
)  # fmt: skip


# Passed when a department's list is nearly full, once in thousands of licences: armed from the beginning.
STANDING = ("list-before", "list-after")


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill: at a point, or of these processes at once; `wait` seconds after all was well again."""

    point: str
    victims: tuple[str, ...]
    wait: float


def strikes(seed: int, kills: int) -> Iterator[Strike]:
    """The kills of a run. Points come in turns, so that each has its share."""
    chance = random.Random(seed)
    points = [point for point in every_point() if point not in STANDING]
    chance.shuffle(points)
    for number in range(kills):
        point = points[number // 2 % len(points)] if number % 2 else ""
        yield Strike(point, () if point else chance.choice(_TOGETHER), chance.uniform(0, 0.6))
