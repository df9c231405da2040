"""Fetches public files over HTTP. Addresses come from the chain, so a stranger may have chosen them: they are limited.

Only https to addresses of the open Internet, or the one mirror that the operator configured. Witnesses' statements come
from addresses that the operator configured, small and soon, or not at all.
"""

import ipaddress
import socket
import time
from urllib.parse import urlsplit

import httpx

MAX_FILE = 32 * 2**20
SILENCE, PATIENCE = 2.0, 5.0


class FetchError(Exception):
    """A public file that could not be had. Try again later."""


class Fetcher:
    """Gets files by their base URL and name."""

    def __init__(self, mirror: str) -> None:
        self._mirror = mirror.rstrip("/")
        self._client = httpx.Client(timeout=10, follow_redirects=False, trust_env=False)

    def get(self, base: str, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            FetchError: not there, too long, or an address that may not be asked.
        """
        if not self._mirror:
            _demand_public(base)
        url = f"{self._mirror or base.rstrip('/')}/{name}"
        try:
            with self._client.stream("GET", url) as response:
                response.raise_for_status()
                return _body(response)
        except httpx.HTTPError as error:
            raise FetchError(f"{name}: {type(error).__name__}") from error

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()


class StatementFetcher:
    """Gets a witness's statement: no redirect, nothing unpacked, a bounded size and a hard end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._client = httpx.Client(
            timeout=SILENCE,
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": "identity"},
        )

    def get(self, url: str) -> str:
        """The text of a statement.

        Raises:
            FetchError: not there, too long, too late, or no text.
        """
        end = time.monotonic() + PATIENCE
        try:
            with self._client.stream("GET", url) as response:
                response.raise_for_status()
                data = self._body(response, end)
        except httpx.HTTPError as error:
            raise FetchError(type(error).__name__) from error
        try:
            return data.decode("ascii")
        except UnicodeDecodeError as error:
            raise FetchError("a statement in ASCII expected") from error

    def _body(self, response: httpx.Response, end: float) -> bytes:
        data = b""
        for part in response.iter_raw():
            data += part
            if len(data) > self._limit or time.monotonic() > end:
                raise FetchError(f"at most {self._limit} bytes within {PATIENCE} s expected")
        return data

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()


def _body(response: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > MAX_FILE:
            raise FetchError(f"a file of more than {MAX_FILE} bytes")
        parts.append(part)
    return b"".join(parts)


def _demand_public(base: str) -> None:
    parts = urlsplit(base)
    if parts.scheme != "https" or not parts.hostname or parts.username:
        raise FetchError("public files are asked for by https alone, or from the configured mirror")
    try:
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, parts.port or 443)}
    except OSError as error:
        raise FetchError("the department's file server has no address") from error
    if not all(ipaddress.ip_address(address).is_global for address in found):
        raise FetchError("the department's file server is not on the open Internet")
