"""Proven by halmos, for every sender and value within bounds: who may change what; the same act again is none."""

import re
from pathlib import Path

import pytest

from tests.attacks import bench
from tests.attacks.mutants import compile_mutants

# Strings of 64 bytes, which is also the length of a proof of possession; lists without elements. Calls in a
# multicall are the fuzzer's: the prover would look at every pair of functions.
_BOUNDS = ["--default-array-lengths", "0", "--default-bytes-lengths", "64"]


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def prove(folder: Path, codes: dict[str, str], only: str = "check_") -> tuple[int, str]:
    command = [str(bench.TOOLS / "halmos"), "--contract", "Proofs", "--function", only, *_BOUNDS]
    done = bench.run(command, bench.place(folder / "bench"), codes, patience=280)
    return done.returncode, _COLOUR.sub("", done.stdout + done.stderr)


def test_access_and_idempotence_are_proven(tmp_path: Path) -> None:
    status, said = prove(tmp_path, bench.committed())
    print(said)
    assert status == 0, said
    written = (bench.FOLDER / "forge" / "Proofs.t.sol").read_text("utf-8")
    wanted = set(re.findall(r"function (check_\w+)", written))
    assert set(re.findall(r"\[PASS\] (check_\w+)", said)) == wanted
    assert len(wanted) >= 11


@pytest.mark.parametrize(
    ("contract", "defect", "rule"),
    [
        ("StatusList", "a-status-that-no-act-leads-to", "check_onlyTheNamedEntryChanges"),
        ("StatusList", "the-same-status-again-is-a-change", "check_theSameStatusActAgainChangesNothing"),
        ("AnchorLog", "anybody-anchors", "check_onlyTheAnchoringAccountAnchors"),
        ("IssuerRegistry", "anybody-ends-a-key", "check_nobodyButTheCouncilChangesTheRegistry"),
    ],
)
def test_the_prover_finds_a_planted_defect(tmp_path: Path, contract: str, defect: str, rule: str) -> None:
    code = compile_mutants()[defect]
    status, said = prove(tmp_path, bench.committed() | {contract: code}, rule)
    assert status != 0
    assert f"[FAIL] {rule}" in said
