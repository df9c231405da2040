"""The test vectors: golden licences of all seven types, and bad ones named after their defect. Made from fixed keys.

`python -m tests.licence.vectors` writes tests/vectors/*.json; a test holds the files to this module, byte for byte.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import cbor2

from licence import merkle
from licence.canonical import JsonValue, base64url, jcs
from licence.definition import LicenceType
from licence.entry import SignedEntry
from licence.facts import Facts
from licence.file import LicenceFile
from licence.keys import P256_ORDER
from licence.opened import Issued
from licence.paper import PaperCode
from licence.reasons import Reason
from licence.receipt import Anchor, Inclusion, Receipt
from licence.record import validate, validity
from licence.status import StatusRef, list_id
from licence.text import Form, base45, pack, read_base45
from scripts.inventing import licences
from tests.licence.desk import SIGNED_AT, Desk, definitions, seed

FOLDER = Path(__file__).parent.parent / "vectors"
TODAY = date(2026, 1, 1)
CHICAGO: Mapping[str, JsonValue] = {
    "licenceNumber": "9900101",
    "termId": "9900101-20250116",
    "accountNumber": "990100",
    "siteNumber": "1",
    "legalName": "SPECIMEN BAKERY, INC.",
    "tradeName": "SPECIMEN BREAD",
    "address": "5700 W SPECIMEN AVE",
    "city": "CHICAGO",
    "state": "IL",
    "zipCode": "60651",
    "licenceCode": "1010",
    "description": "Limited Business License",
    "applicationType": "RENEW",
    "termStart": "2025-01-16",
    "termEnd": "2027-01-15",
    "dateIssued": "2025-01-07",
}


@dataclass(frozen=True)
class Golden:
    """A genuine licence of one type: issued, anchored as the second of three leaves, with the facts about it."""

    name: str
    issued: Issued
    anchor: Anchor
    receipt: Receipt
    facts: Facts

    @property
    def file(self) -> LicenceFile:
        return LicenceFile.of(self.issued, self.receipt)

    @property
    def paper(self) -> PaperCode:
        return PaperCode.of(self.issued, self.receipt)


@cache
def records() -> Mapping[str, Mapping[str, JsonValue]]:
    """One record of each type."""
    found: dict[str, Mapping[str, JsonValue]] = {"chicago_business": CHICAGO}
    for invented in licences(TODAY):
        found.setdefault(invented.kind, invented.values)
    return dict(sorted(found.items()))


@cache
def golden(name: str) -> Golden:
    """The golden licence of a type."""
    desk, kind = Desk(), definitions()[name]
    record = validate(records()[name], kind)
    terms = desk.terms(kind, *validity(record))
    issued = desk.issue(kind, record.values, terms, seed(name))
    return place(name, desk, kind, issued)


def place(name: str, desk: Desk, kind: LicenceType, issued: Issued) -> Golden:
    """Anchors an issued licence between two other leaves."""
    leaves = [merkle.leaf_hash(b"one"), issued.signed.leaf, merkle.leaf_hash(b"three")]
    anchor, proof = desk.anchor(leaves), merkle.proof(leaves, 1)
    found = (Inclusion(anchor, 1, proof),)
    return Golden(name, issued, anchor, Receipt(1, 1, proof), desk.facts(kind, anchor, found))


def golden_json() -> dict[str, Any]:
    """The golden vectors as they stand in golden.json."""
    return {name: _golden_json(golden(name)) for name in records()}


def _golden_json(g: Golden) -> dict[str, Any]:
    signed = g.issued.signed
    return {
        "type": g.issued.definition.code,
        "definition_sha256": g.issued.definition.digest.hex(),
        "values": g.issued.values,
        "seed": g.issued.seed.hex(),
        "claims_root": signed.entry.claims_root.hex(),
        "entry": signed.entry.encode().hex(),
        "signed_entry": signed.data.hex(),
        "leaf": signed.leaf.hex(),
        "root": g.anchor.root.hex(),
        "paper": g.paper.text(),
        "file": g.file.render().decode(),
    }


Bad = tuple[str, Reason]


def bad() -> dict[str, Bad]:
    """Bad presentations of the golden business licence by the name of their defect: text, reason. Facts stay golden."""
    g = golden("business")
    return {**_text_codes(g), **_paper(g), **_files(g), **_signatures(g), **_receipts(g)}


def _text_codes(g: Golden) -> dict[str, Bad]:
    text = g.paper.text()
    inner = read_base45(text[5:])
    return {
        "no-prefix": (text[5:], Reason.NOT_OUR_CODE),
        "prefix-of-another-version": ("ELR2:" + text[5:], Reason.NOT_OUR_CODE),
        "lower-case": (text.lower(), Reason.NOT_OUR_CODE),
        "cut-short": (text[:-6], Reason.MALFORMED),
        "one-character-misread": (
            text[:40] + ("A" if text[40] != "A" else "B") + text[41:],
            Reason.MALFORMED,
        ),
        "trailing-character": (text + "0", Reason.MALFORMED),
        "outside-base45": (text[:-1] + "ä", Reason.MALFORMED),
        "longer-than-1500": (text + "0" * 1500, Reason.MALFORMED),
        "unknown-form": (resealed(bytes([9]) + inner[1:-4]), Reason.VERSION_UNKNOWN),
        "unknown-dictionary": (resealed(inner[:1] + bytes([200]) + inner[2:-4]), Reason.VERSION_UNKNOWN),
        "tail-after-deflate": (resealed(inner[:-4] + b"\0"), Reason.MALFORMED),
        "deflate-cut-short": (resealed(inner[:-10]), Reason.MALFORMED),
        "inflates-beyond-the-limit": (_bomb(5_000), Reason.MALFORMED),
        "inflates-to-4097": (_bomb(4_097), Reason.MALFORMED),
        "wrong-dictionary": (_resealed_as(inner, 0), Reason.MALFORMED),
    }


def _resealed_as(inner: bytes, dictionary: int) -> str:
    return resealed(inner[:1] + bytes([dictionary]) + inner[2:-4])


def _bomb(size: int) -> str:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return resealed(bytes([1, 0]) + deflate.compress(b"\0" * size) + deflate.flush())


def resealed(body: bytes) -> str:
    """A code around changed bytes, with the check that they ask for."""
    return "ELR1:" + base45(body + hashlib.sha256(body).digest()[:4])


def _items(g: Golden) -> list[Any]:
    t, p = g.paper.terms, g.paper
    return [
        *(t.type, t.type_version, t.kid, t.iat, t.nbf, t.exp, t.status.list, t.status.index),
        *(
            p.signature,
            p.public_seed,
            p.private_hash,
            jcs(list(p.values)).decode(),
            p.receipt.anchor,
            p.receipt.position,
        ),
    ]


def _paper(g: Golden) -> dict[str, Bad]:
    def with_item(place: int, value: object) -> str:
        return pack(Form.PAPER, cbor2.dumps([*_items(g)[:place], value, *_items(g)[place + 1 :]]), 1)

    raw = cbor2.dumps(_items(g))
    spaced = with_item(11, jcs(list(g.paper.values)).decode().replace(",", ", ", 1))
    return {
        "name-edited": (_edit_paper(g, "entName", "伪造公司"), Reason.SIGNATURE_BAD),
        "field-hidden": (_edit_paper(g, "regCapital", None), Reason.SIGNATURE_BAD),
        "term-stretched": (with_item(5, 4_000_000_000), Reason.SIGNATURE_BAD),
        "signed-earlier": (with_item(3, SIGNED_AT - 9), Reason.SIGNATURE_BAD),
        "status-entry-moved": (with_item(7, 6), Reason.SIGNATURE_BAD),
        "another-key-named": (with_item(2, b"\1" * 8), Reason.SIGNATURE_BAD),
        "private-hash-swapped": (with_item(10, bytes(32)), Reason.SIGNATURE_BAD),
        "exp-before-nbf": (with_item(5, 1), Reason.MALFORMED),
        "boolean-for-integer": (with_item(1, True), Reason.MALFORMED),
        "short-signature": (with_item(8, b"\1" * 63), Reason.MALFORMED),
        "element-missing": (pack(Form.PAPER, cbor2.dumps(_items(g)[:-1]), 1), Reason.MALFORMED),
        "element-too-many": (pack(Form.PAPER, cbor2.dumps([*_items(g), 0]), 1), Reason.MALFORMED),
        "tail-after-cbor": (pack(Form.PAPER, raw + b"\0", 1), Reason.MALFORMED),
        "integer-not-shortest": (
            pack(Form.PAPER, raw.replace(cbor2.dumps(SIGNED_AT), b"\x1b" + SIGNED_AT.to_bytes(8, "big")), 1),
            Reason.MALFORMED,
        ),
        "values-not-canonical": (spaced, Reason.MALFORMED),
        "value-too-few": (with_item(11, jcs(list(g.paper.values)[:-1]).decode()), Reason.MALFORMED),
        "hint-to-another-anchor": (with_item(12, 2), Reason.ANCHOR_MISMATCH),
        "hint-to-another-position": (with_item(13, 0), Reason.ANCHOR_MISMATCH),
    }


def _edit_paper(g: Golden, name: str, value: JsonValue) -> str:
    names = [field.name for field in g.issued.definition.fields if field.group.value == "public"]
    values = [value if name == each else old for each, old in zip(names, g.paper.values, strict=True)]
    return replace(g.paper, values=tuple(values)).text()


def _files(g: Golden) -> dict[str, Bad]:
    text, file = g.file.render().decode(), g.file

    def said(change: Callable[[dict[str, Any]], object]) -> str:
        value = json.loads(text)
        change(value)
        return jcs(value).decode()

    return {
        "file-value-edited": (
            _render(file, private={**file.private, "scope": "一切"}),
            Reason.CONTENT_ALTERED,
        ),
        "file-value-dropped": (
            _render(file, private={"copyKind": file.private["copyKind"]}),
            Reason.CONTENT_ALTERED,
        ),
        "file-field-in-wrong-group": (
            said(lambda v: v["public"].update(scope=v["private"].pop("scope"))),
            Reason.MALFORMED,
        ),
        "file-undeclared-field": (said(lambda v: v["public"].update(rank="1")), Reason.MALFORMED),
        "file-null-value": (said(lambda v: v["public"].update(regCapital=None)), Reason.MALFORMED),
        "file-seed-swapped": (
            said(lambda v: v.update(public_seed=v["private_seed"])),
            Reason.CONTENT_ALTERED,
        ),
        "file-member-missing": (said(lambda v: v.pop("private_seed")), Reason.MALFORMED),
        "file-member-unknown": (said(lambda v: v.update(note="x")), Reason.MALFORMED),
        "file-of-version-2": (said(lambda v: v.update(elicence="ELR2")), Reason.VERSION_UNKNOWN),
        "file-repeated-member": (
            text.replace('{"elicence"', '{"elicence":"ELR1","elicence"', 1),
            Reason.MALFORMED,
        ),
        "file-not-canonical": (text.replace(",", ", ", 1), Reason.MALFORMED),
        "file-after-the-end": (text + "\n", Reason.MALFORMED),
        "file-float": (text.replace('"anchor":1', '"anchor":1.0'), Reason.MALFORMED),
        "file-lone-surrogate": (text.replace("示例", "\\ud800", 1), Reason.MALFORMED),
        "file-nan": (text.replace('"anchor":1', '"anchor":NaN'), Reason.MALFORMED),
        "file-minus-zero": (text.replace('"anchor":1', '"anchor":-0'), Reason.MALFORMED),
        "file-integer-2-53": (text.replace('"anchor":1', '"anchor":9007199254740992'), Reason.MALFORMED),
        "file-nested-17-deep": (
            text.replace('"public":{', '"public":{"x":' + "[" * 17 + "]" * 17 + ",", 1),
            Reason.MALFORMED,
        ),
        "file-over-long": (
            said(lambda v: v["public"].update(entName="示" * 22_000)),
            Reason.MALFORMED,
        ),
        "file-entry-over-long": (said(lambda v: v.update(signed_entry="A" * 1_400)), Reason.MALFORMED),
        "file-proof-of-33-hashes": (
            said(lambda v: v["receipt"].update(proof=[base64url(bytes(32))] * 33)),
            Reason.MALFORMED,
        ),
        "file-proof-of-short-hashes": (
            said(lambda v: v["receipt"].update(proof=[base64url(bytes(31))])),
            Reason.MALFORMED,
        ),
        "file-position-negative": (said(lambda v: v["receipt"].update(position=-1)), Reason.MALFORMED),
        "file-position-a-string": (said(lambda v: v["receipt"].update(position="1")), Reason.MALFORMED),
        "file-base64-padded": (
            said(lambda v: v.update(public_seed=v["public_seed"] + "=")),
            Reason.MALFORMED,
        ),
        "file-base64-set-bits": (
            said(lambda v: v.update(public_seed=v["public_seed"][:-1] + "_")),
            Reason.MALFORMED,
        ),
    }


def _render(file: LicenceFile, **changes: Any) -> str:
    return replace(file, **changes).render().decode()


def _signatures(g: Golden) -> dict[str, Bad]:
    signed, file = g.issued.signed, g.file
    s = int.from_bytes(signed.signature[32:], "big")
    twin = SignedEntry.assemble(signed.entry, signed.signature[:32] + (P256_ORDER - s).to_bytes(32, "big"))
    zero = SignedEntry.assemble(signed.entry, bytes(64))
    other = replace(signed.entry, terms=replace(signed.entry.terms, status=StatusRef(list_id(8, 1), 5)))

    def raw(data: bytes) -> str:
        value = json.loads(file.render())
        value["signed_entry"] = base64url(data)
        return jcs(value).decode()

    tagged = signed.data
    return {
        "high-s-twin": (_render(file, signed=twin), Reason.SIGNATURE_BAD),
        "zero-signature": (_render(file, signed=zero), Reason.SIGNATURE_BAD),
        "list-of-another-department": (
            _render(file, signed=SignedEntry.assemble(other, signed.signature)),
            Reason.SIGNATURE_BAD,
        ),
        "cose-without-tag": (raw(tagged[1:]), Reason.MALFORMED),
        "cose-other-algorithm": (
            raw(tagged.replace(bytes.fromhex("a201260448"), bytes.fromhex("a201380448"), 1)),
            Reason.MALFORMED,
        ),
        "cose-unprotected-header": (
            raw(
                tagged.replace(signed.entry.terms.kid + b"\xa0", signed.entry.terms.kid + b"\xa1\x01\x26", 1)
            ),
            Reason.MALFORMED,
        ),
        "kid-of-header-differs": (raw(tagged[:8] + bytes(8) + tagged[16:]), Reason.MALFORMED),
        "tail-after-cose": (raw(tagged + b"\0"), Reason.MALFORMED),
    }


def _receipts(g: Golden) -> dict[str, Bad]:
    file, proof = g.file, g.receipt.proof or ()

    def with_receipt(anchor: int, position: int, nodes: tuple[bytes, ...]) -> str:
        return _render(file, receipt=Receipt(anchor, position, nodes))

    return {
        "proof-too-short": (with_receipt(1, 1, proof[:-1]), Reason.ANCHOR_MISMATCH),
        "proof-too-long": (with_receipt(1, 1, (*proof, bytes(32))), Reason.ANCHOR_MISMATCH),
        "proof-of-another-leaf": (with_receipt(1, 0, proof), Reason.ANCHOR_MISMATCH),
        "proof-node-changed": (with_receipt(1, 1, (bytes(32), *proof[1:])), Reason.ANCHOR_MISMATCH),
        "position-outside": (with_receipt(1, 3, proof), Reason.ANCHOR_MISMATCH),
        "receipt-of-unknown-anchor": (with_receipt(9, 1, proof), Reason.ANCHOR_MISMATCH),
    }


def bad_json() -> dict[str, Any]:
    """The bad vectors as they stand in bad.json."""
    return {name: {"text": text, "reason": reason.name} for name, (text, reason) in sorted(bad().items())}


def render(value: Mapping[str, Any]) -> str:
    """A vector file's text."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    (FOLDER / "golden.json").write_text(render(golden_json()), "utf-8")
    (FOLDER / "bad.json").write_text(render(bad_json()), "utf-8")
