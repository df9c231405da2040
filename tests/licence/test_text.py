"""The text of a code is read whole or not at all."""

import hashlib
import zlib

import base45 as peer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence import text
from licence.dictionary import DICTIONARIES
from licence.errors import MalformedError
from licence.reasons import Reason
from licence.text import Form, base45, pack, read_base45, unpack

PAYLOAD = b"payload " * 9
CODE = pack(Form.PAPER, PAYLOAD, 1)


def around(body: bytes) -> str:
    """The text of a code with this body, its check made good: what a forger would write."""
    return "ELR1:" + base45(body + hashlib.sha256(body).digest()[:4])


def deflated(payload: bytes, words: bytes = DICTIONARIES[1]) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, words)
    return deflate.compress(payload) + deflate.flush()


@given(st.binary(max_size=400), st.sampled_from(sorted(DICTIONARIES)))
def test_what_is_packed_is_unpacked(payload: bytes, dictionary: int) -> None:
    assert unpack(pack(Form.PAPER, payload, dictionary)) == (Form.PAPER, payload)


@given(st.binary(max_size=90))
def test_base45_agrees_with_an_independent_one(data: bytes) -> None:
    assert base45(data) == peer.b45encode(data).decode()
    assert read_base45(base45(data)) == data


def test_every_changed_character_is_refused() -> None:
    for place in range(5, len(CODE)):
        for letter in "0AZ:":
            if CODE[place] != letter:
                with pytest.raises(MalformedError):
                    unpack(CODE[:place] + letter + CODE[place + 1 :])


BAD = {
    "damaged": CODE[:-1] + ("0" if CODE[-1] != "0" else "1"),
    "cut_short": CODE[:-3],
    "with_a_tail": around(bytes([1, 1]) + deflated(PAYLOAD) + b"\x00"),
    "whose_end_is_not_reached": around(bytes([1, 1]) + deflated(PAYLOAD)[:-2]),
    "that_inflates_to_4097_bytes": around(bytes([1, 1]) + deflated(bytes(4097))),
    "that_is_a_bomb": around(bytes([1, 0]) + deflated(bytes(900_000), b"")),
    "of_another_dictionary": around(bytes([1, 0]) + deflated(DICTIONARIES[1][-40:])),
    "that_is_not_deflate": around(bytes([1, 0]) + b"\xff\xff\xff"),
    "in_lower_case": CODE[:5] + CODE[5:].lower(),
    "of_an_impossible_length": CODE + "A",
    "with_a_group_beyond_its_range": "ELR1:" + ":::" * 9,
    "of_nothing": "ELR1:",
    "over_long": "ELR1:" + "0" * 1500,
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD.keys())
def test_a_code_is_refused(code: str) -> None:
    with pytest.raises(MalformedError) as caught:
        unpack(code)
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("body", [bytes([9, 1]) + deflated(PAYLOAD), bytes([1, 77]) + deflated(PAYLOAD)])
def test_an_unknown_form_or_dictionary_is_not_called_bad(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        unpack(around(body))
    assert caught.value.reason is Reason.VERSION_UNKNOWN


@pytest.mark.parametrize("code", ["", "https://example.cn/x", "elr1:ABC", "HC1:NCF", "6901234567892"])
def test_a_foreign_code_is_not_called_bad(code: str) -> None:
    with pytest.raises(MalformedError) as caught:
        unpack(code)
    assert caught.value.reason is Reason.NOT_OUR_CODE


def test_a_payload_that_no_reader_would_inflate_is_not_packed() -> None:
    with pytest.raises(MalformedError):
        pack(Form.PAPER, bytes(text.MAX_INFLATED + 1), 1)


def test_a_payload_of_exactly_4096_bytes_is_read_and_one_more_is_not() -> None:
    """Random bytes don't shrink: the text is longer than a code may be, so the part that inflates is asked alone."""
    for size, good in ((4_096, True), (4_097, False)):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = bytes([1, 0]) + deflate.compress(b"\0" * size) + deflate.flush()
        shown = "ELR1:" + base45(body + hashlib.sha256(body).digest()[:4])
        if good:
            assert unpack(shown) == (Form.PAPER, bytes(size))
        else:
            with pytest.raises(MalformedError):
                unpack(shown)
