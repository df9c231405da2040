"""The clients: departments that issue, revoke and suspend, and ask again with the same key until they are answered."""

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx

from scripts.inventing import citizen_id, licences
from scripts.seeding import definitions

KINDS = ("residence", "driving", "residence", "birth")
_PATIENCE = 120.0


class Gate:
    """How many licences may be asked for by now: so that there is work left whenever somebody is killed."""

    def __init__(self) -> None:
        self._open, self._changed = 0, threading.Condition()

    def open(self, upto: int) -> None:
        """Lets the licences below a number through."""
        with self._changed:
            self._open = max(upto, self._open)
            self._changed.notify_all()

    def pass_(self, number: int) -> None:
        """Waits until that licence may be asked for."""
        with self._changed:
            self._changed.wait_for(lambda: number < self._open)


@dataclass(frozen=True, slots=True)
class Acked:
    """An answer of 202: the request's number, its department, the licence's id, the answer's bytes."""

    number: int
    department: int
    id: str
    answer: bytes


@dataclass(slots=True)
class Ledger:
    """What was promised: kept in this process alone, which is not killed."""

    licences: dict[int, Acked] = field(default_factory=dict)
    acts: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Request → licence, act, department."""
    broken: list[str] = field(default_factory=list)
    errors: int = 0
    seconds: list[float] = field(default_factory=list)
    gate: Gate = field(default_factory=Gate)
    lock: threading.Lock = field(default_factory=threading.Lock)


def order(number: int) -> tuple[int, dict[str, Any]]:
    """The department and the body of the number-th licence: all different, all invented."""
    kind = KINDS[number % len(KINDS)]
    invented = next(i for i in licences(date.today()) if i.kind == kind)
    born = date(1960, 1, 1) + timedelta(days=number // 400)
    person = citizen_id(born, 2 * (number % 400) + 101)
    special: Mapping[str, dict[str, Any]] = {
        "residence": {
            "cardNo": f"JZ990101{number:08}",
            "idNo": person,
            "birthDate": born.isoformat(),
            "sex": "男",
        },
        "driving": {
            "licNo": person,
            "birthDate": born.isoformat(),
            "fileNo": f"9901{number:08}",
            "sex": "男",
        },
        "birth": {"certNo": f"D990{number:06}"},
    }
    return invented.department, {
        "type": definitions()[kind].code,
        "values": {**invented.values, **special[kind]},
    }


class Client(threading.Thread):
    """One of several; each takes the numbers that are its own."""

    def __init__(
        self, base: str, logins: Mapping[int, str], ledger: Ledger, numbers: range, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._http = httpx.Client(base_url=base, timeout=10, trust_env=False)
        self._logins, self._ledger, self._numbers = logins, ledger, numbers
        self._chance = random.Random(seed)

    def run(self) -> None:
        with self._http:
            for number in self._numbers:
                self._ledger.gate.pass_(number)
                self._try(number)

    def _try(self, number: int) -> None:
        try:
            self._issue(number)
        except Exception as error:
            with self._ledger.lock:
                self._ledger.broken.append(f"licence {number}: {type(error).__name__}: {error}")

    def _issue(self, number: int) -> None:
        department, body = order(number)
        begun = time.monotonic()
        answer = self._until_answered("/api/v1/licences", department, f"n-{number}", body)
        acked = Acked(number, department, answer.json()["id"], answer.content)
        with self._ledger.lock:
            self._ledger.licences[number] = acked
            self._ledger.seconds.append(time.monotonic() - begun)
        if self._chance.random() < 0.1:
            self._ask_again(acked, body)
        if self._chance.random() < 0.08:
            self._act(acked, self._chance.choice(("REVOKED", "SUSPENDED", "CANCELLED")))

    def _ask_again(self, acked: Acked, body: dict[str, Any]) -> None:
        again = self._until_answered("/api/v1/licences", acked.department, f"n-{acked.number}", body)
        if again.content != acked.answer:
            raise AssertionError("I8: the same key and body are answered otherwise")
        other = {**body, "version": 1}
        status = self._until_answered("/api/v1/licences", acked.department, f"n-{acked.number}", other, 409)
        if status.status_code != 409:
            raise AssertionError(f"I8: the same key with another body: {status.status_code}")

    def _act(self, acked: Acked, act: str) -> None:
        body = {"act": act, "licences": [acked.id], "legal_basis": "演示依据"}
        answer = self._until_answered("/api/v1/status-acts", acked.department, f"a-{acked.number}", body)
        with self._ledger.lock:
            self._ledger.acts[answer.json()["request"]] = (acked.id, act, acked.department)
        if act == "SUSPENDED" and self._chance.random() < 0.5:
            self._act_again(acked)

    def _act_again(self, acked: Acked) -> None:
        body = {"act": "REVOKED", "licences": [acked.id], "legal_basis": "演示依据"}
        answer = self._until_answered("/api/v1/status-acts", acked.department, f"b-{acked.number}", body)
        with self._ledger.lock:
            self._ledger.acts[answer.json()["request"]] = (acked.id, "REVOKED", acked.department)

    def _until_answered(
        self, path: str, department: int, key: str, body: Mapping[str, Any], wanted: int = 202
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._logins[department]}", "idempotency-key": key}
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = self._http.post(path, json=body, headers=headers)
                if answer.status_code in (202, wanted):
                    return answer
                if answer.status_code not in (429, 503, 507):
                    raise AssertionError(f"{path}: {answer.status_code} {answer.text[:200]}")
            except httpx.HTTPError:
                pass
            with self._ledger.lock:
                self._ledger.errors += 1
            if time.monotonic() > end:
                raise AssertionError(f"{path}: no answer in {_PATIENCE:.0f} s")
            time.sleep(0.05)
