"""A registry over a real chain process, with its signer in this process: the seven demo departments, admitted."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlmodel import Session

from licence.canonical import JsonValue
from licence.reasons import Reason
from licence.status import Act
from registry import worker
from registry.house import House, build, own_signer
from registry.issuing import Order, issue
from registry.main import create_app
from registry.onboarding import Applicant, admit, deploy
from registry.showing import Shown, show
from registry.store import department_by_id
from registry.tables import Department, Licence
from scripts import seeding
from scripts.inventing import Invented, credit_code, licences
from scripts.stack import Ports, Stack
from verifier.chain import Node
from verifier.fetching import Fetcher, FetchError
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.trust import Trust
from verifier.verifying import look_at

_ONE = threading.Lock()


class Disk(Fetcher):
    """Public files straight from the registry's folder: what a mirror would hold."""

    def __init__(self, folder: Path) -> None:
        super().__init__("")
        self._folder = folder

    def get(self, base: str, name: str) -> bytes:
        path = self._folder / name
        if not path.exists():
            raise FetchError(f"{name}: not there")
        return path.read_bytes()


@dataclass
class Office:
    """The stack (its chain alone is running), the house, and the departments' bearer keys."""

    stack: Stack
    house: House
    tokens: dict[int, str]
    number: int = field(default=60)
    _made: FastAPI | None = None

    def department(self, session: Session, number: int = 1) -> Department:
        return department_by_id(session, number)

    def business(self, **changes: JsonValue) -> dict[str, JsonValue]:
        """The values of a business licence with a number of its own."""
        self.number += 1
        values = next(i.values for i in licences(date.today()) if i.kind == "business")
        return {**values, "creditCode": credit_code(self.number), **changes}

    def order(self, values: Mapping[str, JsonValue], succeeds: Act | None = None) -> Order:
        return Order(seeding.definitions()["business"].code, values, succeeds=succeeds)

    def issue(self, succeeds: Act | None = None, **changes: JsonValue) -> Licence:
        with self.house.store.write() as session:
            return issue(
                self.house, session, self.department(session), self.order(self.business(**changes), succeeds)
            )

    def settle(self) -> None:
        worker.run_until_idle(self.house)

    def show(self, licence: Licence) -> Shown:
        with self.house.store.read() as session:
            fresh = session.get(Licence, licence.row)
            assert fresh is not None
            return show(self.house, session, fresh)

    def again(self, licence: Licence) -> Licence:
        with self.house.store.read() as session:
            fresh = session.get(Licence, licence.row)
            assert fresh is not None
            return fresh

    def trust(self, folder: Path) -> Trust:
        """A verifier that has just read everything."""
        pins = self.house.chain.demand_pins()
        trust = Trust(pins, 60)
        node, memory = Node(self.stack.settings.chain_url, pins), Memory(folder / "index.db", pins.network_id)
        Follower(trust, node, Disk(self.house.settings.public), memory).look()
        node.close()
        memory.close()
        assert trust.doubt is None
        return trust

    def reason(self, licence: Licence, folder: Path) -> Reason | None:
        """What a fresh verifier says of the licence's paper code."""
        return look_at(self.trust(folder), self.show(licence).paper(), self.house.now).reason

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request to the registry's application."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application())
            async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def _application(self) -> FastAPI:
        with _ONE:  # making one mutes warnings for the whole process: not in two threads at once
            if self._made is None or self._made.state.house is not self.house:
                self._made = create_app(self.house)
            return self._made

    def headers(self, department: int = 1, key: str = "") -> dict[str, str]:
        more = {"idempotency-key": key} if key else {}
        return {"authorization": f"Bearer {self.tokens[department]}", **more}


def invented(kind: str) -> Invented:
    """The first invented licence of a kind."""
    return next(i for i in licences(date.today()) if i.kind == kind)


@contextmanager
def open_office(
    home: Path,
    chain_url: str = "",
    departments: Sequence[Applicant] | None = None,
    *,
    fund: Callable[[str], None] | None = None,
    database: str = "",
    objects: str = "",
) -> Iterator[Office]:
    """An office in a folder, on a chain of its own or on another node's; `fund` gives its council money there."""
    stack = Stack(home, Ports.free(), chain_url, database_url=database, objects_url=objects)
    (home / "log").mkdir(parents=True)
    try:
        if fund is not None:
            fund(stack.council)
        stack.reach_chain()
        signer = own_signer(stack.settings)
        deploy(stack.settings, signer)
        house = build(stack.settings, signer)
        admitted = admit(house, departments or seeding.applicants(), stack.let_in)
        yield Office(stack, house, {item.department.id: item.token for item in admitted})
        house.store.close()
    finally:
        stack.stop()
