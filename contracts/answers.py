"""What a node's answer must look like, and that it fits its question. A wrong shape is refused here, by its own name.

It proves nothing: a well-formed lie passes. It never lets a KeyError or TypeError of a node's making reach a deed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from eth_utils import keccak

Params: TypeAlias = Sequence[Any]
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class AnswerError(ValueError):
    """An answer that is none to its question; the message says what is wrong with it."""


def demand_fit(method: str, params: Params, result: Any) -> None:
    """Demands that a result has the shape of its method and fits what was asked. Methods not known here pass.

    Raises:
        AnswerError: it does not.
    """
    check = _CHECKS.get(method)
    if check is not None:
        check(params, result)


def knows(method: str) -> bool:
    """Whether this is a method that only reads, and that every node of ours has."""
    return method in _CHECKS and method not in ("eth_call", "eth_sendRawTransaction")


def _demand(true: bool, what: str) -> None:
    if not true:
        raise AnswerError(what)


def _matches(shape: re.Pattern[str], value: Any, name: str) -> str:
    _demand(isinstance(value, str) and shape.fullmatch(value) is not None, f"{name} is malformed")
    return str(value)


def _quantity(value: Any, name: str) -> int:
    return int(_matches(_QUANTITY, value, name), 16)


def _is_quantity(_: Params, result: Any) -> None:
    _quantity(result, "the number")


def _is_data(_: Params, result: Any) -> None:
    _matches(_DATA, result, "the data")


def _object(value: Any, name: str) -> Mapping[str, Any]:
    _demand(isinstance(value, Mapping), f"{name} is no object")
    found: Mapping[str, Any] = value
    return found


def _is_block(params: Params, result: Any) -> None:
    if result is None:
        return
    block = _object(result, "the block")
    number = _quantity(block.get("number"), "a block's number")
    _matches(_HASH, block.get("hash"), "a block's hash")
    _quantity(block.get("timestamp"), "a block's time")
    if block.get("baseFeePerGas") is not None:
        _quantity(block["baseFeePerGas"], "a block's base fee")
    _demand(isinstance(block.get("transactions", []), list), "a block's transactions are no list")
    asked = params[0]
    if _QUANTITY.fullmatch(asked):
        _demand(number == int(asked, 16), f"block {int(asked, 16)} asked, block {number} answered")


def _is_receipt(params: Params, result: Any) -> None:
    if result is None:
        return
    receipt = _object(result, "the receipt")
    found = _matches(_HASH, receipt.get("transactionHash"), "a receipt's transaction")
    _demand(found.lower() == str(params[0]).lower(), "a receipt of another transaction")
    _quantity(receipt.get("blockNumber"), "a receipt's block")
    _matches(_HASH, receipt.get("blockHash"), "a receipt's block hash")
    _demand(receipt.get("status") in ("0x0", "0x1"), "a receipt's status is neither 0x0 nor 0x1")


def _is_sent(params: Params, result: Any) -> None:
    found = _matches(_HASH, result, "the hash")
    expected = keccak(bytes.fromhex(str(params[0])[2:])).hex()
    _demand(found[2:].lower() == expected, "the hash of another transaction than was sent")


def _are_logs(params: Params, result: Any) -> None:
    _demand(isinstance(result, list), "the logs are no list")
    wanted = params[0]
    places: set[tuple[int, int]] = set()
    hashes: dict[int, str] = {}
    for entry in result:
        log = _object(entry, "a log")
        number = _demand_log(wanted, log)
        place = (number, _quantity(log.get("logIndex"), "a log's place"))
        _demand(place not in places, "the same log twice")
        known = hashes.setdefault(number, str(log["blockHash"]).lower())
        _demand(known == str(log["blockHash"]).lower(), f"two hashes for block {number}")
        places.add(place)


def _demand_log(wanted: Mapping[str, Any], log: Mapping[str, Any]) -> int:
    address = _matches(_ADDRESS, log.get("address"), "a log's address").lower()
    asked = wanted.get("address") or []
    allowed = [asked] if isinstance(asked, str) else asked
    _demand(not allowed or address in {str(one).lower() for one in allowed}, "a log of another contract")
    _matches(_DATA, log.get("data"), "a log's data")
    _matches(_HASH, log.get("blockHash"), "a log's block hash")
    _matches(_HASH, log.get("transactionHash"), "a log's transaction")
    _demand(log.get("removed") in (None, False), "a log that was removed")
    _demand_topics(wanted.get("topics") or [], log.get("topics"))
    number = _quantity(log.get("blockNumber"), "a log's block")
    _demand(_at_least(wanted.get("fromBlock"), number), "a log of a block that was not asked for")
    _demand(_at_most(wanted.get("toBlock"), number), "a log of a block that was not asked for")
    return number


def _demand_topics(wanted: Sequence[Any], topics: Any) -> None:
    _demand(isinstance(topics, list) and len(topics) <= 4, "a log's topics are no list")
    found = [_matches(_HASH, topic, "a log's topic").lower() for topic in topics]
    for place, choice in enumerate(wanted):
        allowed = [choice] if isinstance(choice, str) else choice
        fits = not allowed or (place < len(found) and found[place] in {one.lower() for one in allowed})
        _demand(fits, "a log of another event than was asked for")


def _at_least(bound: Any, number: int) -> bool:
    return not isinstance(bound, str) or not _QUANTITY.fullmatch(bound) or number >= int(bound, 16)


def _at_most(bound: Any, number: int) -> bool:
    return not isinstance(bound, str) or not _QUANTITY.fullmatch(bound) or number <= int(bound, 16)


def _is_proof(_: Params, result: Any) -> None:
    proof = _object(result, "the proof")
    for name in ("accountProof", "storageProof"):
        _demand(isinstance(proof.get(name), list), f"the proof's {name} is no list")


_CHECKS: Mapping[str, Callable[[Params, Any], None]] = {
    "eth_blockNumber": _is_quantity,
    "eth_call": _is_data,
    "eth_chainId": _is_quantity,
    "eth_getBalance": _is_quantity,
    "eth_getBlockByNumber": _is_block,
    "eth_getCode": _is_data,
    "eth_getLogs": _are_logs,
    "eth_getProof": _is_proof,
    "eth_getTransactionCount": _is_quantity,
    "eth_getTransactionReceipt": _is_receipt,
    "eth_sendRawTransaction": _is_sent,
}
