"""Each planted defect is found: an attack that finds none of them would prove nothing."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts import contracts
from tests.attacks import bench
from tests.attacks.mutants import MUTANTS, Mutant, compile_mutants

# A quicker campaign: a defect that needs thousands of calls would be found by luck only.
_QUICK = {
    "FOUNDRY_FUZZ_RUNS": "96",
    "FOUNDRY_INVARIANT_RUNS": "16",
    "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
}
_CAMPAIGNS = {"AnchorLog": "Log", "StatusList": "List", "IssuerRegistry": "Registry"}


@pytest.fixture(scope="module")
def codes() -> dict[str, str]:
    return compile_mutants()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _QUICK.items():
        monkeypatch.setenv(name, value)


def attack(contract: str, code: str, place: Path) -> subprocess.CompletedProcess[str]:
    pattern = f"^(Rules|{_CAMPAIGNS[contract]}Invariants)$"
    command = ["forge", "test", "--fail-fast", "-j", "1", "--match-contract", pattern]
    return bench.run(command, bench.place(place), bench.committed() | {contract: code})


def test_every_mutant_is_killed(tmp_path: Path, codes: dict[str, str]) -> None:
    bench.bench()

    def survives(mutant: Mutant) -> bool:
        done = attack(mutant.contract, codes[str(mutant)], tmp_path / str(mutant))
        killer = next((line for line in done.stdout.splitlines() if "[FAIL" in line), "")
        print(f"{mutant}: {killer[:110]}")
        assert killer or done.returncode == 0, done.stderr
        return done.returncode == 0

    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        alive = [
            mutant.defect for mutant, lives in zip(MUTANTS, pool.map(survives, MUTANTS), strict=True) if lives
        ]
    assert alive == []


@pytest.mark.parametrize("contract", contracts.NAMES)
def test_a_contract_without_a_defect_lives(tmp_path: Path, codes: dict[str, str], contract: str) -> None:
    """The control: what kills the mutants is their defect, not how they are compiled or attacked."""
    done = attack(contract, codes[contract], tmp_path / "bench")
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_mutants_are_many_and_each_is_another() -> None:
    assert (
        len({mutant.defect for mutant in MUTANTS})
        == len({mutant.source() for mutant in MUTANTS})
        == len(MUTANTS)
    )
    for contract in contracts.NAMES:
        assert sum(mutant.contract == contract for mutant in MUTANTS) >= 10


def test_a_mutant_whose_passage_is_gone_is_no_mutant() -> None:
    for old in ("no such passage", "revert"):
        with pytest.raises(ValueError, match="expected its passage once"):
            Mutant("none", "AnchorLog", old, "").source()
