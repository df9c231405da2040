"""The node that the verifier asks: raw JSON-RPC, many questions in one request. It is believed in nothing unchecked."""

from collections.abc import Sequence
from typing import Any

from eth_abi.exceptions import DecodingError

from contracts import artifacts
from contracts.answers import AnswerError
from contracts.counters import Counter
from contracts.deployment import Deployment, check_pins
from contracts.wire import RefusalError, Wire, WireError
from licence.facts import Head
from verifier.proofs import ProofError, state_root, storage

_NO_SUCH_METHOD = -32601
_PROOFS = 200
_AT_ONCE = 50
_FAILURES = (WireError, AnswerError, RefusalError)


class NodeError(Exception):
    """The node does not answer, or what it answers is none to the question."""


class ProofsNotServedError(Exception):
    """The node knows no eth_getProof: its word has to do."""


class Node:
    """One node of the pinned network."""

    def __init__(self, url: str, deployment: Deployment) -> None:
        self._wire = Wire(url)
        self._deployment = deployment
        self._proves = False

    @property
    def deployment(self) -> Deployment:
        """The pins of its network."""
        return self._deployment

    def many(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """The results of several calls, in their order, each of the shape of its method.

        Raises:
            NodeError: no answer, an error among them, not one for each, or one that does not fit its question.
        """
        results: list[Any] = []
        for start in range(0, len(calls), _AT_ONCE):
            part = calls[start : start + _AT_ONCE]
            try:
                results += self._wire.ask_many(part)
            except _FAILURES as error:
                raise NodeError(f"{part[0][0]}: {type(error).__name__}: {error}") from error
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
        try:
            return [
                artifacts.result(contract, view, bytes.fromhex(answer[2:]))
                for (contract, view, _), answer in zip(wanted, answers, strict=True)
            ]
        except (DecodingError, ValueError, OverflowError) as error:
            raise NodeError(f"eth_call: values of another shape ({type(error).__name__})") from error

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
        if block is None or block["hash"].lower() != "0x" + head.hash.hex():
            raise ProofError(f"block {head.number} is another than it was")
        return state_root(block)

    def _proof(self, address: str, slots: Sequence[int], block: int) -> Any:
        keys = [f"0x{slot:064x}" for slot in slots]
        try:
            answer = self._wire.ask("eth_getProof", [address, keys, hex(block)])
        except RefusalError as error:
            # A node that has served proofs and stops is not believed without them.
            if error.code == _NO_SUCH_METHOD and not self._proves:
                raise ProofsNotServedError from error
            raise NodeError(f"eth_getProof: {error}") from error
        except _FAILURES as error:
            raise NodeError(f"eth_getProof: {error}") from error
        self._proves = True
        return answer

    def close(self) -> None:
        """Gives the connections back."""
        self._wire.close()
