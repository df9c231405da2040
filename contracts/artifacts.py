"""The compiled contracts: what to deploy, how to call, what a refusal means. Running needs no compiler."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

FOLDER = Path(__file__).parent / "artifacts"
NAMES = ("IssuerRegistry", "AnchorLog", "StatusList")
_ERROR_STRING = bytes.fromhex("08c379a0")


@dataclass(frozen=True)
class Artifact:
    """One compiled contract. `immutables` maps the name of an immutable to its places in the runtime code,
    `storage` that of a state variable to its slot and its offset in it, in bytes from the lowest.
    """

    name: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    runtime: bytes
    immutables: Mapping[str, Sequence[int]]
    storage: Mapping[str, tuple[int, int]]

    def item(self, kind: str, name: str) -> Mapping[str, Any]:
        """The ABI item of that kind ("function", "event", "error", "constructor") and name.

        Raises:
            KeyError: there is none.
        """
        for item in self.abi:
            if item["type"] == kind and item.get("name", "") == name:
                return item
        raise KeyError(f"{self.name} has no {kind} {name}")


@cache
def load(name: str) -> Artifact:
    """The committed artifact of a contract."""
    data = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return Artifact(
        name=name,
        abi=data["abi"],
        bytecode=bytes.fromhex(data["bytecode"]),
        runtime=bytes.fromhex(data["runtime"]),
        immutables=data["immutables"],
        storage={label: (slot, offset) for label, (slot, offset) in data["storage"].items()},
    )


def types(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ABI types of inputs or outputs."""
    return [str(item["type"]) for item in items]


def signature(item: Mapping[str, Any]) -> str:
    """name(type,…) of a function, event or error."""
    return f"{item['name']}({','.join(types(item['inputs']))})"


@cache
def selector(name: str, function: str) -> bytes:
    """The four bytes that call a function."""
    return keccak(text=signature(load(name).item("function", function)))[:4]


def calldata(name: str, function: str, *arguments: object) -> bytes:
    """The input of a call of `function` of contract `name`."""
    item = load(name).item("function", function)
    return selector(name, function) + encode(types(item["inputs"]), arguments)


def result(name: str, function: str, data: bytes) -> tuple[Any, ...]:
    """The values that a call gave back."""
    return tuple(decode(types(load(name).item("function", function)["outputs"]), data))


def deploy_data(name: str, *arguments: object) -> bytes:
    """The input of the transaction that deploys contract `name`."""
    artifact = load(name)
    return artifact.bytecode + encode(types(artifact.item("constructor", "")["inputs"]), arguments)


def runtime_code(name: str, **immutables: bytes) -> bytes:
    """The code that a deployed contract must have: the artifact's, with its immutables (32 bytes each) filled in."""
    artifact = load(name)
    code = bytearray(artifact.runtime)
    for immutable, places in artifact.immutables.items():
        for place in places:
            code[place : place + 32] = immutables[immutable]
    return bytes(code)


def revert_reason(data: bytes) -> str:
    """The custom error (or message) in the data of a reverted call, with its values, for people who operate."""
    if data[:4] == _ERROR_STRING:
        return str(decode(["string"], data[4:])[0])
    for name in NAMES:
        for item in load(name).abi:
            if item["type"] == "error" and keccak(text=signature(item))[:4] == data[:4]:
                values = decode(types(item["inputs"]), data[4:])
                return f"{item['name']}({', '.join(map(_plain, values))})"
    return f"0x{data.hex()}" if data else "no reason given"


def _plain(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
