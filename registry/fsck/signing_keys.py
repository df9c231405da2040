"""The signing keys and accounts: each is there, opens, and fits its row; none is foreign. None is ever made.

A key shows that it fits by a signature over words that are no entry, no credential and no transaction.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature

from licence.errors import LicenceError
from licence.keys import Kid, PublicKey, Suite, Usage, low_s
from registry.file_keys import DEMO, DEMO_WARNING, UNLOCK, FileKeys
from registry.fsck.files import is_settled
from registry.fsck.finding import Finding, altered, foreign, missing
from registry.fsck.scene import Scene
from registry.key_files import KeyFileError, demand_private
from registry.settings import Mode, Settings
from registry.signer import Keys, Role, SigningError
from registry.tables import Department, SigningKey

_WORDS = b"elicence fsck: this signature shows that the key is here, and nothing else\n"
_UNLOCKING = re.compile(rb"[0-9a-f]{64}")
_VAULT = re.compile(r"index\.key|rows\.key|wrapping(-[1-9][0-9]{0,8})?\.key")


@dataclass(frozen=True, slots=True)
class _Expected:
    """A key that must be there: its file, what it is, and the test that it fits."""

    folder: str
    file: str
    what: str
    fits: Callable[[Keys], None]


def unlocking(settings: Settings) -> tuple[bytes, list[Finding]]:
    """The unlocking secret (empty: there is none), and what is wrong with the demo's files."""
    if settings.unlock:
        return settings.unlock.encode(), []
    found: list[Finding] = []
    for name, good in ((DEMO, lambda data: data == DEMO_WARNING), (UNLOCK, _UNLOCKING.fullmatch)):
        path = settings.keys / name
        if settings.mode is Mode.DEMO and not path.exists():
            found.append(missing("file", f"keys/{name}", "what demo mode keeps beside its keys"))
        elif path.exists() and not good(path.read_bytes()):
            found.append(altered("file", f"keys/{name}", "what demo mode wrote", "other bytes"))
    path = settings.keys / UNLOCK
    return (path.read_bytes() if path.exists() else b""), found


def in_files(scene: Scene, unlock: bytes, owner: str | None) -> Iterator[Finding]:
    """Key files. `owner`: the council's account as the chain has it; None: not known."""
    expected = [*_expected(scene), *_council(scene, owner)]
    keys = FileKeys(scene.settings.keys, unlock)
    there = [each for each in expected if _path(scene, each).exists()]
    wrong = [each for each in there if unlock and not _fits(keys, each)]
    for each in expected:
        if each not in there:
            yield missing("file", scene.path(_path(scene, each)), each.what)
    if len(wrong) == len(there) > 1:
        told = "keys/unlock" if not scene.settings.unlock else "ELICENCE_UNLOCK"
        yield altered("file", told, "the secret that unlocks the key files", "one that unlocks none")
    else:
        for each in wrong:
            yield altered("file", scene.path(_path(scene, each)), f"{each.what}, as its row says", "another")
    yield from _files(scene, {_path(scene, each) for each in expected})


def in_token(scene: Scene, keys: Keys) -> Iterator[Finding]:
    """Keys in a token: only the token itself can say what else is in it."""
    for each in _expected(scene):
        if not _fits(keys, each):
            yield missing("token", f"{each.folder} {each.file}", f"{each.what}, which fits its row")


def _path(scene: Scene, each: _Expected) -> Path:
    return scene.settings.keys / each.folder / each.file


def _fits(keys: Keys, each: _Expected) -> bool:
    try:
        each.fits(keys)
    except KeyFileError:
        return True  # its mode or owner is named, and it is not read before that is put right
    except (SigningError, LicenceError, ValueError):
        return False
    return True


def _expected(scene: Scene) -> Iterator[_Expected]:
    for row in scene.snapshot.rows(SigningKey, order=["department", "kid"]):
        if row["usage"] in list(Usage) and re.fullmatch("[0-9a-f]{16}", str(row["kid"])):
            usage = Usage(row["usage"])
            public = PublicKey(Suite.ES256, bytes(row["x"]), bytes(row["y"]))
            file = f"{usage.name.lower()}-{row['kid']}.pem"
            yield _Expected(
                str(row["department"]), file, f"key {row['kid']}", _signs(usage, row["kid"], public)
            )
    for row in scene.snapshot.rows(Department, order=["id"]):
        for role, address in ((Role.ANCHOR, row["anchor_account"]), (Role.STATUS, row["status_account"])):
            yield _account(str(row["id"]), role, str(address))


def _account(folder: str, role: Role, address: str) -> _Expected:
    return _Expected(folder, f"{role}-{address.lower()}.pem", f"account {address}", _sends(address))


def _council(scene: Scene, owner: str | None) -> Iterator[_Expected]:
    """The council's account is the contracts' owner. While the chain is away any one will do."""
    files = sorted((scene.settings.keys / "council").glob(f"{Role.COUNCIL}-0x*.pem"))
    if owner is not None:
        yield _account("council", Role.COUNCIL, owner)
    elif files:
        yield _account("council", Role.COUNCIL, files[0].stem.partition("-")[2])
    else:
        yield _Expected("council", "council-0x….pem", "the council's account", lambda keys: None)


def _signs(usage: Usage, kid: str, public: PublicKey) -> Callable[[Keys], None]:
    def check(keys: Keys) -> None:
        signature = keys.sign(usage, Kid(bytes.fromhex(kid)), [_WORDS])[0]
        public.verify(_WORDS, low_s(signature))

    return check


def _sends(address: str) -> Callable[[Keys], None]:
    def check(keys: Keys) -> None:
        digest = hashlib.sha256(_WORDS).digest()
        signature = keys.sign_digest(address, digest)
        if address.lower() not in _signers(signature, digest):
            raise SigningError(f"a key of account {address} expected")

    return check


def _signers(signature: bytes, digest: bytes) -> Iterator[str]:
    """The accounts that may have made it."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    for parity in (0, 1):
        try:
            point = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
        except BadSignature:
            continue
        yield str(point.to_checksum_address()).lower()


def _files(scene: Scene, expected: set[Path]) -> Iterator[Finding]:
    """Modes, and files that nothing accounts for: keys that were never admitted, and writes that were cut short."""
    keys = scene.settings.keys
    for path in [keys, *sorted(keys.rglob("*"))]:
        if path.is_socket() or (path.parent == scene.settings.vault and _VAULT.fullmatch(path.name)):
            continue
        yield from _mode(scene, path)
        if path.is_file() and not _known(scene, path, expected) and is_settled(path):
            yield foreign("file", scene.path(path), "a row that names this key", "none")


def _mode(scene: Scene, path: Path) -> Iterator[Finding]:
    try:
        demand_private(path)
    except KeyFileError:
        mode, found = "700" if path.is_dir() else "600", path.stat()
        expected = f"mode {mode} of user {os.geteuid()}"
        told = f"mode {found.st_mode & 0o777:o} of user {found.st_uid}"
        yield altered("file", scene.path(path), expected, told)
    except FileNotFoundError:
        return  # a write that ended this moment


def _known(scene: Scene, path: Path, expected: set[Path]) -> bool:
    keys = scene.settings.keys
    if path in expected or path in (keys / DEMO, keys / UNLOCK):
        return True
    return scene.by_now(SigningKey, kid=path.stem.partition("-")[2])
