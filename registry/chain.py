"""The chain wall: asks a node, and sends what the signer signed. Checks the pins before anything is written.

A node may be silent, slow, wrong or lying. Whatever it answers, three errors come out of here and no others:
ChainUnreachableError, TransactionRefusedError, PinError.
"""

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eth_abi.exceptions import DecodingError

from contracts import artifacts
from contracts.answers import AnswerError, knows
from contracts.deployment import Deployment, PinError, check_network, check_pins
from contracts.wire import RefusalError, TooLongError, Wire, WireError
from registry.errors import ChainUnreachableError, RegistryError

_GWEI = 10**9
_HARMLESS = ("already known", "nonce too low", "already imported")
_MAX_REPLY = 8 * 2**20


class TransactionRefusedError(RegistryError):
    """A node or a contract refused a transaction; the message has its reason."""

    code = "transaction_refused"

    def __init__(self, why: str) -> None:
        super().__init__("链上交易被拒绝", f"the chain refuses: {why}")


class DistrustedAnswerError(ChainUnreachableError):
    """The node answers what cannot be so: nothing of it is believed, and it is asked again."""

    code = "node_not_believed"

    def __init__(self, why: str) -> None:
        RegistryError.__init__(
            self,
            "区块链节点的回答不可信，已忽略；请检查节点，稍后再试",
            f"the chain's node answers what cannot be so ({why}): nothing of it is believed; check the node",
        )


class Block(NamedTuple):
    """A block's hash (0x, lower case) and time (Unix seconds)."""

    hash: str
    time: int


