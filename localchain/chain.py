"""The chain itself: opens or begins it, executes blocks, and answers what its state was at any block.

A block, its receipts, its logs and the head pointer become durable in one commit, or not at all. Only what is
committed is ever shown: `head` moves after the commit.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI, TransactionBuilderAPI
from eth.chains.base import MiningChain
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.exceptions import CanonicalHeadNotFound
from eth.vm.forks import PragueVM
from eth_utils import ValidationError, keccak, to_canonical_address
from eth_utils.toolz import assoc
from trie import HexaryTrie

from localchain import views
from localchain.genesis import FUND, GAS_LIMIT, ChainFolderError, Genesis
from localchain.store import Store

log = logging.getLogger("localchain")


class LocalChain:
    """One chain in one folder."""

    def __init__(self, folder: Path, genesis: Genesis) -> None:
        self.genesis = genesis
        self.store = Store(folder / "chain.db")
        self._kind = _chain_class(genesis.chain_id)
        self._chain: MiningChain
        self._base = AtomicDB(self.store)
        self._open()
        self.head: BlockHeaderAPI = self._canonical_head()

    def _open(self) -> None:
        described = json.dumps([self.genesis.chain_id, self.genesis.time, sorted(self.genesis.funded)])
        try:
            ChainDB(self._base).get_canonical_head()
        except CanonicalHeadNotFound:
            self._chain = self._from_genesis()
            self.store.remember("genesis", described)
            self.store.commit()
        else:
            self._chain = self._kind(self._base)
        if self.store.meta("genesis") != described:
            raise ChainFolderError(
                "genesis.json is not the one this chain began with: restore it from a backup"
            )

    def _from_genesis(self) -> MiningChain:
        params: Any = _params(self.genesis)
        state: Any = _state(self.genesis)
        chain = self._kind.from_genesis(self._base, params, state)
        return cast(MiningChain, chain)

    def _canonical_head(self) -> BlockHeaderAPI:
        return self._chain.chaindb.get_canonical_head()

    def mine(
        self, transactions: Sequence[SignedTransactionAPI], timestamp: int
    ) -> list[SignedTransactionAPI]:
        """Makes one block durable; gives back the transactions that could not be executed in it, dropped for good.

        Raises:
            ValueError: `timestamp` is not after the head's.
        """
        if timestamp <= self.head.timestamp:
            raise ValueError("a block's time is after its parent's")
        good = list(transactions)
        bad: list[SignedTransactionAPI] = []
        while True:
            try:
                self._execute(good, timestamp)
                return bad
            except ValidationError:
                self._forget()
                good, dropped = self._split(good, timestamp)
                bad += dropped

    def _execute(self, transactions: list[SignedTransactionAPI], timestamp: int) -> None:
        self._chain.set_header_timestamp(timestamp)
        imported, receipts, _ = self._chain.mine_all(transactions)
        header = imported.imported_block.header
        self._index(header, transactions, receipts)
        self.commit()
        self.head = header

    def commit(self) -> None:
        """Ends the block's transaction: from here on nothing of it can be lost."""
        self.store.commit()

    def _forget(self) -> None:
        self.store.rollback()
        self._base = AtomicDB(self.store)
        self._chain = self._kind(self._base)

    def _split(
        self, transactions: list[SignedTransactionAPI], timestamp: int
    ) -> tuple[list[SignedTransactionAPI], list[SignedTransactionAPI]]:
        """Tries growing prefixes to find what the block cannot hold. Rare: ingress has checked nonce and balance."""
        good: list[SignedTransactionAPI] = []
        bad = []
        for transaction in transactions:
            try:
                self._chain.set_header_timestamp(timestamp)
                self._chain.mine_all([*good, transaction])
                good.append(transaction)
            except ValidationError as error:
                log.warning("dropped transaction 0x%s: %s", transaction.hash.hex(), error)
                bad.append(transaction)
            self._forget()
        return good, bad

    def _index(
        self,
        header: BlockHeaderAPI,
        transactions: Sequence[SignedTransactionAPI],
        receipts: Sequence[ReceiptAPI],
    ) -> None:
        before, place = 0, 0
        for number, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
            logs = [
                views.log(header, transaction, number, place + i, entry)
                for i, entry in enumerate(receipt.logs)
            ]
            shape = views.receipt(header, transaction, number, receipt, before)
            self.store.run(
                "INSERT INTO tx VALUES(?, ?, ?, ?, ?, ?)",
                transaction.hash, header.block_number, number, transaction.sender,
                json.dumps({**shape, "logs": logs}), transaction.encode(),
            )  # fmt: skip
            for item, entry in zip(logs, receipt.logs, strict=True):
                topic = int(entry.topics[0]).to_bytes(32, "big") if entry.topics else None
                row = (header.block_number, int(item["logIndex"], 16), entry.address, topic, json.dumps(item))
                self.store.run("INSERT INTO log VALUES(?, ?, ?, ?, ?)", *row)
            before, place = receipt.gas_used, place + len(logs)

    def header(self, tag: str | int) -> BlockHeaderAPI | None:
        """The header of a block by number or by "latest", "earliest", "safe", "finalized", "pending"; None: not yet."""
        if tag in ("latest", "pending", "safe", "finalized"):
            return self.head
        number = 0 if tag == "earliest" else int(tag, 16) if isinstance(tag, str) else tag
        if number > self.head.block_number:
            return None
        return self._chain.chaindb.get_canonical_block_header_by_number(number)  # type: ignore[arg-type]  # BlockNumber

    def header_by_hash(self, digest: bytes) -> BlockHeaderAPI | None:
        """The header with that hash; None: unknown."""
        try:
            header = self._chain.chaindb.get_block_header_by_hash(digest)  # type: ignore[arg-type]  # Hash32
        except Exception as error:  # py-evm's HeaderNotFound and, for foreign keys, codec errors
            log.debug("no header: %s", error)
            return None
        return header if header.block_number <= self.head.block_number else None

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """The state after that block, to read from."""
        return self._chain.get_vm(header).state

    @contextmanager
    def trial(self, header: BlockHeaderAPI) -> Iterator[StateAPI]:
        """A throw-away state after that block, in which calls cost nothing."""
        with self._chain.get_vm(header).in_costless_state() as state:
            yield state

    def builder(self) -> TransactionBuilderAPI | type[TransactionBuilderAPI]:
        """py-evm's maker of transactions for the newest fork."""
        return self._chain.get_vm(self.head).get_transaction_builder()

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """A signed transaction, checked in itself.

        Raises:
            ValueError: not one, or its signature, gas or shape is wrong.
        """
        try:
            transaction = self.builder().decode(raw)
            transaction.validate()
        except Exception as error:  # rlp, eth-keys and py-evm each raise their own for bytes of strangers
            raise ValueError(f"not a valid signed transaction: {type(error).__name__}") from error
        return transaction

    def proof(self, header: BlockHeaderAPI, address: bytes, slots: Sequence[int]) -> dict[str, Any]:
        """The eth_getProof answer: account and storage with the trie nodes that prove them to the state root."""
        trie: Any = HexaryTrie(self._chain.chaindb.db, header.state_root)
        account, nodes = trie.get(keccak(address)), trie.get_proof(keccak(address))
        return views.proof(address, account, nodes, [(slot, self._slot(account, slot)) for slot in slots])

    def _slot(self, account: bytes, slot: int) -> tuple[bytes, Sequence[Any]]:
        trie: Any = HexaryTrie(self._chain.chaindb.db, views.storage_root(account))
        key = keccak(slot.to_bytes(32, "big"))
        return trie.get(key), trie.get_proof(key)

    def close(self) -> None:
        """Stops; everything acknowledged is on disk already."""
        self.store.close()


