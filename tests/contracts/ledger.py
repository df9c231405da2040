"""The contracts on an in-process chain, spoken to by name: what the tests of their rules call."""

import ast
import hashlib
from dataclasses import dataclass
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils import to_checksum_address

from contracts import artifacts, events
from contracts.deployment import Deployment

NETWORK = hashlib.sha256(b"contract tests").digest()
FOREVER = 2**40 - 1


class Refused(Exception):
    """A call that a contract refused; the message is its custom error with its values."""


@dataclass(frozen=True)
class Receipt:
    """What a transaction cost and said."""

    gas: int
    events: tuple[events.Event, ...]
    time: int


class Ledger:
    """Registry, log and list deployed by the council, account 0."""

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        self.accounts: list[str] = list(self.tester.get_accounts())
        self.council = self.accounts[0]
        self.addresses: dict[str, str] = {}
        self.deploy("IssuerRegistry", self.council, NETWORK)
        self.deploy("AnchorLog", self.addresses["IssuerRegistry"])
        self.deploy("StatusList", self.addresses["IssuerRegistry"])

    def deploy(self, name: str, *arguments: object) -> Receipt:
        data = artifacts.deploy_data(name, *arguments)
        receipt = self._send({"from": self.council, "data": data, "gas": 5_000_000})
        self.addresses[name] = receipt["contract_address"]
        return self._receipt(receipt)

    @property
    def now(self) -> int:
        return int(self.tester.get_block_by_number("pending")["timestamp"])

    def later(self, seconds: int) -> int:
        self.tester.time_travel(self.now + seconds)
        return self.now

    def send(self, name: str, function: str, *arguments: object, by: str | None = None) -> Receipt:
        """Sends a transaction; raises Refused with the contract's reason."""
        sender = by or self.council
        transaction = {
            "from": sender, "to": self.addresses[name], "gas": 5_000_000,
            "data": artifacts.calldata(name, function, *arguments),
        }  # fmt: skip
        self._demand(transaction)
        return self._receipt(self._send(transaction))

    def call(self, name: str, function: str, *arguments: object, by: str | None = None) -> Any:
        """The answer of a view: one value, or a tuple."""
        data = artifacts.calldata(name, function, *arguments)
        answer = self._demand(
            {"from": by or self.council, "to": self.addresses[name], "data": data, "gas": 5_000_000}
        )
        values = artifacts.result(name, function, bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def _demand(self, transaction: dict[str, Any]) -> str:
        given = {**transaction, "data": "0x" + transaction["data"].hex()}
        try:
            return str(self.tester.call(given))
        except TransactionFailed as error:
            data = ast.literal_eval(
                str(error.args[0])
            )  # eth-tester gives the data as the text of a bytes literal
            raise Refused(artifacts.revert_reason(data)) from error

    def _send(self, transaction: dict[str, Any]) -> Any:
        given = {**transaction, "data": "0x" + transaction["data"].hex()}
        receipt = self.tester.get_transaction_receipt(self.tester.send_transaction(given))
        assert receipt["status"] == 1
        return receipt

    def _receipt(self, receipt: Any) -> Receipt:
        found = [events.decode(raw_log(log)) for log in receipt["logs"]]
        time = self.tester.get_block_by_number(receipt["block_number"])["timestamp"]
        return Receipt(receipt["gas_used"], tuple(event for event in found if event), time)

    def admit(self, department: int, anchor: str, status: str) -> None:
        """A department with both its accounts."""
        self.send(
            "IssuerRegistry", "admitDepartment", department, 0, f"CODE{department}", "演示局", "Office", "u"
        )
        self.send("IssuerRegistry", "bindAccount", anchor, department, 1, FOREVER)
        self.send("IssuerRegistry", "bindAccount", status, department, 2, FOREVER)

    def rpc(self, method: str, params: list[Any]) -> Any:
        """What a node would answer to the four calls that check_pins makes."""
        if method == "eth_chainId":
            return hex(self.tester.backend.chain.chain_id)
        if method == "eth_getBlockByNumber":
            return {"hash": self.tester.get_block_by_number(0)["hash"]}
        return self.tester.get_code(to_checksum_address(params[0]))

    @property
    def deployment(self) -> Deployment:
        return Deployment(
            chain_id=int(self.rpc("eth_chainId", []), 16),
            genesis_hash=self.rpc("eth_getBlockByNumber", ["0x0", False])["hash"],
            block=0,
            network_id="0x" + NETWORK.hex(),
            issuer_registry=self.addresses["IssuerRegistry"].lower(),
            anchor_log=self.addresses["AnchorLog"].lower(),
            status_list=self.addresses["StatusList"].lower(),
        )


def raw_log(log: Any) -> dict[str, Any]:
    """An eth-tester log as a node's JSON-RPC gives it."""
    return {
        "topics": list(log["topics"]), "data": log["data"], "address": log["address"],
        "blockNumber": hex(log["block_number"]), "blockHash": log["block_hash"],
        "logIndex": hex(log["log_index"]), "transactionHash": log["transaction_hash"],
    }  # fmt: skip
