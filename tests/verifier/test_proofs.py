"""A node's word about storage is worth nothing without a proof under the block's own header."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import counters
from registry.house import House
from tests.nodes import tester
from tests.registry.office import Office
from verifier.chain import Node, ProofsNotServedError
from verifier.proofs import ProofError, state_root, storage


@pytest.fixture
def house(office: Office) -> House:
    return office.house


def ask(house: House, method: str, *params: Any) -> Any:
    return house.chain.request(method, list(params))


def block(house: House) -> dict[str, Any]:
    return dict(ask(house, "eth_getBlockByNumber", "latest", False))


def proof(house: House, number: str) -> tuple[str, int, dict[str, Any]]:
    address = house.chain.demand_pins().issuer_registry
    slot = counters.revision(0).slot
    return address, slot, dict(ask(house, "eth_getProof", address, [f"0x{slot:064x}"], number))


def test_a_header_hashes_to_its_block(house: House) -> None:
    head = block(house)
    assert state_root(head).hex() == head["stateRoot"][2:]


@pytest.mark.parametrize("name", ["stateRoot", "number", "timestamp", "parentHash", "gasUsed", "mixHash"])
def test_a_header_with_a_changed_field_is_refused(house: House, name: str) -> None:
    head = block(house)
    last = "0" if head[name][-1] != "0" else "1"
    with pytest.raises(ProofError, match="does not hash"):
        state_root({**head, name: head[name][:-1] + last})


def test_a_header_that_is_not_whole_is_refused(house: House) -> None:
    head = block(house)
    del head["receiptsRoot"]
    with pytest.raises(ProofError, match="not whole"):
        state_root(head)


def test_a_counter_is_read_from_its_proof(house: House) -> None:
    head = block(house)
    address, slot, answer = proof(house, head["number"])
    [word] = storage(state_root(head), address, answer, [slot])
    (told,) = house.chain.call("IssuerRegistry", "revision", block=int(head["number"], 16))
    assert counters.revision(0).read(word) == told > 0


def test_an_empty_slot_is_proven_empty(house: House) -> None:
    head = block(house)
    address = house.chain.demand_pins().issuer_registry
    slot = 2**200 + 7
    answer = ask(house, "eth_getProof", address, [f"0x{slot:064x}"], head["number"])
    assert storage(state_root(head), address, answer, [slot]) == [0]


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "account-node-altered": lambda a: a["accountProof"].__setitem__(-1, a["accountProof"][-1][:-2] + "00"),
    "account-node-missing": lambda a: a["accountProof"].pop(),
    "storage-node-altered": lambda a: a["storageProof"][0]["proof"].__setitem__(0, "0xc0"),
    "storage-node-missing": lambda a: a["storageProof"][0]["proof"].clear(),
    "another-slot": lambda a: a["storageProof"][0].update(key="0x99"),
    "no-storage": lambda a: a.pop("storageProof"),
    "not-hex": lambda a: a["accountProof"].__setitem__(0, "0xzz"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_proof_that_proves_nothing_is_refused(house: House, name: str) -> None:
    head = block(house)
    address, slot, answer = proof(house, head["number"])
    CHANGES[name](answer)
    with pytest.raises(ProofError):
        storage(state_root(head), address, answer, [slot])


def test_a_proof_of_another_state_is_refused(house: House) -> None:
    address, slot, answer = proof(house, "latest")
    with pytest.raises(ProofError):
        storage(bytes(32), address, answer, [slot])


def test_the_value_beside_the_proof_is_never_read(house: House) -> None:
    head = block(house)
    address, slot, answer = proof(house, head["number"])
    answer["storageProof"][0]["value"] = "0x" + "ff" * 32
    [word] = storage(state_root(head), address, answer, [slot])
    assert counters.revision(0).read(word) < 1000


def test_a_node_without_proofs_is_believed_and_said_so(office: Office, tmp_path: Path) -> None:
    """Its counters are asked by call, and `proven` stays false: whoever reads the answer knows."""
    with tester.serving(tester.Tester()) as url:
        node = Node(url, office.house.chain.demand_pins())
        with pytest.raises(ProofsNotServedError):
            node._proof(node._deployment.anchor_log, [0], 0)
        node.close()
