"""One whole system, started as users start it, for the trips."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.stack import Ports

ROOT = Path(__file__).resolve().parent.parent.parent


def elicence(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.main", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )


def last_json(text: str) -> dict[str, Any]:
    """The object in the last line."""
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


@dataclass
class System:
    """A running `elicence up`."""

    home: Path
    ports: Ports
    process: subprocess.Popen[bytes]

    @property
    def verifier(self) -> str:
        return f"http://127.0.0.1:{self.ports.verifier}"

    @property
    def registry(self) -> str:
        return f"http://127.0.0.1:{self.ports.registry}"

    @property
    def log(self) -> str:
        return (self.home.parent / "up.log").read_text("utf-8")

    def audit(self) -> subprocess.CompletedProcess[str]:
        chain = f"http://127.0.0.1:{self.ports.chain}"
        told = ["--home", str(self.home), "--chain", chain, "--mirror", f"{self.registry}/public"]
        return elicence("audit", *told, "--json")

    def children(self) -> list[int]:
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        return [int(word) for word in found.stdout.split()]

    def kill_everything(self) -> None:
        for pid in [*self.children(), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        time.sleep(0.5)


def start(home: Path, ports: Ports, *more: str) -> System:
    """Starts, and waits until it has greeted."""
    home.mkdir(parents=True, exist_ok=True)
    path = home.parent / "up.log"
    told = ["--home", str(home), "--chain-port", str(ports.chain)]
    told += ["--registry-port", str(ports.registry), "--verifier-port", str(ports.verifier), *more]
    with path.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.main", "up", *told],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200"},
        )
    for _ in range(600):
        if "Ctrl-C" in path.read_text("utf-8", "replace"):
            return System(home, ports, process)
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(path.read_text("utf-8", "replace"))


@contextmanager
def running(home: Path, *more: str) -> Iterator[System]:
    """A system for the block."""
    system = start(home, Ports.free(), *more)
    try:
        yield system
    finally:
        system.process.send_signal(signal.SIGINT)
        try:
            system.process.wait(20)
        except subprocess.TimeoutExpired:
            system.kill_everything()
