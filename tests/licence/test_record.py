"""Records: every rule of the seven types, every fault named by its field in both languages, never the value."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from licence.canonical import JsonValue
from licence.definition import LicenceType
from licence.errors import MalformedError, RecordError
from licence.record import check_dependencies, number, subject, validate, validity
from tests.licence.desk import definitions
from tests.licence.vectors import records


def faults(name: str, **changes: JsonValue) -> list[tuple[str, str]]:
    values = {key: value for key, value in {**records()[name], **changes}.items() if value is not None}
    with pytest.raises(RecordError) as caught:
        validate(values, definitions()[name])
    for problem in caught.value.problems:
        assert problem.zh
        assert problem.en
        for value in changes.values():
            if isinstance(value, str) and len(value) > 3:
                assert value not in problem.zh + problem.en
    return [(problem.field, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize("name", list(records()))
def test_the_invented_records_pass(name: str) -> None:
    record = validate(records()[name], definitions()[name])
    assert number(record)
    assert subject(record).code
    begins, ends = validity(record)
    assert ends is None or ends > begins


CASES: Mapping[str, tuple[str, Mapping[str, JsonValue], str]] = {
    "missing": ("business", {"entName": ""}, "entName"),
    "wrong-credit-code": ("business", {"creditCode": "91990101MA0DEM013V"}, "creditCode"),
    "not-a-choice": ("business", {"entType": "皇家公司"}, "entType"),
    "impossible-date": ("business", {"estDate": "2023-02-30"}, "estDate"),
    "date-in-another-shape": ("business", {"estDate": "2023/02/03"}, "estDate"),
    "issued-before-established": ("business", {"issueDate": "1999-01-01"}, "issueDate"),
    "capital-of-a-company-missing": ("business", {"regCapital": ""}, "regCapital"),
    "capital-not-a-number": ("business", {"regCapital": "1e5"}, "regCapital"),
    "capital-negative": ("business", {"regCapital": "-5"}, "regCapital"),
    "text-too-long": ("business", {"entName": "长" * 101}, "entName"),
    "invisible-character": ("business", {"entName": "演示\u200b公司"}, "entName"),
    "not-nfc": ("business", {"entName": "Cafe\u0301"}, "entName"),
    "blank-at-the-end": ("business", {"entName": "演示公司 "}, "entName"),
    "number-for-text": ("business", {"entName": 7}, "entName"),
    "unknown-field": ("business", {"rank": "1"}, ""),
    "wrong-food-number": ("food", {"licNo": "JY19901010000011"}, "licNo"),
    "food-number-of-another-form": ("food", {"bizForm": "单位食堂"}, "licNo"),
    "term-beyond-five-years": ("food", {"validTo": "2099-01-01"}, "validTo"),
    "ends-before-it-begins": ("food", {"validTo": "2001-01-01"}, "validTo"),
    "empty-list": ("food", {"items": []}, "items"),
    "list-item-not-offered": ("food", {"items": ["卖梦"]}, "items"),
    "wrong-id": ("driving", {"licNo": "990101198001030110"}, "licNo"),
    "birthday-differs-from-id": ("driving", {"birthDate": "1981-01-03"}, "birthDate"),
    "sex-differs-from-id": ("driving", {"sex": "女"}, "sex"),
    "licensed-under-18": ("driving", {"firstIssueDate": "1997-01-01"}, "firstIssueDate"),
    "photo-is-no-digest": ("driving", {"photo": "me.jpg"}, "photo"),
    "lives-at-home": ("residence", {"liveAddress": records()["residence"]["hukouAddress"]}, "liveAddress"),
    "report-missing-with-central-air": ("hygiene", {"centralAir": True}, "testReport"),
    "text-for-boolean": ("hygiene", {"centralAir": "yes"}, "centralAir"),
    "review-too-late": ("hygiene", {"reviewDue": "2099-01-01"}, "reviewDue"),
    "weight-out-of-range": ("birth", {"weightG": 99}, "weightG"),
    "boolean-for-integer": ("birth", {"weightG": True}, "weightG"),
    "impossible-time": ("birth", {"birthTime": "2025-12-12T25:00"}, "birthTime"),
    "before-1970": ("birth", {"issueDate": "1965-01-01", "birthTime": "1964-01-01T10:00"}, "issueDate"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_every_broken_rule_is_named_by_its_field(case: str) -> None:
    name, changes, field = CASES[case]
    assert field in [found for found, _ in faults(name, **changes)]


def test_all_faults_are_named_at_once() -> None:
    found = faults("business", creditCode="1", entName="", estDate="x")
    assert {field for field, _ in found} >= {"creditCode", "entName", "estDate"}


def test_a_food_licence_rests_on_a_business_licence_with_equal_fields() -> None:
    business = validate(records()["business"], definitions()["business"])
    food = validate(records()["food"], definitions()["food"])
    check_dependencies(food, {business.definition.code: business})
    with pytest.raises(RecordError, match="no valid licence"):
        check_dependencies(food, {})
    other = validate({**records()["business"], "legalRep": "示例癸"}, definitions()["business"])
    with pytest.raises(RecordError, match="differs"):
        check_dependencies(food, {other.definition.code: other})


def test_the_last_day_counts_in_the_type_s_own_zone() -> None:
    record = validate(records()["chicago_business"], definitions()["chicago_business"])
    begins, ends = validity(record)
    assert datetime.fromtimestamp(begins, UTC).isoformat() == "2025-01-16T06:00:00+00:00"
    assert ends is not None
    assert datetime.fromtimestamp(ends, UTC).isoformat() == "2027-01-16T06:00:00+00:00"


@pytest.mark.parametrize("name", list(records()))
def test_a_definition_reads_back_and_hashes_alike(name: str) -> None:
    kind = definitions()[name]
    again = LicenceType.from_canonical(kind.canonical())
    assert (again, again.digest) == (kind, kind.digest)


MINIMAL = """
code = "T001"
version = 1
title = { zh = "证", en = "T" }
authority = { code = "11990000DEF000011Y", zh = "局", en = "O" }
legal_basis = []
number = "no"
holder = { name = "no", code = "no", code_type = "999", kinds = ["person"] }
validity = { begins = "day" }
[[fields]]
name = "no"
label = { zh = "号", en = "no" }
[[fields]]
name = "day"
label = { zh = "日", en = "day" }
kind = "date"
"""

BROKEN = {
    "not-toml": "code = ",
    "unknown-member": MINIMAL + 'colour = "red"\n',
    "field-twice": MINIMAL + '[[fields]]\nname = "no"\nlabel = { zh = "号", en = "no" }\n',
    "reserved-name": MINIMAL.replace('"no"', '"iss"'),
    "name-not-plain": MINIMAL.replace('"day"', '"d-y"'),
    "reference-to-no-field": MINIMAL.replace('number = "no"', 'number = "id"'),
    "unknown-kind": MINIMAL.replace('kind = "date"', 'kind = "moon"'),
    "unknown-zone": MINIMAL.replace('begins = "day"', 'begins = "day", zone = "Moon/Base"'),
    "broken-pattern": MINIMAL + 'pattern = "["\n',
    "version-zero": MINIMAL.replace("version = 1", "version = 0"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_broken_definition_is_refused(case: str) -> None:
    assert LicenceType.from_toml(MINIMAL).code == "T001"
    with pytest.raises(MalformedError, match="type definition"):
        LicenceType.from_toml(BROKEN[case])


def test_a_definition_that_leaves_defaults_out_is_not_canonical() -> None:
    data = LicenceType.from_toml(MINIMAL).canonical().replace(b'"optional":false,', b"", 1)
    with pytest.raises(MalformedError):
        LicenceType.from_canonical(data)
