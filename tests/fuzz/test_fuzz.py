"""Ten seconds of fuzzing for the parsers together; a minute for each is in scripts/soak."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = [
    *("signed_entry", "code", "any_text", "json_text", "receipt", "definition", "definition_file"),
    *("credential", "disclosure"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_parser_refuses_or_reads_and_never_fails(name: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.targets", name, "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "stat::number_of_executed_units" in run.stderr


def test_no_parser_is_left_out() -> None:
    """The names stand here too, for importing the targets would instrument this very process."""
    told = (ROOT / "tests" / "fuzz" / "targets.py").read_text("utf-8")
    assert all(f"def {name}(data: bytes)" in told for name in NAMES)
    assert told.count("(data: bytes) -> None:") == len(NAMES) + 1
