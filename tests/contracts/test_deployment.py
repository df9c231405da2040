"""Gas stays within its limits, artifacts are fresh, and another network is never taken for ours."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from contracts import artifacts
from contracts.deployment import Deployment, PinError, check_pins
from contracts.events import decode
from tests.contracts.ledger import Ledger, raw_log

ROOTS = [bytes([n]) * 32 for n in range(1, 4)]


def test_gas_stays_within_its_limits(ledger: Ledger) -> None:
    ledger.admit(7, ledger.accounts[1], ledger.accounts[2])
    first = ledger.send("AnchorLog", "anchor", bytes(32), ROOTS[0], 1024, by=ledger.accounts[1]).gas
    later = ledger.send("AnchorLog", "anchor", ROOTS[0], ROOTS[1], 1024, by=ledger.accounts[1]).gas
    ledger.send("StatusList", "createList", 2**17, by=ledger.accounts[2])
    one = ledger.send("StatusList", "change", 7 << 32 | 1, 1, 2, [5], by=ledger.accounts[2]).gas
    fifty = ledger.send(
        "StatusList", "change", 7 << 32 | 1, 2, 4, list(range(256, 306)), by=ledger.accounts[2]
    ).gas
    print({"first": first, "later": later, "one": one, "fifty": fifty})
    assert first <= 82_000
    assert later <= 66_000
    assert one <= 65_000
    assert fifty <= 220_000


def test_the_pinned_network_is_accepted(ledger: Ledger) -> None:
    check_pins(ledger.rpc, ledger.deployment)
    assert Deployment.from_json(ledger.deployment.to_json()) == ledger.deployment


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"chain_id": 5}, "chain id"),
        ({"genesis_hash": "0x" + "00" * 32}, "genesis block"),
        ({"network_id": "0x" + "00" * 32}, "code of IssuerRegistry"),
        ({"anchor_log": "0x" + "12" * 20}, "code of AnchorLog"),
    ],
)
def test_another_network_is_refused_by_name(ledger: Ledger, change: dict[str, Any], named: str) -> None:
    with pytest.raises(PinError, match=named):
        check_pins(ledger.rpc, replace(ledger.deployment, **change))


def test_contracts_of_another_registry_are_refused(ledger: Ledger) -> None:
    other = ledger.addresses["IssuerRegistry"]
    ledger.deploy("IssuerRegistry", ledger.council, b"\x01" * 32)
    ledger.deploy("AnchorLog", ledger.addresses["IssuerRegistry"])
    ledger.addresses["IssuerRegistry"] = other
    with pytest.raises(PinError, match="code of AnchorLog"):
        check_pins(ledger.rpc, ledger.deployment)


def test_a_broken_deployment_file_is_refused() -> None:
    for text in ("", "{}", '{"chain_id": 1}'):
        with pytest.raises(PinError):
            Deployment.from_json(text)


def test_a_log_that_does_not_fit_its_event_is_refused(ledger: Ledger) -> None:
    ledger.send("IssuerRegistry", "admitDepartment", 7, 0, "C", "局", "Office", "u")
    log = raw_log(ledger.tester.get_logs(address=ledger.addresses["IssuerRegistry"])[-1])
    assert decode(log) is not None
    with pytest.raises(ValueError, match="does not fit"):
        decode({**log, "data": "0x1234"})
    with pytest.raises(ValueError, match="does not fit"):
        decode({**log, "topics": log["topics"][:1]})


def test_a_refusal_is_named_with_its_values() -> None:
    assert artifacts.revert_reason(b"") == "no reason given"
    assert artifacts.revert_reason(b"\x01\x02\x03\x04") == "0x01020304"


def test_the_committed_artifacts_are_what_the_sources_give() -> None:
    command = [sys.executable, "-m", "scripts.contracts", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
