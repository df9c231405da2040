"""The object wall: sealed objects by name, in a folder or in whatever store ELICENCE_OBJECTS_URL names.

It never sees what is in them: vault.py seals before, and unseals after.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from obstore.store import LocalStore, ObjectStore, from_url

from registry.settings import Settings


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects by name."""

    _store: ObjectStore

    @classmethod
    def open(cls, settings: Settings) -> "Objects":
        """The objects of these settings."""
        if settings.objects_url:
            return cls(from_url(settings.objects_url))
        return cls(LocalStore(settings.home / "registry" / "objects", mkdir=True))

    def put(self, name: str, data: bytes) -> None:
        """Stores an object; it is durable when this returns."""
        self._store.put(name, data)

    def get(self, name: str) -> bytes:
        """An object's bytes."""
        return bytes(self._store.get(name).bytes())

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error."""
        with suppress(FileNotFoundError):
            self._store.delete(name)

    def age(self, name: str) -> float:
        """For how many seconds an object has been there.

        Raises:
            FileNotFoundError: there is none.
        """
        made: datetime = self._store.head(name)["last_modified"]
        return (datetime.now(UTC) - made).total_seconds()

    def names(self) -> Iterator[str]:
        """The names of all objects."""
        for page in self._store.list():
            yield from (found["path"] for found in page)
