"""The rules of a permissioned chain with one operator: who is let in, what is answered, how it starts and stops."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_utils import keccak

from contracts import artifacts
from localchain import genesis
from localchain.chain import LocalChain
from localchain.genesis import ChainFolderError
from localchain.server import MAX_BODY
from tests.localchain.node import CHAIN_ID, Node, account, transfer

OWNER, STRANGER = account("owner"), account("stranger")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = Node(tmp_path_factory.mktemp("chain"))
    made.init(OWNER)
    yield made.start()
    made.kill()


def nonce(node: Node) -> int:
    return int(node.ask("eth_getTransactionCount", OWNER.address, "latest"), 16)


def test_a_stranger_is_refused_until_he_is_admitted(node: Node) -> None:
    assert "not" in node.error("eth_sendRawTransaction", transfer(STRANGER, 0))
    node.run("admit", STRANGER.address, check=True)
    funds = transfer(OWNER, nonce(node), to=STRANGER.address, value=10**18)
    node.wait(node.ask("eth_sendRawTransaction", funds))
    receipt = node.wait(node.ask("eth_sendRawTransaction", transfer(STRANGER, 0)))
    assert receipt["status"] == "0x1"


REFUSED: dict[str, dict[str, Any]] = {
    "another-chain": {"chainId": 1},
    "nonce-used": {"nonce": -1},
    "nonce-too-far-ahead": {"nonce": 5_000},
    "more-than-it-has": {"value": 10**30},
    "too-little-gas": {"gas": 20_000},
    "more-gas-than-a-block": {"gas": 15_000_001},
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_breaks_a_rule_is_refused_at_the_door(node: Node, case: str) -> None:
    node.wait(node.ask("eth_sendRawTransaction", transfer(OWNER, nonce(node))))
    changes = dict(REFUSED[case])
    place = nonce(node) + changes.pop("nonce", 0)
    assert node.error("eth_sendRawTransaction", transfer(OWNER, place, **changes))


@pytest.mark.parametrize("raw", ["0x", "0x00", "0xzz", "0x02c0", 7])
def test_bytes_that_are_no_transaction_are_refused(node: Node, raw: object) -> None:
    assert node.error("eth_sendRawTransaction", raw)


def test_the_same_transaction_twice_is_already_known(node: Node) -> None:
    raw = transfer(OWNER, nonce(node))
    node.wait(node.ask("eth_sendRawTransaction", raw))
    assert node.error("eth_sendRawTransaction", raw) == "already known"


def test_errors_are_json_rpc_s_own(node: Node) -> None:
    answer = node.client.post(node.url, content=b"{").json()
    assert answer["error"]["code"] == -32700
    assert node.many([("eth_noSuchThing", [])])[0]["error"]["code"] == -32601
    assert node.many([("eth_getBalance", [])])[0]["error"]["code"] == -32602
    assert node.client.get(node.url).status_code == 405
    assert node.client.post(node.url, content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert node.ask("eth_chainId") == hex(CHAIN_ID)


def test_a_revert_comes_with_its_reason(node: Node) -> None:
    data = "0x" + artifacts.deploy_data("IssuerRegistry", OWNER.address, bytes(32)).hex()
    answer = node.many([("eth_call", [{"from": OWNER.address, "data": data}, "latest"])])[0]
    assert artifacts.revert_reason(bytes.fromhex(answer["error"]["data"][2:])) == "IssuerRegistryBadValue()"


def test_a_call_at_an_older_block_works_for_a_sender_that_went_on(node: Node) -> None:
    """It once took the sender's nonce from the head, and failed whenever a block came in between."""
    call = {"from": OWNER.address, "to": "0x" + "22" * 20, "data": "0x"}
    node.wait(node.ask("eth_sendRawTransaction", transfer(OWNER, nonce(node))))
    for block in ("0x0", "0x1", "latest"):
        assert node.ask("eth_call", call, block) == "0x"
        assert int(node.ask("eth_estimateGas", call, block), 16) == 21_000


