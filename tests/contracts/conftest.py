"""The three contracts on eth-tester: deployed once, put back after each test."""

from collections.abc import Iterator

import pytest

from tests.contracts.ledger import Ledger


@pytest.fixture(scope="session")
def deployed() -> Ledger:
    return Ledger()


@pytest.fixture
def ledger(deployed: Ledger) -> Iterator[Ledger]:
    mark = deployed.tester.take_snapshot()
    addresses = dict(deployed.addresses)
    yield deployed
    deployed.addresses = addresses
    deployed.tester.revert_to_snapshot(mark)
