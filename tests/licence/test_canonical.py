"""JSON is read so strictly that no two texts mean the same thing."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from licence.canonical import JsonValue, base64url, jcs, members, read_base64url, read_canonical, read_json
from licence.errors import MalformedError

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_the_canonical_form_is_that_of_rfc_8785(value: JsonValue) -> None:
    assert jcs(value) == rfc8785.dumps(value)
    assert read_canonical(jcs(value)) == value


BAD = {
    "a_byte_order_mark": b'\xef\xbb\xbf{"a":1}',
    "not_utf8": b'{"a":"\xff"}',
    "a_repeated_member": b'{"a":1,"a":2}',
    "not_a_number": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "a_float": b'{"a":1.0}',
    "an_exponent": b'{"a":1e3}',
    "minus_zero": b'{"a":-0}',
    "an_integer_beyond_2_53": b'{"a":9007199254740992}',
    "an_integer_of_5000_digits": b"9" * 5000,
    "a_lone_surrogate": b'{"a":"\\ud800"}',
    "a_lone_surrogate_in_a_name": b'{"\\udc00":1}',
    "nesting_of_17": b"[" * 17 + b"]" * 17,
    "nesting_of_10000": b"[" * 10_000 + b"]" * 10_000,
    "a_trailing_value": b"{} {}",
    "a_trailing_comma": b"[1,]",
    "an_over_long_text": b'"' + b"a" * 65_536 + b'"',
    "nothing": b"",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_json_is_refused_with(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_json(data)


@pytest.mark.parametrize("text", ['{"b":1,"a":2}', '{"a": 1}', '"\\u0041"', '"\\/"', " 1", "1\n"])
def test_another_spelling_of_the_same_value_is_not_canonical(text: str) -> None:
    json.loads(text)
    with pytest.raises(MalformedError, match="canonical"):
        read_canonical(text.encode())


def test_names_are_ordered_by_utf16_code_units() -> None:
    assert jcs({"\U00010000": 1, "\uffff": 2}) == '{"\U00010000":1,"\uffff":2}'.encode()


@given(st.binary(max_size=70))
def test_base64url_has_one_spelling(data: bytes) -> None:
    assert read_base64url(base64url(data), len(data)) == data


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "A+8A", "A/8A", "AA A", "ÄAAA", None, 5])
def test_base64url_is_refused_in_any_other_spelling(text: object) -> None:
    with pytest.raises(MalformedError):
        read_base64url(text)


def test_base64url_of_another_size_is_refused() -> None:
    with pytest.raises(MalformedError, match="32 bytes"):
        read_base64url(base64url(bytes(31)), 32)


@pytest.mark.parametrize("value", [{"a": 1}, {"a": 1, "b": 2, "c": 3}, ["a", "b"], "ab", None])
def test_an_object_has_exactly_its_members(value: JsonValue) -> None:
    with pytest.raises(MalformedError):
        members(value, ["a", "b"], "thing")
