"""Follows the chain: block after block into the index, public files after them. Doubts first, answers later.

A chain that went back is read anew, and believed once everything that was known of it is there again.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import structlog

from contracts.deployment import PinError
from licence.facts import Head
from verifier.chain import Node, NodeError
from verifier.continuity import Loss, losses
from verifier.fetching import Fetcher, FetchError
from verifier.index import GapError, Index
from verifier.leaves import WrongFileError
from verifier.memory import Memory
from verifier.proofs import ProofError
from verifier.reading import Reader
from verifier.trust import LostError, Trust

log = structlog.get_logger("verifier")


class Follower:
    """Keeps a Trust up to date. `look` is one look at the chain; `run` looks again and again."""

    def __init__(
        self, trust: Trust, node: Node, fetcher: Fetcher, memory: Memory, *, files: bool = True
    ) -> None:
        self._trust, self._node, self._fetcher, self._memory = trust, node, fetcher, memory
        self._reader = Reader(node)
        self._pinned, self._files = False, files
        self._failed: dict[str, float] = {}
        self._went_back, self._rest = False, 0.0
        self._kept: str | None = None
        self._refused: tuple[Head, Sequence[Loss]] | None = None
        self._recall()

    def _recall(self) -> None:
        """Begins where the last run ended, with its doubt if it had one."""
        head = self._memory.head()
        if head is None:
            return
        for entry in self._memory.logs():
            self._trust.index.take(entry)
        self._trust.index.head = head
        self._kept = self._memory.doubt()
        if self._kept is not None:
            self._trust.doubt, self._trust.disagrees = self._kept, True
        self._fetch_missing()

    def run(self, stop: threading.Event, poll: float) -> None:
        """Looks until `stop` is set."""
        while not stop.is_set():
            self.look()
            stop.wait(poll)

    def look(self) -> None:
        """One look. What is wrong with the chain becomes the trust's doubt; it never ends the loop."""
        try:
            if not self._pinned:
                self._node.demand_pins()
                self._pinned = True
            self._advance()
            self._fetch_missing()
        except NodeError as error:
            self._pinned = False
            if not self._trust.disagrees:  # what was found wrong before stays said
                self._say(f"the chain's node does not answer ({error})", None)
        except (PinError, GapError, ProofError, LostError, ValueError) as error:
            self._pinned = False
            self._say(str(error), error)
        except (
            sqlite3.Error,
            OSError,
        ) as error:  # the disk's fault, not the chain's: what was read stays true
            log.warning("index", error=type(error).__name__)
            if not self._trust.disagrees:
                why = f"the index cannot be written ({type(error).__name__}): is the disk full?"
                self._say(why, None)
        except Exception as error:  # the loop's edge: a surprise is a doubt, and never the end of looking
            log.exception("looking at the chain failed")
            self._pinned = False
            self._say(f"the node's answers make no sense ({type(error).__name__})", error)
        else:
            self._say(None, None)

    def _say(self, doubt: str | None, error: Exception | None) -> None:
        if doubt != self._trust.doubt:
            log.info("chain", doubt=doubt)
        self._trust.lost = error.lost if isinstance(error, LostError) else ()
        self._trust.doubt, self._trust.disagrees = doubt, error is not None
        self._keep(doubt if error else None)

    def _keep(self, doubt: str | None) -> None:
        """For the next run; on a full disk again at the next look."""
        if doubt == self._kept:
            return
        with suppress(sqlite3.Error):
            self._memory.keep_doubt(doubt)
            self._kept = doubt

    def _advance(self) -> None:
        newest = self._reader.newest()
        gone = self._gone(newest)
        if gone is None:
            self._went_back, self._refused = False, None
            self._read_on(newest)
        elif self._went_back:
            self._read_anew(newest)
            self._went_back = False
        else:
            self._went_back = True
            raise GapError(gone)

    def _gone(self, newest: Head) -> str | None:
        """In words, what of the chain that was read is no longer there; None: it goes on."""
        before = self._trust.index.head
        if before is None:
            return None
        if newest.number < before.number:
            return f"the head went back from block {before.number} to {newest.number}"
        if self._reader.block(before.number).hash != before.hash:
            return f"block {before.number} is another than it was"
        return None

    def _read_on(self, newest: Head) -> None:
        for span in self._reader.read(self._trust.index, newest):
            self._trust.proven = span.proven
            self._memory.remember(span.logs, span.head)
            self._trust.index = span.index

    def _read_anew(self, newest: Head) -> None:
        """Reads the chain that stands now from its beginning, beside the index that answers meanwhile.

        Raises:
            LostError: something that was known is not there.
        """
        refused = self._refused
        if refused is not None and (refused[0] == newest or time.monotonic() < self._rest):
            raise LostError(refused[1])
        started, fresh, proven = time.monotonic(), Index(), False
        self._memory.begin_anew()
        for span in self._reader.read(fresh, newest):
            self._memory.set_aside(span.logs)
            fresh, proven = span.index, span.proven
        lost = losses(self._trust.index, fresh)
        if lost:
            self._rest = 2 * time.monotonic() - started  # a long chain is read half of the time at most
            self._refuse(newest, lost, first=refused is None)
        self._memory.adopt(newest)
        self._trust.index, self._trust.proven, self._refused = fresh, proven, None
        log.warning("the chain went back, and has everything again", block=newest.number)

    def _refuse(self, newest: Head, lost: Sequence[Loss], *, first: bool) -> NoReturn:
        for loss in lost if first else ():
            log.warning("lost", what=loss.en, other=loss.other)
        self._refused = (newest, lost)
        raise LostError(lost)

    def _fetch_missing(self) -> None:
        """Fetches public files that are not held; what fails is tried again after a while."""
        if not self._files:
            return
        index, files = self._trust.index, self._trust.files
        for (department, _, _), permitted in index.types.items():
            if permitted.digest not in files.definitions:
                self._try(f"types/{permitted.digest.hex()}.json", department, permitted.digest)
        for department, anchors in index.anchors.items():
            for anchor in anchors:
                if (department, anchor.root) not in files.files:
                    self._try(f"{department}/leaves/{anchor.root.hex()}.bin", department, anchor)

    def _try(self, name: str, department: int, what: Any) -> None:
        if self._failed.get(name, 0) > time.monotonic():
            return
        try:
            if isinstance(what, bytes):
                self._definition(name, department, what)
            else:
                self._leaves(name, department, what)
        except (FetchError, WrongFileError) as error:
            self._failed[name] = time.monotonic() + 2
            log.warning("public file", name=name, why=str(error), error=type(error).__name__)

    def _definition(self, name: str, department: int, digest: bytes) -> None:
        data = self._memory.definition(digest)
        if data is None:
            data = self._fetcher.get(self._trust.index.departments[department].uri, name)
        self._trust.files.add_definition(digest, data)
        self._memory.keep_definition(digest, data)

    def _leaves(self, name: str, department: int, anchor: Any) -> None:
        data = self._memory.leaves(department, anchor.root)
        if data is None:
            data = self._fetcher.get(self._trust.index.departments[department].uri, name)
        self._trust.files.add_leaves(anchor, data)
        self._memory.keep_leaves(department, anchor.root, data)
