"""Tables: every row ends issued, known or rejected with its reasons; nothing is issued twice."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from sqlmodel import func, select

from registry import importing
from registry.errors import InvalidError
from registry.importing import Report
from registry.mapping import RowMapping
from registry.rows import read_table
from registry.store import department_by_id
from registry.tables import Licence
from scripts import seeding
from tests.registry.office import Office

MAPPING = RowMapping.from_toml(seeding.MAPPING.read_text("utf-8"))


def rows(first: int, count: int) -> list[dict[str, str]]:
    """Some rows of the project's own table, each with a licence number of its own."""
    with seeding.TABLE.open(encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if row["LICENSE STATUS"] == "AAI"][:count]
    for place, row in enumerate(found):
        row["LICENSE NUMBER"] = str(first + place)
        row["ID"] = f"{first + place}-20250101"
    return found


def table(found: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue().encode()


def run(office: Office, data: bytes, *, dry: bool = False) -> Report:
    with office.house.store.read() as session:
        department = department_by_id(session, seeding.CHICAGO)
    job = importing.start(office.house, department, MAPPING, dry=dry)
    return importing.run(job, read_table(data, MAPPING))


def count(office: Office) -> int:
    with office.house.store.read() as session:
        return session.exec(select(func.count()).select_from(Licence)).one()


def test_a_table_imports_once_however_often_it_runs(office: Office) -> None:
    data = table(rows(7_000_000, 12))
    first, again = run(office, data), run(office, data)
    assert (len(first.issued), first.known, first.rejected) == (12, 0, [])
    assert (len(again.issued), again.known) == (0, 12)


def test_each_rejected_row_is_named_by_line_with_all_its_reasons(office: Office) -> None:
    found = rows(7_100_000, 6)
    found[1]["LICENSE TERM START DATE"] = "02/30/2025"
    found[3]["ZIP CODE"] = "6065"
    found[3]["STATE"] = "Illinois"
    found[4]["LEGAL NAME"] = ""
    report = run(office, table(found))
    assert len(report.issued) == 3
    assert [rejection.line for rejection in report.rejected] == [3, 5, 6]
    assert {problem.field for problem in report.rejected[1].problems} == {"zipCode", "state"}
    assert all(problem.zh and problem.en for rejection in report.rejected for problem in rejection.problems)


def test_after_correcting_only_the_rejected_rows_are_issued(office: Office) -> None:
    found = rows(7_200_000, 3)
    good = found[1]["ZIP CODE"]
    found[1]["ZIP CODE"] = "x"
    assert len(run(office, table(found)).issued) == 2
    found[1]["ZIP CODE"] = good
    report = run(office, table(found))
    assert (len(report.issued), report.known) == (1, 2)


def test_versions_of_one_number_form_a_chain_in_their_order(office: Office) -> None:
    found = rows(7_300_000, 3)
    for place, (row, year) in enumerate(zip(found, (2023, 2021, 2025), strict=True)):
        row["LICENSE NUMBER"], row["ID"] = "7300000", f"7300000-{year}0101"
        row["LICENSE TERM START DATE"], row["LICENSE TERM EXPIRATION DATE"] = (
            f"01/01/{year}",
            f"12/31/{year + 1}",
        )
        row["APPLICATION TYPE"] = "C_LOC" if place == 2 else "RENEW"
    run(office, table(found))
    with office.house.store.read() as session:
        chain = session.exec(select(Licence).order_by("row")).all()[-3:]
    assert [licence.version for licence in chain] == [1, 2, 3]
    assert [licence.supersedes for licence in chain] == [None, chain[0].row, chain[1].row]
    assert [licence.supersedes_act for licence in chain] == [None, 6, 7]
    assert chain[0].nbf < chain[1].nbf < chain[2].nbf


def test_endings_are_grouped_into_one_call_a_list(office: Office) -> None:
    found = rows(7_400_000, 5)
    for row in found[:4]:
        row["LICENSE STATUS"] = "AAC"
    report = run(office, table(found))
    before = office.house.chain.call("StatusList", "listOf", 7 << 32 | 1)[1]
    office.settle()
    assert report.acts == 4
    assert office.house.chain.call("StatusList", "listOf", 7 << 32 | 1)[1] <= before + 3
    with office.house.store.read() as session:
        ended = session.exec(select(Licence.act).where(Licence.department == 7).order_by("row")).all()[-5:]
    assert sorted(act or 0 for act in ended) == [0, 3, 3, 3, 3]


def test_a_dry_run_finds_the_same_faults_and_stores_nothing(office: Office) -> None:
    found = rows(7_500_000, 3)
    found[0]["STATE"] = "?"
    before = count(office)
    report = run(office, table(found), dry=True)
    assert [rejection.line for rejection in report.rejected] == [2]
    assert count(office) == before


def test_quoted_commas_quotes_and_line_ends_survive(office: Office) -> None:
    found = rows(7_600_000, 1)
    found[0]["LEGAL NAME"] = 'SPECIMEN "QUOTED", INC.'
    run(office, table(found))
    office.settle()
    with office.house.store.read() as session:
        row = session.exec(select(Licence).order_by("row")).all()[-1]
    assert office.show(row).issued.values["legalName"] == 'SPECIMEN "QUOTED", INC.'


BROKEN = {
    "a-column-missing": (b"ID,LEGAL NAME\n1,X\n", "columns missing"),
    "a-column-twice": (seeding.TABLE.read_bytes().replace(b",SSA\n", b",ID\n", 1), "stand twice: ID"),
    "empty": (b"", "columns missing"),
    "not-utf-8": ("ID,许可\n".encode("gb18030"), "byte 3"),
    "utf-16": ("ID\n".encode("utf-16"), "not UTF-8"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_table_that_cannot_be_read_says_why_and_imports_nothing(office: Office, case: str) -> None:
    data, why = BROKEN[case]
    before = count(office)
    with pytest.raises(InvalidError, match=why):
        run(office, data)
    assert count(office) == before


def test_a_short_row_is_named_by_its_line(office: Office) -> None:
    data = table(rows(7_700_000, 2)) + b"1,2,3\n"
    with pytest.raises(InvalidError, match="line 4 has 3 cells"):
        run(office, data)


def test_a_byte_order_mark_is_no_fault(office: Office) -> None:
    report = run(office, b"\xef\xbb\xbf" + table(rows(7_800_000, 1)))
    assert len(report.issued) == 1


@pytest.mark.parametrize(
    "text",
    [
        "type = ",
        'type = "x"\n',
        'type = "x"\nsource = "ID"\ncolumns = {}\ncolour = 1\n',
        'type = "x"\nsource = "ID"\ncolumns = {}\nendings = { column = "S", acts = { A = "BURNED" } }\n',
    ],
)
def test_a_broken_mapping_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        RowMapping.from_toml(text)


def test_a_mapping_to_no_field_is_refused(office: Office) -> None:
    with office.house.store.read() as session:
        department = department_by_id(session, seeding.CHICAGO)
    text = seeding.MAPPING.read_text("utf-8").replace("legalName =", "legalTitle =")
    with pytest.raises(InvalidError, match="legalTitle"):
        importing.start(office.house, department, RowMapping.from_toml(text))


def test_the_real_columns_are_those_of_our_own_table() -> None:
    real = Path(__file__).resolve().parents[3] / "shared" / "data" / "chicago_business_licences.csv"
    if not real.exists():
        pytest.skip(f"the real table is not beside this checkout ({real.name})")
    assert real.read_text("utf-8").splitlines()[0] == seeding.TABLE.read_text("utf-8").splitlines()[0]


def json_lines(found: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in found)


def test_json_lines_are_what_the_same_csv_is(office: Office) -> None:
    found = rows(7_850_000, 4)
    first = run(office, table(found))
    again = run(office, json_lines(found))
    assert (len(first.issued), again.known, again.rejected) == (4, 4, [])
    assert [row.cells for row in read_table(json_lines(found), MAPPING)] == [
        row.cells for row in read_table(table(found), MAPPING)
    ]


def test_json_lines_may_hold_integers_booleans_and_lists() -> None:
    [row] = read_table(json_lines(rows(7_810_000, 1)).replace(b'"CHICAGO"', b'["CHI","CAGO"]'), MAPPING)
    assert row.cells["CITY"] == "CHI、CAGO"
    [row] = read_table(json_lines(rows(7_810_000, 1)).replace(b'"CHICAGO"', b"null"), MAPPING)
    assert row.cells["CITY"] == ""


BROKEN_LINES = {
    "repeated-member": (b'{"ID":"1","ID":"2"}\n', "line 1"),
    "no-object": (b'{"ID"\n', "line 1"),
    "member-missing": (b'{"ID":"1"}\n', "line 1 lacks"),
    "float": (b'{"ID":1.5}\n', "line 1"),
}


@pytest.mark.parametrize("case", list(BROKEN_LINES))
def test_a_broken_json_line_is_named(case: str) -> None:
    data, why = BROKEN_LINES[case]
    with pytest.raises(InvalidError, match=why):
        read_table(data, MAPPING)


CHINESE = {"LEGAL NAME": "企业名称", "ADDRESS": "地址", "LICENSE NUMBER": "许可证编号"}


def chinese(found: list[dict[str, str]]) -> tuple[str, RowMapping]:
    """The table with Chinese column names and values, and its mapping."""
    named = [{CHINESE.get(name, name): value for name, value in row.items()} for row in found]
    for row in named:
        row["企业名称"] = "示例（北京）商贸有限公司"
    columns = {field: CHINESE.get(column, column) for field, column in MAPPING.columns.items()}
    return table(named).decode(), msgspec.structs.replace(MAPPING, columns=columns)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_the_encoding_is_found_by_the_columns_names(encoding: str) -> None:
    text, mapping = chinese(rows(7_820_000, 2))
    found = list(read_table(text.encode(encoding), mapping))
    assert [row.cells["企业名称"] for row in found] == ["示例（北京）商贸有限公司"] * 2


def test_bytes_that_are_neither_are_refused_with_their_place() -> None:
    text, mapping = chinese(rows(7_830_000, 2))
    data = text.encode()
    place = data.index("企业名称".encode())
    with pytest.raises(InvalidError, match=f"byte {place}"):
        read_table(data[: place + 1] + b"\xff" + data[place + 2 :], mapping)
    far = 70_000  # beyond the first piece read
    padded = data + b"x" * (far - len(data)) + b"\xff"
    with pytest.raises(InvalidError, match=f"byte {far}"):
        read_table(padded, mapping)


def test_gb18030_without_the_mapping_s_columns_is_refused() -> None:
    text, _ = chinese(rows(7_840_000, 1))
    with pytest.raises(InvalidError, match="has not the mapping's columns"):
        read_table(text.encode("gb18030"), MAPPING)


def test_a_table_of_100_000_rows_is_checked_in_flat_memory(office: Office, tmp_path: Path) -> None:
    """Each thousandth row is wrong; every one of them, and no other, is named. In a process of its own, measured."""
    path = tmp_path / "table.csv"
    one = rows(8_000_000, 1)[0]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(one))
        writer.writeheader()
        for place in range(100_000):
            wrong = {"STATE": "Illinois"} if place % 1_000 == 999 else {}
            number = str(8_000_000 + place)
            writer.writerow({**one, "LICENSE NUMBER": number, "ID": f"{number}-20250101", **wrong})
    script = (
        "import json,resource,sys;from pathlib import Path;"
        "from tests.registry.test_importing import MAPPING;from registry.rows import read_table;"
        "from registry import importing;from registry.importing import Job;from registry.tables import Department;"
        "from scripts import seeding;"
        "job=Job(None,Department(id=7),MAPPING,seeding.definitions()['chicago_business'],True);"
        "small=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "report=importing.run(job,read_table(Path(sys.argv[1]),MAPPING));"
        "large=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(json.dumps([report.rows,[r.line for r in report.rejected],large-small]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    count_, lines, grown = json.loads(ran.stdout)
    assert count_ == 100_000
    assert lines == [place + 2 for place in range(100_000) if place % 1_000 == 999]
    assert grown < 64 * 1024  # KiB: less than 700 bytes a row


def test_too_many_versions_of_one_number_are_refused(office: Office) -> None:
    found = rows(7_900_000, 1)
    many = [{**found[0], "ID": f"7900000-{place}"} for place in range(importing.MAX_VERSIONS + 1)]
    with pytest.raises(InvalidError, match="split the table"):
        run(office, table(many), dry=True)
