"""Which network this is: the pins that everything checks before it trusts a node or writes to it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from eth_utils import keccak

from contracts import artifacts

Call: TypeAlias = Callable[[str, list[Any]], Any]


class PinError(Exception):
    """The node is not the pinned network. Final: whoever sees it stops, and writes nothing."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The pins: chain id, genesis hash, the block before the first contract, network id, three addresses (0x, hex)."""

    chain_id: int
    genesis_hash: str
    block: int
    network_id: str
    issuer_registry: str
    anchor_log: str
    status_list: str

    @property
    def addresses(self) -> dict[str, str]:
        """Contract name to address, lower case."""
        return {
            "IssuerRegistry": self.issuer_registry.lower(),
            "AnchorLog": self.anchor_log.lower(),
            "StatusList": self.status_list.lower(),
        }

    @property
    def network(self) -> bytes:
        """The network id, 32 bytes."""
        return bytes.fromhex(self.network_id.removeprefix("0x"))

    def to_json(self) -> str:
        """As it stands in deployment.json."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Deployment":
        """Reads what to_json writes.

        Raises:
            PinError: anything else.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise PinError("deployment.json is not a deployment: restore it, or deploy anew") from error


def expected_code(deployment: Deployment) -> dict[str, bytes]:
    """The runtime code each contract must have, immutables filled in: it pins the registry's address too."""
    registry = bytes(12) + bytes.fromhex(deployment.issuer_registry.removeprefix("0x"))
    return {
        "IssuerRegistry": artifacts.runtime_code("IssuerRegistry", networkId=deployment.network),
        "AnchorLog": artifacts.runtime_code("AnchorLog", registry=registry),
        "StatusList": artifacts.runtime_code("StatusList", registry=registry),
    }


def check_pins(call: Call, deployment: Deployment) -> None:
    """Demands that the node behind `call(method, params)` serves the pinned network.

    Raises:
        PinError: another chain id, genesis block or contract code; says which, and what was expected and found.
    """
    check_network(call, deployment)
    for name, code in expected_code(deployment).items():
        found = call("eth_getCode", [deployment.addresses[name], "latest"])
        _same(f"code of {name}", keccak(code).hex(), keccak(bytes.fromhex(found[2:])).hex())


def check_network(call: Call, deployment: Deployment) -> None:
    """Demands the pinned chain id and genesis block: two questions, cheap enough to ask before each writing.

    Raises:
        PinError: another chain id or genesis block.
    """
    _same("chain id", deployment.chain_id, int(call("eth_chainId", []), 16))
    genesis = call("eth_getBlockByNumber", ["0x0", False])
    _same("genesis block", deployment.genesis_hash.lower(), str((genesis or {}).get("hash")).lower())


def _same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise PinError(
            f"this node is another network: {what} {expected} expected, {found} found. "
            "Point ELICENCE_CHAIN_URL at the right node, or use another ELICENCE_HOME for another network."
        )
