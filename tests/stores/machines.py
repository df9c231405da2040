"""Two machines of one registry, each with all processes and a home of its own: they share PostgreSQL, S3 and keys."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from registry.house import House
from registry.onboarding import admit
from registry.tables import Lease
from scripts import seeding
from scripts.inventing import citizen_id
from scripts.stack import Ports, Stack, running
from tests.registry.office import invented

POLICE = 4
DRIVING = seeding.definitions()["driving"].code


@dataclass
class Machines:
    """Both stacks, a house over the first, and the department's bearer key."""

    first: Stack
    second: Stack
    house: House
    token: str
    deeds: int = 0

    def ask(self, stack: Stack, method: str, path: str, **more: Any) -> httpx.Response:
        """One request of the department to the registry of a machine."""
        self.deeds += 1
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": f"deed-{self.deeds}"}
        with httpx.Client(base_url=stack.registry, timeout=30, trust_env=False) as client:
            return client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    def upload(self, stack: Stack, photo: bytes) -> httpx.Response:
        return self.ask(stack, "POST", "/api/v1/documents", files={"document": ("p.png", photo, "image/png")})

    def issue(self, stack: Stack, **values: str) -> str:
        """The id of a fresh driving licence with a number of its own, ordered at one machine."""
        number = citizen_id(date(1980, 1, 3), 101 + 2 * self.deeds)
        order = {"type": DRIVING, "values": {**invented("driving").values, "licNo": number, **values}}
        answer = self.ask(stack, "POST", "/api/v1/licences", json=order)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def settle(self, licence: str, seconds: float = 20) -> float:
        """Waits until a licence can be shown; says how long that took."""
        path, began = f"/api/v1/licences/{licence}/paper.txt", time.monotonic()
        await_(lambda: self.ask(self.second, "GET", path).status_code == 200, seconds, "it is not anchored")
        return time.monotonic() - began

    def verdict(self, stack: Stack, licence: str) -> str:
        """What the verifier of one machine says of the licence file that its registry shows."""
        shown = self.ask(stack, "GET", f"/api/v1/licences/{licence}/file").text
        body = {"presentation": shown}
        end = time.monotonic() + 10
        while True:
            found = httpx.post(
                f"{stack.verifier}/api/v1/verify", json=body, timeout=20, trust_env=False
            ).json()
            if found["verdict"] == "VALID" or time.monotonic() > end:
                return str(found["verdict"])
            time.sleep(0.2)

    def lease(self) -> Lease:
        with self.house.store.read() as session:
            return session.get_one(Lease, POLICE)


def await_(done: Callable[[], bool], seconds: float, why: str) -> None:
    """Waits for something."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"after {seconds:.0f} s: {why}"
        time.sleep(0.05)


@contextmanager
def machines(folder: Path, database: str, objects: str) -> Iterator[Machines]:
    """The first machine is up before the second: its worker has the lease."""
    first = Stack(folder / "first", Ports.free(), database_url=database, objects_url=objects)
    with running(first):
        house = first.house()
        applicant = next(one for one in seeding.applicants() if one.id == POLICE)
        token = admit(house, [applicant], first.let_in)[0].token
        second = Stack(
            folder / "second",
            Ports.free(),
            chain_url=first.settings.chain_url,
            database_url=database,
            objects_url=objects,
        )
        _hand_over(first.home, second.home)
        with running(second):
            yield Machines(first, second, house, token)
        house.store.close()


def _hand_over(first: Path, second: Path) -> None:
    """What the operator carries to a second machine: the keys and the pins, nothing else."""
    shutil.copytree(first / "keys", second / "keys", ignore=shutil.ignore_patterns("*.sock"))
    shutil.copy(first / "deployment.json", second)
