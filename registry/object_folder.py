"""Objects as files of a folder: durable, whole or not there. It never creates its folder anew once it was opened.

What is being written stands in the folder .new; a write that was cut short stays there, and is swept away.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from registry.errors import ObjectMissingError, ObjectsUnreachableError

_NEW = ".new"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder. In a private one folders have mode 0700 and files 0600."""

    root: Path
    private: bool

    @classmethod
    def open(cls, root: Path, *, private: bool) -> "Folder":
        """The folder, made at the first call.

        Raises:
            ObjectsUnreachableError: it cannot be made.
        """
        with _telling():
            root.mkdir(parents=True, exist_ok=True)
            if private:
                root.chmod(0o700)
        return cls(root, private)

    def put(self, name: str, data: bytes) -> None:
        """Stores an object, in place of an earlier one of that name."""
        with _telling(), self._writing(name, data) as temporary:
            os.replace(temporary, self.root / name)

    def create(self, name: str, data: bytes) -> None:
        """Stores an object.

        Raises:
            FileExistsError: there is one of that name.
        """
        with _telling(), self._writing(name, data) as temporary:
            os.link(temporary, self.root / name)

    def get(self, name: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissingError: the folder is there, the object is not.
        """
        with _telling():
            try:
                return (self.root / name).read_bytes()
            except FileNotFoundError:
                self._demand_root()
        raise ObjectMissingError(name)

    def delete(self, name: str) -> None:
        """Removes an object; one that is not there is no error."""
        with _telling():
            self._demand_root()
            (self.root / name).unlink(missing_ok=True)
            if (self.root / name).parent.is_dir():
                _sync((self.root / name).parent)

    def names(self) -> Iterator[str]:
        """The names of all objects."""
        with _telling():
            for folder, below, files in os.walk(self.root, onerror=_fail):
                if _NEW in below:
                    below.remove(_NEW)
                for name in files:
                    yield (Path(folder) / name).relative_to(self.root).as_posix()

    def written(self, name: str) -> float:
        """When an object was stored, in Unix seconds.

        Raises:
            ObjectMissingError: the folder is there, the object is not.
        """
        with _telling():
            try:
                return (self.root / name).stat().st_mtime
            except FileNotFoundError:
                self._demand_root()
        raise ObjectMissingError(name)

    def sweep(self, age: float) -> None:
        """Removes writes that were cut short, `age` seconds old or more. One still under way then fails: try again."""
        with _telling():
            self._demand_root()
            for path in (self.root / _NEW).glob("*"):
                with suppress(FileNotFoundError):  # it was finished this moment
                    if time.time() - path.stat().st_mtime >= age:
                        path.unlink()

    @contextmanager
    def _writing(self, name: str, data: bytes) -> Iterator[Path]:
        folder = (self.root / name).parent
        self._make(folder)
        self._make(self.root / _NEW)
        temporary = self.root / _NEW / secrets.token_hex(8)
        try:
            mode = 0o600 if self.private else 0o644
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
            _sync(folder)

    def _make(self, folder: Path) -> None:
        self._demand_root()
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True, mode=0o700 if self.private else 0o755)
            _sync(folder.parent)

    def _demand_root(self) -> None:
        if not self.root.is_dir():
            raise ObjectsUnreachableError("its folder is not there: is its disk mounted?")


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise ObjectsUnreachableError(error.strerror or type(error).__name__) from error


def _fail(error: OSError) -> None:
    raise error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
