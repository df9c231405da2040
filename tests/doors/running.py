"""The registry's real processes over an office: signer, web and worker, with faults injected from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from licence.codes import credit_check, organisation_check
from scripts import seeding
from scripts.stack import ROOT, Ports
from tests.registry.office import Office

BUSINESS = seeding.definitions()["business"].code


@dataclass
class Process:
    """One process, its log, and its address if it has one."""

    popen: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def await_ready(self, seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while "ready " not in self.text or not self._listens():
            assert self.popen.poll() is None and time.monotonic() < end, self.text[-2000:]
            time.sleep(0.02)

    def _listens(self) -> bool:
        if not self.url:
            return True
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(self.url.rpartition(":")[2]))) == 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Signals and waits: the exit status, and the seconds it took."""
        began = time.monotonic()
        self.popen.send_signal(number)
        try:
            return self.popen.wait(15), time.monotonic() - began
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def processor(self) -> float:
        """Seconds of a processor that it has had."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.popen.pid}/task").iterdir()))


_KINDS = {"web": "registry", "worker": "worker", "signer": "signer", "verifier": "verifier"}


@dataclass
class Running:
    """Processes over one office; what was started is ended with the block."""

    office: Office
    folder: Path
    started: list[Process] = field(default_factory=list)

    def start(self, module: Sequence[str], **environment: str) -> Process:
        """Starts `python -m` something; ready when it comes back."""
        name = "-".join(module).replace(".", "-")
        log = self.folder / f"{name}-{len(self.started)}.log"
        stack = self.office.stack
        told: Mapping[str, str] = {
            **stack.environment(_KINDS[module[-1]]),
            "ELICENCE_LINGER": "0",
            **environment,
        }
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-m", *module], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=told
            )
        port = told["ELICENCE_VERIFIER_PORT" if module[0] == "verifier" else "ELICENCE_REGISTRY_PORT"]
        faces = module[-1] in ("web", "verifier")
        process = Process(popen, log, f"http://127.0.0.1:{port}" if faces else "")
        self.started.append(process)
        process.await_ready()
        return process

    def web(self, **environment: str) -> Process:
        """A web process on a port of its own."""
        return self.start(
            ["registry", "web"], ELICENCE_REGISTRY_PORT=str(Ports.free().registry), **environment
        )

    def signer(self) -> Process:
        return self.start(["registry", "signer"])

    def end(self) -> None:
        for process in reversed(self.started):
            if process.popen.poll() is None:
                process.popen.send_signal(signal.SIGKILL)
                process.popen.wait()


@contextmanager
def running(office: Office, folder: Path) -> Iterator[Running]:
    """Processes for the block."""
    made = Running(office, folder)
    try:
        yield made
    finally:
        made.end()


def company(number: int) -> str:
    """The credit code of one of a million invented companies (GB 32100)."""
    organisation = f"MA{number:06}"
    text = f"91990101{organisation}{organisation_check(organisation)}"
    return text + credit_check(text)


def issue(web: Process, office: Office, key: str, **more: Any) -> httpx.Response:
    """One licence asked for over HTTP."""
    body = {"type": BUSINESS, "values": office.business(creditCode=company(office.number))}
    headers = office.headers(1, key)
    return httpx.post(f"{web.url}/api/v1/licences", json=body, headers=headers, timeout=60, **more)


def demand_root(what: str) -> None:
    """Demands the rights that a test needs; scripts/test names at its end what was not run, and CI fails by it."""
    if os.geteuid() != 0:
        pytest.skip(f"NOT RUN: {what} needs root")
