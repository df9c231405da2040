"""A mapping file: how the columns of somebody's table become the fields of a licence type. Data, not code."""

import tomllib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from licence.canonical import JsonValue
from licence.definition import FieldKind, LicenceType
from licence.status import Act
from registry.errors import InvalidError


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column whose values name legal acts; `otherwise` for every other value."""

    column: str
    acts: dict[str, str]
    otherwise: str | None = None
    legal_basis: str = ""

    def act(self, row: Mapping[str, str]) -> Act | None:
        """The act that a row's value names, if it names one."""
        name = self.acts.get(row.get(self.column, ""), self.otherwise)
        return Act[name] if name else None


class RowMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Field to column, and what the rows mean together."""

    type: str
    source: str
    columns: dict[str, str]
    dates: str = "%Y-%m-%d"
    lists: str = "、"
    version: int | None = None
    version_order: str | None = None
    successions: Choice | None = None
    endings: Choice | None = None

    @classmethod
    def from_toml(cls, text: str) -> "RowMapping":
        """Reads a mapping file.

        Raises:
            InvalidError: not TOML, a wrong member, or an act of no such name; says which.
        """
        try:
            found = msgspec.convert(tomllib.loads(text), cls)
            for choice in (found.successions, found.endings):
                for name in [*choice.acts.values(), choice.otherwise or "RENEWED"] if choice else []:
                    Act[name]
        except (tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError) as error:
            raise InvalidError("对照文件有误", f"the mapping file: {error}") from error
        return found

    @property
    def needed(self) -> list[str]:
        """The columns that a table must have."""
        choices = [choice.column for choice in (self.successions, self.endings) if choice]
        order = [self.version_order] if self.version_order else []
        return list(dict.fromkeys([self.source, *self.columns.values(), *order, *choices]))

    def check(self, kind: LicenceType) -> None:
        """Demands that every field it names is one of the type.

        Raises:
            InvalidError: names the others.
        """
        unknown = sorted(set(self.columns) - {field.name for field in kind.fields})
        if unknown:
            raise InvalidError(
                f"对照文件中的字段不存在：{unknown}", f"the mapping names no fields of the type: {unknown}"
            )

    def values(self, row: Mapping[str, str], kind: LicenceType) -> dict[str, JsonValue]:
        """A row's values as the type wants them. What cannot be read is left as it is: validation names it."""
        return {
            field.name: _value(row.get(self.columns[field.name], ""), field.kind, self)
            for field in kind.fields
            if field.name in self.columns
        }

    def moment(self, row: Mapping[str, str]) -> str:
        """What a row's versions are ordered by."""
        return _date(row.get(self.version_order or "", ""), self.dates)


def _value(text: str, kind: FieldKind, mapping: RowMapping) -> JsonValue:
    text = text.strip()
    if kind is FieldKind.DATE:
        return _date(text, mapping.dates)
    if kind is FieldKind.INTEGER and text.isascii() and text.isdigit():
        return int(text)
    if kind is FieldKind.BOOLEAN and text in ("true", "false"):
        return text == "true"
    if kind is FieldKind.LIST and text:
        return text.split(mapping.lists)
    return text


def _date(text: str, shape: str) -> str:
    try:
        return datetime.strptime(text, shape).date().isoformat()  # a day has no zone
    except ValueError:
        return text
