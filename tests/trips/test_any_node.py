"""The same demo on a node that we did not write: anvil, a real process over JSON-RPC, mining a block a second."""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from scripts import npm, seeding
from scripts.inventing import licences
from scripts.stack import Ports
from tests.trips.system import elicence, last_json
from tests.trips.test_demo import expected

PEERS = Path(__file__).resolve().parent.parent / "peers"
CHAIN_ID = 31_337


@pytest.fixture(scope="module")
def anvil() -> Iterator[str]:
    program = npm.install(PEERS, "@foundry-rs/anvil-linux-amd64/bin/anvil")
    if not os.access(program, os.X_OK):
        pytest.skip("NOT RUN: anvil's npm package has no program for this machine")
    port = Ports.free().chain
    told = [
        "--port",
        str(port),
        "--chain-id",
        str(CHAIN_ID),
        "--block-time",
        "1",
        "--hardfork",
        "prague",
        "--silent",
    ]
    process = subprocess.Popen([str(program), *told])
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            httpx.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
            break
        except httpx.TransportError:
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(10)


def test_the_demo_ends_alike_on_anvil(anvil: str) -> None:
    run = elicence("demo", "--chain", anvil, "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    found, counts, own = last_json(run.stdout), expected(seeding.TABLE), len(licences(date.today()))
    assert found["issued"] == found["anchored"] == sum(counts.values()) + own
    assert found["valid"] == counts["valid"] + own
    for word in ("expired", "superseded", "cancelled", "revoked"):
        assert found[word] == counts[word], word
    assert found["forgeries_tried"] == found["forgeries_refused"] >= 12
    assert found["audit_ok"] is True


def test_a_node_that_is_not_there_is_said_so() -> None:
    found = elicence("demo", "--chain", f"http://127.0.0.1:{Ports.free().chain}")
    assert found.returncode == 1
    assert "is it running" in found.stderr
