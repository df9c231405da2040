"""Killed at any moment, the chain keeps all that it acknowledged."""

import time
from pathlib import Path

from eth_utils import keccak

from localchain import genesis
from localchain.chain import LocalChain
from tests.localchain.node import Node, account, transfer

WRITERS = [account(f"writer {number}") for number in range(4)]


def acknowledged_then_killed(node: Node, at_least: int) -> dict[str, str]:
    """Writes until enough is acknowledged and more is in flight, then kills; digest → hash of its block."""
    node.start()
    nonces = {
        str(each.address): int(node.ask("eth_getTransactionCount", each.address, "latest"), 16)
        for each in WRITERS
    }
    known: dict[str, str] = {}
    waiting: set[str] = set()
    while len(known) < at_least:
        waiting |= _send(node, nonces, 8)
        for answer in node.many([("eth_getTransactionReceipt", [digest]) for digest in list(waiting)[:90]]):
            receipt = answer["result"]
            if receipt:
                known[receipt["transactionHash"]] = receipt["blockHash"]
                waiting.discard(receipt["transactionHash"])
    _send(node, nonces, 8)
    node.kill()
    return known


def _send(node: Node, nonces: dict[str, int], each: int) -> set[str]:
    calls = []
    for writer in WRITERS:
        for _ in range(each):
            calls.append(("eth_sendRawTransaction", [transfer(writer, nonces[writer.address])]))
            nonces[writer.address] += 1
    return {answer["result"] for answer in node.many(calls)}


def lost(node: Node, known: dict[str, str]) -> list[str]:
    """What was acknowledged and is no longer so."""
    node.start()
    digests = list(known)
    found = []
    for at in range(0, len(digests), 90):
        found += node.many([("eth_getTransactionReceipt", [d]) for d in digests[at : at + 90]])
    node.kill()
    return [
        digest
        for digest, answer in zip(digests, found, strict=True)
        if not answer["result"] or answer["result"]["blockHash"] != known[digest]
    ]


def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.init(*WRITERS)
    known: dict[str, str] = {}
    for _ in range(20):
        fresh = acknowledged_then_killed(node, 50)
        assert len(fresh) >= 50
        known |= fresh
    assert len(known) >= 1_000
    assert lost(node, known) == []


def test_a_chain_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    node = Node(tmp_path, module="tests.localchain.hasty")
    node.init(*WRITERS)
    known: dict[str, str] = {}
    for _ in range(3):
        known |= acknowledged_then_killed(node, 50)
    assert lost(node, known)


def test_a_thousand_blocks_reopen_within_a_second(tmp_path: Path) -> None:
    made = genesis.init(tmp_path, 20262, [WRITERS[0].address])
    chain = LocalChain(tmp_path, made)
    for number in range(1, 1_001):
        chain.mine([], made.time + number)
    head = chain.head.hash
    chain.close()
    started = time.perf_counter()
    again = LocalChain(tmp_path, genesis.load(tmp_path))
    took = time.perf_counter() - started
    assert (again.head.block_number, again.head.hash) == (1_000, head)
    again.close()
    assert took < 1.0


def test_receipts_stand_in_the_block_that_was_acknowledged(tmp_path: Path) -> None:
    node, writer = Node(tmp_path), WRITERS[0]
    node.init(writer)
    node.start()
    receipt = node.wait(node.ask("eth_sendRawTransaction", transfer(writer, 0)))
    block = node.ask("eth_getBlockByNumber", receipt["blockNumber"], False)
    node.kill()
    assert (block["hash"], block["transactions"]) == (receipt["blockHash"], [receipt["transactionHash"]])
    assert receipt["transactionHash"] == "0x" + keccak(hexstr=transfer(writer, 0)).hex()
