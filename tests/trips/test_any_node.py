"""The same demo on a node that we did not write: anvil, a real process over JSON-RPC, mining a block a second."""

from collections.abc import Iterator
from datetime import date

import pytest

from scripts import seeding
from scripts.inventing import licences
from scripts.stack import Ports
from tests.nodes.nodes import anvil_node
from tests.trips.system import elicence, last_json
from tests.trips.test_demo import expected


@pytest.fixture(scope="module")
def anvil() -> Iterator[str]:
    with anvil_node() as url:
        yield url


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
