"""A department's signature has one form, and nothing else parses."""

import hashlib
from dataclasses import replace

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence.entry import Entry, SignedEntry, Terms, to_be_signed
from licence.errors import MalformedError, SignatureError
from licence.keys import P256_ORDER, Kid, NetworkId, PublicKey, Suite, low_s
from licence.reasons import Reason
from licence.status import ListId, StatusRef
from tests.licence.desk import NETWORK, TestKey

KEY = TestKey("issue")
TERMS = Terms(
    "11990000DEF000011Y001",
    1,
    KEY.public.kid,
    1_767_225_600,
    1_767_196_800,
    1_900_000_000,
    StatusRef(ListId((7 << 32) | 1), 300),
)
ENTRY = Entry(TERMS, hashlib.sha256(b"claims").digest())


def signed(entry: Entry = ENTRY, network: NetworkId = NETWORK) -> SignedEntry:
    return SignedEntry.assemble(entry, KEY.sign(to_be_signed(entry.encode(), entry.terms.kid, network)))


def test_a_signed_entry_is_read_back_and_its_signature_holds() -> None:
    again = SignedEntry.parse(signed().data)
    assert again == signed()
    again.check_signature(KEY.public, NETWORK)


def test_the_leaf_covers_the_signature() -> None:
    other = SignedEntry.assemble(
        ENTRY, TestKey("other").sign(to_be_signed(ENTRY.encode(), TERMS.kid, NETWORK))
    )
    assert other.entry == signed().entry
    assert other.leaf != signed().leaf


def test_a_kid_that_spells_the_version_does_not_mislead_the_reader() -> None:
    entry = replace(ENTRY, terms=replace(TERMS, kid=Kid(b"xxELR1xx")))
    assert SignedEntry.parse(signed(entry).data).entry == entry


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
    st.integers(0, 65_535),
    st.integers(0, 2**40),
    st.none() | st.integers(2**39, 2**40),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
)
def test_every_entry_has_one_encoding(
    kind: str, version: int, iat: int, exp: int | None, list_: int, index: int
) -> None:
    entry = Entry(Terms(kind, version, TERMS.kid, iat, 5, exp, StatusRef(ListId(list_), index)), bytes(32))
    assert Entry.decode(entry.encode()) == entry
    assert SignedEntry.parse(signed(entry).data).entry == entry


def test_every_flipped_bit_is_refused() -> None:
    good = signed().data
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises((MalformedError, SignatureError)):
            SignedEntry.parse(bytes(bad)).check_signature(KEY.public, NETWORK)


def items() -> list[object]:
    return list(cbor2.loads(ENTRY.encode()))


def changed(place: int, value: object) -> bytes:
    fields = items()
    fields[place] = value
    return cbor2.dumps(fields)


BAD_ENTRIES = {
    "of_nine_elements": cbor2.dumps(items()[:9]),
    "of_eleven_elements": cbor2.dumps([*items(), 0]),
    "with_a_trailing_byte": ENTRY.encode() + b"\x00",
    "cut_short": ENTRY.encode()[:-1],
    "empty": b"",
    "that_is_a_map": cbor2.dumps({"ELR1": 1}),
    "with_a_duplicate_map_key": bytes.fromhex("a2010101 02".replace(" ", "")),
    "with_an_integer_not_in_its_shortest_form": ENTRY.encode().replace(b"Y001\x01", b"Y001\x18\x01"),
    "as_an_indefinite_array": b"\x9f" + ENTRY.encode()[1:] + b"\xff",
    "with_an_indefinite_string": ENTRY.encode().replace(b"\x64ELR1", b"\x7f\x64ELR1\xff"),
    "with_a_tagged_time": changed(4, cbor2.CBORTag(1, 5)),
    "with_a_float_time": changed(4, 1.5),
    "with_a_boolean_for_a_number": changed(2, True),
    "with_a_negative_time": changed(5, -1),
    "with_a_text_kid": changed(3, "abcdefgh"),
    "with_a_kid_of_seven_bytes": changed(3, bytes(7)),
    "with_a_root_of_31_bytes": changed(9, bytes(31)),
    "with_a_list_beyond_uint64": changed(7, 2**64),
    "with_an_index_beyond_uint32": changed(8, 2**32),
    "that_ends_before_it_begins": changed(6, 1_767_196_800),
    "with_an_empty_type": changed(1, ""),
    "with_a_type_that_is_not_ascii": changed(1, "证照"),
    "with_a_type_of_65_characters": changed(1, "A" * 65),
    "nested_without_end": b"\x81" * 400,
    "longer_than_512_bytes": changed(9, bytes(600)),
}


@pytest.mark.parametrize("data", BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
def test_an_entry_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        Entry.decode(data)
    assert caught.value.reason is Reason.MALFORMED


def test_an_entry_of_a_newer_version_is_not_called_bad() -> None:
    with pytest.raises(MalformedError) as caught:
        Entry.decode(changed(0, "ELR2"))
    assert caught.value.reason is Reason.VERSION_UNKNOWN


GOOD = signed().data
BAD_SIGNED = {
    "without_its_tag": GOOD[1:],
    "with_an_unprotected_header": GOOD.replace(b"\xa0", b"\xa1\x01\x26", 1),
    "of_another_algorithm": GOOD.replace(bytes.fromhex("a20126"), bytes.fromhex("a20128"), 1),
    "with_another_header_kid": GOOD[:8] + bytes(8) + GOOD[16:],
    "with_a_trailing_byte": GOOD + b"\x00",
    "with_a_long_length_for_a_short_string": GOOD[:17] + b"\x59\x00" + GOOD[18:],
    "cut_short": GOOD[:-1],
    "of_nothing": b"",
    "of_its_head_alone": GOOD[:17],
}


@pytest.mark.parametrize("data", BAD_SIGNED.values(), ids=BAD_SIGNED.keys())
def test_a_signed_entry_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        SignedEntry.parse(data)


def twin(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + (P256_ORDER - s).to_bytes(32, "big")


def test_the_high_s_twin_of_a_signature_is_refused() -> None:
    message = b"anything"
    signature = KEY.sign(message)
    KEY.public.verify(message, signature)
    with pytest.raises(SignatureError):
        KEY.public.verify(message, twin(signature))
    assert low_s(twin(signature)) == signature


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, bytes(63), bytes(32) + b"\x01" * 32])
def test_numbers_out_of_range_are_no_signature(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        KEY.public.verify(b"anything", signature)


def test_a_signature_for_another_network_is_worth_nothing() -> None:
    staging = NetworkId(hashlib.sha256(b"staging").digest())
    with pytest.raises(SignatureError):
        signed(network=staging).check_signature(KEY.public, NETWORK)


def test_a_key_that_is_no_point_of_the_curve_is_refused() -> None:
    key = PublicKey(Suite.ES256, bytes(32), bytes(31) + b"\x01")
    with pytest.raises(MalformedError):
        key.verify(b"anything", KEY.sign(b"anything"))


def test_the_test_keys_sign_alike_in_every_run() -> None:
    assert KEY.sign(b"x") == KEY.sign(b"x")
