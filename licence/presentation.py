"""Any form of a licence that somebody shows: read, not yet believed."""

from typing import TypeAlias

from licence.errors import MalformedError
from licence.file import MAX_FILE, LicenceFile
from licence.paper import PaperCode
from licence.sd_jwt import SdJwt

Presentation: TypeAlias = PaperCode | LicenceFile | SdJwt


def read(text: str) -> Presentation:
    """The presentation in a scanned text, in the text of a licence file, or in a wallet's SD-JWT VC.

    Raises:
        MalformedError: NOT_OUR_CODE for something else altogether; VERSION_UNKNOWN or MALFORMED as the forms say.
    """
    if text.startswith("ey"):  # the first letters of every JSON object in base64url
        return SdJwt.parse(text)
    if not text.startswith("{"):
        return PaperCode.parse(text)
    if len(text) > MAX_FILE:
        raise MalformedError(f"licence file of at most {MAX_FILE} characters expected")
    return LicenceFile.parse(text.encode("utf-8", "surrogatepass"))
