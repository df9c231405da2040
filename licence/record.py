"""A record: all values of a licence, validated by its type before anything is signed. Names every fault, not the first.

Messages name the field and the rule, never the value: it may be personal.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import (
    ZoneInfo,
)  # reads the tzdata package, which is part of this software: data, not environment

from licence import codes
from licence.canonical import MAX_INTEGER, JsonValue
from licence.codes import CodeError
from licence.definition import Check, CheckKind, Dependency, Field, FieldKind, LicenceType, Rule
from licence.entry import Terms
from licence.errors import FieldProblem, RecordError

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_ITEMS = 50
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Record:
    """Values that passed `validate` for this type version: ready to be signed. Absent optional fields are left out."""

    definition: LicenceType
    values: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Subject:
    """The holder as the record names it: name, code, and the code's type (GB/T 36903 Annex A)."""

    name: str
    code: str
    code_type: str


class _Fault(Exception):
    """One fault of one value; becomes a FieldProblem."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code, self.zh, self.en = code, zh, en


def validate(values: Mapping[str, JsonValue], definition: LicenceType) -> Record:
    """The record that `values` make; an empty text in an optional field counts as absent.

    Raises:
        RecordError: with every problem found, field by field, in both languages.
    """
    known = {field.name for field in definition.fields}
    problems = [
        FieldProblem(
            "", "unknown", f"该类型没有名为「{name[:40]}」的字段", f"the type has no field {name[:40]!r}"
        )
        for name in values
        if name not in known
    ]
    present: dict[str, JsonValue] = {}
    for field in definition.fields:
        problems += _field(field, values.get(field.name), present)
    if not problems:
        problems += [
            problem for check in definition.checks for problem in _between(check, present, definition)
        ]
    if not problems:
        problems += _term(present, definition)
    if problems:
        raise RecordError(problems)
    return Record(definition, present)


def validity(record: Record) -> tuple[int, int | None]:
    """(nbf, exp) in Unix seconds: 00:00 of the first day, 00:00 of the day after the last, in the type's zone."""
    rule = record.definition.validity
    begins = _midnight(_day(record.values[rule.begins]), rule.zone)
    last = record.values.get(rule.ends) if rule.ends else None
    return begins, None if last is None else _midnight(_day(last) + timedelta(days=1), rule.zone)


def agrees(values: Mapping[str, JsonValue], definition: LicenceType, terms: Terms) -> bool:
    """Whether the dates shown, as far as they are shown, are those of the entry (docs/format.md §9, check 7)."""
    rule = definition.validity
    try:
        if rule.begins in values and _midnight(_day(values[rule.begins]), rule.zone) != terms.nbf:
            return False
        if rule.ends and rule.ends in values:
            return _midnight(_day(values[rule.ends]) + timedelta(days=1), rule.zone) == terms.exp
    except (ValueError, OverflowError):
        return False
    return True


def subject(record: Record) -> Subject:
    """The holder of the licence."""
    holder = record.definition.holder
    return Subject(str(record.values[holder.name]), str(record.values[holder.code]), holder.code_type)


def number(record: Record) -> str:
    """The licence's number, as its face shows it."""
    return str(record.values[record.definition.number])


def check_dependencies(record: Record, held: Mapping[str, Record]) -> None:
    """Demands the licences of other types that this one rests on; `held` are the holder's valid ones by type code.

    Raises:
        RecordError: one is missing, or a field that must be equal is not.
    """
    problems = [
        problem
        for rule in record.definition.dependencies
        for problem in _dependency(rule, record, held.get(rule.type))
    ]
    if problems:
        raise RecordError(problems)


def _dependency(rule: Dependency, record: Record, other: Record | None) -> Iterator[FieldProblem]:
    if other is None:
        holder = record.definition.holder.code
        yield FieldProblem(
            holder,
            "dependency",
            f"持证主体没有有效的前置证照（{rule.type}）",
            f"the holder has no valid licence of type {rule.type}",
        )
        return
    for ours, theirs in rule.same.items():
        if record.values.get(ours) != other.values.get(theirs):
            title = other.definition.title
            yield FieldProblem(ours, "dependency", f"与{title.zh}不一致", f"differs from the {title.en}")


