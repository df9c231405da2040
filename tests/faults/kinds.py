"""The faults of a node, each by its name: how the wire breaks, and how an answer lies."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from eth_utils import keccak

from contracts import artifacts
from tests.faults.proxy import Break, Fault, Lie, Message, Proxy, http

HUGE = 64 * 2**20
_SEND, _RECEIPT, _LOGS = "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_getLogs"
_CALL, _BLOCK, _NONCE = "eth_call", "eth_getBlockByNumber", "eth_getTransactionCount"
_PROOF = "eth_getProof"


def _answering(question: Message, result: Any) -> Message:
    return {"jsonrpc": "2.0", "id": question["id"], "result": result}


def _status(status: str) -> Break:
    async def play(_: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(http(b"Service Unavailable", status, "text/plain"))

    return play


def _instead(data: bytes, kind: str = "application/json") -> Break:
    async def play(_: Proxy, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(http(data, kind=kind))

    return play


async def _reset(_: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(http(data)[:-10])
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()


async def _reset_at_first(proxy: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    """So that both sides check the pins again, and meet the lie about them."""
    first = proxy.kept.setdefault("first", time.monotonic())
    if time.monotonic() < first + 0.5:
        writer.transport.abort()
    else:
        writer.write(http(data))


async def _silence(_: Proxy, __: asyncio.StreamWriter, ___: bytes) -> None:
    await asyncio.sleep(30)


async def _half(_: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(http(data[: len(data) // 2]))


async def _drip(_: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in http(data):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.3)


async def _flood(proxy: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    asked = json.loads(data)
    number = asked[0]["id"] if isinstance(asked, list) else asked["id"]
    start = b'{"jsonrpc":"2.0","id":%d,"result":"0x' % number
    writer.write(http(b"").replace(b"length: 0", b"length: %d" % (HUGE + len(start) + 2)) + start)
    part = b"0" * 2**18
    for _ in range(HUGE // len(part)):
        writer.write(part)
        await writer.drain()
        proxy.kept["written"] = proxy.kept.get("written", 0) + len(part)
    writer.write(b'"}')


async def _lacking(_: Proxy, writer: asyncio.StreamWriter, data: bytes) -> None:
    asked = json.loads(data)
    left = asked[:-1] if isinstance(asked, list) else {"jsonrpc": "2.0", "id": asked["id"]}
    writer.write(http(json.dumps(left).encode()))


async def _wrong_id(proxy: Proxy, question: Message) -> Message:
    return {**await proxy.forward(question), "id": question["id"] + 1}


async def _null(_: Proxy, question: Message) -> Message:
    return _answering(question, None)


def _failing(code: int, message: str) -> Lie:
    async def play(_: Proxy, question: Message) -> Message:
        error = {"code": code, "message": message}
        return {"jsonrpc": "2.0", "id": question["id"], "error": error}

    return play


async def _other_chain(proxy: Proxy, question: Message) -> Message:
    return _answering(question, hex(int((await proxy.forward(question))["result"], 16) + 1))


async def _other_genesis(proxy: Proxy, question: Message) -> Message | None:
    if question["params"][0] != "0x0":
        return None
    block = (await proxy.forward(question))["result"]
    return _answering(question, {**block, "hash": "0x" + "ab" * 32})


async def _no_code(_: Proxy, question: Message) -> Message:
    return _answering(question, "0x")


async def _swallow(_: Proxy, question: Message) -> Message:
    return _answering(question, "0x" + keccak(bytes.fromhex(question["params"][0][2:])).hex())


async def _never_mined(proxy: Proxy, question: Message) -> Message | None:
    """A receipt of success for a transaction that nobody has mined."""
    if (await proxy.forward(question))["result"] is not None:
        return None
    block = await proxy.ask(_BLOCK, "latest", False)
    digest = question["params"][0]
    proxy.kept.setdefault("claimed", {}).setdefault(block["number"], []).append(digest)
    claimed = {"transactionHash": digest, "transactionIndex": "0x0", "status": "0x1", "logs": []}
    return _answering(question, {**claimed, "blockNumber": block["number"], "blockHash": block["hash"]})


async def _with_claimed(proxy: Proxy, question: Message) -> Message | None:
    """The block that such a receipt names holds the transaction: the lies agree."""
    claimed = proxy.kept.get("claimed", {}).get(question["params"][0])
    if not claimed:
        return None
    block = (await proxy.forward(question))["result"]
    return _answering(question, {**block, "transactions": [*block["transactions"], *claimed]})


async def _reverted(proxy: Proxy, question: Message) -> Message | None:
    receipt = (await proxy.forward(question))["result"]
    return receipt and _answering(question, {**receipt, "status": "0x0"})


async def _unmined(proxy: Proxy, question: Message) -> Message | None:
    return _answering(question, None) if (await proxy.forward(question))["result"] else None


async def _frozen(proxy: Proxy, question: Message) -> Message:
    """The whole node as it was when the fault began."""
    if "head" not in proxy.kept:
        proxy.kept["head"] = await proxy.ask("eth_blockNumber")
    head = proxy.kept["head"]
    if question["method"] == "eth_blockNumber":
        return _answering(question, head)
    params = [head if part == "latest" else part for part in question["params"]]
    answer = await proxy.forward({**question, "params": params})
    found = answer.get("result")
    if question["method"] == _RECEIPT and found and int(found["blockNumber"], 16) > int(head, 16):
        return _answering(question, None)
    return answer


async def _back(proxy: Proxy, question: Message) -> Message | None:
    number = hex(int(await proxy.ask("eth_blockNumber"), 16) - 2)
    if question["method"] == "eth_blockNumber":
        return _answering(question, number)
    if question["params"][0] != "latest":
        return None
    return await proxy.forward({**question, "params": [number, False]})


async def _older(proxy: Proxy, question: Message) -> Message:
    """The contracts as they were three blocks ago."""
    number = hex(int(await proxy.ask("eth_blockNumber"), 16) - 3)
    return await proxy.forward({**question, "params": [question["params"][0], number]})


async def _zeros(proxy: Proxy, question: Message) -> Message:
    found = (await proxy.forward(question)).get("result", "0x" + "00" * 32)
    return _answering(question, "0x" + "0" * (len(found) - 2))


def _calls(question: Message, contract: str, function: str) -> bool:
    selector = artifacts.selector(contract, function).hex()
    return str(question["params"][0]["data"])[2:].startswith(selector)


async def _present(proxy: Proxy, question: Message) -> Message | None:
    """The next anchor, of one licence: what the batch that waits would be."""
    if not _calls(question, "AnchorLog", "anchorOf"):
        return None
    given = question["params"][0]
    argument = str(given["data"])[10:74]
    data = "0x" + artifacts.selector("AnchorLog", "head").hex() + argument
    seq = int((await proxy.ask(_CALL, {**given, "data": data}, "latest"))[2:66], 16)
    honest = (await proxy.forward(question))["result"]
    if int(honest[2:66], 16):
        return None
    return _answering(question, "0x" + "".join(f"{word:064x}" for word in (seq + 1, 1, int(time.time()), 0)))


async def _other_head(proxy: Proxy, question: Message) -> Message | None:
    if not _calls(question, "AnchorLog", "head"):
        return None
    found = (await proxy.forward(question))["result"]
    return _answering(question, f"0x{int(found[2:66], 16) + 1:064x}" + "cd" * 32)


async def _withheld(_: Proxy, question: Message) -> Message:
    return _answering(question, [])


def _logs(change: Any) -> Lie:
    async def play(proxy: Proxy, question: Message) -> Message | None:
        logs = (await proxy.forward(question))["result"]
        return _answering(question, change(logs)) if logs else None

    return play


def _other_root(log: Message) -> Message:
    topics = list(log["topics"])
    if len(topics) == 4:  # Anchored alone has three indexed values, the last of them its root
        topics[3] = "0x" + "5a" * 32
    return {**log, "topics": topics}


def _other_time(log: Message) -> Message:
    """The block's time, which an anchoring tells in its last word, ten years ahead."""
    data = str(log["data"])
    if len(log["topics"]) != 4:
        return log
    return {**log, "data": data[:-64] + f"{int(data[-64:], 16) + 315_360_000:064x}"}


