"""Starts the whole system as processes on one machine, watches and stops them. For demos, tests and one office."""

import ctypes
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

from localchain import genesis
from registry.chain import Chain, TransactionRefusedError
from registry.house import House, build, own_signer
from registry.onboarding import deploy
from registry.settings import Settings
from registry.signer import COUNCIL, Role

ROOT = Path(__file__).resolve().parent.parent
_PR_SET_PDEATHSIG = 1
_REGISTRY = ("registry", "worker")
# Each secret goes to those who need it: whoever takes the process that faces the network finds no signing secret there.
_SECRETS = {
    "ELICENCE_UNLOCK": ("signer",),
    "ELICENCE_PKCS11_PIN": ("signer",),
    "ELICENCE_PKCS11_WRAPPING_PIN": _REGISTRY,
    "ELICENCE_DATABASE_URL": _REGISTRY,
    "AWS_SECRET_ACCESS_KEY": _REGISTRY,
    "AWS_SESSION_TOKEN": _REGISTRY,
}


class StackError(Exception):
    """The system cannot start or has stopped; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The three ports, on loopback."""

    chain: int = 8545
    registry: int = 8701
    verifier: int = 8702

    @classmethod
    def free(cls) -> "Ports":
        """Three ports that nobody listens on now."""
        held = [socket.socket() for _ in range(3)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        ports = cls(*(each.getsockname()[1] for each in held))
        for each in held:
            each.close()
        return ports

    def demand_free(self) -> None:
        """Demands that nobody listens on them.

        Raises:
            StackError: names the port, and the setting that moves it.
        """
        for name, port in (("chain", self.chain), ("registry", self.registry), ("verifier", self.verifier)):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise StackError(
                        f"port {port} of the {name} is in use: stop what uses it, or choose another with --{name}-port"
                    ) from error


@dataclass(slots=True)
class Stack:
    """The processes over one home folder. With `chain_url` another node's chain is used instead of the local one."""

    home: Path
    ports: Ports = field(default_factory=Ports)
    chain_url: str = ""
    chain_id: int = 20_261
    database_url: str = field(default_factory=lambda: os.environ.get("ELICENCE_DATABASE_URL", ""))
    objects_url: str = field(default_factory=lambda: os.environ.get("ELICENCE_OBJECTS_URL", ""))
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The registry's settings over this home."""
        return Settings(
            home=self.home,
            chain_url=self.chain_url or f"http://127.0.0.1:{self.ports.chain}",
            chain_id=self.chain_id,
            registry_port=self.ports.registry,
            database_url=self.database_url,
            objects_url=self.objects_url,
        )

    @property
    def registry(self) -> str:
        """The registry's address."""
        return f"http://127.0.0.1:{self.ports.registry}"

    @property
    def verifier(self) -> str:
        """The verifier's address."""
        return f"http://127.0.0.1:{self.ports.verifier}"

    def start(self) -> None:
        """Starts everything, each part once the one below is ready.

        Raises:
            StackError: a port in use, or a part that ends instead of getting ready; says where its log is.
        """
        self.ports.demand_free()
        (self.home / "log").mkdir(parents=True, exist_ok=True)
        self.reach_chain()
        deploy(self.settings, own_signer(self.settings))
        for name, module in (
            ("signer", "registry signer"),
            ("registry", "registry web"),
            ("worker", "registry worker"),
        ):
            self._start(name, module.split())
        self._start("verifier", ["verifier"])
        for name in ("signer", "registry", "worker", "verifier"):
            self._await_ready(name)
        self._await_port(self.ports.registry, "registry")
        self._await_port(self.ports.verifier, "verifier")

    @property
    def council(self) -> str:
        """The council's account."""
        return own_signer(self.settings).account(COUNCIL, Role.COUNCIL)

    def reach_chain(self) -> None:
        """Joins the node that was named, or starts the local chain.

        Raises:
            StackError, ChainUnreachableError: as the two of them.
        """
        if self.chain_url:
            self._join()
        else:
            self.start_chain()

    def start_chain(self) -> None:
        """Starts the local chain, founding it at the first call."""
        folder = self.home / "chain"
        if not (folder / "genesis.json").exists():
            genesis.init(folder, self.settings.chain_id, [self.council])
        self._start("chain", ["localchain", "run", "--data", str(folder), "--port", str(self.ports.chain)])
        self._await_ready("chain")

    def _join(self) -> None:
        """Takes the chain id of the node that was named, and sees that the council can pay there.

        Raises:
            StackError: it cannot; says which account to fund.
            ChainUnreachableError: the node does not answer.
        """
        node = Chain(self.chain_url, None)
        self.chain_id = int(node.request("eth_chainId", []), 16)
        council = self.council
        if int(node.request("eth_getBalance", [council, "latest"]), 16):
            return
        try:
            node.request("anvil_setBalance", [council, hex(genesis.FUND)])
        except TransactionRefusedError as error:
            raise StackError(
                f"the council's account {council} has no money on {self.chain_url}: send it some, then start again"
            ) from error

    def house(self) -> House:
        """The registry's deeds over this stack, through the running signer."""
        return build(self.settings)

    def let_in(self, accounts: Sequence[str]) -> None:
        """Tells the local chain of accounts that may send."""
        if not self.chain_url:
            genesis.admit(self.home / "chain", *accounts)

    def watch(self) -> None:
        """Returns when a process has ended by itself.

        Raises:
            StackError: names it and its log.
        """
        while True:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise StackError(f"{name} has stopped: see {self._log(name)}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Stops everything, the top first."""
        for name in reversed(list(self.processes)):
            self.end(name, signal.SIGTERM)
        self.processes.clear()

    def end(self, name: str, number: signal.Signals) -> None:
        """Ends one process and waits for it."""
        process = self.processes[name]
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def environment(self, name: str) -> Mapping[str, str]:
        """What one process is told."""
        told = self._told()
        return {key: value for key, value in told.items() if name in _SECRETS.get(key, (name,))}

    def _told(self) -> Mapping[str, str]:
        settings = self.settings
        return {
            **os.environ,
            "ELICENCE_HOME": str(self.home),
            "ELICENCE_CHAIN_URL": settings.chain_url,
            "ELICENCE_CHAIN_ID": str(self.chain_id),
            "ELICENCE_DATABASE_URL": self.database_url,
            "ELICENCE_OBJECTS_URL": self.objects_url,
            "ELICENCE_REGISTRY_PORT": str(self.ports.registry),
            "ELICENCE_VERIFIER_PORT": str(self.ports.verifier),
            "ELICENCE_MIRROR": f"{self.registry}/public",
            "ELICENCE_LINGER": "0",
            "PYTHONPATH": str(ROOT),
        }

    def _log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"

    def _start(self, name: str, module: list[str]) -> None:
        path = self._log(name)
        path.write_bytes(b"")
        with path.open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.environment(name),
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    def _await_ready(self, name: str, seconds: float = 40) -> None:
        end, path = time.monotonic() + seconds, self._log(name)
        while not any(line.startswith("ready") for line in path.read_text("utf-8", "replace").splitlines()):
            if self.processes[name].poll() is not None or time.monotonic() > end:
                last = path.read_text("utf-8", "replace").strip().splitlines()[-1:]
                self.stop()
                raise StackError(f"{name} did not get ready: {' '.join(last)} (log: {path})")
            time.sleep(0.02)

    def _await_port(self, port: int, name: str) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise StackError(f"{name} does not answer: see {self._log(name)}")


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """The stack, running inside the block and stopped after it."""
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def _die_with_parent() -> None:
    """Even when the parent is killed, nothing is left behind that holds a port."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
