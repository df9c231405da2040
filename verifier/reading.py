"""Reads the chain, span by span, into an index: events in order, then the contracts' own counters compared.

A span with logs is read into a copy, so that a doubtful one leaves no trace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.events import Anchored, Event
from licence.facts import Head
from verifier.chain import Node, ProofsNotServedError
from verifier.index import GapError, Index

_SPAN = 5_000
_BLOCKS = 200


@dataclass(frozen=True, slots=True)
class Span:
    """What was read: the index up to the span's end, its raw logs and the events in them; whether counters were
    proven, or only told by the node."""

    index: Index
    head: Head
    logs: Sequence[Mapping[str, Any]]
    events: Sequence[Event]
    proven: bool


class Reader:
    """Reads the network that a node is pinned to, from that node."""

    def __init__(self, node: Node) -> None:
        self._node, self._deployment = node, node.deployment

    def newest(self) -> Head:
        """The newest block.

        Raises:
            NodeError: the node does not answer.
        """
        return _head(self._node.one("eth_getBlockByNumber", ["latest", False]))

    def block(self, number: int) -> Head:
        """The block of a height that was there.

        Raises:
            NodeError: the node does not answer.
            GapError: it is not there.
        """
        return self.blocks([number])[0]

    def blocks(self, numbers: Sequence[int]) -> list[Head]:
        """Several blocks that were there, asked for in one question.

        Raises:
            NodeError, GapError: as block.
        """
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        return [_head(found) for found in self._node.many(calls)]

    def read(self, index: Index, newest: Head) -> Iterator[Span]:
        """Everything after the index's head, up to `newest`, in spans; each goes on from the one before.

        Raises:
            NodeError: the node does not answer.
            GapError, ProofError, ValueError: what it answers cannot be so, or became another chain meanwhile.
        """
        start = index.head.number + 1 if index.head else self._deployment.block + 1
        while start <= newest.number:
            end = min(start + _SPAN - 1, newest.number)
            span = self._span(index, start, end)
            if end == newest.number and span.head.hash != newest.hash:
                raise GapError(f"block {end} became another while it was read")
            yield span
            index, start = span.index, end + 1

    def _span(self, before: Index, start: int, end: int) -> Span:
        wanted = {
            "fromBlock": hex(start),
            "toBlock": hex(end),
            "address": list(self._deployment.addresses.values()),
        }
        header, logs = self._node.many(
            [("eth_getBlockByNumber", [hex(end), False]), ("eth_getLogs", [wanted])]
        )
        index = before.copy() if logs else before
        events = []
        for log in logs:
            if not start <= int(log["blockNumber"], 16) <= end:
                raise GapError("a log of a block that was not asked for")
            event = index.take(log)
            events += [event] if event is not None else []
        self._demand_times([event for event in events if isinstance(event, Anchored)])
        head = _head(header)
        proven = self._demand_counters(index, head)
        index.head = head
        return Span(index, head, logs, events, proven)

    def _demand_times(self, anchored: Sequence[Anchored]) -> None:
        """An anchoring's time is its block's: no counter holds it, and by it keys were in term or not."""
        numbers = sorted({event.place.block for event in anchored})
        heads: dict[int, Head] = {}
        for first in range(0, len(numbers), _BLOCKS):
            heads |= {head.number: head for head in self.blocks(numbers[first : first + _BLOCKS])}
        for event in anchored:
            head = heads[event.place.block]
            if (event.place.block_hash, event.time) != (head.hash, head.time):
                raise GapError(
                    f"anchor {event.seq} of department {event.department}: not of its block's hash and time"
                )

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


def _head(block: Mapping[str, Any] | None) -> Head:
    if block is None:
        raise GapError("a block that was there is gone")
    return Head(int(block["number"], 16), bytes.fromhex(block["hash"][2:]), int(block["timestamp"], 16))
