"""The wire to a node: JSON-RPC questions with a hard end, a bounded reply, and each answer matched to its question.

However slowly a node answers, no question takes longer than its patience, and one second more for each MiB that came.
It follows no redirect, unpacks nothing, and tries nothing again: that is for whoever asks.
"""

import base64
import itertools
import ssl
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpcore
import orjson
from httpx import URL

from contracts.answers import AnswerError, demand_fit

PATIENCE = 4.0
MAX_REPLY = 32 * 2**20
_RATE = 2**20
_IDLE = 4.0
_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
)


class WireError(Exception):
    """No answer: silence, a broken connection, a status that is not 200, or too long a reply."""


class TooLongError(WireError):
    """More bytes than are read of one reply."""


class RefusalError(Exception):
    """The node answers that call with an error of JSON-RPC; `data` is empty where it gives none."""

    def __init__(self, code: int, message: str, data: bytes) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Wire:
    """Connections to one node, shared by threads."""

    def __init__(self, url: str, *, patience: float = PATIENCE, limit: int = MAX_REPLY) -> None:
        address = URL(url)
        self._url = str(address.copy_with(userinfo=b""))
        self._headers: dict[bytes | str, bytes | str] = {
            "content-type": "application/json",
            "accept-encoding": "identity",
        }
        if address.userinfo:
            self._headers["authorization"] = b"Basic " + base64.b64encode(address.userinfo)
        self._patience, self._limit = patience, limit
        self._clock, self._ids = _Clock(), itertools.count(1)
        self._pool = httpcore.ConnectionPool(
            keepalive_expiry=_IDLE,
            network_backend=_Backend(self._clock),
        )
        self._release = weakref.finalize(self, self._pool.close)

    def ask(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one call, of the right shape.

        Raises:
            WireError: no answer.
            AnswerError: an answer that is none to this question.
            RefusalError: an error for an answer.
        """
        question = self._question(method, params)
        return _result(question, self._post(question))

    def ask_many(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls in one request, in their order.

        Raises:
            WireError, AnswerError: as ask; also when an answer is missing, or there are too many.
            RefusalError: one of them was answered with an error.
        """
        questions = [self._question(method, params) for method, params in calls]
        answers = self._post(questions)
        if not isinstance(answers, list) or len(answers) != len(questions):
            raise AnswerError(f"{len(questions)} answers expected")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, Mapping)}
        return [_result(question, by_id.get(question["id"])) for question in questions]

    def close(self) -> None:
        """Gives the connections back."""
        self._release()

    def _question(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    def _post(self, question: object) -> Any:
        self._clock.start(self._patience)
        try:
            data = self._exchange(orjson.dumps(question))
        except _FAILURES as error:
            raise WireError(type(error).__name__) from error
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise AnswerError("no JSON") from error

    def _exchange(self, body: bytes) -> bytes:
        waiting = {"timeout": {"pool": self._patience}}
        asked = self._pool.stream("POST", self._url, headers=self._headers, content=body, extensions=waiting)
        with asked as response:
            if response.status != 200:
                raise WireError(f"HTTP status {response.status}")
            parts, size = [], 0
            for part in response.iter_stream():
                size += len(part)
                if size > self._limit:
                    raise TooLongError(f"a reply of more than {self._limit} bytes")
                parts.append(part)
        return b"".join(parts)


def _result(question: Mapping[str, Any], answer: Any) -> Any:
    method = question["method"]
    try:
        if not isinstance(answer, Mapping):
            raise AnswerError("no answer among the answers")
        if type(answer.get("id")) is not int or answer["id"] != question["id"]:
            raise AnswerError("the answer to another question")
        if answer.get("error") is not None:
            raise _refusal(answer["error"])
        if "result" not in answer:
            raise AnswerError("neither a result nor an error")
        demand_fit(method, question["params"], answer["result"])
    except AnswerError as error:
        raise AnswerError(f"{method}: {error}") from error
    return answer["result"]


def _refusal(fault: Any) -> RefusalError:
    if not isinstance(fault, Mapping):
        raise AnswerError("an error without a shape")
    code, data = fault.get("code"), fault.get("data")
    try:
        known = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        known = b""  # some nodes explain in words here: the message has what matters
    return RefusalError(code if isinstance(code, int) else 0, str(fault.get("message"))[:500], known)


class _Clock(threading.local):
    """When the question that this thread is asking ends."""

    end = 0.0

    def start(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        seconds = self.end - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout
        return seconds


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends with the question: a drip of bytes wins no time."""

    def __init__(self, inner: httpcore.NetworkStream, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, self._clock.left())
        self._clock.end += len(data) / _RATE
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._clock.left())
        return _Stream(inner, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, clock: _Clock) -> None:
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        inner = super().connect_tcp(host, port, self._clock.left(), local_address, socket_options)
        return _Stream(inner, self._clock)
