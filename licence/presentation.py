"""Any form of a licence that somebody shows: read, not yet believed."""

from typing import TypeAlias

from licence.errors import MalformedError
from licence.file import MAX_FILE, LicenceFile
from licence.paper import PaperCode

Presentation: TypeAlias = PaperCode | LicenceFile


def read(text: str) -> Presentation:
    """The presentation in a scanned text or in the text of a licence file.

    Raises:
        MalformedError: NOT_OUR_CODE for something else altogether; VERSION_UNKNOWN or MALFORMED as the forms say.
    """
    if not text.startswith("{"):
        return PaperCode.parse(text)
    if len(text) > MAX_FILE:
        raise MalformedError(f"licence file of at most {MAX_FILE} characters expected")
    return LicenceFile.parse(text.encode("utf-8", "surrogatepass"))
