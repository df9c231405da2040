"""A witness and a verifier on one anvil with a registry's office: what the tests of witnesses are made of."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from licence.keys import NetworkId
from licence.reasons import Reason
from licence.witness import Statement, key_thumbprint
from registry.tables import Licence
from scripts.stack import Ports
from tests.nodes.nodes import ask
from tests.registry.office import Disk, Office
from tests.verifier.test_following import Lie, LyingNode
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.notebook import Notebook
from verifier.settings import Required
from verifier.trust import Trust
from verifier.verifying import look_at
from verifier.witness import Witness
from verifier.witness_door import Door
from verifier.witness_key import WitnessKey
from verifier.witnesses import Listener


def honest(method: str, params: list[Any], result: Any) -> Any:
    return result


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serves an application on a free port."""
    port = Ports.free().verifier
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/witness"
    finally:
        server.should_exit = True
        thread.join(10)


class Scene:
    """A witness with its door, a verifier that requires it, both on nodes that may be told to lie."""

    def __init__(self, office: Office, url: str, folder: Path, *, depth: int = 0) -> None:
        self.office, self.url, self.folder, self.depth = office, url, folder, depth
        self.pins = office.house.chain.demand_pins()
        self.stack, self.late = ExitStack(), 0.0
        self.key = WitnessKey.open(folder / "witness.key")
        self.notebook, self.witness = self.new_witness()
        self.door = self.stack.enter_context(serving(Door(self.witness)))
        self.trust = Trust(self.pins, 60)
        memory = Memory(folder / "index.db", self.pins.network_id)
        self.node = LyingNode(url, self.pins)
        self.stack.callback(memory.close)
        self.stack.callback(self.node.close)
        self.follower = Follower(self.trust, self.node, Disk(office.house.settings.public), memory)
        self.required = Required(key_thumbprint(self.key.public), self.door)
        self.listener = Listener(self.trust, self.node, self.required, self.clock)
        self.stack.callback(self.listener.close)

    def clock(self) -> float:
        return time.time() + self.late

    def new_witness(self) -> tuple[Notebook, Witness]:
        """A witness over the same file: the first, or one that was started again."""
        notebook = Notebook(self.folder / "witness.db", self.pins.network_id)
        self.own = LyingNode(self.url, self.pins)
        self.stack.callback(self.own.close)
        self.stack.callback(notebook.close)
        return notebook, Witness(self.own, notebook, key=self.key, depth=self.depth)

    def look(self, lie: Lie = honest) -> tuple[str, ...]:
        """One look of the witness, at what a node tells it; the kinds of its open alarms."""
        self.own.lie = lie
        self.witness.look()
        return self.kinds()

    def kinds(self) -> tuple[str, ...]:
        return tuple(alarm.kind.value for alarm in self.notebook.open_alarms())

    def hear(self) -> None:
        """The verifier reads the chain and hears its witness."""
        self.follower.look()
        self.listener.look()

    def reason(self, row: Licence) -> Reason | None:
        return look_at(self.trust, self.office.show(row).paper(), int(self.clock())).reason

    def words(self) -> str:
        plight = self.trust.plight(int(self.clock()))
        assert plight is not None
        assert plight.zh
        return plight.en

    def said(self) -> Statement:
        text = self.witness.statement()
        assert text is not None
        network = NetworkId(self.pins.network)
        return Statement.parse(
            text, thumbprint=self.required.thumbprint, network=network, now=int(time.time())
        )

    def issue(self) -> Licence:
        row = self.office.issue()
        self.office.settle()
        return row

    def roll_back(self, blocks: int) -> None:
        ask(self.url, "anvil_rollback", blocks)

    def reorganise(self, blocks: int) -> None:
        """Blocks in place of the last ones. Made within the same seconds they would be the same ones: then again."""
        end, before = time.monotonic() + 20, self._newest()
        while self._newest() == before:
            assert time.monotonic() < end, "no other block in 20 s"
            ask(self.url, "anvil_reorg", blocks, [])
            time.sleep(0.3)

    def _newest(self) -> object:
        return ask(self.url, "eth_getBlockByNumber", "latest", False)["hash"]

    def settle_until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not done():
            assert time.monotonic() < end, (self.kinds(), self.trust.doubt)
            time.sleep(0.2)
