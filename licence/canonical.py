"""The one byte form of JSON: RFC 8785 (JCS) written, and read so strictly that no two texts mean the same thing.

Strings, integers below 2^53, booleans, null, arrays and objects. No floats: a decimal is a string.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, Union

from licence.errors import MalformedError

JsonValue: TypeAlias = Union[bool, int, str, Sequence["JsonValue"], Mapping[str, "JsonValue"], None]

MAX_BYTES = 65_536
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1


def jcs(value: JsonValue) -> bytes:
    """The RFC 8785 form of a JSON value, UTF-8.

    Raises:
        MalformedError: a float, an integer beyond 2^53 - 1, a lone surrogate, or nesting deeper than 16.
    """
    text = json.dumps(_ordered(value, 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _utf8(text)


def read_json(data: bytes, limit: int = MAX_BYTES) -> JsonValue:
    """The value of a strict JSON text (RFC 8259, and narrower): UTF-8 without BOM, at most `limit` bytes.

    Raises:
        MalformedError: over-long, not UTF-8, a repeated member, NaN, a float, an integer beyond 2^53 - 1, a lone
            surrogate, nesting deeper than 16, or anything after the value.
    """
    if len(data) > limit:
        raise MalformedError(f"JSON text: at most {limit} bytes expected, {len(data)} found")
    try:
        value: Any = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_members,
            parse_float=_no_float,
            parse_int=_integer,
            parse_constant=_no_float,
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MalformedError(f"not a JSON text in UTF-8: {type(error).__name__}") from error
    except RecursionError as error:
        raise MalformedError(f"JSON nested deeper than {MAX_DEPTH}") from error
    _utf8(json.dumps(_ordered(value, 0), ensure_ascii=False))
    return value  # type: ignore[no-any-return]  # json.loads with these hooks yields nothing but JsonValue


def read_canonical(data: bytes, limit: int = MAX_BYTES) -> JsonValue:
    """As read_json, and the bytes must already be the RFC 8785 form: every byte then has a meaning.

    Raises:
        MalformedError: as read_json, or another spelling of the same value.
    """
    value = read_json(data, limit)
    if jcs(value) != data:
        raise MalformedError("JSON text is not in the canonical form of RFC 8785")
    return value


def base64url(data: bytes) -> str:
    """RFC 4648 §5 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def read_base64url(text: object, size: int | None = None) -> bytes:
    """The bytes of an unpadded base64url string; `size` in bytes when it is fixed.

    Raises:
        MalformedError: not a string, another alphabet, padding, set bits after the end, or another size.
    """
    if not isinstance(text, str):
        raise MalformedError(f"base64url string expected, {type(text).__name__} found")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not a base64url string (RFC 4648 §5, unpadded)") from error
    if base64url(data) != text:
        raise MalformedError("base64url in its one spelling (RFC 4648 §5, unpadded) expected")
    if size is not None and len(data) != size:
        raise MalformedError(f"base64url of {size} bytes expected, {len(data)} found")
    return data


def members(value: JsonValue, names: Sequence[str], what: str) -> Mapping[str, JsonValue]:
    """The object `value`, once it is sure to have exactly the members `names`.

    Raises:
        MalformedError: not an object, or a member missing or unknown; says which.
    """
    if not isinstance(value, Mapping):
        raise MalformedError(f"{what}: an object expected")
    missing, unknown = sorted(set(names) - set(value)), sorted(set(value) - set(names))
    if missing or unknown:
        raise MalformedError(f"{what}: missing members {missing}, {len(unknown)} unknown members")
    return value


def _ordered(value: JsonValue, depth: int) -> Any:
    if depth >= MAX_DEPTH and isinstance(value, Mapping | list | tuple):
        raise MalformedError(f"JSON nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        # RFC 8785 §3.2.3 sorts member names by UTF-16 code units, not by code points.
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return {name: _ordered(value[name], depth + 1) for name in names}
    if isinstance(value, list | tuple):
        return [_ordered(item, depth + 1) for item in value]
    return _scalar(value)


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return value
    raise MalformedError(f"string, boolean or integer below 2^53 expected, {type(value).__name__} found")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("JSON object with a repeated member")
    return found


def _no_float(text: str) -> NoReturn:
    raise MalformedError("JSON number that is not an integer; decimals are strings")


def _integer(text: str) -> int:
    if text == "-0":
        raise MalformedError("JSON number -0; 0 has one spelling")
    if len(text) > 17:
        raise MalformedError("JSON integer beyond 2^53 - 1")
    return int(text)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedError("a lone surrogate is not text") from error
