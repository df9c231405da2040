"""A real localchain process for tests, asked over JSON-RPC by a client of no relation to it (eth-account, httpx)."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

CHAIN_ID = 20262
ROOT = Path(__file__).resolve().parent.parent.parent


def account(word: str) -> LocalAccount:
    """An account made from a word."""
    made: LocalAccount = Account.from_key(word.encode().ljust(32, b"\1"))
    return made


@dataclass
class Node:
    """A process over a folder. `module` may be another entry that plants a fault."""

    folder: Path
    module: str = "localchain"
    url: str = ""
    process: subprocess.Popen[str] | None = None
    client: httpx.Client = field(init=False)

    def init(self, *funded: LocalAccount) -> None:
        self.run(
            "init", "--chain-id", str(CHAIN_ID), "--fund", *[each.address for each in funded], check=True
        )

    def run(self, deed: str, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "localchain", deed, "--data", str(self.folder), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=check, timeout=60)

    def start(self) -> "Node":
        self.client = httpx.Client(timeout=20, trust_env=False)
        command = [sys.executable, "-m", self.module, "run", "--data", str(self.folder), "--port", "0"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        self.url = line.split()[1]
        return self

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.client.close()
        return code

    def ask(self, method: str, *params: Any) -> Any:
        return self.many([(method, params)])[0]["result"]

    def many(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[dict[str, Any]]:
        body = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": list(params)}
            for place, (method, params) in enumerate(calls)
        ]
        answers: list[dict[str, Any]] = self.client.post(self.url, json=body).json()
        return answers

    def error(self, method: str, *params: Any) -> str:
        return str(self.many([(method, params)])[0]["error"]["message"])

    def wait(self, digest: str) -> dict[str, Any]:
        for _ in range(200):
            receipt: dict[str, Any] | None = self.ask("eth_getTransactionReceipt", digest)
            if receipt:
                return receipt
            signal.sigtimedwait([], 0.02)
        raise AssertionError("not mined")


def transfer(sender: LocalAccount, nonce: int, **changes: Any) -> str:
    """A raw transfer of one wei to nobody."""
    told = {
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "to": "0x" + "11" * 20,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
        **changes,
    }
    raw = sender.sign_transaction(told).raw_transaction.hex()
    return "0x" + raw.removeprefix("0x")