def _nonce(step: int) -> Lie:
    async def play(proxy: Proxy, question: Message) -> Message:
        found = int((await proxy.forward(question))["result"], 16)
        return _answering(question, hex(max(0, found + step)))

    return play


async def _forged_proof(proxy: Proxy, question: Message) -> Message:
    proof = (await proxy.forward(question))["result"]
    entries = [{**entry, "value": "0x0", "proof": []} for entry in proof["storageProof"]]
    return _answering(question, {**proof, "storageProof": entries})


def lying(lie: Lie, *methods: str) -> Fault:
    """A fault of the answers to these methods."""
    return Fault(frozenset(methods), lie=lie)


def breaking(wire: Break, *methods: str) -> Fault:
    """A fault of the wire."""
    return Fault(frozenset(methods), wire=wire)


_HTML = b"<!doctype html><title>502</title><h1>Bad Gateway</h1>"
_PINS_AGAIN = breaking(_reset_at_first)

KINDS: Mapping[str, tuple[Fault, ...]] = {
    "status-500": (breaking(_status("500 Internal Server Error")),),
    "status-503": (breaking(_status("503 Service Unavailable")),),
    "status-503-to-sends": (breaking(_status("503 Service Unavailable"), _SEND),),
    "connection-refused": (Fault(deaf=True),),
    "connection-reset": (breaking(_reset),),
    "silence": (breaking(_silence),),
    "silence-to-sends": (breaking(_silence, _SEND),),
    "half-a-reply": (breaking(_half),),
    "html": (breaking(_instead(_HTML, "text/html")),),
    "empty-body": (breaking(_instead(b"")),),
    "nonsense-json": (breaking(_instead(b'[{"id":[],"result":{}},7,null]')),),
    "slow-drip": (breaking(_drip),),
    "64-mebibytes": (breaking(_flood),),
    "missing-member": (breaking(_lacking),),
    "wrong-id": (lying(_wrong_id),),
    "null": (lying(_null),),
    "error": (lying(_failing(-32603, "internal error")),),
    "other-chain-id": (_PINS_AGAIN, lying(_other_chain, "eth_chainId")),
    "other-genesis": (_PINS_AGAIN, lying(_other_genesis, _BLOCK)),
    "code-empty": (_PINS_AGAIN, lying(_no_code, "eth_getCode")),
    "receipt-never-mined": (lying(_swallow, _SEND), lying(_never_mined, _RECEIPT)),
    "receipt-never-mined-and-its-block": (
        lying(_swallow, _SEND), lying(_never_mined, _RECEIPT), lying(_with_claimed, _BLOCK),
    ),
    "receipt-reverted": (lying(_reverted, _RECEIPT),),
    "receipt-withheld": (lying(_unmined, _RECEIPT),),
    "head-frozen": (
        lying(_frozen, "eth_blockNumber", _BLOCK, _CALL, _NONCE, _LOGS, _RECEIPT, "eth_getCode", _PROOF),
    ),
    "head-goes-back": (lying(_back, "eth_blockNumber", _BLOCK),),
    "logs-withheld": (lying(_withheld, _LOGS),),
    "logs-of-another-root": (lying(_logs(lambda logs: [_other_root(log) for log in logs]), _LOGS),),
    "logs-of-another-time": (lying(_logs(lambda logs: [_other_time(log) for log in logs]), _LOGS),),
    "logs-twice": (lying(_logs(lambda logs: [*logs, *logs]), _LOGS),),
    "logs-of-another-contract": (
        lying(_logs(lambda logs: [{**log, "address": "0x" + "11" * 20} for log in logs]), _LOGS),
    ),
    "call-zeros": (lying(_zeros, _CALL),),
    "call-older-state": (lying(_older, _CALL),),
    "call-anchor-present": (lying(_swallow, _SEND), lying(_present, _CALL)),
    "call-other-head": (lying(_other_head, _CALL),),
    "nonce-too-high": (lying(_nonce(3), _NONCE),),
    "nonce-too-low": (lying(_nonce(-1), _NONCE),),
    "already-known-but-dropped": (lying(_failing(-32000, "already known"), _SEND),),
    "sends-swallowed": (lying(_swallow, _SEND),),
    "sends-refused": (lying(_failing(-32000, "insufficient funds for gas * price + value"), _SEND),),
    "proofs-stopped": (lying(_failing(-32601, "the method eth_getProof does not exist here"), _PROOF),),
    "proofs-forged": (lying(_forged_proof, _PROOF),),
}  # fmt: skip
