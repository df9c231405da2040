"""The door and the waiting room: which transactions are let in, and in which order they wait.

First come, first served across senders; a sender's own in the order of their nonces.
"""

from pathlib import Path

from eth.abc import BlockHeaderAPI, SignedTransactionAPI

from localchain.chain import LocalChain

MAX_WAITING = 5_000
MAX_AHEAD = 1_024


class Refusal(Exception):
    """A transaction that is not let in; the message says why."""


class AlreadyKnown(Refusal):
    """The very same transaction waits, or is on the chain: sending it again is harmless."""


class Pool:
    """Waiting transactions of admitted accounts."""

    def __init__(self, chain: LocalChain, folder: Path) -> None:
        self._chain = chain
        self._file = folder / "accounts"
        self._admitted: tuple[float, frozenset[str]] = (-1.0, frozenset())
        self._waiting: dict[bytes, SignedTransactionAPI] = {}
        self._mining: dict[bytes, SignedTransactionAPI] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, raw: bytes) -> SignedTransactionAPI:
        """Lets a raw transaction in.

        Raises:
            AlreadyKnown, Refusal: with the reason.
        """
        try:
            transaction = self._chain.decode(raw)
        except ValueError as error:
            raise Refusal(str(error)) from error
        known = transaction.hash in self._waiting or transaction.hash in self._mining
        if known or self._chain.store.one("SELECT 1 FROM tx WHERE hash = ?", transaction.hash):
            raise AlreadyKnown("already known")
        for demand in (self._demand_chain, self._demand_sender, self._demand_means, self._demand_nonce):
            demand(transaction)
        self._waiting[transaction.hash] = transaction
        return transaction

    def find(self, digest: bytes) -> SignedTransactionAPI | None:
        """A waiting transaction."""
        return self._waiting.get(digest) or self._mining.get(digest)

    def next_nonce(self, sender: bytes) -> int:
        """The sender's next nonce, counting what waits."""
        nonce = self._state_nonce(sender)
        taken = {t.nonce for t in [*self._waiting.values(), *self._mining.values()] if t.sender == sender}
        while nonce in taken:
            nonce += 1
        return nonce

    def take(self, gas: int) -> list[SignedTransactionAPI]:
        """The transactions of the next block, at most `gas` of gas limits, in order; they stay known until `done`."""
        chosen: list[SignedTransactionAPI] = []
        nonces: dict[bytes, int] = {}
        progress = True
        while progress:
            progress = False
            for transaction in list(self._waiting.values()):
                due = nonces.setdefault(transaction.sender, self._state_nonce(transaction.sender))
                if transaction.nonce != due or transaction.gas > gas:
                    continue
                chosen.append(self._waiting.pop(transaction.hash))
                nonces[transaction.sender], gas, progress = due + 1, gas - transaction.gas, True
        self._mining = {transaction.hash: transaction for transaction in chosen}
        return chosen

    def done(self) -> None:
        """The block is durable: forget what it took, and what can no longer come."""
        self._mining = {}
        stale = [h for h, t in self._waiting.items() if t.nonce < self._state_nonce(t.sender)]
        for digest in stale:
            del self._waiting[digest]

    def _state_nonce(self, sender: bytes) -> int:
        return int(self._chain.state(self._chain.head).get_nonce(sender))  # type: ignore[arg-type]  # Address

    def _demand_chain(self, transaction: SignedTransactionAPI) -> None:
        # py-evm executes transactions of any chain: this is the only guard.
        try:
            found = transaction.chain_id
        except (ValueError, AttributeError, TypeError):
            found = None
        if found != self._chain.genesis.chain_id:
            raise Refusal(
                f"signed for chain {found}: chain {self._chain.genesis.chain_id} expected (EIP-155)"
            )

    def _demand_sender(self, transaction: SignedTransactionAPI) -> None:
        if "0x" + transaction.sender.hex() not in self._allowed():
            raise Refusal("sender is not admitted to this chain: the operator admits accounts")

    def _demand_means(self, transaction: SignedTransactionAPI) -> None:
        if transaction.gas < transaction.intrinsic_gas:
            raise Refusal(
                f"intrinsic gas too low: at least {transaction.intrinsic_gas} expected, {transaction.gas} found"
            )
        if transaction.gas > self._chain.head.gas_limit:
            raise Refusal(f"gas limit {transaction.gas} exceeds a block's {self._chain.head.gas_limit}")
        price = getattr(transaction, "max_fee_per_gas", None)
        cost = transaction.value + transaction.gas * (transaction.gas_price if price is None else price)
        if self._chain.state(self._chain.head).get_balance(transaction.sender) < cost:
            raise Refusal("insufficient funds for gas * price + value")
        if (transaction.gas_price if price is None else price) < self._base_fee(self._chain.head):
            raise Refusal("max fee per gas less than block base fee")

    def _demand_nonce(self, transaction: SignedTransactionAPI) -> None:
        due = self._state_nonce(transaction.sender)
        if transaction.nonce < due:
            raise Refusal(f"nonce too low: next nonce {due}, tx nonce {transaction.nonce}")
        if transaction.nonce > due + MAX_AHEAD or len(self._waiting) >= MAX_WAITING:
            raise Refusal("too many transactions waiting: send again later")
        same = [
            t for t in [*self._waiting.values(), *self._mining.values()] if t.sender == transaction.sender
        ]
        if any(t.nonce == transaction.nonce for t in same):
            raise Refusal(
                f"nonce {transaction.nonce} is taken by a waiting transaction; none is replaced here"
            )

    def _base_fee(self, header: BlockHeaderAPI) -> int:
        return int(header.base_fee_per_gas or 0)

    def _allowed(self) -> frozenset[str]:
        changed = self._file.stat().st_mtime if self._file.exists() else 0.0
        if changed != self._admitted[0]:
            names = self._file.read_text("utf-8").split() if self._file.exists() else []
            self._admitted = (changed, frozenset(name.lower() for name in names))
        return self._admitted[1]
