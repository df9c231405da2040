"""Thousands of lawful and unlawful calls in any order: the committed contracts keep their rules."""

import os
import re
from pathlib import Path

import pytest

from tests.attacks import bench

LONG = os.environ.get("FOUNDRY_PROFILE") == "long"


@pytest.mark.timeout(3600 if LONG else 300)
def test_no_order_of_calls_breaks_a_rule(tmp_path: Path) -> None:
    folder = bench.place(tmp_path / "bench")
    command = ["forge", "test", *(["--fuzz-seed", "0x" + os.urandom(8).hex()] if LONG else [])]
    done = bench.run(command, folder, bench.committed(), patience=3500 if LONG else 280)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    for campaign in (
        "theLogIsAsItWasWritten",
        "everyStatusIsAsItWasDecided",
        "theRegistryIsAsTheCouncilDecided",
    ):
        found = re.search(
            rf"\[PASS\] invariant_{campaign}\(\) \(runs: \d+, calls: (\d+), reverts: 0\)", done.stdout
        )
        assert found, campaign
        assert int(found[1]) >= 3_000
    written = (bench.FOLDER / "forge" / "Rules.t.sol").read_text("utf-8")
    assert done.stdout.count("[PASS] test") == written.count("function test") >= 14


def test_a_refusal_that_goes_unseen_would_be_seen() -> None:
    """forge's own default forgives every revert, and with it every broken rule."""
    assert "fail_on_revert = true" in (bench.FOLDER / "foundry.toml").read_text("utf-8")
