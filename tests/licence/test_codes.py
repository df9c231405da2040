"""Check digits against public vectors; every single wrong digit is found."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence.codes import (
    CertificateId,
    CodeError,
    birth_date,
    check_citizen_id,
    check_credit_code,
    check_food_number,
    is_male,
    mod_37_36,
)

# Codes of public bodies, and the invented ones of this project (regions 99xxxx are not assigned).
CREDIT_CODES = [
    "11430000006122244L",
    "11100000000013338W",
    "11990101DEM0000141",
    "91990101MA0DEM013U",
    "92990101MA0DEM021K",
]
IDS = ["990101194001010016", "990101196803050027", "990101199909090039", "990101202601150044"]


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_public_credit_codes_pass(code: str) -> None:
    check_credit_code(code)


@pytest.mark.parametrize("code", CREDIT_CODES)
@pytest.mark.parametrize("place", range(18))
def test_every_wrong_character_of_a_credit_code_is_found(code: str, place: int) -> None:
    other = "1" if code[place] != "1" else "2"
    with pytest.raises(CodeError):
        check_credit_code(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize(
    "code", ["", "1" * 17, "11990101DEM000014I", "11990101dem0000141", "１1990101DEM0000141"]
)
def test_what_is_no_credit_code_is_refused(code: str) -> None:
    with pytest.raises(CodeError):
        check_credit_code(code)


@pytest.mark.parametrize("code", IDS)
def test_citizen_ids_pass_and_every_wrong_digit_is_found(code: str) -> None:
    check_citizen_id(code)
    for place in range(18):
        for other in "0123456789":
            if other != code[place]:
                with pytest.raises(CodeError):
                    check_citizen_id(code[:place] + other + code[place + 1 :])


def test_a_citizen_id_with_an_impossible_birthday_is_refused() -> None:
    with pytest.raises(CodeError, match="date of birth"):
        check_citizen_id("990101199902300035")


def test_messages_never_repeat_the_number() -> None:
    with pytest.raises(CodeError) as caught:
        check_citizen_id("990101199909090030")
    assert "990101" not in f"{caught.value}{caught.value.zh}{caught.value.en}"


def test_birth_date_and_sex_are_read_from_the_id() -> None:
    assert birth_date(IDS[1]) == date(1968, 3, 5)
    assert not is_male(IDS[1])
    assert is_male(IDS[0])


@pytest.mark.parametrize("number", ["JY29901010000018"])
def test_food_numbers_pass(number: str) -> None:
    check_food_number(number)
    with pytest.raises(CodeError):
        check_food_number(number[:-1] + str((int(number[-1]) + 1) % 10))
    with pytest.raises(CodeError):
        check_food_number("JY9" + number[3:])


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("11100000000013338W01111430000006122244L20230000403001", "U"),
        ("11100000MB03271699022340100000000016001", "9"),
    ],
)
def test_iso_7064_mod_37_36_agrees_with_public_identifiers(text: str, check: str) -> None:
    assert mod_37_36(text) == check


def test_a_certificate_identifier_reads_back() -> None:
    text = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"
    read = CertificateId.parse(text)
    assert (read.version, read.check, read.text) == (1, "U", text)
    with pytest.raises(CodeError, match="check character"):
        CertificateId.parse(text[:-1] + "T")
    with pytest.raises(CodeError, match="expected"):
        CertificateId.parse("1.2.3")


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=40), st.data())
def test_mod_37_36_finds_every_single_error(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    if other != text[place]:
        assert mod_37_36(text[:place] + other + text[place + 1 :]) != mod_37_36(text)
