"""Every paper code fits a QR code of version 17 at level M, and an independent reader reads it back."""

import io
from datetime import date

import pytest
import segno
import zxingcpp
from PIL import Image

from licence.record import validate, validity
from registry.showing import MAX_VERSION, Shown
from scripts.inventing import Invented, licences
from tests.licence.desk import Desk, definitions, seed
from tests.licence.vectors import golden, place, records

LATE = date(2099, 12, 28)


def read(shown: Shown) -> list[str]:
    picture = Image.open(io.BytesIO(shown.png(scale=4))).convert("L")
    return [code.text for code in zxingcpp.read_barcodes(picture)]


def check(shown: Shown) -> None:
    text = shown.paper()
    code = segno.make_qr(text, error="m", boost_error=False, mode="alphanumeric")
    assert isinstance(code.version, int)
    assert code.version <= MAX_VERSION
    assert code.error == "M"
    assert read(shown) == [text]


@pytest.mark.parametrize("name", list(records()))
def test_a_golden_licence_of_each_type_reads_back(name: str) -> None:
    g = golden(name)
    check(Shown(g.issued, g.receipt))


@pytest.mark.parametrize("item", licences(LATE), ids=lambda item: f"{item.kind}-{item.department}")
def test_every_invented_licence_reads_back_even_with_large_numbers(item: Invented) -> None:
    """With the largest list, position and anchor numbers that a department will ever see."""
    kind, desk = definitions()[item.kind], Desk(department=2**31)
    record = validate(item.values, kind)
    terms = desk.terms(kind, *validity(record), index=2**20 - 1)
    g = place(item.kind, desk, kind, desk.issue(kind, record.values, terms, seed(item.kind)))
    receipt = type(g.receipt)(2**31, 65_535, g.receipt.proof)
    check(Shown(g.issued, receipt))
