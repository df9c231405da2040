"""Canonical JSON against python rfc8785 and npm canonicalize: type definitions and golden values."""

import json

import msgspec
import rfc8785

from licence.canonical import jcs
from tests.licence.desk import definitions
from tests.licence.vectors import records
from tests.peers.peer import wallet

NASTY = {
    "€": "Euro", "\r": "return", "דּ": "Hebrew", "1": "one", "😀": "smile", "\u0080": "control", "ö": "umlaut",
    "𠮷野家": ["\u0000\u001f\"\\/", "\u007f", -9007199254740991, 9007199254740991, True, None, {}],
}  # fmt: skip


def test_both_peers_write_what_we_write() -> None:
    values = [msgspec.to_builtins(definition) for definition in definitions().values()]
    values += [dict(values) for values in records().values()] + [NASTY]
    theirs = wallet("canonicalize", values=values)["texts"]
    for value, text in zip(values, theirs, strict=True):
        ours = jcs(json.loads(json.dumps(value)))
        assert ours == text.encode() == rfc8785.dumps(value)