def _field(field: Field, value: JsonValue, present: dict[str, JsonValue]) -> list[FieldProblem]:
    if value is None or value == "":
        if field.optional:
            return []
        return [
            FieldProblem(field.name, "required", f"{field.label.zh}：必填", f"{field.label.en}: required")
        ]
    try:
        _KINDS[field.kind](field, value)
    except _Fault as fault:
        return [
            FieldProblem(
                field.name, fault.code, f"{field.label.zh}：{fault.zh}", f"{field.label.en}: {fault.en}"
            )
        ]
    present[field.name] = value
    return []


def _text(field: Field, value: JsonValue) -> None:
    if not isinstance(value, str):
        raise _Fault("kind", "应为文字", "text expected")
    if len(value) > field.longest:
        raise _Fault("too_long", f"最多{field.longest}个字", f"at most {field.longest} characters")
    _characters(value)
    if field.pattern and not re.fullmatch(field.pattern, value):
        raise _Fault("pattern", "格式不符", "not of the expected shape")
    _rule(field.rule, value)


def _characters(value: str) -> None:
    if unicodedata.normalize("NFC", value) != value:
        raise _Fault("not_nfc", "文字未采用 NFC 编码", "text in Unicode NFC expected")
    for letter in value:
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise _Fault("invisible", "含有控制字符或不可见字符", "control or invisible characters found")
    if value != value.strip():
        raise _Fault("blank", "首尾有空格", "blanks at the beginning or end")


def _rule(rule: Rule | None, value: str) -> None:
    try:
        for check in _RULES[rule] if rule else ():
            check(value)
    except CodeError as error:
        raise _Fault("check_digit", error.zh, error.en) from error


def _either(value: str) -> None:
    try:
        codes.check_credit_code(value)
    except CodeError:
        codes.check_citizen_id(value)


def _date(field: Field, value: JsonValue) -> None:
    try:
        _day(value)
    except ValueError as error:
        raise _Fault("date", "应为真实日期，格式 YYYY-MM-DD", "a real day as YYYY-MM-DD expected") from error


def _time(field: Field, value: JsonValue) -> None:
    try:
        if (
            not isinstance(value, str)
            or datetime.strptime(value, "%Y-%m-%dT%H:%M").strftime("%Y-%m-%dT%H:%M") != value
        ):
            raise ValueError(value)
    except ValueError as error:
        raise _Fault("time", "应为 YYYY-MM-DDThh:mm", "a time as YYYY-MM-DDThh:mm expected") from error


def _integer(field: Field, value: JsonValue) -> None:
    if type(value) is not int or abs(value) > MAX_INTEGER:
        raise _Fault("kind", "应为整数", "an integer expected")
    _bounds(field, value)


def _decimal(field: Field, value: JsonValue) -> None:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise _Fault("decimal", "应为十进制数字（如 120.5）", "a decimal such as 120.5 expected")
    _bounds(field, float(value))


def _bounds(field: Field, value: float) -> None:
    if (field.least is not None and value < field.least) or (field.most is not None and value > field.most):
        raise _Fault(
            "range", f"应在 {field.least} 至 {field.most} 之间", f"{field.least} to {field.most} expected"
        )


def _boolean(field: Field, value: JsonValue) -> None:
    if not isinstance(value, bool):
        raise _Fault("kind", "应为是或否", "true or false expected")


def _choice(field: Field, value: JsonValue) -> None:
    if value not in field.choices:
        raise _Fault(
            "choice", f"应为：{'、'.join(field.choices)}", f"one of {', '.join(field.choices)} expected"
        )


def _list(field: Field, value: JsonValue) -> None:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MAX_ITEMS:
        raise _Fault("list", f"应为1至{_MAX_ITEMS}项", f"1 to {_MAX_ITEMS} items expected")
    if len({str(item) for item in value}) != len(value):
        raise _Fault("repeated", "有重复项", "an item stands twice")
    for item in value:
        _choice(field, item) if field.choices else _text(field, item)


def _document(field: Field, value: JsonValue) -> None:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise _Fault("document", "应为已上传附件的摘要", "the digest of an attached document expected")


_KINDS: Mapping[FieldKind, Callable[[Field, JsonValue], None]] = {
    FieldKind.TEXT: _text,
    FieldKind.DATE: _date,
    FieldKind.TIME: _time,
    FieldKind.INTEGER: _integer,
    FieldKind.DECIMAL: _decimal,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.CHOICE: _choice,
    FieldKind.LIST: _list,
    FieldKind.DOCUMENT: _document,
}

_RULES: Mapping[Rule, tuple[Callable[[str], None], ...]] = {
    Rule.CREDIT_CODE: (codes.check_credit_code,),
    Rule.CITIZEN_ID: (codes.check_citizen_id,),
    Rule.CREDIT_CODE_OR_CITIZEN_ID: (_either,),
    Rule.FOOD_NUMBER: (codes.check_food_number,),
}


