"""What is looked at again, every ten seconds: keys that the council ended since."""

from collections.abc import Iterator

import pytest
from eth_utils import keccak
from sqlmodel import select

from contracts import artifacts
from licence.keys import Usage
from registry.checking import check
from registry.errors import RegistryError
from registry.leases import Leases
from registry.signer import COUNCIL, Role
from registry.tables import SigningKey
from scripts import seeding
from tests.registry.office import Office, open_office


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("checking") / "home"
    with open_office(home, departments=seeding.applicants()[:1]) as made:
        yield made


def by_council(office: Office, function: str, *arguments: object) -> None:
    house = office.house
    account = house.signer.account(COUNCIL, Role.COUNCIL)
    target = house.chain.demand_pins().addresses["IssuerRegistry"]
    data = artifacts.calldata("IssuerRegistry", function, *arguments)
    told = house.chain.transaction(data, house.chain.nonce(account), to=target, gas=500_000)
    raw = house.signer.sign_transaction(account, told)
    house.chain.send(raw)
    house.chain.wait(["0x" + keccak(raw).hex()])


def issuing_key(office: Office) -> SigningKey:
    with office.house.store.read() as session:
        wanted = select(SigningKey).where(SigningKey.department == 1, SigningKey.usage == int(Usage.ISSUE))
        return session.exec(wanted).one()


def test_a_key_that_was_called_stolen_signs_nothing_more(office: Office) -> None:
    office.issue()
    by_council(office, "compromiseKey", bytes.fromhex(issuing_key(office).kid), 0)
    leases = Leases(office.house)
    leases.tend()
    check(leases)
    leases.release()
    assert issuing_key(office).ends <= office.house.now
    with pytest.raises(RegistryError, match="key"):
        office.issue()
