"""The object wall: objects by name, in folders or in a bucket that several machines share (ELICENCE_OBJECTS_URL).

It never sees what is in them: vault.py seals before, and unseals after.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from registry.errors import ConflictError, ObjectMissingError
from registry.object_bucket import Bucket
from registry.object_folder import Folder
from registry.settings import Settings

_WORD = r"[0-9a-z][0-9a-z_.-]{0,99}"
_NAME = re.compile(rf"{_WORD}(/{_WORD}){{0,3}}")
_NOBODY = "nobody"


class Part(StrEnum):
    """The two parts of the store: what only we can read, and what everybody may."""

    SEALED = "sealed"
    PUBLIC = "public"


class Shelf(Protocol):
    """Where the objects of one part are. Every write is durable when it returns, and seen whole or not at all.

    Whatever is not an answer is raised as ObjectsUnreachableError.
    """

    def put(self, name: str, data: bytes) -> None:
        """Stores an object, in place of an earlier one of that name."""

    def create(self, name: str, data: bytes) -> None:
        """Stores an object. Raises FileExistsError: there is one of that name."""

    def get(self, name: str) -> bytes:
        """An object's bytes. Raises ObjectMissingError: there is none."""

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error."""

    def names(self) -> Iterator[str]:
        """The names of all objects."""

    def written(self, name: str) -> float:
        """When an object was stored, in Unix seconds. Raises ObjectMissingError: there is none."""

    def sweep(self, age: float) -> None:
        """Removes what writes that were cut short left, `age` seconds ago or longer."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one part, by name."""

    _shelf: Shelf

    @classmethod
    def open(cls, settings: Settings, part: Part = Part.SEALED) -> "Objects":
        """That part of the store of these settings.

        Raises:
            ObjectsUnreachableError: its folder cannot be made. A bucket is asked at the first use.
        """
        if settings.objects_url.startswith("s3:"):
            return cls(Bucket.open(settings.objects_url, part))
        return cls(Folder.open(_folder(settings, part), private=part is Part.SEALED))

    def put(self, name: str, data: bytes) -> None:
        """Stores an object, in place of an earlier one of that name; it is durable when this returns.

        Raises:
            ObjectsUnreachableError: it is not known to be stored; try again.
        """
        self._shelf.put(_sound(name), data)

    def keep(self, name: str, data: bytes) -> None:
        """Stores an object once and for all; the same bytes again are no error.

        Raises:
            ConflictError: there are other bytes of that name.
            ObjectsUnreachableError: it is not known to be stored; try again.
        """
        with suppress(ObjectMissingError):
            self._demand_same(_sound(name), data)
            return
        try:
            self._shelf.create(name, data)
        except FileExistsError:  # another process was faster
            self._demand_same(name, data)

    def get(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissingError: the store answers, and has no such object.
            ObjectsUnreachableError: whether it is there could not be found out.
        """
        if not _NAME.fullmatch(name):
            raise ObjectMissingError("of a name that no object has")
        return self._shelf.get(name)

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error.

        Raises:
            ObjectsUnreachableError: it may still be there; try again.
        """
        self._shelf.delete(_sound(name))

    def age(self, name: str) -> float:
        """For how many seconds an object has been there, by the store's clock and ours.

        Raises:
            ObjectMissingError: there is none.
            ObjectsUnreachableError: whether it is there could not be found out.
        """
        return time.time() - self._shelf.written(name)

    def names(self) -> Iterator[str]:
        """The names of all objects.

        Raises:
            ObjectsUnreachableError: on the way; the names so far are not all.
        """
        return self._shelf.names()

    def sweep(self, age: float) -> None:
        """Removes what writes that were cut short left, `age` seconds ago or longer.

        Raises:
            ObjectsUnreachableError: it could not.
        """
        self._shelf.sweep(age)

    def demand_reachable(self) -> None:
        """Demands that the store answers, with these credentials.

        Raises:
            ObjectsUnreachableError: it does not.
        """
        with suppress(ObjectMissingError):
            self._shelf.get(_NOBODY)

    def _demand_same(self, name: str, data: bytes) -> None:
        if self._shelf.get(name) != data:
            raise ConflictError(
                "已有同名文件，内容不同", f"{name} exists with other bytes: find out who wrote it"
            )


def _sound(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("an object's name of lower-case letters, digits, '.', '_', '-' and '/' expected")
    return name


def _folder(settings: Settings, part: Part) -> Path:
    if settings.objects_url:
        return Path(unquote(urlsplit(settings.objects_url).path)) / part
    return settings.public if part is Part.PUBLIC else settings.home / "registry" / "objects"
