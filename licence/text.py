"""The text of a code: ELR1: + base45(form ‖ dictionary ‖ raw deflate ‖ check), docs/format.md §6.

The check tells a badly read code from a forged one, so that damage is never an accusation. It proves nothing.
"""

import hashlib
import zlib
from enum import IntEnum

from licence.dictionary import DICTIONARIES
from licence.errors import MalformedError
from licence.reasons import Reason

PREFIX = "ELR1:"
MAX_TEXT = 1_500
MAX_INFLATED = 4_096
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_CHECK = 4


class Form(IntEnum):
    """What a text code is; the first byte of its content."""

    PAPER = 1


def pack(form: Form, payload: bytes, dictionary: int) -> str:
    """The text of a code around `payload`, compressed with the numbered dictionary (0: none).

    Raises:
        MalformedError: a payload beyond 4,096 bytes, which no reader would inflate.
    """
    if len(payload) > MAX_INFLATED:
        raise MalformedError(f"payload of at most {MAX_INFLATED} bytes expected, {len(payload)} found")
    words = DICTIONARIES[dictionary]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, words)
    body = bytes([form, dictionary]) + deflate.compress(payload) + deflate.flush()
    return PREFIX + base45(body + _check(body))


def unpack(text: str) -> tuple[Form, bytes]:
    """The form and the payload of a code's text.

    Raises:
        MalformedError: NOT_OUR_CODE without our prefix; VERSION_UNKNOWN for a form or dictionary this software does
            not know; MALFORMED for damage, over-length, a tail, or an end not reached.
    """
    if not text.startswith(PREFIX):
        raise MalformedError("a code that starts with ELR1: expected", Reason.NOT_OUR_CODE)
    if len(text) > MAX_TEXT:
        raise MalformedError(f"a code of at most {MAX_TEXT} characters expected, {len(text)} found")
    data = read_base45(text[len(PREFIX) :])
    body, check = data[:-_CHECK], data[-_CHECK:]
    if len(body) < 3 or _check(body) != check:
        raise MalformedError("the code was not read whole: its check does not match")
    if body[0] not in list(Form) or body[1] not in DICTIONARIES:
        raise MalformedError("a code of a newer form or dictionary", Reason.VERSION_UNKNOWN)
    return Form(body[0]), _inflate(body[2:], DICTIONARIES[body[1]])


def base45(data: bytes) -> str:
    """RFC 9285."""
    pairs = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data) - 1, 2)]
    text = "".join(_ALPHABET[n % 45] + _ALPHABET[n // 45 % 45] + _ALPHABET[n // 2025] for n in pairs)
    return text + (_ALPHABET[data[-1] % 45] + _ALPHABET[data[-1] // 45] if len(data) % 2 else "")


def read_base45(text: str) -> bytes:
    """The bytes of an RFC 9285 text.

    Raises:
        MalformedError: another alphabet, an impossible length or value.
    """
    try:
        values = [_VALUES[letter] for letter in text]
    except KeyError as error:
        raise MalformedError("a character outside base45 (RFC 9285)") from error
    groups = [values[i : i + 3] for i in range(0, len(values), 3)]
    if groups and len(groups[-1]) == 1:
        raise MalformedError("base45 text of an impossible length")
    try:
        return b"".join(_number(group).to_bytes(len(group) - 1, "big") for group in groups)
    except OverflowError as error:
        raise MalformedError("base45 group beyond its range") from error


def _number(group: list[int]) -> int:
    return sum(value * 45**place for place, value in enumerate(group))


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECK]


def _inflate(data: bytes, words: bytes) -> bytes:
    inflate = zlib.decompressobj(-15, words)
    try:
        payload = inflate.decompress(data, MAX_INFLATED + 1)
    except zlib.error as error:
        raise MalformedError("the code's compressed part is broken") from error
    whole = inflate.eof and not inflate.unused_data and not inflate.unconsumed_tail
    if not whole or len(payload) > MAX_INFLATED:
        raise MalformedError(
            f"compressed part of at most {MAX_INFLATED} bytes, whole and without a tail, expected"
        )
    return payload
