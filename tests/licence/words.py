"""Every word that a refusal says, on file: a changed sentence shows as a changed line, and somebody reads it.

`python -m tests.licence.words` writes tests/vectors/words.json; a test holds the file to the code.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from licence import canonical, codes, entry, keys, merkle, text
from licence.canonical import JsonValue
from licence.codes import CertificateId, CodeError
from licence.definition import LicenceType
from licence.errors import LicenceError, RecordError
from licence.presentation import read
from licence.record import validate
from tests.licence import vectors, wallet
from tests.licence.desk import definitions
from tests.licence.vectors import golden

FILE = Path(__file__).parent.parent / "vectors" / "words.json"

TYPE = """
code = "11990000DEF000099X001"
version = 1
legal_basis = ["示例条例 第一条"]
number = "name"
title = { zh = "示例证", en = "Specimen" }
authority = { code = "11990000DEF000011Y", zh = "示例部", en = "Specimen Ministry" }
holder = { name = "name", code = "either", code_type = "001", kinds = ["organisation"] }
validity = { begins = "start", ends = "end", open_end = true, longest_years = 10 }
fields = [
  { name = "name", label = { zh = "名称", en = "Name" }, longest = 10 },
  { name = "shape", label = { zh = "代号", en = "Code" }, pattern = "[A-Z]{3}", optional = true },
  { name = "start", label = { zh = "起始", en = "Start" }, kind = "date" },
  { name = "end", label = { zh = "截止", en = "End" }, kind = "date", optional = true },
  { name = "seen", label = { zh = "时间", en = "Time" }, kind = "time", optional = true },
  { name = "count", label = { zh = "数量", en = "Count" }, kind = "integer", least = 1, most = 9, optional = true },
  { name = "any", label = { zh = "整数", en = "Whole" }, kind = "integer", optional = true },
  { name = "share", label = { zh = "份额", en = "Share" }, kind = "decimal", least = 0, most = 100, optional = true },
  { name = "flag", label = { zh = "标志", en = "Flag" }, kind = "boolean", optional = true },
  { name = "pick", label = { zh = "选项", en = "Pick" }, kind = "choice", choices = ["甲", "乙"], optional = true },
  { name = "picks", label = { zh = "多选", en = "Picks" }, kind = "list", choices = ["甲", "乙"], optional = true },
  { name = "items", label = { zh = "条目", en = "Items" }, kind = "list", longest = 3, optional = true },
  { name = "photo", label = { zh = "照片", en = "Photo" }, kind = "document", optional = true },
  { name = "credit", label = { zh = "信用代码", en = "Credit" }, rule = "GB 32100", optional = true },
  { name = "citizen", label = { zh = "身份证", en = "Citizen" }, rule = "GB 11643", optional = true },
  { name = "either", label = { zh = "证件", en = "Either" }, rule = "GB 32100 | GB 11643", optional = true },
  { name = "food", label = { zh = "食品", en = "Food" }, rule = "JY GB/T 17710", optional = true },
  { name = "sex", label = { zh = "性别", en = "Sex" }, optional = true },
  { name = "born", label = { zh = "出生", en = "Born" }, kind = "date", optional = true },
  { name = "more", label = { zh = "补充", en = "More" }, optional = true },
]
checks = [
  { kind = "not_before", field = "seen", other = "start" },
  { kind = "at_most_years", field = "end", other = "born", number = 60 },
  { kind = "birth_date_in_id", field = "born", other = "citizen" },
  { kind = "sex_in_id", field = "sex", other = "citizen" },
  { kind = "age_at_least", field = "start", other = "born", number = 18 },
  { kind = "digit_of_choice", field = "food", other = "pick", value = "甲", number = 2 },
  { kind = "required_if", field = "more", other = "pick", value = "乙" },
  { kind = "different", field = "sex", other = "name" },
]
"""
GOOD: Mapping[str, JsonValue] = {"name": "演示", "start": "2026-01-01"}
ID, CREDIT, FOOD = "990101198001030118", "91990101MA0DEM012U", "JY19901010000014"


def _credit(text_: str) -> str:
    """A credit code whose both check characters fit its first 8 and 8 characters."""
    body = text_[:16] + codes.organisation_check(text_[8:16])
    return body + codes.credit_check(body)


def _citizen(text_: str) -> str:
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text_[:17]))
    return text_[:17] + "10X98765432"[total % 11]


def _food(text_: str) -> str:
    return text_[:15] + codes.mod_11_10(text_[2:15])


_C, _P, _F = _credit("91990101MA0DEM01"), _citizen("99010119800103011"), _food("JY1990101000001")
RECORDS: Mapping[str, Mapping[str, JsonValue]] = {
    "good": {},
    "unknown": {"rank": "x"},
    "unknown-long": {"r" * 41: "x"},
    "missing": {"name": ""},
    "missing-none": {"name": None},
    "text-of-10": {"name": "一" * 10},
    "text-of-11": {"name": "一" * 11},
    "text-a-number": {"name": 7},
    "text-not-nfc": {"name": "e\u0301"},
    "text-zero-width": {"name": "a\u200bb"},
    "text-control": {"name": "a\u0007b"},
    "text-private-use": {"name": "a\ue000b"},
    "text-unassigned": {"name": "a\u0378b"},
    "text-line-separator": {"name": "a\u2028b"},
    "text-paragraph-separator": {"name": "a\u2029b"},
    "text-surrogate": {"name": "a\ud800b"},
    "text-bidi": {"name": "a\u202eb"},
    "text-leading-blank": {"name": " a"},
    "text-trailing-blank": {"name": "a "},
    "text-ideographic-blank": {"name": "\u3000a"},
    "text-inner-blank": {"name": "a b"},
    "pattern-fits": {"shape": "ABC"},
    "pattern-longer": {"shape": "ABCD"},
    "pattern-other": {"shape": "abc"},
    "day-impossible": {"start": "2026-02-29"},
    "day-leap": {"start": "2028-02-29"},
    "day-of-a-week": {"start": "2026-W01-1"},
    "day-short": {"start": "2026-1-1"},
    "day-a-number": {"start": 20260101},
    "day-1899": {"born": "1899-12-31"},
    "day-1900": {"born": "1900-01-01", "start": "1970-01-01", "end": "1970-01-02"},
    "day-2999": {"start": "2999-12-31"},
    "day-3000": {"start": "3000-01-01"},
    "day-before-1970": {"start": "1969-12-31"},
    "day-of-1970": {"start": "1970-01-01"},
    "end-before-start": {"end": "2025-12-31"},
    "end-is-start": {"end": "2026-01-01"},
    "end-after-10-years": {"end": "2036-01-01"},
    "end-a-day-later": {"end": "2036-01-02"},
    "time": {"seen": "2026-01-01T23:59"},
    "time-24": {"seen": "2026-01-01T24:00"},
    "time-spaced": {"seen": "2026-01-01 23:59"},
    "time-with-seconds": {"seen": "2026-01-01T23:59:00"},
    "time-a-number": {"seen": 5},
    "time-short": {"seen": "2026-1-01T23:59"},
    "not-before": {"seen": "2025-12-31T23:59"},
    "integer-least": {"count": 1},
    "integer-most": {"count": 9},
    "integer-below": {"count": 0},
    "integer-above": {"count": 10},
    "integer-a-text": {"count": "5"},
    "integer-a-boolean": {"count": True},
    "integer-largest": {"any": 2**53 - 1},
    "integer-too-large": {"any": 2**53},
    "integer-smallest": {"any": 1 - 2**53},
    "integer-too-small": {"any": -(2**53)},
    "decimal": {"share": "99.5"},
    "decimal-most": {"share": "100"},
    "decimal-least": {"share": "0"},
    "decimal-above": {"share": "100.01"},
    "decimal-below": {"share": "-0.01"},
    "decimal-exponent": {"share": "1e1"},
    "decimal-a-number": {"share": 5},
    "decimal-comma": {"share": "1,5"},
    "boolean": {"flag": False},
    "boolean-a-text": {"flag": "true"},
    "boolean-a-number": {"flag": 1},
    "choice": {"pick": "甲"},
    "choice-other": {"pick": "丙"},
    "list": {"picks": ["甲", "乙"]},
    "list-of-50": {"items": [str(n) for n in range(50)]},
    "list-of-51": {"items": [str(n) for n in range(51)]},
    "list-empty": {"picks": []},
    "list-a-text": {"picks": "甲"},
    "list-repeated": {"picks": ["甲", "甲"]},
    "list-other": {"picks": ["丙"]},
    "list-of-texts": {"items": ["abc", "b"]},
    "list-long-text": {"items": ["abcd"]},
    "list-of-numbers": {"items": [1]},
    "document": {"photo": "A" * 43},
    "document-short": {"photo": "A" * 42},
    "document-a-number": {"photo": 1},
    "credit": {"credit": _C},
    "credit-short": {"credit": _C[:17]},
    "credit-long": {"credit": _C + "0"},
    "credit-with-an-i": {"credit": "I" + _C[1:]},
    "credit-wrong-17": {"credit": _C[:16] + ("0" if _C[16] != "0" else "1") + _C[17]},
    "credit-wrong-18": {"credit": _C[:17] + ("0" if _C[17] != "0" else "1")},
    "citizen": {"citizen": _P},
    "citizen-short": {"citizen": _P[:17]},
    "citizen-wrong-check": {"citizen": _P[:17] + ("0" if _P[17] != "0" else "1")},
    "citizen-no-such-day": {"citizen": _citizen("99010119800230011")},
    "citizen-leading-zero": {"citizen": _citizen("09010119800103011")},
    "either-credit": {"either": _C},
    "either-citizen": {"either": _P},
    "either-neither": {"either": _C[:17] + ("0" if _C[17] != "0" else "1")},
    "food": {"food": _F},
    "food-wrong-check": {"food": _F[:15] + ("0" if _F[15] != "0" else "1")},
    "food-form-4": {"food": _food("JY4990101000001")},
    "food-short": {"food": _F[:15]},
    "end-60-years-after-birth": {"born": "1970-01-01", "end": "2030-01-01"},
    "end-beyond-60-years": {"born": "1970-01-01", "end": "2030-01-02"},
    "birth-in-id": {"born": "1980-01-03", "citizen": _P},
    "birth-not-in-id": {"born": "1980-01-04", "citizen": _P},
    "sex-in-id": {"sex": "男", "citizen": _P},
    "sex-not-in-id": {"sex": "女", "citizen": _P},
    "age-18": {"born": "2008-01-01"},
    "age-a-day-short": {"born": "2008-01-02"},
    "born-on-a-leap-day": {"born": "2008-02-29", "start": "2026-02-28"},
    "born-on-a-leap-day-later": {"born": "2008-02-29", "start": "2026-03-01"},
    "digit-of-choice": {"pick": "甲", "food": _food("JY2990101000001")},
    "digit-of-another-choice": {"pick": "甲", "food": _F},
    "required-by-choice": {"pick": "乙"},
    "required-by-choice-and-there": {"pick": "乙", "more": "x"},
    "same-as-the-name": {"sex": "演示"},
    "two-faults": {"name": 7, "count": 0},
}


def problems(changes: Mapping[str, JsonValue]) -> list[list[str]]:
    """What a clerk is told of the good record with some values changed; nothing: it passes."""
    values = {**GOOD, **changes}
    try:
        validate(values, LicenceType.from_toml(TYPE))
    except RecordError as error:
        return [[p.field, p.code, p.zh, p.en] for p in error.problems]
    return []


def refusals() -> dict[str, str]:
    """What an operator reads of each bad presentation."""
    found = {**vectors.bad(), **wallet.bad()}
    return {name: _said(partial(_opened, shown)) for name, (shown, _) in found.items()}


def _opened(shown: str) -> None:
    read(shown).open(golden("business").issued.definition)


Deed = Callable[[], object]
_XY = b"\1" * 32
DEEDS: dict[str, Deed] = {
    "jcs-float": lambda: canonical.jcs(1.5),  # type: ignore[arg-type]
    "jcs-surrogate": lambda: canonical.jcs("\ud800"),
    "jcs-deep": lambda: canonical.read_json(b"[" * 17 + b"]" * 17),
    "json-long": lambda: canonical.read_json(b"1234", 3),
    "json-at-the-limit": lambda: canonical.read_json(b"123", 3),
    "json-float": lambda: canonical.read_json(b"1.5"),
    "json-minus-zero": lambda: canonical.read_json(b"-0"),
    "base64url-no-text": lambda: canonical.read_base64url(7),
    "base64url-size": lambda: canonical.read_base64url("AAAA", 4),
    "base64url-alphabet": lambda: canonical.read_base64url("A+AA"),
    "members-no-object": lambda: canonical.members([], ["a"], "thing"),
    "members-missing": lambda: canonical.members({"b": 1}, ["a"], "thing"),
    "array-empty": lambda: entry.read_array(b"", 9, "thing"),
    "array-at-the-limit": lambda: entry.read_array(b"\x81\x01", 2, "thing"),
    "array-long": lambda: entry.read_array(b"\x81\x01", 1, "thing"),
    "array-no-array": lambda: entry.read_array(b"\x01", 9, "thing"),
    "array-broken": lambda: entry.read_array(b"\x81", 9, "thing"),
    "array-not-shortest": lambda: entry.read_array(b"\x81\x18\x01", 9, "thing"),
    "integer-below": lambda: entry.integer(-1, 9, "thing"),
    "integer-at-the-limit": lambda: entry.integer(9, 9, "thing"),
    "integer-above": lambda: entry.integer(10, 9, "thing"),
    "bytes-short": lambda: entry.bytes_of(b"1", 2, "thing"),
    "signature-short": lambda: keys.low_s(b"1"),
    "signature-beyond": lambda: keys.low_s(b"\xff" * 64),
    "key-no-point": lambda: keys.PublicKey(keys.Suite.ES256, _XY, _XY).demand_point(),
    "proof-position": lambda: merkle.root_from(bytes(32), 1, 1, ()),
    "proof-long": lambda: merkle.root_from(bytes(32), 0, 1, (bytes(32),)),
    "proof-short": lambda: merkle.root_from(bytes(32), 0, 2, ()),
    "tree-empty": lambda: merkle.root(()),
    "tree-position": lambda: merkle.proof((bytes(32),), 1),
    "pack-at-the-limit": lambda: text.pack(text.Form.PAPER, bytes(4_096), 0),
    "pack-long": lambda: text.pack(text.Form.PAPER, bytes(4_097), 0),
    "base45-alphabet": lambda: text.read_base45("a"),
    "base45-length": lambda: text.read_base45("0000"),
    "base45-group": lambda: text.read_base45(":::"),
    "certificate-shape": lambda: CertificateId.parse("1.2.156.3005.2.X"),
    "certificate-check": lambda: CertificateId.parse(
        "1.2.156.3005.2.11990000DEF000011Y001.11990101DEM000022U.1.001.?".replace("?", "0")
    ),
    "type-no-toml": lambda: LicenceType.from_toml("="),
    "type-member-unknown": lambda: LicenceType.from_toml(TYPE + "\nrank = 1\n"),
    "type-reserved-name": lambda: LicenceType.from_toml(TYPE.replace('"more"', '"_sd"')),
    "type-name-of-the-envelope": lambda: LicenceType.from_toml(TYPE.replace('"more"', '"private"')),
    "type-name-twice": lambda: LicenceType.from_toml(TYPE.replace('name = "more"', 'name = "sex"')),
    "type-reference": lambda: LicenceType.from_toml(TYPE.replace('number = "name"', 'number = "no"', 1)),
    "type-version-0": lambda: LicenceType.from_toml(TYPE.replace("version = 1", "version = 0")),
    "type-version-65535": lambda: LicenceType.from_toml(TYPE.replace("version = 1", "version = 65535")),
    "type-version-65536": lambda: LicenceType.from_toml(TYPE.replace("version = 1", "version = 65536")),
    "type-code-slash": lambda: LicenceType.from_toml(TYPE.replace("X001", "X/01")),
    "type-zone": lambda: LicenceType.from_toml(
        TYPE.replace('begins = "start"', 'begins = "start", zone = "Mars/Base"')
    ),
    "type-pattern": lambda: LicenceType.from_toml(TYPE.replace("[A-Z]{3}", "[")),
    "type-128-fields": lambda: _with_fields(128),
    "type-129-fields": lambda: _with_fields(129),
    "type-not-canonical": lambda: LicenceType.from_canonical(
        next(iter(definitions().values())).canonical().replace(b",", b", ", 1)
    ),
    "type-default-left-out": lambda: LicenceType.from_canonical(
        next(iter(definitions().values())).canonical().replace(b'"photo":false,', b"", 1)
    ),
}


def _with_fields(count: int) -> LicenceType:
    start = TYPE.index("fields = [\n") + len("fields = [\n")
    had = TYPE.count("label = ")
    more = "".join(
        f'  {{ name = "f{n}", label = {{ zh = "字", en = "f" }}, optional = true }},\n'
        for n in range(count - had)
    )
    return LicenceType.from_toml(TYPE[:start] + more + TYPE[start:])


def _said(deed: Deed) -> str:
    try:
        deed()
    except CodeError as error:
        return f"{type(error).__name__}: {error.zh} | {error.en}"
    except (LicenceError, ValueError, IndexError) as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def everything() -> dict[str, Any]:
    """The whole file."""
    return {
        "records": {name: problems(changes) for name, changes in RECORDS.items()},
        "refusals": refusals(),
        "deeds": {name: _said(deed) for name, deed in DEEDS.items()},
    }


def rendered() -> str:
    """The file's text."""
    return json.dumps(everything(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
