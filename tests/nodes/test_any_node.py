"""One suite of behaviours on three nodes: issued, anchored, revoked, proven, refused and doubted alike."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts import artifacts
from contracts.deployment import Deployment, PinError
from licence.reasons import Reason
from licence.status import Act
from registry import acts
from registry.acts import Ask
from registry.chain import Chain, TransactionRefusedError
from registry.tables import Licence
from tests.nodes.nodes import Network, anvil, ask, eth_tester, localchain
from tests.registry.office import Disk
from verifier import audit as auditing
from verifier.chain import Node
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.trust import Trust
from verifier.verifying import look_at


@pytest.fixture(scope="module", params=[localchain, anvil, eth_tester], ids=lambda opened: opened.__name__)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with request.param(tmp_path_factory.mktemp("n")) as opened:
        yield opened


class Watch:
    """A verifier that follows a network."""

    def __init__(self, network: Network, folder: Path, pins: Deployment | None = None) -> None:
        pins = pins or network.office.house.chain.demand_pins()
        self.trust, self._node = Trust(pins, 60), Node(network.url, pins)
        self._memory = Memory(folder / "index.db", pins.network_id)
        disk = Disk(network.office.house.settings.public)
        self._follower = Follower(self.trust, self._node, disk, self._memory)

    def look(self) -> Trust:
        self._follower.look()
        return self.trust

    def close(self) -> None:
        self._node.close()
        self._memory.close()


@pytest.fixture
def watch(network: Network, tmp_path: Path) -> Iterator[Watch]:
    made = Watch(network, tmp_path)
    yield made
    made.close()


def reason(network: Network, trust: Trust, row: Licence) -> Reason | None:
    house = network.office.house
    return look_at(trust, network.office.show(row).paper(), house.now).reason


def revoke(network: Network, row: Licence) -> None:
    office = network.office
    with office.house.store.write() as session:
        found = session.get(Licence, row.row)
        assert found is not None
        ask_for = Ask(Act.REVOKED, [found], "演示", "test")
        acts.record(office.house, session, office.department(session), ask_for)
    office.settle()


def test_a_licence_is_valid_until_it_is_revoked(network: Network, watch: Watch) -> None:
    row = network.office.issue()
    network.office.settle()
    assert reason(network, watch.look(), row) is None
    revoke(network, row)
    assert reason(network, watch.look(), row) is Reason.REVOKED


def test_the_counters_are_proven_wherever_the_node_serves_proofs(network: Network, watch: Watch) -> None:
    trust = watch.look()
    assert trust.doubt is None
    assert trust.proven is network.proves


def test_the_audit_finds_all_as_it_should_be(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    house = network.office.house
    row = network.office.issue()
    network.office.settle()
    revoke(network, row)
    served = {f"{row.status_list >> 32}/status/{row.status_list & 0xFFFFFFFF}.bin"}

    class Public(Disk):
        def get(self, base: str, name: str) -> bytes:
            if name not in served and "/status/" not in name:
                return super().get(base, name)
            return network.office.call("GET", f"/public/{name}").content

    monkeypatch.setattr(auditing, "Fetcher", lambda mirror: Public(house.settings.public))
    found = auditing.audit(house.chain.demand_pins(), network.url, "")
    assert found.differences == ()
    assert found.proven is network.proves
    assert found.statuses >= 1


def test_a_refusal_names_the_contracts_own_reason(network: Network) -> None:
    house = network.office.house
    stranger = network.office.stack.council  # has money, and no right to anchor
    pins = house.chain.demand_pins()
    data = "0x" + artifacts.calldata("AnchorLog", "anchor", bytes(32), b"\1" * 32, 1).hex()
    with pytest.raises(TransactionRefusedError, match="NotAllowed"):
        house.chain.request("eth_call", [{"from": stranger, "to": pins.anchor_log, "data": data}, "latest"])


WRONG: dict[str, Callable[[Deployment], Deployment]] = {
    "chain-id": lambda d: replace(d, chain_id=d.chain_id + 1),
    "genesis": lambda d: replace(d, genesis_hash="0x" + "11" * 32),
    "registry-address": lambda d: replace(d, issuer_registry=d.anchor_log),
    "log-address": lambda d: replace(d, anchor_log="0x" + "22" * 20),
    "list-address": lambda d: replace(d, status_list=d.anchor_log),
    "network-id-in-the-code": lambda d: replace(d, network_id="0x" + "33" * 32),
}


@pytest.mark.parametrize("wrong", list(WRONG))
def test_a_node_of_another_network_is_refused_at_the_start(
    network: Network, wrong: str, tmp_path: Path
) -> None:
    pins = WRONG[wrong](network.office.house.chain.demand_pins())
    with pytest.raises(PinError, match="another network"):
        Chain(network.url, pins).demand_pins()
    watch = Watch(network, tmp_path, pins)
    trust = watch.look()
    watch.close()
    assert trust.disagrees
    assert trust.reason is Reason.CHAIN_DISAGREES
    assert trust.index.head is None


def test_nothing_is_written_to_another_network(network: Network) -> None:
    office = network.office
    row = office.issue()
    account = _anchor_account(network)
    before = ask(network.url, "eth_getTransactionCount", account, "latest")
    good = office.house.chain.deployment
    assert good is not None
    try:
        office.house.chain.deployment = WRONG["log-address"](good)
        office.house.chain._pinned = False
        with pytest.raises(PinError):
            office.settle()
        time.sleep(1)
        assert ask(network.url, "eth_getTransactionCount", account, "latest") == before
    finally:
        office.house.chain.deployment = good
        office.house.chain._pinned = False
    office.settle()
    assert office.again(row).position is not None


def _anchor_account(network: Network) -> str:
    with network.office.house.store.read() as session:
        return network.office.department(session).anchor_account


def test_a_chain_that_goes_back_is_doubted(network: Network, watch: Watch) -> None:
    """Last of all: afterwards this chain is another than the registry's."""
    if network.rewind is None:
        for way_back in ("evm_snapshot", "evm_revert", "anvil_rollback", "debug_setHead"):
            with pytest.raises(AssertionError, match="-32601"):
                ask(network.url, way_back)
        return
    row = network.office.issue()
    network.office.settle()
    back: Any = network.rewind()
    assert reason(network, watch.look(), row) is None
    revoke(network, row)
    assert reason(network, watch.look(), row) is Reason.REVOKED
    back()
    trust = watch.look()
    assert trust.disagrees
    found = look_at(trust, network.office.show(row).paper(), network.office.house.now)
    assert found.reason is Reason.CHAIN_DISAGREES
    trust = watch.look()
    found = look_at(trust, network.office.show(row).paper(), network.office.house.now)
    assert found.reason is Reason.CHAIN_WENT_BACK
    assert trust.lost[-1].en == f"the status of entry {row.status_index} of status list 1 of department 1"
