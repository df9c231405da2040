"""Checks a store of many licences for real: python -m tests.soak.store 100000. Prints what it took."""

import json
import sys
import tempfile
import time
from pathlib import Path

from registry import importing
from registry.fsck.checking import check
from registry.rows import read_table
from registry.store import department_by_id
from scripts import seeding
from tests.registry.office import open_office
from tests.registry.test_importing import MAPPING
from tests.soak.rows import memory, write


def main(count: int) -> None:
    """Imports, anchors, then lets fsck look; a sound store has no findings."""
    with tempfile.TemporaryDirectory() as folder, open_office(Path(folder) / "home") as office:
        path = Path(folder) / "table.csv"
        write(path, count)
        with office.house.store.read() as session:
            job = importing.start(office.house, department_by_id(session, seeding.CHICAGO), MAPPING)
        importing.run(job, read_table(path, MAPPING))
        office.settle()
        parts: dict[str, float] = {}
        before, began = memory(), time.monotonic()

        def progress(what: str, done: int, total: int) -> None:
            parts[what] = round(time.monotonic() - began, 1)

        processor = time.process_time()
        said = list(check(office.house.settings, progress))
        seconds, used = time.monotonic() - began, time.process_time() - processor
        told = {
            "licences": count,
            "seconds": round(seconds, 1),
            "processor_seconds": round(used, 1),
            "licences_per_second": round(count / seconds),
            "memory_grown_mib": memory() - before,
            "ended_at_seconds": parts,
        }
        print(json.dumps(told))
        assert said == [], said[:5]


if __name__ == "__main__":
    main(int(sys.argv[1]))
