"""A witness's statement: signed as the world signs, read to the letter, believed for a minute and for one key."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from licence.canonical import base64url, read_base64url
from licence.errors import LicenceError, MalformedError, SignatureError
from licence.facts import Head
from licence.jws import assemble, part
from licence.keys import NetworkId
from licence.witness import (
    KIND,
    LIFE,
    NOTHING,
    Alarm,
    AlarmKind,
    DepartmentHead,
    Statement,
    after,
    key_thumbprint,
    read_pin,
)
from verifier.witness_key import WitnessKey

NETWORK, NOW = NetworkId(b"\7" * 32), 1_800_000_000
KEY, OTHER = (WitnessKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
PIN = key_thumbprint(KEY.public)
SAID = Statement(
    network=NETWORK,
    block=Head(118, b"\1" * 32, NOW - 3),
    digest=b"\2" * 32,
    revision=40,
    voids=1,
    heads=(DepartmentHead(1, 7, b"\3" * 32, 12), DepartmentHead(2, 0, bytes(32), 0)),
    alarms=(Alarm(1, AlarmKind.FORK, 110, NOW - 90),),
    iat=NOW,
    exp=NOW + LIFE,
)


def parse(text: str, now: int = NOW + 1) -> Statement:
    return Statement.parse(text, thumbprint=PIN, network=NETWORK, now=now)


def test_what_was_said_is_what_is_read() -> None:
    assert parse(KEY.sign(SAID)) == SAID


def test_another_library_believes_the_signature_and_the_thumbprint() -> None:
    found = JWS()
    found.deserialize(KEY.sign(SAID))
    public = JWK(**found.jose_header["jwk"])
    found.verify(public, alg="ES256")
    assert json.loads(found.payload)["block"]["number"] == 118
    assert public.thumbprint() == PIN


def test_a_statement_is_for_its_minute_its_network_and_its_key_alone() -> None:
    text = KEY.sign(SAID)
    assert parse(text, NOW + LIFE - 1) == SAID
    assert parse(text, NOW - 120) == SAID
    for now in (NOW + LIFE, NOW - 121):
        with pytest.raises(MalformedError, match="of this minute"):
            parse(text, now)
    with pytest.raises(MalformedError, match="about another"):
        parse(KEY.sign(replace(SAID, network=NetworkId(b"\x08" * 32))))
    with pytest.raises(SignatureError, match="another key"):
        parse(OTHER.sign(SAID))
    with pytest.raises(MalformedError, match="at most 300 s"):
        parse(KEY.sign(replace(SAID, exp=NOW + 301)))


def test_a_header_that_names_the_pinned_key_is_no_signature_of_it() -> None:
    header, payload, _ = KEY.sign(SAID).split(".")
    forged = OTHER.sign(SAID).rpartition(".")[2]
    with pytest.raises(SignatureError):
        parse(f"{header}.{payload}.{forged}")


@pytest.mark.parametrize(
    "change",
    [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"crit": ["exp"]}, {"kid": "x"}, {"jwk": None}],
    ids=str,
)
def test_no_other_header_is_read(change: dict[str, object]) -> None:
    header, payload, signature = KEY.sign(SAID).split(".")
    told = {**json.loads(read_base64url(header)), **change}
    wrong = part(told).decode()
    with pytest.raises(LicenceError):
        parse(f"{wrong}.{payload}.{signature}")


WRONG: dict[str, dict[str, object]] = {
    "a member more": {"note": "x"},
    "no digest": {"digest": None},
    "a short digest": {"digest": base64url(b"\1" * 31)},
    "an unknown alarm": {"alarms": [[1, "fire", 1, 1]]},
    "a row of three": {"heads": [[1, 2, base64url(bytes(32))]]},
    "a department twice": {"heads": [[1, 0, base64url(bytes(32)), 0]] * 2},
    "a negative number": {"revision": -1},
    "a truth for a number": {"voids": True},
    "text for a list": {"heads": "none"},
}


@pytest.mark.parametrize("name", list(WRONG))
def test_nothing_else_is_read(name: str) -> None:
    told = {**json.loads(part_of(KEY.sign(SAID))), **WRONG[name]}
    with pytest.raises(MalformedError):
        parse(resigned(told))


def part_of(text: str) -> bytes:
    return read_base64url(text.split(".")[1])


def resigned(payload: dict[str, object]) -> str:
    """Signed by the pinned key itself, so that it is the reading that refuses."""

    class Other(Statement):
        def to_json(self) -> dict[str, object]:  # type: ignore[override]
            return payload

    names = Statement.__dataclass_fields__
    return KEY.sign(Other(**{name: getattr(SAID, name) for name in names}))


def test_every_flipped_letter_is_refused() -> None:
    text = KEY.sign(SAID)
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(LicenceError):
            parse(text[:place] + other + text[place + 1 :])
    with pytest.raises(MalformedError):
        parse(assemble(b"e30.e30", b"\1" * 64))
    assert KIND in json.loads(read_base64url(text.split(".")[0])).values()


def test_a_pin_is_a_thumbprint_or_the_key_itself() -> None:
    assert read_pin(PIN) == PIN
    assert read_pin(base64url(KEY.public.x + KEY.public.y)) == PIN
    for wrong in ("", "x", PIN + "A", base64url(bytes(33)), base64url(b"\1" * 64)):
        with pytest.raises(MalformedError):
            read_pin(wrong)


def test_the_digest_follows_every_log_and_its_order() -> None:
    first = {"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x33"}
    second = {**first, "data": "0x3344"}
    both = after(after(NOTHING, first), second)
    assert both != after(after(NOTHING, second), first)
    assert after(NOTHING, first) != after(NOTHING, {**first, "topics": [], "data": "0x" + "22" * 32 + "33"})
    assert after(NOTHING, first) != after(NOTHING, {**first, "address": "0x" + "12" * 20})
    with pytest.raises(MalformedError):
        after(NOTHING, {**first, "topics": None})