def _params(genesis: Genesis) -> dict[str, object]:
    """The genesis header, as py-evm wants it. Prague, no difficulty, base fee zero: gas bounds work, not money."""
    return {
        "coinbase": ZERO_ADDRESS,
        "difficulty": 0,
        "extra_data": b"elicence localchain",
        "gas_limit": GAS_LIMIT,
        "mix_hash": ZERO_HASH32,
        "nonce": b"\x00" * 8,
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": genesis.time,
        "transaction_root": BLANK_ROOT_HASH,
        "base_fee_per_gas": 0,
    }


def _state(genesis: Genesis) -> dict[bytes, dict[str, object]]:
    """The accounts at the start."""
    account = {"balance": FUND, "nonce": 0, "code": b"", "storage": {}}
    return {to_canonical_address(address): dict(account) for address in genesis.funded}


def _chain_class(number: int) -> type[MiningChain]:
    class Permissioned(MiningChain):
        chain_id = number
        vm_configuration = ((0, PragueVM),)  # type: ignore[assignment]  # py-evm types the block as BlockNumber

        def create_header_from_parent(self, parent_header: BlockHeaderAPI, **params: Any) -> BlockHeaderAPI:
            return super().create_header_from_parent(
                parent_header, **assoc(params, "gas_limit", parent_header.gas_limit)
            )

    return Permissioned
