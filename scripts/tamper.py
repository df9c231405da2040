"""Breaks our own trust, to show that it shows: edits the database and a public file behind the registry's back.

For demos only. What was there is kept beside it, and `undo` puts it back.
"""

import json
import sqlite3
from pathlib import Path


class TamperError(Exception):
    """Nothing here to tamper with, or nothing to undo."""


def tamper(home: Path) -> list[str]:
    """Edits three things, and says what, and who finds it.

    Raises:
        TamperError: no system with demo data, or it was tampered with already.
    """
    if _kept(home).exists():
        raise TamperError("tampered already: `elicence demo tamper --undo` puts everything back")
    database = _open(home)
    revoked = database.execute("SELECT row, id, status FROM licence WHERE act = 2 ORDER BY row").fetchone()
    valid = database.execute(
        "SELECT row, id, signed_entry FROM licence WHERE department = 1 AND status = 0 ORDER BY row"
    ).fetchone()
    files = sorted((home / "public" / "1" / "leaves").glob("*.bin"))
    if revoked is None or valid is None or not files:
        raise TamperError("no demo licences here: start the system with `elicence up --demo` first")
    leaves = files[0].read_bytes()
    kept = {
        "revoked": [revoked[0], revoked[2]],
        "signed": [valid[0], valid[2].hex()],
        "file": [str(files[0]), leaves.hex()],
    }
    _kept(home).write_text(json.dumps(kept), "utf-8")
    with database:
        database.execute("UPDATE licence SET status = 0 WHERE row = ?", (revoked[0],))
        database.execute("UPDATE licence SET signed_entry = ? WHERE row = ?", (_later(valid[2]), valid[0]))
    database.close()
    files[0].write_bytes(bytes([leaves[0] ^ 1]) + leaves[1:])
    return [
        f"1. licence {revoked[1]}: revoked, now valid in the database → audit names the status list and the entry",
        f"2. licence {valid[1]}: its signed entry edited → the verifier refuses its file (department 1)",
        f"3. {files[0].name}: one bit of a leaf flipped → audit names the leaf file",
        "Now: `elicence audit`, and check the licence's file. Then: `elicence demo tamper --undo`.",
    ]


def undo(home: Path) -> list[str]:
    """Puts everything back.

    Raises:
        TamperError: nothing was tampered with.
    """
    if not _kept(home).exists():
        raise TamperError("nothing to undo here")
    kept = json.loads(_kept(home).read_text("utf-8"))
    database = _open(home)
    with database:
        row, status = kept["revoked"]
        database.execute("UPDATE licence SET status = ? WHERE row = ?", (status, row))
        row, signed = kept["signed"]
        database.execute("UPDATE licence SET signed_entry = ? WHERE row = ?", (bytes.fromhex(signed), row))
    database.close()
    path, leaves = kept["file"]
    Path(path).write_bytes(bytes.fromhex(leaves))
    _kept(home).unlink()
    return ["everything is as it was"]


def _later(signed_entry: bytes) -> bytes:
    """The same entry with one bit of its claims root changed: still well-formed, no longer what was signed."""
    at = len(signed_entry) - 66 - 1
    return signed_entry[:at] + bytes([signed_entry[at] ^ 1]) + signed_entry[at + 1 :]


def _kept(home: Path) -> Path:
    return home / "tampered.json"


def _open(home: Path) -> sqlite3.Connection:
    path = home / "registry" / "registry.db"
    if not path.exists():
        raise TamperError(f"no {path}: start the system with `elicence up --demo` first")
    return sqlite3.connect(path, timeout=10)
