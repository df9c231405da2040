"""slither, on the contracts as they stand: nothing of medium or high weight."""

import json
from pathlib import Path
from typing import Any

from scripts import contracts
from tests.attacks import bench


def findings(folder: Path) -> list[dict[str, Any]]:
    """What slither says of the sources in `folder`/forge, weighed medium or high."""
    asked = ["--exclude-dependencies", "--exclude-informational", "--exclude-optimization", "--exclude-low"]
    forced = ["--compile-force-framework", "foundry", "--foundry-compile-all", "--json", "found.json"]
    command = [str(bench.TOOLS / "slither"), ".", *forced, *asked]
    done = bench.run(command, folder, {}, patience=280)
    answer = json.loads((folder / "found.json").read_text("utf-8"))
    assert answer["success"], answer["error"] or done.stderr
    assert "analyzed (11 contracts" in done.stderr, done.stderr[-2000:]
    return list(answer["results"].get("detectors", []))


def test_slither_finds_nothing_of_weight(tmp_path: Path) -> None:
    bench.settle(tmp_path, contracts.FOLDER)
    assert [found["description"] for found in findings(tmp_path)] == []


def test_slither_finds_a_planted_defect(tmp_path: Path) -> None:
    bench.settle(tmp_path, contracts.FOLDER)
    source = tmp_path / "forge" / "AnchorLog.sol"
    text = source.read_text("utf-8")
    end = text.rindex("}")
    loss = "function pay(address payable to) external payable { to.transfer(address(this).balance); }"
    source.write_text(text[:end] + loss + "\n}\n", "utf-8")
    assert "arbitrary-send-eth" in {found["check"] for found in findings(tmp_path)}
