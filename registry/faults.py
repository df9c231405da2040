"""What an error of the database or of a disk means for us: wait, make room, or write no more until a restart."""

import errno
import sqlite3

from registry.errors import NoSpaceError, StoppedError, UnreachableError

_FULL = {errno.ENOSPC, errno.EDQUOT}
# Failures that say nothing of what was written: too little memory, no lock, no room to map the index of the log.
_HARMLESS = {
    sqlite3.SQLITE_IOERR_NOMEM,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMLOCK,
}
_BROKEN = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DISK_FULL, _IO_ERROR, _CORRUPT = "53100", "58030", ("XX001", "XX002")


def meaning(error: Exception) -> UnreachableError:
    """The refusal that a database's error becomes.

    After a failed sync the system may have thrown away what was not written, and the next sync would succeed all the
    same: only a new start, which reads from the disk what is there, knows again what is stored.
    """
    cause = getattr(error, "orig", error)
    name = getattr(cause, "sqlite_errorname", None) or type(cause).__name__
    if _is_full(cause):
        return NoSpaceError()
    if _is_broken(cause):
        return StoppedError(name)
    return UnreachableError("数据库暂不可用，请稍后再试", f"the database does not answer: {name}")


def is_full(error: OSError) -> bool:
    """Whether a disk has no room left."""
    return error.errno in _FULL


def _is_full(cause: object) -> bool:
    code = getattr(cause, "sqlite_errorcode", 0)
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE) or _state(cause) == _DISK_FULL


def _is_broken(cause: object) -> bool:
    code = getattr(cause, "sqlite_errorcode", 0)
    if code & 0xFF in _BROKEN:
        return code not in _HARMLESS
    return _state(cause) in (_IO_ERROR, *_CORRUPT)


def _state(cause: object) -> str | None:
    state: str | None = getattr(cause, "sqlstate", None)
    return state
