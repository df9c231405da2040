"""The node that the verifier asks: raw JSON-RPC, many questions in one request. It is believed in nothing unchecked."""

from collections.abc import Sequence
from typing import Any

import httpx

from contracts import artifacts
from contracts.deployment import Deployment, check_pins


class NodeError(Exception):
    """The node does not answer, or not as JSON-RPC."""


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
