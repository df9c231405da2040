"""The demo, as users run it: on the project's own table, and on the real one where it lies beside the checkout."""

import csv
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest

from scripts import seeding
from scripts.inventing import licences
from tests.trips.system import elicence, last_json

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "chicago_business_licences.csv"


def expected(table: Path) -> Counter[str]:
    """The verdicts that the table's rows must lead to: each row a version, the last of a number in force or ended."""
    chains: dict[str, list[tuple[date, dict[str, str]]]] = {}
    with table.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            start = datetime.strptime(row["LICENSE TERM START DATE"], "%m/%d/%Y").date()
            chains.setdefault(row["LICENSE NUMBER"], []).append((start, row))
    found: Counter[str] = Counter()
    for chain in chains.values():
        ordered = [row for _, row in sorted(chain, key=lambda item: item[0])]
        for row in ordered:
            ended = {"AAC": "cancelled", "REV": "revoked"}.get(row["LICENSE STATUS"])
            last = datetime.strptime(row["LICENSE TERM EXPIRATION DATE"], "%m/%d/%Y").date()
            past = "expired" if last < date.today() else "valid"
            found[ended or ("superseded" if row is not ordered[-1] else past)] += 1
    return found


@pytest.mark.parametrize("table", [seeding.TABLE, REAL], ids=["invented", "real"])
def test_the_demo_ends_as_its_table_says(table: Path) -> None:
    if not table.exists():
        pytest.skip(f"NOT RUN: the real table {table.name} is not beside this checkout")
    run = elicence("demo", "--csv", str(table), "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    found, counts, own = last_json(run.stdout), expected(table), len(licences(date.today()))
    assert own >= 60
    assert found["issued"] == found["anchored"] == sum(counts.values()) + own
    assert found["valid"] == counts["valid"] + own
    for word in ("expired", "superseded", "cancelled", "revoked"):
        assert found[word] == counts[word], word
    assert found["forgeries_tried"] == found["forgeries_refused"] >= 12
    assert found["audit_ok"] is True
    assert found["batches"] >= 7
    assert found["seconds"] < 100


def test_our_own_table_is_of_the_size_and_shape_that_was_asked_for() -> None:
    with seeding.TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["APPLICATION TYPE"] for row in rows}
    assert len(rows) >= 60
    assert {"ISSUE", "RENEW", "C_LOC"} <= kinds
    assert {"AAI", "AAC", "REV"} == {row["LICENSE STATUS"] for row in rows}
    assert any("," in row["LEGAL NAME"] for row in rows)
    assert any('"' in row["LEGAL NAME"] for row in rows)


def test_a_table_that_is_not_there_or_not_one_is_said_so(tmp_path: Path) -> None:
    missing = elicence("demo", "--csv", str(tmp_path / "none.csv"))
    assert missing.returncode == 1
    assert "no such file" in missing.stderr
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("ID,NAME\n1,2\n", "utf-8")
    found = elicence("demo", "--csv", str(wrong))
    assert found.returncode == 1
    assert "columns missing" in found.stderr
