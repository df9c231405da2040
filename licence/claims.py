"""From a licence's values to the one digest that is signed: salted, presence hidden, in two groups.

As RFC 9901 §4.2 for a present field; an absent field leaves a decoy, so that nobody sees whether it was there.
docs/format.md §3.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import NewType

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from licence.canonical import JsonValue, base64url, jcs
from licence.definition import RESERVED_NAMES, Group, LicenceType
from licence.errors import MalformedError

Seed = NewType("Seed", bytes)
GroupSeed = NewType("GroupSeed", bytes)

SEED_SIZE = 32
SALT_SIZE = 16
_LABELS = {Group.PUBLIC: b"pub", Group.PRIVATE: b"priv"}
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


def group_seed(seed: Seed, group: Group) -> GroupSeed:
    """HMAC-SHA256(seed, "pub" | "priv"), 32 bytes: showing one group's tells nothing of the other's."""
    return GroupSeed(hmac.digest(seed, _LABELS[group], "sha256"))


def salts(seed: GroupSeed, count: int) -> list[bytes]:
    """The 16-byte salts of all `count` declared fields of a group, in their order (HKDF-SHA256, RFC 5869)."""
    if count == 0:
        return []
    okm = HKDF(SHA256(), SALT_SIZE * count, salt=None, info=b"ELR1 salts").derive(seed)
    return [okm[i : i + SALT_SIZE] for i in range(0, len(okm), SALT_SIZE)]


def disclosure(salt: bytes, name: str, value: JsonValue) -> str:
    """The RFC 9901 §4.2.1 disclosure: base64url of JCS([base64url(salt), name, value])."""
    return base64url(jcs([base64url(salt), name, value]))


def digests(values: Mapping[str, JsonValue], names: Sequence[str], seed: GroupSeed) -> list[bytes]:
    """The digests (32 bytes each) of all declared `names` of one group, in order; a decoy where no value is.

    Raises:
        MalformedError: a value whose name is not declared, or outside the grammar of claims.
    """
    unknown = set(values) - set(names)
    if unknown:
        raise MalformedError(
            f"{len(unknown)} values whose names this group of the type version does not declare"
        )
    return [_digest(values, name, salt) for name, salt in zip(names, salts(seed, len(names)), strict=True)]


def hash_of_digests(found: Sequence[bytes]) -> bytes:
    """G: SHA-256(0x02 ‖ digests sorted bytewise).

    Raises:
        MalformedError: two digests that are equal.
    """
    if len(set(found)) != len(found):
        raise MalformedError("two claims with the same digest")
    return hashlib.sha256(b"\x02" + b"".join(sorted(found))).digest()


def group_hash(values: Mapping[str, JsonValue], names: Sequence[str], seed: GroupSeed) -> bytes:
    """G over all declared `names`, in order, of one group.

    Raises:
        MalformedError: as digests.
    """
    return hash_of_digests(digests(values, names, seed))


def split(values: Mapping[str, JsonValue], definition: LicenceType, group: Group) -> dict[str, JsonValue]:
    """The values of one group, in the declared order of its fields."""
    return {field.name: values[field.name] for field in definition.group(group) if field.name in values}


def hash_of(values: Mapping[str, JsonValue], definition: LicenceType, seed: Seed, group: Group) -> bytes:
    """G of one group of a whole record, from the licence's seed.

    Raises:
        MalformedError: as group_hash.
    """
    names = [field.name for field in definition.group(group)]
    return group_hash(split(values, definition, group), names, group_seed(seed, group))


def root_of(values: Mapping[str, JsonValue], definition: LicenceType, seed: Seed) -> bytes:
    """The claims root of a whole record, from the licence's seed: what the issuer signs.

    Raises:
        MalformedError: as group_hash.
    """
    public = hash_of(values, definition, seed, Group.PUBLIC)
    return claims_root(public, hash_of(values, definition, seed, Group.PRIVATE))


def claims_root(public: bytes, private: bytes) -> bytes:
    """SHA-256(0x03 ‖ G_pub ‖ G_priv): the digest in the entry."""
    return hashlib.sha256(b"\x03" + public + private).digest()


def check_value(value: JsonValue) -> None:
    """Demands the grammar of claims: string, integer, boolean, non-empty array, or object with plain names.

    Raises:
        MalformedError: null, an empty array, or a name that is not plain or is reserved, at any depth.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_name(name)
            check_value(inner)
    elif isinstance(value, list | tuple):
        if not value:
            raise MalformedError("an empty array is no claim")
        for inner in value:
            check_value(inner)
    elif value is None:
        raise MalformedError("null is no claim; an absent field is left out")


def _digest(values: Mapping[str, JsonValue], name: str, salt: bytes) -> bytes:
    if name not in values:
        return hashlib.sha256(base64url(salt).encode()).digest()
    check_value(values[name])
    return hashlib.sha256(disclosure(salt, name, values[name]).encode()).digest()


def _check_name(name: str) -> None:
    if not name or not name[0].isalpha() or not _NAME.issuperset(name) or name in RESERVED_NAMES:
        raise MalformedError("a claim name of letters, digits and _ that is not reserved expected")