def _between(
    check: Check, values: Mapping[str, JsonValue], definition: LicenceType
) -> Iterator[FieldProblem]:
    one, other = values.get(check.field), values.get(check.other)
    if check.kind is CheckKind.REQUIRED_IF:
        broken = other == check.value and one is None
    else:
        broken = one is not None and other is not None and not _HOLDS[check.kind](one, other, check)
    if broken:
        ours, theirs = definition.field(check.field).label, definition.field(check.other).label
        zh, en = _SAYS[check.kind]
        words = {"number": check.number, "value": check.value}
        yield FieldProblem(
            check.field,
            check.kind.value,
            f"{ours.zh}：{zh.format(other=theirs.zh, **words)}",
            f"{ours.en}: {en.format(other=theirs.en, **words)}",
        )


def _years_later(start: date, years: int) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 3, 1)


_HOLDS: Mapping[CheckKind, Callable[[JsonValue, JsonValue, Check], bool]] = {
    CheckKind.NOT_BEFORE: lambda one, other, check: str(one)[:10] >= str(other)[:10],
    CheckKind.AT_MOST_YEARS: lambda one, other, check: (
        _day(one) <= _years_later(_day(other), check.number or 0)
    ),
    CheckKind.BIRTH_DATE_IN_ID: lambda one, other, check: codes.birth_date(str(other)) == _day(one),
    CheckKind.SEX_IN_ID: lambda one, other, check: (one == "男") is codes.is_male(str(other)),
    CheckKind.AGE_AT_LEAST: lambda one, other, check: (
        _years_later(_day(other), check.number or 0) <= _day(one)
    ),
    CheckKind.DIGIT_OF_CHOICE: lambda one, other, check: (
        other != check.value or str(one)[2] == str(check.number)
    ),
    CheckKind.DIFFERENT: lambda one, other, check: one != other,
}

_SAYS = {
    CheckKind.NOT_BEFORE: ("不应早于{other}", "not before {other} expected"),
    CheckKind.AT_MOST_YEARS: ("不应超过{other}后{number}年", "at most {number} years after {other} expected"),
    CheckKind.BIRTH_DATE_IN_ID: ("与{other}中的出生日期不一致", "differs from the date of birth in {other}"),
    CheckKind.SEX_IN_ID: ("与{other}不一致", "differs from {other}"),
    CheckKind.AGE_AT_LEAST: ("应在{other}满{number}周岁之后", "{number} years after {other} expected"),
    CheckKind.DIGIT_OF_CHOICE: ("首位数字与{other}不符", "the first digit does not fit {other}"),
    CheckKind.REQUIRED_IF: ("{other}为此值时必填", "required with this {other}"),
    CheckKind.DIFFERENT: ("不应与{other}相同", "must differ from {other}"),
}


def _term(values: Mapping[str, JsonValue], definition: LicenceType) -> list[FieldProblem]:
    rule = definition.validity
    if _day(values[rule.begins]).year < 1970:
        label = definition.field(rule.begins).label
        return [FieldProblem(rule.begins, "term", f"{label.zh}：早于1970年", f"{label.en}: before 1970")]
    if rule.ends is None:
        return []
    label = definition.field(rule.ends).label
    if rule.ends not in values:
        problem = FieldProblem(rule.ends, "required", f"{label.zh}：必填", f"{label.en}: required")
        return [] if rule.open_end else [problem]
    first, last = _day(values[rule.begins]), _day(values[rule.ends])
    if last < first:
        return [
            FieldProblem(rule.ends, "term", f"{label.zh}：早于起始日期", f"{label.en}: before the first day")
        ]
    if rule.longest_years and last > _years_later(first, rule.longest_years):
        years = rule.longest_years
        return [
            FieldProblem(
                rule.ends, "term", f"{label.zh}：有效期最长{years}年", f"{label.en}: at most {years} years"
            )
        ]
    return []


def _day(value: JsonValue) -> date:
    # fromisoformat alone takes week dates too.
    if not isinstance(value, str) or not _DAY.fullmatch(value) or not 1900 <= int(value[:4]) <= 2999:
        raise ValueError("a day of 1900 to 2999 as YYYY-MM-DD")
    return date.fromisoformat(value)


def _midnight(day: date, zone: str) -> int:
    return int(datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC).timestamp())
