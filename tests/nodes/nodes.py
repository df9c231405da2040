"""The three nodes that one suite of behaviours runs on: our localchain, anvil, eth-tester."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from scripts import npm, seeding
from scripts.stack import Ports
from tests.nodes.tester import Tester, serving
from tests.registry.office import Office, open_office

PEERS = Path(__file__).resolve().parent.parent / "peers"
CHAIN_ID = 31_337


@dataclass
class Network:
    """A node, the registry's office on it, and how it goes back (None: it cannot)."""

    name: str
    office: Office
    url: str
    proves: bool
    rewind: Callable[[], Any] | None = None


def ask(url: str, method: str, *params: Any) -> Any:
    """The result of one JSON-RPC call."""
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = httpx.post(url, json=question, timeout=20).json()
    assert "result" in answer, answer
    return answer["result"]


@contextmanager
def localchain(home: Path) -> Iterator[Network]:
    """Our own node: it cannot go back."""
    with open_office(home, departments=seeding.applicants()[:2]) as office:
        yield Network("localchain", office, office.stack.settings.chain_url, proves=True)


@contextmanager
def anvil_node() -> Iterator[str]:
    """A process of anvil that mines a block a second; gives its URL."""
    program = npm.install(PEERS, "@foundry-rs/anvil-linux-amd64/bin/anvil")
    port = Ports.free().chain
    told = ["--port", str(port), "--chain-id", str(CHAIN_ID), "--block-time", "1", "--hardfork", "prague"]
    process = subprocess.Popen([str(program), *told, "--silent"])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            try:
                ask(url, "eth_chainId")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def anvil(home: Path) -> Iterator[Network]:
    """A node that we did not write, in Rust: it goes back to a snapshot."""
    with anvil_node() as url, open_office(home, url, seeding.applicants()[:2]) as office:

        def rewind() -> Callable[[], None]:
            mark = ask(url, "evm_snapshot")
            return lambda: _again(url, mark)

        yield Network("anvil", office, url, proves=True, rewind=rewind)


def _again(url: str, mark: Any) -> None:
    ask(url, "evm_revert", mark)
    ask(url, "evm_mine")


@contextmanager
def eth_tester(home: Path) -> Iterator[Network]:
    """The node that the contracts' tests run on: it serves no proofs."""
    tester = Tester()
    with serving(tester) as url:
        rich = tester.chain.get_accounts()[0]

        def fund(council: str) -> None:
            transaction = {"from": rich, "to": council, "value": 10**23, "gas": 21_000}
            tester.chain.send_transaction(transaction)

        with open_office(home, url, seeding.applicants()[:2], fund=fund) as office:

            def rewind() -> Callable[[], None]:
                mark = tester.chain.take_snapshot()
                return lambda: _back(tester, mark)

            yield Network("eth-tester", office, url, proves=False, rewind=rewind)


def _back(tester: Tester, mark: Any) -> None:
    chain = tester.chain
    chain.revert_to_snapshot(mark)
    chain.mine_block()
