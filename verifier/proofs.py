"""Storage proofs: what a contract's storage holds, proven against a block's own header (EIP-1186).

A node can lie about a call's result. It cannot lie about these: the header hashes to the block's hash, the account is
proven under the header's state root, and each slot under the account's storage root.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import rlp
from eth_utils import keccak, to_canonical_address
from trie import HexaryTrie
from trie.exceptions import BadTrieProof, InvalidNode, ValidationError

_HEADER = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    "requestsHash",
)
_from_proof: Any = HexaryTrie.get_from_proof
_LONDON = _HEADER.index("baseFeePerGas")
_NUMBERS = {
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"),
    *("blobGasUsed", "excessBlobGas"),
}


class ProofError(Exception):
    """A proof that does not prove what it came with: whoever sent it hides something."""


def state_root(block: Mapping[str, Any]) -> bytes:
    """The state root of a block (as eth_getBlockByNumber gives it), once its header hashes to its hash.

    Raises:
        ProofError: it does not, or a field is missing.
    """
    try:
        names = [*_HEADER[:_LONDON], *(name for name in _HEADER[_LONDON:] if block.get(name) is not None)]
        header = rlp.encode([_field(name, block[name]) for name in names])
        found, root = keccak(header), bytes.fromhex(block["stateRoot"][2:])
    except (KeyError, ValueError, TypeError) as error:
        raise ProofError(f"a block whose header is not whole ({type(error).__name__})") from error
    if found.hex() != str(block["hash"])[2:].lower():
        raise ProofError(f"block {int(block['number'], 16)}: a header that does not hash to the block's hash")
    return root


def storage(root: bytes, address: str, answer: Mapping[str, Any], slots: Sequence[int]) -> list[int]:
    """The words in `slots` of a contract, proven by an eth_getProof answer under the state root.

    Raises:
        ProofError: a proof that does not lead there, or one that is missing.
    """
    try:
        account = rlp.decode(_get(root, to_canonical_address(address), answer["accountProof"]))
        proofs = {int(entry["key"], 16): entry["proof"] for entry in answer["storageProof"]}
        return [_word(account[2], slot, proofs[slot]) for slot in slots]
    except (KeyError, IndexError, ValueError, TypeError, rlp.DecodingError) as error:
        raise ProofError(f"a proof that is not whole ({type(error).__name__})") from error


def _word(root: bytes, slot: int, proof: Sequence[str]) -> int:
    if root == keccak(rlp.encode(b"")):
        return 0  # nothing has ever been stored in this contract, and no node proves that
    found = _get(root, slot.to_bytes(32, "big"), proof)
    return int.from_bytes(rlp.decode(found), "big") if found else 0


def _get(root: bytes, key: bytes, proof: Sequence[str]) -> bytes:
    nodes = [rlp.decode(bytes.fromhex(node[2:])) for node in proof]
    try:
        return bytes(_from_proof(root, keccak(key), nodes))
    except (BadTrieProof, InvalidNode, ValidationError) as error:
        raise ProofError("a proof that does not lead to the block's state root") from error


def _field(name: str, value: str) -> bytes:
    if name in _NUMBERS:
        number = int(value, 16)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes.fromhex(value[2:])
