"""Imports many rows for real, each thousandth wrong: python -m tests.soak.rows 100000. Prints what it took."""

import csv
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from registry import importing
from registry.rows import read_table
from registry.store import department_by_id
from scripts import seeding
from tests.registry.office import open_office
from tests.registry.test_importing import MAPPING, rows


def write(path: Path, count: int) -> None:
    """The project's own table, its first row over and over, with numbers of their own."""
    one = rows(10_000_000, 1)[0]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(one))
        writer.writeheader()
        for place in range(count):
            wrong = {"STATE": "Illinois"} if place % 1_000 == 999 else {}
            number = str(10_000_000 + place)
            writer.writerow({**one, "LICENSE NUMBER": number, "ID": f"{number}-20250101", **wrong})


def memory() -> int:
    """The most that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(count: int) -> None:
    """Imports twice: the second time all is known."""
    with tempfile.TemporaryDirectory() as folder, open_office(Path(folder) / "home") as office:
        path = Path(folder) / "table.csv"
        write(path, count)
        with office.house.store.read() as session:
            job = importing.start(office.house, department_by_id(session, seeding.CHICAGO), MAPPING)
        before, began = memory(), time.monotonic()
        report = importing.run(job, read_table(path, MAPPING))
        seconds = time.monotonic() - began
        wrong = [place + 2 for place in range(count) if place % 1_000 == 999]
        assert [rejection.line for rejection in report.rejected] == wrong
        assert len(report.issued) == count - len(wrong)
        grown = memory() - before
        again = importing.run(job, read_table(path, MAPPING))
        assert (len(again.issued), again.known) == (0, count - len(wrong))
        print(
            json.dumps(
                {
                    "rows": count,
                    "issued": len(report.issued),
                    "rejected": len(wrong),
                    "seconds": round(seconds, 1),
                    "rows_per_second": round(count / seconds),
                    "memory_grown_mib": grown,
                }
            )
        )
        assert grown < 128


if __name__ == "__main__":
    main(int(sys.argv[1]))
