"""The JSON-RPC methods, each a small function over the chain and the pool."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth.abc import BlockHeaderAPI, ComputationAPI
from eth.exceptions import VMError
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address
from eth_utils import ValidationError, to_canonical_address

from localchain import VERSION, views
from localchain.chain import LocalChain
from localchain.pool import Pool, Refusal

MAX_LOGS = 20_000
_MAX_SLOTS = 1_024


class RpcError(Exception):
    """An answer that is an error: JSON-RPC code, message, and data where there are some."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Methods:
    """What the server answers; `dispatch` is the only way in."""

    def __init__(self, chain: LocalChain, pool: Pool, arrived: Callable[[], None]) -> None:
        self.chain, self.pool, self._arrived = chain, pool, arrived
        number = hex(chain.genesis.chain_id)
        self._table: Mapping[str, Callable[..., Any]] = {
            "eth_chainId": lambda: number,
            "net_version": lambda: str(chain.genesis.chain_id),
            "web3_clientVersion": lambda: VERSION,
            "eth_syncing": lambda: False,
            "eth_accounts": list,
            "eth_gasPrice": lambda: hex(int(self.chain.head.base_fee_per_gas or 0) + 1),
            "eth_maxPriorityFeePerGas": lambda: "0x0",
            "eth_blockNumber": lambda: hex(self.chain.head.block_number),
            "eth_feeHistory": self.fee_history,
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getBlockByHash": self.block_by_hash,
            "eth_getTransactionCount": self.transaction_count,
            "eth_getBalance": self.balance,
            "eth_getCode": self.code,
            "eth_getStorageAt": self.storage_at,
            "eth_getProof": self.proof,
            "eth_getTransactionByHash": self.transaction,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getLogs": self.logs,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate,
            "eth_sendRawTransaction": self.send,
        }

    def dispatch(self, method: object, params: object) -> Any:
        """The result of one call.

        Raises:
            RpcError: no such method, wrong parameters, a reverted call, a refused transaction.
        """
        if not isinstance(method, str) or method not in self._table:
            raise RpcError(-32601, f"the method {str(method)[:60]} does not exist here")
        if not isinstance(params, list):
            raise RpcError(-32602, "params: an array expected")
        try:
            return self._table[method](*params)
        except (ValueError, TypeError, KeyError, AttributeError, ValidationError) as error:
            raise RpcError(-32602, f"{method}: wrong parameters ({type(error).__name__})") from error

    def block_by_number(self, tag: str, full: bool = False) -> Any:
        return self._block(self.chain.header(tag), full)

    def block_by_hash(self, digest: str, full: bool = False) -> Any:
        return self._block(self.chain.header_by_hash(_bytes(digest)), full)

    def _block(self, header: BlockHeaderAPI | None, full: bool) -> Any:
        if header is None:
            return None
        rows = self.chain.store.all(
            "SELECT hash, raw FROM tx WHERE block = ? ORDER BY place", header.block_number
        )
        if not full:
            return views.block(header, [views.value(row[0]) for row in rows])
        decoded = [self.chain.decode(row[1]) for row in rows]
        return views.block(
            header, [views.transaction(raw, header, place) for place, raw in enumerate(decoded)]
        )

    def transaction_count(self, address: str, tag: str = "latest") -> str:
        sender = to_canonical_address(address)
        if tag == "pending":
            return hex(self.pool.next_nonce(sender))
        return hex(self.chain.state(self._at(tag)).get_nonce(sender))

    def balance(self, address: str, tag: str = "latest") -> str:
        return hex(self.chain.state(self._at(tag)).get_balance(to_canonical_address(address)))

    def code(self, address: str, tag: str = "latest") -> str:
        return "0x" + self.chain.state(self._at(tag)).get_code(to_canonical_address(address)).hex()

    def storage_at(self, address: str, slot: str, tag: str = "latest") -> str:
        stored = self.chain.state(self._at(tag)).get_storage(to_canonical_address(address), int(slot, 16))
        return "0x" + int(stored).to_bytes(32, "big").hex()

    def proof(self, address: str, slots: Sequence[str], tag: str = "latest") -> dict[str, Any]:
        if len(slots) > _MAX_SLOTS:
            raise RpcError(-32602, f"at most {_MAX_SLOTS} slots at once")
        return self.chain.proof(
            self._at(tag), to_canonical_address(address), [int(slot, 16) for slot in slots]
        )

    def transaction(self, digest: str) -> Any:
        row = self._row("block, place, raw", digest)
        if row is None:
            waiting = self.pool.find(_bytes(digest))
            return views.transaction(waiting, None, None) if waiting else None
        number, place, raw = row
        return views.transaction(self.chain.decode(raw), self.chain.header(number), place)

    def receipt(self, digest: str) -> Any:
        row = self._row("receipt", digest)
        return json.loads(row[0]) if row else None

    def _row(self, columns: str, digest: str) -> Any:
        # Only what is committed is shown: the block being mined is beyond the head.
        sql = f"SELECT {columns} FROM tx WHERE hash = ? AND block <= ?"  # noqa: S608 - columns are our own words
        return self.chain.store.one(sql, _bytes(digest), self.chain.head.block_number)

    def logs(self, wanted: Mapping[str, Any]) -> list[Any]:
        first, last = self._range(wanted)
        addresses = wanted.get("address") or []
        chosen = {_bytes(a) for a in ([addresses] if isinstance(addresses, str) else addresses)}
        sql = "SELECT address, json FROM log WHERE block BETWEEN ? AND ? ORDER BY block, place"
        found = [
            json.loads(str(text))
            for address, text in self.chain.store.all(sql, first, last)
            if not chosen or address in chosen
        ]
        kept = [log for log in found if _topics_match(log["topics"], wanted.get("topics") or [])]
        if len(kept) > MAX_LOGS:
            raise RpcError(-32005, f"more than {MAX_LOGS} logs: ask for fewer blocks")
        return kept

    def _range(self, wanted: Mapping[str, Any]) -> tuple[int, int]:
        if "blockHash" in wanted:
            header = self.chain.header_by_hash(_bytes(wanted["blockHash"]))
            if header is None:
                raise RpcError(-32000, "unknown block")
            return header.block_number, header.block_number
        last = self._number(wanted.get("toBlock", "latest"))
        return self._number(wanted.get("fromBlock", "latest")), min(last, self.chain.head.block_number)

    def _number(self, tag: str) -> int:
        if tag in ("latest", "pending", "safe", "finalized"):
            return self.chain.head.block_number
        return 0 if tag == "earliest" else int(tag, 16)

    def call(self, given: Mapping[str, Any], tag: str = "latest", *_: Any) -> str:
        computation = self._run(given, self._at(tag), int(given.get("gas", "0xe4e1c0"), 16))
        if computation.is_error:
            raise _reverted(computation)
        return "0x" + computation.output.hex()

    def estimate(self, given: Mapping[str, Any], tag: str = "latest", *_: Any) -> str:
        header = self._at(tag)
        gas = int(header.gas_limit)
        computation = self._run(given, header, gas)
        if computation.is_error:
            raise _reverted(computation)
        # What is used is not always enough (63/64 rule, refunds, Prague's calldata floor): raise it until it is.
        guess = self._spoof(given, gas, 0).intrinsic_gas + int(computation.get_gas_used())
        while guess < gas and self._fails(given, header, guess):
            guess += guess // 8
        return hex(min(guess, gas))

    def _fails(self, given: Mapping[str, Any], header: BlockHeaderAPI, gas: int) -> bool:
        try:
            return bool(self._run(given, header, gas).is_error)
        except (VMError, RpcError):
            return True

    def _run(self, given: Mapping[str, Any], header: BlockHeaderAPI, gas: int) -> ComputationAPI:
        with self.chain.trial(header) as state:
            try:
                # The nonce of this very block: the head may have moved on meanwhile, or be another by intent.
                nonce = state.get_nonce(_sender(given))
                spoofed = self._spoof(given, min(gas, int(header.gas_limit)), nonce)
                return state.costless_execute_transaction(spoofed)
            except ValidationError as error:
                raise RpcError(-32000, f"the call cannot be executed: {error}") from error

    def _spoof(self, given: Mapping[str, Any], gas: int, nonce: int) -> Any:
        data = _bytes(given.get("data") or given.get("input") or "0x")
        to: Any = to_canonical_address(given["to"]) if given.get("to") else b""
        builder = self.chain.builder()
        unsigned = builder.create_unsigned_transaction(
            nonce=nonce, gas_price=0, gas=gas, to=to, value=int(given.get("value") or "0x0", 16), data=data
        )
        return SpoofTransaction(unsigned, from_=_sender(given))

    def send(self, raw: str) -> str:
        try:
            transaction = self.pool.add(_bytes(raw))
        except Refusal as error:
            raise RpcError(-32000, str(error)) from error
        self._arrived()
        return "0x" + transaction.hash.hex()

    def fee_history(
        self, count: str | int, newest: str, percentiles: Sequence[float] | None = None
    ) -> dict[str, Any]:
        blocks = min(int(count, 16) if isinstance(count, str) else count, 64)
        fee = hex(int(self.chain.head.base_fee_per_gas or 0))
        rewards = [["0x0"] * len(percentiles or [])] * blocks
        oldest = max(0, self._number(newest) - blocks + 1)
        return {
            "oldestBlock": hex(oldest),
            "baseFeePerGas": [fee] * (blocks + 1),
            "gasUsedRatio": [0.0] * blocks,
            "reward": rewards,
        }

    def _at(self, tag: Any) -> BlockHeaderAPI:
        if isinstance(tag, dict):
            header = self.chain.header_by_hash(_bytes(tag["blockHash"]))
        else:
            header = self.chain.header(tag)
        if header is None:
            raise RpcError(-32000, "unknown block")
        return header


def _sender(given: Mapping[str, Any]) -> Address:
    return to_canonical_address(given.get("from") or "0x" + "00" * 20)


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("0x expected")
    return bytes.fromhex(text[2:])


def _topics_match(found: Sequence[str], wanted: Sequence[Any]) -> bool:
    for place, choice in enumerate(wanted):
        allowed = [choice] if isinstance(choice, str) else choice
        if allowed and (place >= len(found) or found[place] not in [topic.lower() for topic in allowed]):
            return False
    return True


def _reverted(computation: ComputationAPI) -> RpcError:
    error = computation.error
    data = error.args[0] if error.args and isinstance(error.args[0], bytes) else b""
    if type(error).__name__ == "Revert":
        return RpcError(3, "execution reverted", "0x" + data.hex())
    return RpcError(-32000, f"execution failed: {type(error).__name__}")
