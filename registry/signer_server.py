"""The signer's process: a signer behind a Unix socket of mode 0600. It faces no network."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from licence.errors import LicenceError
from licence.keys import Kid, NetworkId, Usage
from registry.errors import RegistryError, UnreachableError
from registry.signer import REFUSES, Role, Signer
from registry.signer_client import reachable

log = logging.getLogger("signer")
_LIMIT = 8 * 1024 * 1024
_DRAIN = 8.0


class SignerServer:
    """Answers one question a line."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._deeds: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "create_key": self._create_key,
            "sign_entries": self._sign_entries,
            "sign_jws": self._sign_jws,
            "sign_status_cwt": self._sign_status_cwt,
            "account": self._account,
            "sign_transaction": self._sign_transaction,
            "alive": lambda _: True,
        }
        self._talks: set[asyncio.Task[None]] = set()

    async def serve_until_signal(self, path: Path, ready: Callable[[], None]) -> None:
        """Serves until SIGTERM or SIGINT. Of the main thread alone."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.serve(path, ready, stop)

    async def serve(self, path: Path, ready: Callable[[], None], stop: asyncio.Event) -> None:
        """Listens until `stop`, then answers whoever is connected; a socket left by a killed process is replaced."""
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            with reachable(path) as address:
                server = await asyncio.start_unix_server(self._talk, address, limit=_LIMIT)
        finally:
            os.umask(mask)
        ready()
        async with server:
            await stop.wait()
            server.close()
            if self._talks:
                await asyncio.wait(self._talks, timeout=_DRAIN)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk is not None:
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.warning("a caller went away: %s", type(error).__name__)
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            return {"done": self._deeds[question["deed"]](question)}
        except UnreachableError as error:
            log.warning("unreachable: %s", error.en)
            return {"unreachable": error.en}
        except RegistryError as error:
            log.warning("refused: %s", error.en)
            return {"refused": error.en.removeprefix(REFUSES)}
        except (LicenceError, KeyError, ValueError, TypeError, OSError) as error:
            log.warning("refused: %s", type(error).__name__)
            return {"refused": f"not a question this signer answers ({type(error).__name__})"}

    def _create_key(self, question: Mapping[str, Any]) -> dict[str, Any]:
        network = NetworkId(bytes.fromhex(question["network"]))
        key, proof = self._signer.create_key(question["department"], Usage(question["usage"]), network)
        return {"suite": int(key.suite), "x": key.x.hex(), "y": key.y.hex(), "proof": proof.hex()}

    def _sign_entries(self, question: Mapping[str, Any]) -> list[str]:
        entries = [bytes.fromhex(entry) for entry in question["entries"]]
        return [s.hex() for s in self._signer.sign_entries(Kid(bytes.fromhex(question["kid"])), entries)]

    def _sign_jws(self, question: Mapping[str, Any]) -> str:
        signed = bytes.fromhex(question["signed"])
        return self._signer.sign_jws(Kid(bytes.fromhex(question["kid"])), signed).hex()

    def _sign_status_cwt(self, question: Mapping[str, Any]) -> str:
        payload = bytes.fromhex(question["payload"])
        return self._signer.sign_status_cwt(Kid(bytes.fromhex(question["kid"])), payload).hex()

    def _account(self, question: Mapping[str, Any]) -> str:
        return self._signer.account(question["department"], Role(question["role"]))

    def _sign_transaction(self, question: Mapping[str, Any]) -> str:
        return self._signer.sign_transaction(question["address"], question["transaction"]).hex()
