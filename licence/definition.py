"""A licence type as data: what a department writes in a TOML file, and everybody else reads as canonical JSON.

A new department with a new type needs a file, no code. docs/format.md §2; the shape follows the chapters of the
national type standards (reference numbers C0xxx) and the elements of GB/T 36903.
"""

import hashlib
import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from licence.canonical import jcs, read_canonical
from licence.errors import MalformedError

# RFC 9901 §4.1, the registered JWT claim names, and what else an SD-JWT VC of ours says itself.
RESERVED_NAMES = frozenset(
    [
        "_sd",
        "_sd_alg",
        "...",
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "cnf",
        "vct",
        "status",
        "vct#integrity",
        "alg",
        "typ",
        "kid",
        "nonce",
        "sd_hash",
        "private",
        "receipt",
        "signed_entry",
    ]
)
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Group(StrEnum):
    """Where a field is shown: on the paper code, or nowhere unless the holder picks it."""

    PUBLIC = "public"
    PRIVATE = "private"


class FieldKind(StrEnum):
    """What a field's value is. Dates are YYYY-MM-DD, times YYYY-MM-DDThh:mm, decimals strings."""

    TEXT = "text"
    DATE = "date"
    TIME = "time"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    LIST = "list"
    DOCUMENT = "document"


class Rule(StrEnum):
    """A published rule for a field's text, checked by licence.codes."""

    CREDIT_CODE = "GB 32100"
    CITIZEN_ID = "GB 11643"
    CREDIT_CODE_OR_CITIZEN_ID = "GB 32100 | GB 11643"
    FOOD_NUMBER = "JY GB/T 17710"


class Sensitivity(StrEnum):
    """Who may see a field: public, business, personal (masked by default), sensitive."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class HolderKind(StrEnum):
    """Who may hold a licence of a type."""

    PERSON = "person"
    ORGANISATION = "organisation"


class CheckKind(StrEnum):
    """The rules between fields that a type may name; see licence.record for what each demands."""

    NOT_BEFORE = "not_before"
    AT_MOST_YEARS = "at_most_years"
    BIRTH_DATE_IN_ID = "birth_date_in_id"
    SEX_IN_ID = "sex_in_id"
    AGE_AT_LEAST = "age_at_least"
    DIGIT_OF_CHOICE = "digit_of_choice"
    REQUIRED_IF = "required_if"
    DIFFERENT = "different"


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same words in both languages."""

    zh: str
    en: str


class Authority(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who defines the type: its 18-character code (GB 32100) and names."""

    code: str
    zh: str
    en: str


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One field: its name in claims, its label, and what its value must be.

    `longest` counts characters; `least` and `most` bound integers and decimals; `choices` are those of a choice, or of
    each item of a list; `pattern` is a regular expression for the whole text.
    """

    name: str
    label: Label
    kind: FieldKind = FieldKind.TEXT
    group: Group = Group.PUBLIC
    sensitivity: Sensitivity = Sensitivity.P0
    optional: bool = False
    rule: Rule | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    longest: int = 200
    least: int | None = None
    most: int | None = None


class Validity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which fields give the first and the last day, in which zone; `ends` None: the type has no end.

    `open_end`: the field of the last day may be absent, which means 长期. `longest_years`: the term is no longer.
    """

    begins: str
    ends: str | None = None
    zone: str = "Asia/Shanghai"
    open_end: bool = False
    longest_years: int | None = None


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which fields name the holder, and the holder's code type (GB/T 36903 Annex A: 001, 111, 999 …)."""

    name: str
    code: str
    code_type: str
    kinds: tuple[HolderKind, ...]


class Dependency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A licence of another type that the holder must have, valid, with equal fields (ours → theirs)."""

    type: str
    same: dict[str, str]


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule between fields: `field` against `other`, with a number or a choice where the kind wants one."""

    kind: CheckKind
    field: str
    other: str
    number: int | None = None
    value: str | bool | None = None


class LicenceType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A type version: all that a registry, a verifier or a screen needs to know of it."""

    code: str
    version: int
    title: Label
    authority: Authority
    legal_basis: tuple[str, ...]
    holder: Holder
    number: str
    validity: Validity
    fields: tuple[Field, ...]
    renewal_days: int | None = None
    dependencies: tuple[Dependency, ...] = ()
    checks: tuple[Check, ...] = ()
    two_people: bool = False
    photo: bool = False
    original: bool = False

    @classmethod
    def from_toml(cls, text: str) -> "LicenceType":
        """Reads the TOML form, where what is left out has its default.

        Raises:
            MalformedError: not TOML, an unknown or missing member, a wrong type, or a reference to no field.
        """
        try:
            return _convert(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise MalformedError(f"type definition: not TOML: {error}") from error

    @classmethod
    def from_canonical(cls, data: bytes) -> "LicenceType":
        """Reads the public form.

        Raises:
            MalformedError: not the canonical JSON of a type definition, or as from_toml.
        """
        return _from_canonical(data)

    def canonical(self) -> bytes:
        """The public form: RFC 8785 JSON with every member."""
        return jcs(msgspec.to_builtins(self))

    @property
    def digest(self) -> bytes:
        """SHA-256 of the public form: what the chain holds."""
        return hashlib.sha256(self.canonical()).digest()

    def group(self, group: Group) -> tuple[Field, ...]:
        """The fields of one group, in their declared order."""
        return tuple(field for field in self.fields if field.group is group)

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises:
            KeyError: there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


@lru_cache(maxsize=256)  # a registry reads the same few types for every row
def _from_canonical(data: bytes) -> LicenceType:
    found = _convert(read_canonical(data))
    if found.canonical() != data:
        raise MalformedError("type definition: every member, defaults too, is written out")
    return found


def _convert(value: Any) -> LicenceType:
    try:
        found = msgspec.convert(value, LicenceType)
    except msgspec.ValidationError as error:
        raise MalformedError(f"type definition: {error}") from error
    _check_names(found)
    _check_references(found)
    _check_limits(found)
    return found


def _check_names(found: LicenceType) -> None:
    names = [field.name for field in found.fields]
    for name in names:
        if not _NAME.fullmatch(name) or name in RESERVED_NAMES or names.count(name) > 1:
            raise MalformedError(
                f"type definition: {name!r} is not a plain name, is reserved, or stands twice"
            )


def _check_references(found: LicenceType) -> None:
    wanted = {found.number, found.holder.name, found.holder.code, found.validity.begins}
    wanted |= {found.validity.ends} if found.validity.ends else set()
    wanted |= {name for check in found.checks for name in (check.field, check.other)}
    wanted |= {name for dependency in found.dependencies for name in dependency.same}
    unknown = wanted - {field.name for field in found.fields}
    if unknown:
        raise MalformedError(f"type definition: no fields of the names {sorted(unknown)}")


def _check_limits(found: LicenceType) -> None:
    if not (1 <= found.version <= 65_535 and _CODE.fullmatch(found.code)):
        raise MalformedError(
            "type definition: a version of 1 to 65535 and a code of A-Z a-z 0-9 . _ - expected"
        )
    if len(found.fields) > 128:
        raise MalformedError("type definition: at most 128 fields")
    try:
        ZoneInfo(found.validity.zone)
        for field in found.fields:
            re.compile(field.pattern or "")
    except (ZoneInfoNotFoundError, ValueError, re.error) as error:
        raise MalformedError(f"type definition: unknown zone or pattern: {error}") from error
