"""Follows the chain: block after block into the index, public files after them. Doubts first, answers later."""

import sqlite3
import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog

from contracts.deployment import PinError
from contracts.events import decode
from licence.facts import Head
from verifier.chain import Node, NodeError, ProofsNotServedError
from verifier.fetching import Fetcher, FetchError
from verifier.index import GapError, Index
from verifier.leaves import WrongFileError
from verifier.memory import Memory
from verifier.proofs import ProofError
from verifier.trust import Trust

log = structlog.get_logger("verifier")
_SPAN = 5_000


class Follower:
    """Keeps a Trust up to date. `look` is one look at the chain; `run` looks again and again."""

    def __init__(
        self, trust: Trust, node: Node, fetcher: Fetcher, memory: Memory, *, files: bool = True
    ) -> None:
        self._trust, self._node, self._fetcher, self._memory = trust, node, fetcher, memory
        self._pinned, self._files = False, files
        self._failed: dict[str, float] = {}
        self._recall()

    def _recall(self) -> None:
        """Begins where the last run ended."""
        head = self._memory.head()
        if head is None:
            return
        for entry in self._memory.logs():
            _apply(self._trust.index, entry)
        self._trust.index.head = head
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
            self._say(f"the chain's node does not answer ({error})", disagrees=self._trust.disagrees)
        except (PinError, GapError, ProofError, ValueError) as error:
            self._pinned = False
            self._say(str(error), disagrees=True)
        except (
            sqlite3.Error,
            OSError,
        ) as error:  # the disk's fault, not the chain's: what was read stays true
            log.warning("index", error=type(error).__name__)
            why = f"the index cannot be written ({type(error).__name__}): is the disk full?"
            self._say(why, disagrees=self._trust.disagrees)
        except Exception as error:  # the loop's edge: a surprise is a doubt, and never the end of looking
            log.exception("looking at the chain failed")
            self._pinned = False
            self._say(f"the node's answers make no sense ({type(error).__name__})", disagrees=True)
        else:
            self._say(None, disagrees=False)

    def _say(self, doubt: str | None, *, disagrees: bool) -> None:
        if doubt != self._trust.doubt:
            log.info("chain", doubt=doubt)
        self._trust.doubt, self._trust.disagrees = doubt, disagrees

    def _advance(self) -> None:
        before = self._trust.index.head
        newest = _head(self._node.one("eth_getBlockByNumber", ["latest", False]))
        if before is not None:
            self._demand_continuation(before, newest)
            if newest == before:
                return
        start = before.number + 1 if before else self._trust.deployment.block + 1
        while start <= newest.number:
            end = min(start + _SPAN - 1, newest.number)
            self._read(start, end)
            start = end + 1

    def _demand_continuation(self, before: Head, newest: Head) -> None:
        if newest.number < before.number:
            raise GapError(f"the head went back from block {before.number} to {newest.number}")
        same = _head(self._node.one("eth_getBlockByNumber", [hex(before.number), False]))
        if same.hash != before.hash:
            raise GapError(f"block {before.number} is another than it was")

    def _read(self, start: int, end: int) -> None:
        """Takes in the blocks of a span: into a copy first, so that a doubtful span leaves no trace."""
        wanted = {
            "fromBlock": hex(start),
            "toBlock": hex(end),
            "address": list(self._trust.deployment.addresses.values()),
        }
        header, logs = self._node.many(
            [("eth_getBlockByNumber", [hex(end), False]), ("eth_getLogs", [wanted])]
        )
        index = _copy(self._trust.index) if logs else self._trust.index
        for entry in logs:
            if not start <= int(entry["blockNumber"], 16) <= end:
                raise GapError("a log of a block that was not asked for")
            _apply(index, entry)
        head = _head(header)
        self._trust.proven = self._demand_counters(index, head)
        self._memory.remember(logs, head)
        index.head = head
        self._trust.index = index

    def _demand_counters(self, index: Index, head: Head) -> bool:
        """Compares the index with the contracts' own counters; says whether these were proven, or only told."""
        wanted = list(index.proven_counters())
        try:
            for counter, found in zip(wanted, self._node.proven(wanted, head), strict=True):
                if found != counter.expected:
                    raise GapError(
                        f"{counter.name}: {counter.expected} by its events, {found} in its storage"
                    )
        except ProofsNotServedError:
            self._demand_told(index, head.number)
            return False
        return True

    def _demand_told(self, index: Index, block: int) -> None:
        wanted = list(index.counters())
        found = self._node.views(
            [(contract, view, arguments) for contract, view, arguments, _ in wanted], block
        )
        for (contract, view, arguments, expected), values in zip(wanted, found, strict=True):
            if values[: len(expected)] != expected:
                raise GapError(f"{contract}.{view}{arguments}: {expected} by its events, {values} by itself")

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


def _apply(index: Index, entry: Mapping[str, Any]) -> None:
    event = decode(entry)
    if event is not None:
        index.apply(event)


def _copy(index: Index) -> Index:
    """A copy that shares what no event changes in place."""
    fresh = Index(index.head, index.revision, index.voids)
    fresh.departments = dict(index.departments)
    fresh.keys, fresh.proofs, fresh.types = dict(index.keys), dict(index.proofs), dict(index.types)
    fresh.anchors = {department: list(known) for department, known in index.anchors.items()}
    fresh.lists = {
        list_: type(known)(known.size, known.changes, dict(known.entries))
        for list_, known in index.lists.items()
    }
    return fresh


def _head(block: Mapping[str, Any] | None) -> Head:
    if block is None:
        raise GapError("a block that was there is gone")
    return Head(int(block["number"], 16), bytes.fromhex(block["hash"][2:]), int(block["timestamp"], 16))
