"""Somebody's table, row by row: CSV or JSON lines, UTF-8 or GB18030. Never held whole: it is read again instead.

Everything about its shape is checked before the first row is used, so that a table is taken whole or not at all.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from licence.canonical import JsonValue, read_json
from licence.errors import MalformedError
from registry.errors import InvalidError
from registry.mapping import RowMapping

MAX_FIELD = 10_000
MAX_LINE = 65_536
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: the line it begins on (a header is line 1) and its cells by column."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that may be read as often as needed: its bytes, their encoding, whether they are JSON lines, its size."""

    source: Path | bytes | BinaryIO
    mapping: RowMapping
    encoding: str
    json_lines: bool
    count: int = 0

    def __iter__(self) -> Iterator[Row]:
        """The rows from the first on.

        Raises:
            InvalidError: as read_table; never of a table that read_table gave, unless it was changed since.
        """
        with _text(self) as text:
            yield from _json_rows(text, self.mapping) if self.json_lines else _csv_rows(text, self.mapping)

    def __len__(self) -> int:
        return self.count


class _ColumnsError(InvalidError):
    """The header has not the mapping's columns: the encoding was guessed wrongly, or the table is another."""


def read_table(source: Path | bytes | BinaryIO, mapping: RowMapping) -> Table:
    """A table, once all of it is sure to be readable; JSON lines begin with {, everything else is CSV.

    UTF-8 comes first, with or without a byte order mark. GB18030 is believed only if the columns then have the
    mapping's names: almost any bytes are GB18030.

    Raises:
        InvalidError: another encoding (says at which byte), columns missing or twice, a row of another length, a
            line that is no CSV or JSON object; says at which line.
    """
    with _bytes(source) as data:
        json_lines = data.read(4).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
    wrong = _not_utf8(source)
    table = Table(source, mapping, "utf-8-sig" if wrong is None else "gb18030", json_lines)
    try:
        count = sum(1 for _ in table)
    except (_ColumnsError, UnicodeDecodeError):
        if wrong is None:
            raise
        raise InvalidError(
            f"文件不是 UTF-8 编码（第{wrong}字节），按 GB18030 读取时列名也不符",
            f"the table is not UTF-8: byte {wrong}; and read as GB18030 it has not the mapping's columns. "
            "Save it as UTF-8",
        ) from None
    return Table(source, mapping, table.encoding, json_lines, count)


def _not_utf8(source: Path | bytes | BinaryIO) -> int | None:
    """The offset of the first byte that is no UTF-8; None: there is none."""
    decoder, offset = codecs.getincrementaldecoder("utf-8")(), 0
    with _bytes(source) as data:
        try:
            while piece := data.read(_PIECE):
                kept = len(decoder.getstate()[0])
                decoder.decode(piece)
                offset += len(piece)
            kept = len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return offset - kept + error.start
    return None


@contextmanager
def _bytes(source: Path | bytes | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    elif isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        source.seek(0)
        yield source


@contextmanager
def _text(table: Table) -> Iterator[io.TextIOWrapper]:
    with _bytes(table.source) as data:
        text = io.TextIOWrapper(data, table.encoding, newline="")
        try:
            yield text
        finally:
            text.detach()  # or it would close what is not ours


def _csv_rows(text: io.TextIOWrapper, mapping: RowMapping) -> Iterator[Row]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
        _check_header(header, mapping)
        yield from _checked(reader, header)
    except csv.Error as error:
        line = reader.line_num
        raise InvalidError(f"第{line}行不是有效的 CSV", f"line {line} is not CSV: {error}") from error


def _check_header(header: Sequence[str], mapping: RowMapping) -> None:
    missing = [column for column in mapping.needed if column not in header]
    doubled = [column for column in mapping.needed if header.count(column) > 1]
    if doubled:
        raise InvalidError(
            f"重复的列：{'、'.join(doubled)}", f"columns that stand twice: {', '.join(doubled)}"
        )
    if missing:
        raise _ColumnsError(
            f"缺少列：{'、'.join(missing)}", f"columns missing: {', '.join(missing)}; nothing was imported"
        )


def _checked(reader: Any, header: Sequence[str]) -> Iterator[Row]:
    for cells in reader:
        line = reader.line_num
        if not cells:
            continue
        if len(cells) != len(header):
            raise InvalidError(
                f"第{line}行有{len(cells)}列，应为{len(header)}列",
                f"line {line} has {len(cells)} cells, the header {len(header)}; nothing was imported",
            )
        yield Row(line, dict(zip(header, cells, strict=True)))


def _json_rows(text: io.TextIOWrapper, mapping: RowMapping) -> Iterator[Row]:
    for line, written in enumerate(iter(lambda: text.readline(MAX_LINE), ""), start=1):
        if written.strip():
            yield Row(line, _cells(written, line, mapping))


def _cells(written: str, line: int, mapping: RowMapping) -> dict[str, str]:
    try:
        value = read_json(written.strip().encode())
    except MalformedError as error:
        raise InvalidError(f"第{line}行不是有效的 JSON 对象", f"line {line}: {error}") from error
    if not isinstance(value, dict):
        raise InvalidError(f"第{line}行不是 JSON 对象", f"line {line}: a JSON object expected")
    missing = [column for column in mapping.needed if column not in value]
    if missing:
        raise InvalidError(
            f"第{line}行缺少：{'、'.join(missing)}",
            f"line {line} lacks {', '.join(missing)}; nothing was imported",
        )
    return {name: _cell(inner, line, mapping) for name, inner in value.items()}


def _cell(value: JsonValue, line: int, mapping: RowMapping) -> str:
    """A member as the cell that a table of text would have in its place; null: empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return mapping.lists.join(str(item) for item in value)
    raise InvalidError(
        f"第{line}行：值应为文本、整数、布尔值或文本列表",
        f"line {line}: texts, integers, booleans and lists of texts expected",
    )
