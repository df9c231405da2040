"""What a verifier hears from the witnesses that it requires: each statement fetched, checked, and compared.

Silence, an alarm, or another chain than this verifier's own makes every verdict UNDETERMINED. A witness proves nothing
else: no licence becomes valid by its word.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence

import structlog

from licence.errors import LicenceError
from licence.facts import Head
from licence.keys import NetworkId
from licence.reasons import Reason
from licence.witness import LIFE, MAX_STATEMENT, DepartmentHead, Statement
from verifier.chain import Node, NodeError
from verifier.fetching import FetchError, StatementFetcher
from verifier.index import GapError, Index
from verifier.reading import Reader
from verifier.settings import Required
from verifier.trust import Heard, Plight, Trust

log = structlog.get_logger("witnesses")
_WAITING = 64


class Listener:
    """Listens to one required witness. From its making on nothing is judged until the witness has agreed."""

    def __init__(
        self, trust: Trust, node: Node, required: Required, clock: Callable[[], float] = time.time
    ) -> None:
        self._trust, self._required, self._clock = trust, required, clock
        self._reader = Reader(node)
        self._fetcher = StatementFetcher(MAX_STATEMENT)
        self._waiting: dict[int, Statement] = {}
        self._newest = 0
        trust.witnesses[required.url] = Heard(None)

    def run(self, stop: threading.Event, poll: float) -> None:
        """Listens until `stop` is set."""
        while not stop.is_set():
            self.look()
            stop.wait(poll)

    def look(self) -> None:
        """Hears the witness once. A failure to hear it only lets its last word age."""
        now = int(self._clock())
        try:
            statement = self._hear(now)
        except FetchError as error:
            log.warning("the witness does not answer", witness=self._required.url, why=str(error))
        except LicenceError as error:
            self._hold(Reason.WITNESS_SILENT, "声明不可信", f"its statement is not believed ({error})")
        else:
            if statement is not None:
                self._weigh(statement, now)
        self._compare(now)

    def close(self) -> None:
        """Gives the connections back."""
        self._fetcher.close()

    def _hear(self, now: int) -> Statement | None:
        text = self._fetcher.get(self._required.url)
        network = NetworkId(self._trust.deployment.network)
        found = Statement.parse(text, thumbprint=self._required.thumbprint, network=network, now=now)
        if found.iat < self._newest:
            return None  # a statement from before, shown again: it says nothing about now
        self._newest = found.iat
        return found

    def _weigh(self, statement: Statement, now: int) -> None:
        if statement.alarms:
            kinds = ", ".join(f"{each.kind.value} {each.number}" for each in statement.alarms)
            self._hold(Reason.WITNESS_DISAGREES, f"警报：{kinds}", f"it has raised an alarm: {kinds}")
        elif now - statement.block.time > self._trust.max_age:
            self._hold(Reason.WITNESS_SILENT, "它读到的区块过旧", "the chain that it sees stands still")
        else:
            self._waiting[statement.block.number] = statement
            while len(self._waiting) > _WAITING:
                del self._waiting[min(self._waiting)]

    def _compare(self, now: int) -> None:
        """Compares the newest statement about a block that was read here too; younger ones wait."""
        index = self._trust.index  # taken once: the follower may put the next one in its place meanwhile
        head = index.head
        reached = [number for number in self._waiting if head is not None and number <= head.number]
        if head is None or not reached:
            return
        statement = self._waiting[max(reached)]
        for number in reached:
            del self._waiting[number]
        try:
            found = self._difference(index, head, statement)
        except (NodeError, GapError) as error:
            log.warning("nothing to compare with", witness=self._required.url, why=str(error))
            return
        if found is not None:
            self._hold(Reason.WITNESS_DISAGREES, found[0], found[1])
        else:
            heard = Heard(None, min(statement.exp, now + LIFE))
            self._trust.witnesses[self._required.url] = heard

    def _difference(self, index: Index, head: Head, statement: Statement) -> tuple[str, str] | None:
        number = statement.block.number
        own = head if number == head.number else self._reader.block(number)
        if own.hash != statement.block.hash:
            return f"区块 {number} 不同", f"block {number} is another there"
        digest = index.digest_at(number)
        if digest is None:
            return f"区块 {number} 过旧", f"block {number} is too long ago to compare"
        department = _other_head(index, statement.heads, number)
        if department is not None:
            return f"部门 {department} 的批次不同", f"department {department} has other anchors there"
        if digest != statement.digest:
            return f"区块 {number} 之前的事件不同", f"the events up to block {number} are others there"
        return None

    def _hold(self, reason: Reason, zh: str, en: str) -> None:
        name = self._required.url
        plight = Plight(reason, f"见证方 {name}：{zh}", f"the witness at {name}: {en}")
        if self._trust.witnesses[name].plight != plight:
            log.error("held up by a witness", why=plight.en)
        self._trust.witnesses[name] = Heard(plight)
        self._waiting.clear()


def _other_head(index: Index, heads: Sequence[DepartmentHead], block: int) -> int | None:
    """The first department whose anchors up to a block are not those of the statement."""
    told = {each.department: (each.anchors, each.root) for each in heads}
    for department in sorted({*told, *index.anchors}):
        known = index.anchors.get(department, [])
        count = bisect_right(known, block, key=lambda anchor: anchor.block)
        own = (count, known[count - 1].root if count else bytes(32))
        if own != told.get(department, (0, bytes(32))):
            return department
    return None
