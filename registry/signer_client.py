"""Asks the signer's process over its Unix socket. Holds no key."""

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from licence.keys import Kid, NetworkId, PublicKey, Suite, Usage
from registry.errors import SignerUnreachableError
from registry.signer import Role, SigningError

_LONGEST_ADDRESS = 100


class SignerClient:
    """Asks the signer's process over its Unix socket. One connection a question: simple, and it survives restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create_key(self, department: int, usage: Usage, network: NetworkId) -> tuple[PublicKey, bytes]:
        answer = self._ask("create_key", department=department, usage=int(usage), network=network.hex())
        key = PublicKey(Suite(answer["suite"]), bytes.fromhex(answer["x"]), bytes.fromhex(answer["y"]))
        return key, bytes.fromhex(answer["proof"])

    def sign_entries(self, kid: Kid, entries: Sequence[bytes]) -> list[bytes]:
        answer = self._ask("sign_entries", kid=kid.hex(), entries=[entry.hex() for entry in entries])
        return [bytes.fromhex(signature) for signature in answer]

    def sign_jws(self, kid: Kid, signed: bytes) -> bytes:
        return bytes.fromhex(self._ask("sign_jws", kid=kid.hex(), signed=signed.hex()))

    def sign_status_cwt(self, kid: Kid, payload: bytes) -> bytes:
        return bytes.fromhex(self._ask("sign_status_cwt", kid=kid.hex(), payload=payload.hex()))

    def account(self, department: int, role: Role) -> str:
        return str(self._ask("account", department=department, role=str(role)))

    def sign_transaction(self, address: str, transaction: Mapping[str, Any]) -> bytes:
        return bytes.fromhex(self._ask("sign_transaction", address=address, transaction=dict(transaction)))

    def demand_alive(self) -> None:
        """Demands that the signer answers.

        Raises:
            SignerUnreachableError: it does not.
        """
        self._ask("alive")

    def _ask(self, deed: str, **arguments: object) -> Any:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(30)
                with reachable(self._path) as address:
                    link.connect(address)
                link.sendall(json.dumps({"deed": deed, **arguments}).encode() + b"\n")
                with link.makefile("rb") as lines:
                    answer = json.loads(lines.readline())
        except (OSError, ValueError) as error:
            raise SignerUnreachableError(type(error).__name__) from error
        if "unreachable" in answer:
            raise SignerUnreachableError(answer["unreachable"])
        if "refused" in answer:
            raise SigningError(answer["refused"])
        return answer["done"]


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """An address of a Unix socket, whose paths the system limits to 107 bytes: a long one goes through its folder."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