class Chain:
    """One node of the pinned network."""

    def __init__(self, url: str, deployment: Deployment | None) -> None:
        self._wire = Wire(url, limit=_MAX_REPLY)
        self.deployment = deployment
        self._pinned = False

    def request(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one JSON-RPC call, of the shape of its method.

        Raises:
            ChainUnreachableError: no answer, none that fits the question, or an error where nothing can be refused.
            TransactionRefusedError: a call, a transaction or a method of no node of ours is refused.
        """
        try:
            return self._wire.ask(method, params)
        except WireError as error:
            self._pinned = False
            raise ChainUnreachableError(str(error)) from error
        except AnswerError as error:
            self._pinned = False
            raise DistrustedAnswerError(str(error)) from error
        except RefusalError as error:
            raise _refused(method, error) from error

    def demand_pins(self) -> Deployment:
        """The deployment, once this node is sure to serve it; asked again after every silence.

        Raises:
            PinError: another network.
            ChainUnreachableError: as request.
        """
        if self.deployment is None:
            raise ChainUnreachableError("nothing is deployed yet: run `elicence deploy`")
        if not self._pinned:
            check_pins(self.request, self.deployment)
            self._pinned = True
        return self.deployment

    def call(
        self, contract: str, function: str, *arguments: object, block: int | str = "latest"
    ) -> tuple[Any, ...]:
        """What a view of one of the three contracts answers, as of a block. A node may lie here and not be caught.

        Raises:
            PinError, ChainUnreachableError, TransactionRefusedError: as request and demand_pins.
        """
        target = self.demand_pins().addresses[contract]
        data = "0x" + artifacts.calldata(contract, function, *arguments).hex()
        tag = hex(block) if isinstance(block, int) else block
        answer = self._view([{"to": target, "data": data}, tag])
        try:
            return artifacts.result(contract, function, bytes.fromhex(answer[2:]))
        except (DecodingError, ValueError, OverflowError) as error:
            raise DistrustedAnswerError(f"{contract}.{function}: values of another shape") from error

    def _view(self, params: Sequence[Any]) -> str:
        try:
            return str(self.request("eth_call", params))
        except TransactionRefusedError as error:
            if "revert" in error.en.lower():
                raise
            raise ChainUnreachableError(f"eth_call: {error.en}") from error

    def lists(self, department: int) -> dict[int, int]:
        """The sizes of a department's status lists, by id. Ask before a transaction: a silent node must stop no writer.

        Raises:
            ChainUnreachableError: the node does not answer.
        """
        return {id_: self.call("StatusList", "listOf", id_)[0] for id_ in self.list_ids(department)}

    def list_ids(self, department: int) -> list[int]:
        """The ids of a department's status lists.

        Raises:
            ChainUnreachableError: the node does not answer.
        """
        count = self.call("StatusList", "lists", department)[0]
        return [department << 32 | number for number in range(1, count + 1)]

    def status(self, list_: int, index: int) -> int:
        """The status word of one licence: 0 valid, 1 invalid, 2 suspended, 3 superseded.

        Raises:
            PinError, ChainUnreachableError, TransactionRefusedError: as call; the last for a place that is not there.
        """
        word: int = self.call("StatusList", "statusOf", list_, index)[0]
        return word

    def head(self) -> int:
        """The number of the newest block.

        Raises:
            ChainUnreachableError: as request.
        """
        return int(self.request("eth_blockNumber", []), 16)

    def newest(self) -> tuple[int, Block]:
        """The newest block's number, hash and time, by the node's word.

        Raises:
            ChainUnreachableError: as request.
        """
        found = self._block("latest")
        return int(found["number"], 16), Block(str(found["hash"]).lower(), int(found["timestamp"], 16))

    def block(self, number: int) -> Block:
        """The hash and time of a block that was there.

        Raises:
            ChainUnreachableError: as request, or the node does not have it: it is behind, or was rolled back.
        """
        found = self._block(number)
        return Block(str(found["hash"]).lower(), int(found["timestamp"], 16))

    def _block(self, number: int | str) -> Mapping[str, Any]:
        tag = hex(number) if isinstance(number, int) else number
        found: Mapping[str, Any] | None = self.request("eth_getBlockByNumber", [tag, False])
        if found is None:
            raise DistrustedAnswerError(f"block {number} is not there")
        return found

    def logs(
        self, contract: str, topics: Sequence[str | None], start: int, end: int
    ) -> list[Mapping[str, Any]]:
        """The logs of one of the three contracts in blocks start to end, both included: of that contract, those
        topics and those blocks alone, none twice; more than one reply holds are asked for in halves. A node may hide
        some and not be caught.

        Raises:
            PinError, ChainUnreachableError: as request and demand_pins.
        """
        wanted = {
            "address": self.demand_pins().addresses[contract],
            "topics": list(topics),
            "fromBlock": hex(start),
            "toBlock": hex(end),
        }
        try:
            found: list[Mapping[str, Any]] = self.request("eth_getLogs", [wanted])
        except ChainUnreachableError as error:
            if not isinstance(error.__cause__, TooLongError) or start >= end:
                raise
            middle = (start + end) // 2
            return self.logs(contract, topics, start, middle) + self.logs(contract, topics, middle + 1, end)
        return found

    def nonce(self, address: str) -> int:
        """The next nonce of an account, mined transactions only. A node may lie here and not be caught.

        Raises:
            ChainUnreachableError: as request.
        """
        return int(self.request("eth_getTransactionCount", [address, "latest"]), 16)

    def fees(self) -> dict[str, int]:
        """What a transaction offers: enough for a base fee that doubles.

        Raises:
            ChainUnreachableError: as request.
        """
        head = self._block("latest")
        return {
            "maxFeePerGas": 2 * int(head.get("baseFeePerGas") or "0x0", 16) + _GWEI,
            "maxPriorityFeePerGas": 0,
        }

    def transaction(
        self, data: bytes, nonce: int, *, to: str | None, gas: int, value: int = 0
    ) -> dict[str, Any]:
        """An unsigned transaction with explicit gas, for the pinned chain whatever the node says.

        Raises:
            ChainUnreachableError: as request.
        """
        pinned = self.deployment
        chain = pinned.chain_id if pinned else int(self.request("eth_chainId", []), 16)
        parts: dict[str, Any] = {"chainId": chain, "nonce": nonce, "gas": gas, "value": value, **self.fees()}
        more = {"to": _checksum(to)} if to else {}
        return {**parts, **more, "data": "0x" + data.hex() if data else ""}

    def try_out(self, sender: str, contract: str, data: bytes) -> str:
        """Lets the node carry a transaction out for nothing; gives the contract's address.

        Raises:
            TransactionRefusedError: it would be reverted; with the contract's reason.
        """
        target = self.demand_pins().addresses[contract]
        self.request("eth_call", [{"from": sender, "to": target, "data": "0x" + data.hex()}, "latest"])
        return target

    def send(self, raw: bytes) -> None:
        """Sends a signed transaction; sending one again is harmless. That it was sent proves nothing.

        Raises:
            PinError: the node has become one of another network since the pins were checked: nothing is sent.
            TransactionRefusedError: the node does not let it in.
            ChainUnreachableError: as request.
        """
        self._demand_same_network()
        try:
            self.request("eth_sendRawTransaction", ["0x" + raw.hex()])
        except TransactionRefusedError as error:
            if not any(word in error.en.lower() for word in _HARMLESS):
                raise

    def _demand_same_network(self) -> None:
        if self.deployment is None:
            return
        try:
            check_network(self.request, self.deployment)
        except PinError:
            self._pinned = False
            raise

    def receipt(self, digest: str) -> Mapping[str, Any] | None:
        """The receipt of a mined transaction, whose block holds it by its own word; None: not mined, or not told.

        Raises:
            ChainUnreachableError: as request, or the receipt and its block contradict each other.
        """
        found: Mapping[str, Any] | None = self.request("eth_getTransactionReceipt", [digest])
        if found is None:
            return None
        block = self._block(int(found["blockNumber"], 16))
        held = {str(each).lower() for each in block.get("transactions", [])}
        if str(block["hash"]).lower() != str(found["blockHash"]).lower() or digest.lower() not in held:
            raise DistrustedAnswerError(f"a receipt of {digest}, which its block does not hold")
        return found

    def wait(self, digests: Iterable[str], seconds: float = 60) -> list[Mapping[str, Any]]:
        """The receipts of all these transactions, once they are mined.

        Raises:
            TransactionRefusedError: one was reverted, or the time is over.
            ChainUnreachableError: as receipt.
        """
        end = time.monotonic() + seconds
        found = [self._wait_one(digest, end) for digest in digests]
        for receipt in found:
            if int(receipt["status"], 16) != 1:
                raise TransactionRefusedError(f"transaction {receipt['transactionHash']} was reverted")
        return found

    def _wait_one(self, digest: str, end: float) -> Mapping[str, Any]:
        for pause in itertools.chain([0.02] * 50, itertools.repeat(0.1)):
            receipt = self.receipt(digest)
            if receipt is not None:
                return receipt
            if time.monotonic() > end:
                break
            time.sleep(pause)
        raise TransactionRefusedError("not mined in time")


def _refused(method: str, error: RefusalError) -> RegistryError:
    if knows(method):
        return ChainUnreachableError(f"{method}: error {error.code}, {error.message}")
    reason = _reason(error.data)
    return TransactionRefusedError(f"{error.message} {reason}".strip())


def _reason(data: bytes) -> str:
    if not data:
        return ""
    try:
        return artifacts.revert_reason(data)
    except (DecodingError, ValueError, OverflowError):
        return f"0x{data.hex()}"


def _checksum(address: str) -> str:
    from eth_utils import to_checksum_address

    return str(to_checksum_address(address))
