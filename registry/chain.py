"""The chain wall: asks a node, and sends what the signer signed. Checks the pins before anything is written."""

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import requests
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from contracts import artifacts
from contracts.deployment import Deployment, check_pins
from registry.errors import ChainUnreachableError, RegistryError

_GWEI = 10**9
_HARMLESS = ("already known", "nonce too low", "already imported")


class TransactionRefusedError(RegistryError):
    """A node or a contract refused a transaction; the message has its reason."""

    code = "transaction_refused"

    def __init__(self, why: str) -> None:
        super().__init__("链上交易被拒绝", f"the chain refuses: {why}")


class Chain:
    """One node of the pinned network."""

    def __init__(self, url: str, deployment: Deployment | None) -> None:
        self._provider = HTTPProvider(url, request_kwargs={"timeout": 10}, exception_retry_configuration=None)
        self.deployment = deployment
        self._pinned = False

    def request(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one JSON-RPC call.

        Raises:
            ChainUnreachableError: no answer, or none that is JSON-RPC.
            TransactionRefusedError: the answer is an error.
        """
        try:
            answer: Mapping[str, Any] = self._provider.make_request(RPCEndpoint(method), list(params))
        except (requests.RequestException, ValueError, OSError) as error:
            self._pinned = False
            raise ChainUnreachableError(type(error).__name__) from error
        if "error" in answer:
            fault = answer["error"]
            data = fault.get("data") if isinstance(fault, Mapping) else None
            reason = artifacts.revert_reason(bytes.fromhex(data[2:])) if isinstance(data, str) else ""
            raise TransactionRefusedError(f"{fault.get('message')} {reason}".strip())
        return answer.get("result")

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
        """What a view of one of the three contracts answers, as of a block."""
        target = self.demand_pins().addresses[contract]
        data = "0x" + artifacts.calldata(contract, function, *arguments).hex()
        tag = hex(block) if isinstance(block, int) else block
        answer = self.request("eth_call", [{"to": target, "data": data}, tag])
        return artifacts.result(contract, function, bytes.fromhex(answer[2:]))

    def nonce(self, address: str) -> int:
        """The next nonce of an account, mined transactions only."""
        return int(self.request("eth_getTransactionCount", [address, "latest"]), 16)

    def fees(self) -> dict[str, int]:
        """What a transaction offers: enough for a base fee that doubles."""
        head = self.request("eth_getBlockByNumber", ["latest", False])
        return {
            "maxFeePerGas": 2 * int(head.get("baseFeePerGas") or "0x0", 16) + _GWEI,
            "maxPriorityFeePerGas": 0,
        }

    def transaction(
        self, data: bytes, nonce: int, *, to: str | None, gas: int, value: int = 0
    ) -> dict[str, Any]:
        """An unsigned transaction with explicit gas."""
        chain = int(self.request("eth_chainId", []), 16)
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
        """Sends a signed transaction; sending one again is harmless.

        Raises:
            TransactionRefusedError: the node does not let it in.
        """
        try:
            self.request("eth_sendRawTransaction", ["0x" + raw.hex()])
        except TransactionRefusedError as error:
            if not any(word in error.en.lower() for word in _HARMLESS):
                raise

    def receipt(self, digest: str) -> Mapping[str, Any] | None:
        """The receipt of a mined transaction; None: not mined."""
        found: Mapping[str, Any] | None = self.request("eth_getTransactionReceipt", [digest])
        return found

    def wait(self, digests: Iterable[str], seconds: float = 60) -> list[Mapping[str, Any]]:
        """The receipts of all these transactions, once they are mined.

        Raises:
            TransactionRefusedError: one was reverted, or the time is over.
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


def _checksum(address: str) -> str:
    from eth_utils import to_checksum_address

    return str(to_checksum_address(address))
