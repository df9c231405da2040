"""py-evm's objects as JSON-RPC shows them."""

from collections.abc import Sequence
from typing import Any

import rlp
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth_utils import keccak, to_checksum_address

_FIELDS = {
    "parentHash": "parent_hash", "sha3Uncles": "uncles_hash", "miner": "coinbase", "stateRoot": "state_root",
    "transactionsRoot": "transaction_root", "receiptsRoot": "receipt_root", "difficulty": "difficulty",
    "number": "block_number", "gasLimit": "gas_limit", "gasUsed": "gas_used", "timestamp": "timestamp",
    "extraData": "extra_data", "mixHash": "mix_hash", "nonce": "nonce", "baseFeePerGas": "base_fee_per_gas",
    "withdrawalsRoot": "withdrawals_root", "blobGasUsed": "blob_gas_used", "excessBlobGas": "excess_blob_gas",
    "parentBeaconBlockRoot": "parent_beacon_block_root", "requestsHash": "requests_hash",
}  # fmt: skip


def value(item: object) -> Any:
    """Numbers and bytes as 0x strings; anything else as it is."""
    if isinstance(item, bool):
        return hex(int(item))
    if isinstance(item, int):
        return hex(item)
    return "0x" + item.hex() if isinstance(item, bytes) else item


def block(header: BlockHeaderAPI, transactions: Sequence[Any]) -> dict[str, Any]:
    """A block, with its transactions' hashes or the transactions themselves."""
    shape = {name: value(getattr(header, field)) for name, field in _FIELDS.items() if hasattr(header, field)}
    bloom = "0x" + header.bloom.to_bytes(256, "big").hex()
    more = {"hash": value(header.hash), "logsBloom": bloom, "size": "0x0", "totalDifficulty": "0x0"}
    return {**shape, **more, "uncles": [], "withdrawals": [], "transactions": list(transactions)}


def transaction(
    raw: SignedTransactionAPI, header: BlockHeaderAPI | None, place: int | None
) -> dict[str, Any]:
    """A transaction, mined or (no header) waiting."""
    return {
        "hash": value(raw.hash), "nonce": value(raw.nonce), "from": to_checksum_address(raw.sender),
        "to": to_checksum_address(raw.to) if raw.to else None, "value": value(raw.value), "gas": value(raw.gas),
        "input": value(raw.data), "chainId": value(raw.chain_id), "gasPrice": value(_price(raw, header)),
        "type": value(_kind(raw)),
        "blockHash": value(header.hash) if header else None,
        "blockNumber": value(header.block_number) if header else None,
        "transactionIndex": value(place) if place is not None else None,
    }  # fmt: skip


def receipt(
    header: BlockHeaderAPI, raw: SignedTransactionAPI, place: int, found: ReceiptAPI, before: int
) -> dict[str, Any]:
    """A receipt, but for its logs; `before` is the gas used by the block up to this transaction."""
    created = keccak(rlp.encode([raw.sender, raw.nonce]))[12:] if not raw.to else None
    return {
        "transactionHash": value(raw.hash), "transactionIndex": value(place), "blockHash": value(header.hash),
        "blockNumber": value(header.block_number), "from": to_checksum_address(raw.sender),
        "to": to_checksum_address(raw.to) if raw.to else None,
        "contractAddress": to_checksum_address(created) if created else None,
        "cumulativeGasUsed": value(found.gas_used), "gasUsed": value(found.gas_used - before),
        "effectiveGasPrice": value(_price(raw, header)), "type": value(_kind(raw)),
        "status": "0x1" if found.state_root == b"\x01" else "0x0",
        "logsBloom": "0x" + found.bloom.to_bytes(256, "big").hex(),
    }  # fmt: skip


def log(
    header: BlockHeaderAPI, raw: SignedTransactionAPI, place: int, index: int, entry: Any
) -> dict[str, Any]:
    """A log; `index` counts through the block."""
    return {
        "address": to_checksum_address(entry.address),
        "topics": ["0x" + int(topic).to_bytes(32, "big").hex() for topic in entry.topics],
        "data": value(entry.data), "blockNumber": value(header.block_number), "blockHash": value(header.hash),
        "transactionHash": value(raw.hash), "transactionIndex": value(place), "logIndex": value(index),
        "removed": False,
    }  # fmt: skip


def proof(
    address: bytes,
    account: bytes,
    nodes: Sequence[Any],
    slots: Sequence[tuple[int, tuple[bytes, Sequence[Any]]]],
) -> dict[str, Any]:
    """An eth_getProof answer from trie nodes."""
    nonce, balance, storage, code = _account(account)
    return {
        "address": to_checksum_address(address), "nonce": value(int.from_bytes(nonce, "big")),
        "balance": value(int.from_bytes(balance, "big")), "storageHash": value(storage), "codeHash": value(code),
        "accountProof": [value(rlp.encode(node)) for node in nodes],
        "storageProof": [
            {
                "key": "0x" + slot.to_bytes(32, "big").hex(),
                "value": value(int.from_bytes(rlp.decode(stored), "big") if stored else 0),
                "proof": [value(rlp.encode(node)) for node in path],
            }
            for slot, (stored, path) in slots
        ],
    }  # fmt: skip


def storage_root(account: bytes) -> bytes:
    """The root of an account's storage; that of an empty one for no account."""
    return bytes(_account(account)[2])


def _account(account: bytes) -> list[bytes]:
    return list(rlp.decode(account)) if account else [b"", b"", BLANK_ROOT_HASH, EMPTY_SHA3]


def _kind(raw: SignedTransactionAPI) -> int:
    return int(getattr(raw, "type_id", None) or 0)


def _price(raw: SignedTransactionAPI, header: BlockHeaderAPI | None) -> int:
    base = int(header.base_fee_per_gas or 0) if header else 0
    if _kind(raw) < 2:
        return int(raw.gas_price)
    return int(min(raw.max_fee_per_gas, base + raw.max_priority_fee_per_gas))
