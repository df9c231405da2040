"""The witness: follows the chain on a node of its own, remembers, raises alarms, and signs what it sees.

It is no verifier and holds no department's key. What it knew is never given up for what a node shows now.
"""

import threading
import time

import structlog

from contracts.deployment import PinError
from licence.facts import Head
from licence.keys import NetworkId
from licence.witness import LIFE, AlarmKind, Statement
from verifier.chain import Node, NodeError
from verifier.continuity import Loss, in_words, losses
from verifier.index import GapError, Index
from verifier.notebook import Notebook
from verifier.proofs import ProofError
from verifier.reading import Reader
from verifier.witness_key import WitnessKey

log = structlog.get_logger("witness")
_SAMPLE = 3
_TWICE = 2
_NOTE_EVERY = 5


class Witness:
    """One network's witness. `look` is one look at the chain; `run` looks again and again."""

    def __init__(self, node: Node, notebook: Notebook, *, key: WitnessKey, depth: int = 0) -> None:
        self._node, self._notebook, self._key, self._depth = node, notebook, key, depth
        self._reader = Reader(node)
        self._index = notebook.known()
        self._pinned, self._whole, self._gaps, self._looked = False, False, 0, 0
        self._refused: Head | None = None
        self._rest = 0.0
        self._statement: tuple[str, int] | None = None

    def run(self, stop: threading.Event, poll: float) -> None:
        """Looks until `stop` is set."""
        while not stop.is_set():
            self.look()
            stop.wait(poll)

    def look(self) -> None:
        """One look. What must never happen becomes an alarm; a node that is away only lets the statement age."""
        fine = False
        try:
            if not self._pinned:
                self._node.demand_pins()
                self._pinned = True
            fine = self._advance()
        except NodeError as error:
            self._pinned = False
            log.warning("the chain's node does not answer", why=str(error))
        except PinError as error:
            self._pinned = False
            if self._index.head is None:
                log.error("not the pinned network", why=str(error))
            else:
                self._alarm(AlarmKind.FORK, Loss("节点换成了另一个网络", str(error)))
        except (GapError, ProofError, ValueError) as error:
            self._gap(str(error))
        except Exception:  # the loop's edge: a surprise ends no witness, and lets its statement age
            log.exception("looking at the chain failed")
            self._pinned = False
        else:
            self._gaps = 0
        self._say(fine=fine)

    def statement(self) -> str | None:
        """The newest statement, signed; None: there is none in its time."""
        made = self._statement
        return made[0] if made is not None and time.time() < made[1] else None

    def _advance(self) -> bool:
        """Takes in what is new. Whether all that was known is there, and was read from the chain by this process."""
        newest = self._reader.newest()
        broken = self._broken(newest)
        if broken is not None:
            self._alarm(*broken)
        deep = newest.number - self._depth
        confirmed = newest if not self._depth else self._reader.block(max(deep, 0))
        if broken is not None or not self._whole:
            return self._read_anew(confirmed, same=broken is None)
        for span in self._reader.read(self._index, confirmed):
            self._index = span.index
            self._notebook.note(span.index, span.events)
        return True

    def _broken(self, newest: Head) -> tuple[AlarmKind, Loss] | None:
        known = self._index.head
        if known is None:
            return None
        if newest.number < known.number:
            zh = f"链头从区块 {known.number} 退回到 {newest.number}"
            en = f"the head went back from block {known.number} to {newest.number}"
            return AlarmKind.ROLLBACK, Loss(zh, en)
        seen = [(known.number, known.hash), *self._notebook.sample(_SAMPLE)]
        blocks = self._reader.blocks([number for number, _ in seen])
        for (number, hash_), found in zip(seen, blocks, strict=True):
            if found.hash != hash_:
                words = f"{hash_.hex()[:16]}… → {found.hash.hex()[:16]}…"
                zh = f"区块 {number} 的哈希变了：{words}"
                return AlarmKind.FORK, Loss(zh, f"block {number} has another hash: {words}")
        return None

    def _read_anew(self, confirmed: Head, *, same: bool) -> bool:
        """Reads the whole chain, and believes it only if nothing that was known is lost; `same`: the block up to
        which it was known is still the chain's."""
        if self._refused == confirmed or time.monotonic() < self._rest:
            return False
        started, known, fresh = time.monotonic(), self._index, Index()
        for span in self._reader.read(fresh, confirmed):
            fresh = span.index
        lost = [*losses(known, fresh), *(_other_events(known, fresh) if same else ())]
        if lost:
            self._refused = confirmed
            self._rest = 2 * time.monotonic() - started  # a long chain is read half of the time at most
            kind = AlarmKind.FORK if any(loss.other for loss in lost) else AlarmKind.DISAPPEARANCE
            self._alarm(kind, in_words(lost))
            return False
        if fresh.head is None:
            return False
        self._notebook.replace(fresh)
        self._index, self._whole, self._refused = fresh, True, None
        return True

    def _gap(self, why: str) -> None:
        """One contradiction may come of a block that arrived between two questions; two in a row do not."""
        self._pinned, self._gaps = False, self._gaps + 1
        log.warning("the chain contradicts itself", why=why, times=self._gaps)
        if self._gaps >= _TWICE:
            self._alarm(AlarmKind.GAP, Loss(f"链上记录不连续：{why}", why))

    def _alarm(self, kind: AlarmKind, words: Loss) -> None:
        block = self._index.head.number if self._index.head else 0
        now = int(time.time())
        if self._notebook.raise_alarm(kind, words, block=block, at=now):
            log.error("ALARM", kind=kind.value, block=block, zh=words.zh, en=words.en)

    def _say(self, *, fine: bool) -> None:
        """Signs what is known: when all is well, and when there is an alarm to tell."""
        now, head, alarms = int(time.time()), self._index.head, self._notebook.open_alarms()
        if fine and now >= self._looked + _NOTE_EVERY:
            self._notebook.looked(now)
            self._looked = now
        if head is None or not (fine or alarms):
            return
        statement = Statement(
            network=NetworkId(self._node.deployment.network),
            block=head,
            digest=self._index.digest,
            revision=self._index.revision,
            voids=self._index.voids,
            heads=self._index.heads(),
            alarms=alarms,
            iat=now,
            exp=now + LIFE,
        )
        self._statement = (self._key.sign(statement), statement.exp)


def _other_events(known: Index, fresh: Index) -> list[Loss]:
    """The same block with other events in or before it: a node that hid something, once or now."""
    head = known.head
    if head is None or fresh.digest_at(head.number) in (known.digest, None):
        return []
    return [
        Loss(
            f"区块 {head.number} 相同而事件不同", f"block {head.number} is the same, its events are not", True
        )
    ]
