"""SD-JWT VC and status lists against python sd-jwt and npm @sd-jwt/sd-jwt-vc, both ways."""

import time
from dataclasses import replace
from typing import Any

import pytest
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from licence import sd_jwt
from licence.canonical import base64url
from licence.examine import examine
from licence.facts import Facts, Window
from licence.jws import assemble
from licence.presentation import read
from licence.reasons import Verdict
from licence.sd_jwt import Disclosure
from licence.status_token import StatusToken
from tests.licence.desk import NOW
from tests.licence.vectors import Golden, golden, records
from tests.licence.wallet import ASKED, HOLDER, PRESENTING, all_names, bad, facts
from tests.licence.wallet import wallet as credential_of
from tests.peers.peer import private_jwk, wallet

ISSUER = sd_jwt.jwk(PRESENTING.public)


def of_peer(deed: str, text: str, g: Golden, **more: Any) -> dict[str, Any]:
    uri = sd_jwt.status_uri("https://licences.example/public/7", g.issued.signed.entry.terms.status.list)
    token = StatusToken(uri, bytes(4), NOW, 900)
    signed = token.jwt(PRESENTING.public.kid)
    status = assemble(signed, PRESENTING.sign(signed))
    question = {"credential": text, "issuer": ISSUER, "now": NOW, "status_uri": uri, "status_list": status}
    return wallet(deed, **{**question, **more})


@pytest.mark.parametrize("name", ["business", "driving", "birth"])
def test_the_npm_peer_verifies_ours_with_key_binding_and_status(name: str) -> None:
    g = golden(name if name in records() else "business")
    text = credential_of(g, all_names(g), holder=HOLDER.public).shown(NOW)
    found = of_peer("verify", text, g, nonce=ASKED.nonce)
    assert "refused" not in found, found
    shown = {**found["payload"], **found["payload"]["private"]}
    assert {name: shown[name] for name in g.issued.values} == g.issued.values
    assert found["kb"]["aud"] == ASKED.audience


def test_the_npm_peer_reads_our_status_list() -> None:
    g = golden("business")
    index = g.issued.signed.entry.terms.status.index
    entries = bytearray(4)
    entries[index // 4] |= 1 << 2 * (index % 4)
    uri = sd_jwt.status_uri("https://licences.example/public/7", g.issued.signed.entry.terms.status.list)
    signed = StatusToken(uri, bytes(entries), NOW, 900).jwt(PRESENTING.public.kid)
    revoked = assemble(signed, PRESENTING.sign(signed))
    text = credential_of(g, []).issued()
    assert "refused" not in of_peer("verify", text, g)
    assert "refused" in of_peer("verify", text, g, status_list=revoked)


def test_ours_verifies_what_the_npm_peer_presents() -> None:
    g = golden("business")
    text = credential_of(g, all_names(g), holder=HOLDER.public).issued()
    holder = private_jwk(HOLDER)
    frame = {"entName": True, "private": {"scope": True}}
    told: dict[str, Any] = {
        "audience": ASKED.audience,
        "nonce": ASKED.nonce,
        "frame": frame,
        "holder": holder,
    }
    shown = of_peer("present", text, g, **told)["presentation"]
    found = examine(read(shown), facts(g), NOW)
    assert (found.verdict, found.reason) == (Verdict.VALID, None)
    assert found.opened is not None
    assert set(found.opened.values) == {"entName", "scope"}


def test_the_python_peer_verifies_ours_with_key_binding() -> None:
    g = golden("business")
    text = credential_of(g, all_names(g), holder=HOLDER.public).shown(NOW)
    key = JWK(**ISSUER)
    found = SDJWTVerifier(text, lambda *_: key, ASKED.audience, ASKED.nonce).get_verified_payload()
    shown = {**found, **found["private"]}
    assert {name: shown[name] for name in g.issued.values} == g.issued.values


def test_ours_verifies_what_the_python_peer_presents() -> None:
    g = golden("business")
    now = int(time.time())  # from which the peer takes the time of its proof
    holder = SDJWTHolder(credential_of(g, all_names(g), now=now, holder=HOLDER.public).issued())
    wanted, key = {"entName": True, "private": {"scope": True}}, JWK(**private_jwk(HOLDER))
    holder.create_presentation(wanted, ASKED.nonce, ASKED.audience, key, "ES256")
    found = examine(read(holder.sd_jwt_presentation), _at(facts(g), now), now)
    assert (found.verdict, found.reason) == (Verdict.VALID, None)


def _at(known: Facts, now: int) -> Facts:
    assert known.presenter is not None
    head = replace(known.as_of, time=now)
    presenter = replace(known.presenter, window=Window(0, now + 86_400))
    return replace(known, as_of=head, presenter=presenter)


def test_disclosures_of_the_python_peer_have_the_digests_that_we_give_them() -> None:
    """An SD-JWT of the peer's own, made without our code: its disclosures hash to what it put into `_sd`."""
    claims = {SDObj("given_name"): "示例", "address": {SDObj("city"): "示例市"}, "exp": 1}
    issuer = SDJWTIssuer(claims, JWK(**private_jwk(PRESENTING)))
    digests = {*issuer.sd_jwt_payload["_sd"], *issuer.sd_jwt_payload["address"]["_sd"]}
    texts = issuer.sd_jwt_issuance.split("~")[1:-1]
    ours = {base64url(Disclosure(text, "", "").digest) for text in texts}
    assert ours == digests


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (
            "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
            "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
        ),
        (
            "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd",
            "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4",
        ),
        (
            "WyJlbHVWNU9nM2dTTklJOEVZbnN4QV9BIiwgImZhbWlseV9uYW1lIiwgIkRvZSJd",
            "TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo",
        ),
        ("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0", "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"),
    ],
)
def test_the_digests_of_rfc_9901_are_ours(text: str, digest: str) -> None:
    """RFC 9901 §4.2.3, §4.2.4.2 and §5.1. Its spaced JSON is no disclosure of ours; the digest is over any text."""
    assert base64url(Disclosure(text, "", "").digest) == digest


@pytest.mark.parametrize("peer", ["python", "npm"])
def test_the_peers_let_an_altered_disclosure_pass_and_ours_does_not(peer: str) -> None:
    """Why verification is our own: RFC 9901 §7.1 wants this refused. Should a peer learn it, this test says so."""
    g = golden("business")
    text = bad()["sd-disclosure-unreferenced"][0]
    if peer == "npm":
        assert "refused" not in of_peer("verify", text, g, nonce=ASKED.nonce)
    else:
        key = JWK(**ISSUER)
        SDJWTVerifier(text, lambda *_: key, ASKED.audience, ASKED.nonce)