def test_a_proof_leads_from_the_header_to_the_storage(node: Node) -> None:
    """eth_getProof checked with rlp and keccak alone: account to state root, slot to storage root."""
    data = "0x" + artifacts.deploy_data("IssuerRegistry", OWNER.address, b"\7" * 32).hex()
    raw = transfer(OWNER, nonce(node), to=b"", value=0, data=data, gas=5_000_000)
    receipt = node.wait(node.ask("eth_sendRawTransaction", raw))
    address, block = receipt["contractAddress"], receipt["blockNumber"]
    proof = node.ask("eth_getProof", address, ["0x0"], block)
    header = node.ask("eth_getBlockByNumber", block, False)
    assert proof["codeHash"] == "0x" + keccak(hexstr=node.ask("eth_getCode", address, block)).hex()
    leaf = rlp.decode(_walk(header["stateRoot"], keccak(hexstr=address), proof["accountProof"]))
    assert "0x" + leaf[2].hex() == proof["storageHash"]
    slot = proof["storageProof"][0]
    found = rlp.decode(_walk(proof["storageHash"], keccak(bytes(32)), slot["proof"]))
    assert int.from_bytes(found, "big") == int(slot["value"], 16) == int(OWNER.address, 16)


def _walk(root: str, key: bytes, nodes: list[str]) -> bytes:
    """The value at the end of a Merkle-Patricia path, every node hashed."""
    path = "".join(f"{byte:02x}" for byte in key)
    want: bytes = bytes.fromhex(root[2:])
    for text in nodes:
        raw = bytes.fromhex(text[2:])
        assert keccak(raw) == want
        items = rlp.decode(raw)
        if len(items) == 17:
            want, path = items[int(path[0], 16)], path[1:]
            continue
        nibbles = items[0].hex()
        skipped = nibbles[1:] if int(nibbles[0], 16) & 1 else nibbles[2:]
        assert path.startswith(skipped)
        want, path = items[1], path[len(skipped) :]
    assert path == ""
    return want


def test_time_never_runs_ahead_of_the_clock(node: Node) -> None:
    for _ in range(2):
        receipt = node.wait(node.ask("eth_sendRawTransaction", transfer(OWNER, nonce(node))))
        block = node.ask("eth_getBlockByNumber", receipt["blockNumber"], False)
        before = node.ask("eth_getBlockByNumber", hex(int(block["number"], 16) - 1), False)
        assert int(before["timestamp"], 16) < int(block["timestamp"], 16) <= time.time()


def test_first_come_first_served_across_senders(node: Node) -> None:
    start, other = nonce(node), int(node.ask("eth_getTransactionCount", STRANGER.address, "latest"), 16)
    raws = [transfer(OWNER, start), transfer(STRANGER, other), transfer(OWNER, start + 1)]
    digests = [answer["result"] for answer in node.many([("eth_sendRawTransaction", [raw]) for raw in raws])]
    receipts = [node.wait(digest) for digest in digests]
    places = [(int(r["blockNumber"], 16), int(r["transactionIndex"], 16)) for r in receipts]
    assert places == sorted(places)


def test_a_second_process_on_the_same_folder_is_refused(node: Node) -> None:
    second = node.run("run", "--port", "0")
    assert second.returncode == 1
    assert "localchain:" in second.stderr


def test_a_port_in_use_is_said_so(node: Node, tmp_path: Path) -> None:
    other = Node(tmp_path)
    other.init(OWNER)
    found = other.run("run", "--port", node.url.rsplit(":", 1)[1])
    assert found.returncode == 1
    assert "in use" in found.stderr


def test_sigterm_ends_it_and_nothing_is_lost(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.init(OWNER)
    node.start()
    receipt = node.wait(node.ask("eth_sendRawTransaction", transfer(OWNER, 0)))
    assert node.kill(signal.SIGTERM) in (0, -15)
    node.start()
    assert node.ask("eth_getTransactionReceipt", receipt["transactionHash"]) == receipt
    node.kill()


def test_a_changed_genesis_is_refused(tmp_path: Path) -> None:
    made = genesis.init(tmp_path, CHAIN_ID, [OWNER.address])
    LocalChain(tmp_path, made).close()
    path = tmp_path / "genesis.json"
    path.write_text(path.read_text("utf-8").replace(str(CHAIN_ID), "1"), "utf-8")
    with pytest.raises(ChainFolderError, match="restore"):
        LocalChain(tmp_path, genesis.load(tmp_path))


def test_a_chain_is_founded_once(tmp_path: Path) -> None:
    genesis.init(tmp_path, CHAIN_ID, [OWNER.address])
    with pytest.raises(ChainFolderError, match="already"):
        genesis.init(tmp_path, CHAIN_ID, [OWNER.address])
    with pytest.raises(ChainFolderError, match="no address"):
        genesis.init(tmp_path / "other", CHAIN_ID, ["0x12"])


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    found = Node(tmp_path).run("run", "--port", "0")
    assert found.returncode == 1
    assert "init" in found.stderr
