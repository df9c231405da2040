"""Writes objects until it is killed: python -m tests.stores.writing_objects URL HOME. Prints what is stored."""

import hashlib
import os
import sys
from itertools import pairwise
from pathlib import Path

from registry.objects import Objects
from registry.settings import Settings

SIZE = 8 * 2**20


def content(name: str) -> bytes:
    """What an object of that name holds: its name decides."""
    return hashlib.sha256(name.encode()).digest() * (SIZE // 32)


def main(url: str, home: str) -> None:
    """One object after another."""
    objects = Objects.open(Settings(home=Path(home), objects_url=url))
    names = [f"{os.getpid()}-{number}" for number in range(1_000)]
    data = content(names[0])
    for name, following in pairwise(names):
        objects.put(name, data)
        data = content(following)
        print(name, flush=True)  # and at once the next one is written: who kills now kills a write


if __name__ == "__main__":
    main(*sys.argv[1:])
