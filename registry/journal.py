"""The erasure journal: a file outside the database that says which holders were erased, by random names, and when.

It is written before anything is destroyed, and read by a restore, so that an old backup brings nobody back. Lines are
only ever added; each carries a MAC over itself and the line before, so none can be changed, or taken out of the middle.
"""

import fcntl
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.errors import RegistryError
from registry.house import House
from registry.key_files import sync_folder

_PURPOSE = "erasure journal"


class JournalError(RegistryError):
    """A journal that is not as we wrote it."""

    code = "journal"

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(
            "删除日志被改动，请从副本恢复",
            f"{path}: line {line} is not as it was written, or one before it is missing: "
            "restore the file from its copy; nothing was erased and nothing may be restored before that",
        )


@dataclass(frozen=True, slots=True)
class Erased:
    """A holder by its random name, and the time of its erasure (Unix seconds)."""

    subject: str
    time: int


@dataclass(frozen=True, slots=True)
class Journal:
    """One file. A last line that was cut off by a crash was never acknowledged: it counts as not written."""

    path: Path
    key: bytes

    @classmethod
    def of(cls, house: House, path: Path | None = None) -> "Journal":
        """The journal of a house; of another file with `path`, as a restore has it from elsewhere."""
        return cls(path or house.settings.erasure_journal, house.vault.derive(_PURPOSE))

    def read(self) -> list[Erased]:
        """All erasures in their order; none if there is no file.

        Raises:
            JournalError: it was altered.
        """
        if not self.path.exists():
            return []
        return [erased for erased, _ in self._lines(self.path.read_bytes())]

    def add(self, wanted: Iterable[Erased]) -> None:
        """Adds those that are not there yet, durably.

        Raises:
            JournalError: it was altered; nothing is written on top.
        """
        with self._opened() as descriptor:
            data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            lines = list(self._lines(data))
            known, mac = {erased.subject for erased, _ in lines}, lines[-1][1] if lines else b""
            fresh = b""
            for erased in wanted:
                if erased.subject not in known:
                    line, mac = self._line(erased, mac)
                    fresh += line
            if fresh:
                whole = data.rfind(b"\n") + 1
                os.ftruncate(descriptor, whole)
                os.pwrite(descriptor, fresh, whole)
                os.fsync(descriptor)

    def merge(self, data: bytes) -> None:
        """Adds what another copy of the journal tells, given as its bytes.

        Raises:
            JournalError: one of the two was altered.
        """
        if told := [erased for erased, _ in self._lines(data)]:
            self.add(told)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, made if need be, for one writer at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            sync_folder(self.path.parent)
            yield descriptor
        finally:
            os.close(descriptor)

    def _lines(self, data: bytes) -> Iterator[tuple[Erased, bytes]]:
        mac = b""
        for number, line in enumerate(data.split(b"\n")[:-1], 1):
            erased = self._parse(line, number)
            again, mac = self._line(erased, mac)
            if again != line + b"\n":
                raise JournalError(self.path, number)
            yield erased, mac

    def _parse(self, line: bytes, number: int) -> Erased:
        try:
            told = json.loads(line)
            return Erased(str(told["subject"]), int(told["time"]))
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(self.path, number) from error

    def _line(self, erased: Erased, before: bytes) -> tuple[bytes, bytes]:
        """The line that says so after the one with the MAC `before`, and its own MAC."""
        told = json.dumps([erased.subject, erased.time]).encode()
        mac = hmac.digest(self.key, before + told, "sha256")
        line = {"subject": erased.subject, "time": erased.time, "mac": mac.hex()}
        return json.dumps(line).encode() + b"\n", mac
