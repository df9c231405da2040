"""Tables of many licences, and documents to attach."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from registry import documents, importing
from registry.mapping import RowMapping
from registry.routes.answers import DocumentKept, ImportReport, problems
from registry.routes.parts import Asking, TheHouse
from registry.rows import read_table

router = APIRouter(prefix="/api/v1", tags=["imports"])


@router.post(
    "/imports", status_code=202, response_model=ImportReport, responses=problems(400, 401, 404, 409, 422)
)
def import_table(
    house: TheHouse,
    department: Asking,
    table: Annotated[UploadFile, File(description="CSV or JSON lines, in UTF-8 or GB18030")],
    mapping: Annotated[UploadFile, File(description="TOML: which column is which field")],
    dry: Annotated[bool, Form(description="check only")] = False,
) -> dict[str, Any]:
    """Imports a table. Safe to repeat: the source column names each row for good."""
    columns = RowMapping.from_toml(mapping.file.read().decode("utf-8", "replace"))
    rows = read_table(table.file, columns)
    report = importing.run(importing.start(house, department, columns, dry=dry), rows)
    rejected = [
        {
            "line": item.line,
            "problems": [{"field": p.field, "code": p.code, "zh": p.zh, "en": p.en} for p in item.problems],
        }
        for item in report.rejected
    ]
    return {
        "rows": report.rows,
        "issued": report.issued,
        "known": report.known,
        "acts": report.acts,
        "rejected": rejected,
    }


@router.post(
    "/documents", status_code=201, response_model=DocumentKept, responses=problems(400, 401, 409, 422)
)
def keep(house: TheHouse, department: Asking, document: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Encrypts and keeps a photo or original; put `digest` into the licence's field."""
    row = documents.keep(house, department, document.file.read(), document.content_type or "")
    return {"digest": row.digest, "size": row.size, "media_type": row.media_type}
