"""Key files: written once, durably, for their owner alone; refused when others may read them; destroyed for good.

They never lie in the database's folder, so that its dump alone opens nothing.
"""

import ctypes
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import RegistryError

KEY_SIZE = 32
_OTHERS = 0o077
_PR_SET_DUMPABLE = 4


class KeyFileError(RegistryError):
    """A key file or folder that is not as it must be."""

    code = "key_file"

    def __init__(self, en: str) -> None:
        super().__init__("密钥文件不符合要求", en)


def key_file(path: Path) -> bytes:
    """The key in a file, made at the first call.

    Raises:
        KeyFileError: others may read it, or it has another size.
    """
    write_secret(path, os.urandom(KEY_SIZE))
    return read_key(path)


def read_key(path: Path) -> bytes:
    """The key in a file.

    Raises:
        KeyFileError: others may read it, or it has another size.
        FileNotFoundError: there is none.
    """
    demand_private(path)
    key = path.read_bytes()
    if len(key) != KEY_SIZE:
        raise KeyFileError(f"{path}: a key of {KEY_SIZE} bytes expected, {len(key)} found; restore the file")
    return key


def demand_private(path: Path) -> None:
    """Nobody but its owner may read a file, or enter a folder, and its owner runs this process.

    Raises:
        KeyFileError: somebody else may; or it is somebody else's.
    """
    found = path.stat()
    mode, here = found.st_mode, os.geteuid()
    if found.st_uid != here:
        raise KeyFileError(
            f"{path}: user {here} expected as its owner, user {found.st_uid} found: run this as the registry's user"
        )
    if mode & _OTHERS:
        wanted = "700" if path.is_dir() else "600"
        raise KeyFileError(
            f"{path}: mode {wanted} expected, {mode & 0o777:o} found: "
            f"chmod {wanted} it, and treat its keys as seen by others"
        )


def write_secret(path: Path, data: bytes) -> None:
    """Writes a file that its owner alone may read, durably, unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return
    temporary = path.with_suffix(f".{os.urandom(8).hex()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def destroy_secret(path: Path) -> None:
    """Overwrites a file and takes it away, durably. On flash, and in snapshots, old blocks may outlive it."""
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[None]:
    """One process at a time, for as long as it lives; the folder is made at the first call.

    Raises:
        KeyFileError: another one is at work, and `wait` is false.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError as error:
        raise KeyFileError(f"{folder}: another process is changing its keys: let it end") from error
    finally:
        os.close(descriptor)


def hide_memory() -> None:
    """Lets no process of the same user read this one's memory and environment, nor any core dump hold them (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
