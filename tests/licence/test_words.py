"""What refusals say: pinned word for word, in both languages, without a word of forger or holder."""

import pytest

from tests.licence.words import DEEDS, FILE, RECORDS, everything, problems, rendered


def test_every_word_is_the_one_on_file() -> None:
    assert FILE.read_text("utf-8") == rendered(), (
        "python -m tests.licence.words writes it anew: read the change"
    )


@pytest.mark.parametrize("name", list(RECORDS))
def test_a_record_s_fault_is_named_without_its_value(name: str) -> None:
    values = [value for value in RECORDS[name].values() if isinstance(value, str) and len(value) > 4]
    for _, code, zh, en in problems(RECORDS[name]):
        assert code and zh and en
        assert not any(value in zh + en for value in values if not value.startswith("r" * 41))


def test_no_refusal_is_silent() -> None:
    found = everything()
    assert all(len(said) > 20 for said in found["refusals"].values() if said != "accepted")
    assert all(len(said) > 20 for said in found["deeds"].values() if said != "accepted")
    limits = {name for name, said in found["deeds"].items() if said == "accepted"}
    assert limits == {name for name in DEEDS if name.endswith(("at-the-limit", "65535", "128-fields"))}
