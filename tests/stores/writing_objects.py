"""Writes objects until it is killed: python -m tests.stores.writing_objects URL HOME. Prints what is stored."""

import hashlib
import os
import sys
from pathlib import Path

from registry.objects import Objects
from registry.settings import Settings

SIZE = 4 * 2**20


def content(name: str) -> bytes:
    """What an object of that name holds: its name decides."""
    return hashlib.sha256(name.encode()).digest() * (SIZE // 32)


def main(url: str, home: str) -> None:
    """One object after another."""
    objects = Objects.open(Settings(home=Path(home), objects_url=url))
    for number in range(10_000):
        name = f"{os.getpid()}-{number}"
        objects.put(name, content(name))
        print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
