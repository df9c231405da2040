"""One registry on two machines that share PostgreSQL, an S3 bucket and the keys, and nothing else."""

import signal
import time
from collections.abc import Iterator

import pytest

from registry import documents
from registry.store import department_by_id
from scripts import seeding
from scripts.stack import Stack
from tests.stores.bucket import S3
from tests.stores.machines import POLICE, Machines, await_, machines
from tests.stores.postgresql import Server

PHOTO = b"\x89PNG silhouette of nobody" * 100


@pytest.fixture(scope="module")
def two(postgresql: Server, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with machines(tmp_path_factory.mktemp("two"), postgresql.database(), s3.bucket()) as made:
        yield made


def test_a_photo_kept_on_one_machine_is_in_a_licence_issued_and_shown_on_the_other(two: Machines) -> None:
    digest = two.upload(two.first, PHOTO).json()["digest"]
    licence = two.issue(two.second, photo=digest)
    two.settle(licence)
    assert two.verdict(two.first, licence) == two.verdict(two.second, licence) == "VALID"
    second = two.second.house()
    with second.store.read() as session:
        opened = documents.fetch(second, session, department_by_id(session, POLICE), digest)
    second.store.close()
    assert opened.data == PHOTO


def files_of(stack: Stack) -> list[str]:
    kept = [stack.home / "public", stack.home / "registry"]
    return [path.name for folder in kept for path in folder.rglob("*") if path.is_file()]


def test_neither_machine_keeps_anything_of_its_own(two: Machines) -> None:
    two.settle(two.issue(two.first))
    assert (files_of(two.first), files_of(two.second)) == ([], [])


def test_public_files_are_the_same_at_both(two: Machines) -> None:
    for name in ("departments.json", f"types/{seeding.definitions()['driving'].digest.hex()}.json"):
        one, other = (two.ask(stack, "GET", f"/public/{name}") for stack in (two.first, two.second))
        assert (one.status_code, one.content, one.headers["etag"]) == (
            200,
            other.content,
            other.headers["etag"],
        )
        held = two.ask(two.second, "GET", f"/public/{name}", headers={"if-none-match": one.headers["etag"]})
        assert (held.status_code, held.content) == (304, b"")
    assert two.ask(two.second, "GET", f"/public/types/{'0' * 64}.json").status_code == 404


def test_while_s3_is_away_nothing_is_lost_and_all_goes_on_when_it_is_back(two: Machines, s3: S3) -> None:
    s3.kill()
    try:
        refused = two.upload(two.first, b"\x89PNG another")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:elicence:unreachable")
        told = two.ask(two.second, "GET", "/readyz")
        assert told.status_code == 200, "licences are issued and wait"
        assert {part["name"]: part["ok"] for part in told.json()["parts"]}["objects"] is False
        assert two.ask(two.second, "GET", "/public/departments.json").status_code == 503
        waiting = two.issue(two.second)
    finally:
        s3.start()
    assert two.upload(two.first, b"\x89PNG another").status_code == 201
    two.settle(waiting)
    assert two.verdict(two.second, waiting) == "VALID"
    assert two.ask(two.second, "GET", "/readyz").status_code == 200


def test_a_killed_worker_is_replaced_by_the_other_machines_within_ten_seconds(two: Machines) -> None:
    two.settle(two.issue(two.first))
    before = two.lease()
    two.first.end("worker", signal.SIGKILL)
    began = time.monotonic()
    licence = two.issue(two.first)
    await_(lambda: two.lease().token > before.token, 10, "nobody took the lease over")
    assert two.lease().holder != before.holder
    two.settle(licence)
    assert time.monotonic() - began < 15
    assert two.verdict(two.second, licence) == "VALID"
