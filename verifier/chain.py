"""The node that the verifier asks: raw JSON-RPC, many questions in one request. It is believed in nothing unchecked."""

from collections.abc import Sequence
from typing import Any

import httpx

from contracts import artifacts
from contracts.counters import Counter
from contracts.deployment import Deployment, check_pins
from licence.facts import Head
from verifier.proofs import ProofError, state_root, storage

_NO_SUCH_METHOD = -32601
_PROOFS = 200


class NodeError(Exception):
    """The node does not answer, or not as JSON-RPC."""


class ProofsNotServedError(Exception):
    """The node knows no eth_getProof: its word has to do."""


class Node:
    """One node of the pinned network."""

    def __init__(self, url: str, deployment: Deployment) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self._deployment = deployment

    def many(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """The results of several calls, in their order.

        Raises:
            NodeError: no answer, an error among them, or not one for each.
        """
        asked = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
            for place, (method, params) in enumerate(calls)
        ]
        results: list[Any] = []
        for start in range(0, len(asked), 50):
            results += self._post(asked[start : start + 50])
        return results

    def one(self, method: str, params: list[Any]) -> Any:
        """The result of one call.

        Raises:
            NodeError: as many.
        """
        return self.many([(method, params)])[0]

    def demand_pins(self) -> None:
        """Demands that this is the pinned network.

        Raises:
            PinError: it is another.
            NodeError: as many.
        """
        check_pins(self.one, self._deployment)

    def views(self, wanted: Sequence[tuple[str, str, tuple[int, ...]]], block: int) -> list[tuple[Any, ...]]:
        """What views of the contracts answer as of one block.

        Raises:
            NodeError: as many.
        """
        calls = [
            (
                "eth_call",
                [
                    {
                        "to": self._deployment.addresses[contract],
                        "data": "0x" + artifacts.calldata(contract, view, *arguments).hex(),
                    },
                    hex(block),
                ],
            )
            for contract, view, arguments in wanted
        ]
        answers = self.many(calls)
        return [
            artifacts.result(contract, view, bytes.fromhex(answer[2:]))
            for (contract, view, _), answer in zip(wanted, answers, strict=True)
        ]

    def proven(self, wanted: Sequence[Counter], head: Head) -> list[int]:
        """What the contracts' storage holds at a block, proven under that block's state root.

        Raises:
            ProofsNotServedError: the node knows no eth_getProof.
            ProofError: a proof that proves something else, or a block of another hash.
            NodeError: as many.
        """
        asked: list[tuple[str, list[int], Any]] = []
        for contract, address in self._deployment.addresses.items():
            slots = sorted({counter.slot for counter in wanted if counter.contract == contract})
            parts = [slots[at : at + _PROOFS] for at in range(0, len(slots), _PROOFS)]
            asked += [(contract, part, self._proof(address, part, head.number)) for part in parts]
        root = self._state_root(head)
        found: dict[tuple[str, int], int] = {}
        for contract, part, answer in asked:
            words = storage(root, self._deployment.addresses[contract], answer, part)
            found |= {(contract, slot): word for slot, word in zip(part, words, strict=True)}
        return [counter.read(found[counter.contract, counter.slot]) for counter in wanted]

    def _state_root(self, head: Head) -> bytes:
        block = self.one("eth_getBlockByNumber", [hex(head.number), False])
        if block is None or block["hash"] != "0x" + head.hash.hex():
            raise ProofError(f"block {head.number} is another than it was")
        return state_root(block)

    def _proof(self, address: str, slots: Sequence[int], block: int) -> Any:
        keys = [f"0x{slot:064x}" for slot in slots]
        params = [address, keys, hex(block)]
        question = {"jsonrpc": "2.0", "id": 0, "method": "eth_getProof", "params": params}
        try:
            answer = self._client.post("/", json=question).json()
            if "error" in answer and answer["error"]["code"] == _NO_SUCH_METHOD:
                raise ProofsNotServedError
            return answer["result"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise NodeError(f"eth_getProof: {type(error).__name__}") from error

    def _post(self, asked: list[dict[str, Any]]) -> list[Any]:
        try:
            answers = self._client.post("/", json=asked).json()
            by_id = {answer["id"]: answer["result"] for answer in answers}
            return [by_id[question["id"]] for question in asked]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise NodeError(f"{asked[0]['method']}: {type(error).__name__}") from error

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()
