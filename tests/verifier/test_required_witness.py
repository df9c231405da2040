"""A verifier's process that requires a witness's process, on one anvil: silent, agreeing, alarmed, acknowledged."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from licence.witness import key_thumbprint
from scripts.stack import ROOT, Ports
from tests.nodes.nodes import ask
from tests.registry.office import Office
from verifier.settings import Settings
from verifier.witness_door import open_notebook
from verifier.witness_key import WitnessKey


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """Any file server with a copy of the public files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def process(log: Path, *module: str, **environment: str) -> Iterator[None]:
    with (
        log.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        ) as running,
    ):
        try:
            yield
        finally:
            running.terminate()


class Counter:
    """What a clerk is told about one licence file by a verifier over HTTP."""

    def __init__(self, port: int, shown: str, log: Path) -> None:
        self._url, self._shown, self._log = f"http://127.0.0.1:{port}", shown, log

    def await_verdict(self, verdict: str, reason: str | None, seconds: float = 30) -> httpx.Response:
        found, end = None, time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = httpx.post(f"{self._url}/api/v1/verify", json={"presentation": self._shown})
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if (found.json()["verdict"], found.json()["reason"]) == (verdict, reason):
                return found
            time.sleep(0.2)
        raise AssertionError((found and found.text, self._log.read_text("utf-8")[-1500:]))

    def ready(self) -> int:
        return httpx.get(f"{self._url}/readyz").status_code

    def witnesses(self) -> list[Mapping[str, object]]:
        found: list[Mapping[str, object]] = httpx.get(f"{self._url}/api/v1/network").json()["witnesses"]
        return found


def test_no_verdict_without_the_witness_nor_against_it(town: tuple[Office, str], tmp_path: Path) -> None:
    office, url = town
    row = office.issue()
    office.settle()
    ports, file = Ports.free(), tmp_path / "witness.db"
    settings = Settings(home=office.stack.home, witness_file=str(file))
    pin = key_thumbprint(WitnessKey.open(file.with_suffix(".key")).public)
    told = {"ELICENCE_HOME": str(office.stack.home), "ELICENCE_CHAIN_URL": url}
    counter = Counter(ports.verifier, office.show(row).file().decode(), tmp_path / "verifier.log")
    with ExitStack() as stack:
        told["ELICENCE_MIRROR"] = stack.enter_context(mirror(office.house.settings.public))
        told["ELICENCE_VERIFIER_PORT"] = str(ports.verifier)
        required = f"{pin}@http://127.0.0.1:{ports.registry}"
        stack.enter_context(
            process(tmp_path / "verifier.log", "verifier", ELICENCE_WITNESSES=required, **told)
        )
        silent = counter.await_verdict("UNDETERMINED", "WITNESS_SILENT")
        assert silent.status_code == 503
        assert counter.ready() == 503
        witness = ["scripts.main", "witness", "--port", str(ports.registry), "--file", str(file)]
        stack.enter_context(process(tmp_path / "witness.log", *witness, **told))
        counter.await_verdict("VALID", None)
        assert counter.ready() == 200
        assert [each["agrees"] for each in counter.witnesses()] == [True]

        ask(url, "anvil_rollback", 4)
        ask(url, "evm_mine")
        office.settle()  # the registry anchors the same roots again, if they were taken back
        told_ = counter.await_verdict("UNDETERMINED", "WITNESS_DISAGREES")
        assert "alarm" in told_.json()["text"]["en"]
        assert "警报" in told_.json()["text"]["zh"]
        notebook = open_notebook(settings, office.house.chain.demand_pins())
        time.sleep(2)
        for alarm in notebook.open_alarms():
            notebook.acknowledge(alarm.number, "a test took blocks back; compared, all is there", 1)
        notebook.close()
        counter.await_verdict("VALID", None)
