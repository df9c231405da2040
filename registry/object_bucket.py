"""Objects in a bucket of a server that speaks S3. Endpoint and credentials come from the AWS_* variables alone.

A missing object is told from everything else by S3's own code: a wrong bucket or account never looks like a loss.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from registry.errors import ObjectMissingError, ObjectsUnreachableError

# A request is tried at most three times, and no try begins after 12 s: a caller hears within 22 s.
_ONE, _ALL, _AGAIN = timedelta(seconds=10), timedelta(seconds=12), 2
_CONNECT = timedelta(seconds=2)
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_REFUSALS = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")


@dataclass(frozen=True, slots=True)
class Bucket:
    """What lies below one prefix of a bucket."""

    _store: S3Store

    @classmethod
    def open(cls, url: str, part: str) -> "Bucket":
        """The part of s3://BUCKET/PREFIX. Nothing is asked yet."""
        place = urlsplit(url)
        prefix = "/".join([*filter(None, place.path.split("/")), part])
        return cls(
            S3Store(
                place.netloc,
                prefix=prefix,
                client_options={"allow_http": True, "connect_timeout": _CONNECT, "timeout": _ONE},
                retry_config={"max_retries": _AGAIN, "retry_timeout": _ALL},
            )
        )

    def put(self, name: str, data: bytes) -> None:
        """Stores an object, in place of an earlier one of that name."""
        with _telling(name):
            self._store.put(name, data, use_multipart=False)

    def create(self, name: str, data: bytes) -> None:
        """Stores an object.

        Raises:
            FileExistsError: there is one of that name (the server compares: If-None-Match).
        """
        with _telling(name):
            self._store.put(name, data, mode="create", use_multipart=False)

    def get(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissingError: the bucket is there, the object is not.
        """
        with _telling(name):
            return bytes(self._store.get(name).bytes())

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error."""
        with _telling(name):
            self._store.delete(name)

    def names(self) -> Iterator[str]:
        """The names of all objects."""
        with _telling():
            for page in self._store.list():
                yield from (found["path"] for found in page)

    def written(self, name: str) -> float:
        """When an object was stored, in Unix seconds.

        Raises:
            ObjectMissingError: the bucket is there, the object is not.
        """
        with _telling(name):
            return self._store.head(name)["last_modified"].timestamp()

    def sweep(self, age: float) -> None:
        """Nothing to do: a server keeps nothing of a PUT that was cut short."""


@contextmanager
def _telling(name: str = "") -> Iterator[None]:
    # `from None`: the library's text holds the request, and what the server says of its signature.
    try:
        yield
    except AlreadyExistsError:
        raise FileExistsError(name) from None
    except (FileNotFoundError, BaseError) as error:
        code = _CODE.search(str(error))
        if code and code[1] == "NoSuchKey":
            raise ObjectMissingError(name) from None
        raise ObjectsUnreachableError(_why(code[1] if code else "")) from None


def _why(code: str) -> str:
    if not code:
        return "no answer: is AWS_ENDPOINT_URL right, and does the server run?"
    if code in _REFUSALS:
        return f"{code}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do"
    return f"{code}: check ELICENCE_OBJECTS_URL and the AWS_* variables"
