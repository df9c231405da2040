"""Watches from outside while all is killed: a revocation that was once seen is never seen otherwise again (I11)."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import httpx

from tests.kill.clients import Ledger
from tests.kill.system import System

_AGAIN = (429, 503)
_ENDED = ("REVOKED", "CANCELLED")
_http = httpx.Client(timeout=10, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


class Watch(threading.Thread):
    """Asks the verifier about revoked licences, round and round."""

    def __init__(self, system: System, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self._system, self._ledger = system, ledger
        self._codes: dict[str, str] = {}
        self._seen: set[str] = set()
        self.asked = self.invalid = 0
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            with self._ledger.lock:
                ended = [
                    (id_, department) for id_, act, department in self._ledger.acts.values() if act in _ENDED
                ]
            for id_, department in ended[-40:]:
                self._look(id_, department)
            time.sleep(0.1)

    def _look(self, id_: str, department: int) -> None:
        try:
            code = self._codes.get(id_) or self._code(id_, department)
            verdict = verify(self._system, code)
        except (httpx.HTTPError, LookupError):
            return
        self.asked += 1
        if verdict["verdict"] == "INVALID":
            self._seen.add(id_)
            self.invalid += 1
        elif verdict["verdict"] == "VALID" and id_ in self._seen:
            with self._ledger.lock:
                self._ledger.broken.append(f"I11: {id_} was revoked, and is seen VALID")

    def _code(self, id_: str, department: int) -> str:
        self._codes[id_] = found = paper(self._system, id_, department)
        return found


def paper(system: System, id_: str, department: int) -> str:
    """The text of a licence's paper code.

    Raises:
        LookupError: not anchored yet.
        httpx.HTTPError: no answer.
    """
    headers = {"authorization": f"Bearer {system.logins[department]}"}
    path = f"{system.registry}/api/v1/licences/{id_}/paper.txt"
    answer = _patiently(lambda: _http.get(path, headers=headers))
    if answer.status_code != 200:
        raise LookupError(f"{id_}: {answer.status_code}")
    return answer.text


def verify(system: System, code: str) -> dict[str, str]:
    """What the verifier says.

    Raises:
        httpx.HTTPError: no answer.
    """
    path = f"{system.verifier}/api/v1/verify"
    answer = _patiently(lambda: _http.post(path, json={"presentation": code}))
    found: dict[str, str] = answer.json()
    return found


def _patiently(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """As a client that is told to come again, or whose connection was cut."""
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        with suppress(httpx.TransportError):
            answer = ask()
            if answer.status_code not in _AGAIN:
                return answer
        time.sleep(pause)
    return ask()
