"""The planted faults: what the kill-test must notice. Here alone is anything broken on purpose."""

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import orjson

from licence import merkle
from registry.idempotency import Answer

Once = Callable[..., Answer]


def hasty(once: Once) -> Once:
    """An answer that is given while its transaction is still open."""

    def faulty(house: Any, write: Any, deed: Callable[[Any], Mapping[str, object]]) -> Answer:
        said: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()

        def slow(session: Any) -> Mapping[str, object]:
            done = deed(session)
            said.put(Answer(202, orjson.dumps(done)))
            time.sleep(0.2)
            return done

        def run() -> None:
            try:
                said.put(once(house, write, slow))
            except Exception as error:
                said.put(error)

        threading.Thread(target=run, daemon=True).start()
        first = said.get()
        if isinstance(first, Exception):
            raise first
        return first

    return faulty


def dicing() -> SimpleNamespace:
    """A Merkle tree with a leaf that nobody knows."""
    return SimpleNamespace(root=lambda leaves: merkle.root(_more(leaves)))


def _more(leaves: Sequence[bytes]) -> list[bytes]:
    return [*leaves, os.urandom(32)]
