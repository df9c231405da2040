"""Rotates the wrapping key over many holders while licences are issued: python -m tests.soak.rotating 100000.

Prints what it took, and how long issuing had to wait for it. With a database's URL as second argument: there.
"""

import json
import os
import secrets
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlmodel import insert

from licence.status import Act
from registry.house import House
from registry.issuing import issue
from registry.rotating import rotate
from registry.store import department_by_id
from registry.tables import Subject
from scripts import seeding
from tests.registry.office import Office, open_office


def fill(house: House, count: int) -> None:
    """Holders with data keys, written as fast as the database takes them; nobody looks at their seals."""
    for start in range(0, count, 10_000):
        rows = []
        for _ in range(min(10_000, count - start)):
            index = os.urandom(32)
            key = house.vault.new_key(index.hex())[1]
            row = {"name": secrets.token_hex(16), "holder_index": index, "wrapped_key": key}
            rows.append({**row, "seal": b"", "erasing": False})
        with house.store.write() as session:
            session.connection().execute(insert(Subject), rows)


def issue_on(office: Office, stop: threading.Event, waits: list[float]) -> None:
    """Changes one licence again and again, and notes how long each took."""
    values = office.business()
    office.issue(creditCode=values["creditCode"])
    while not stop.is_set():
        began = time.monotonic()
        with office.house.store.write(1) as session:
            order = office.order(values, Act.CHANGED)
            issue(office.house, session, department_by_id(session, 1), order)
        waits.append(time.monotonic() - began)
        time.sleep(0.02)


def main(count: int, database: str) -> None:
    """Rotates twice: with nobody there, and while licences are issued."""
    departments = seeding.applicants()[:1]
    with (
        tempfile.TemporaryDirectory() as folder,
        open_office(Path(folder) / "home", departments=departments, database=database) as office,
    ):
        fill(office.house, count)
        began = time.monotonic()
        done = rotate(office.house, lambda _: None)
        alone, waits, stop = time.monotonic() - began, list[float](), threading.Event()
        thread = threading.Thread(target=issue_on, args=(office, stop, waits))
        thread.start()
        began = time.monotonic()
        rotate(office.house, lambda _: None)
        beside = time.monotonic() - began
        stop.set()
        thread.join()
        found = {"holders": count, "wrapped": done.wrapped, "seconds": round(alone, 1)}
        while_issuing = {"seconds_beside_issuing": round(beside, 1), "issued": len(waits)}
        print(json.dumps({**found, **while_issuing, "longest_wait_ms": round(1000 * max(waits))}))
        assert done.wrapped == count


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
