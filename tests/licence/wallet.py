"""A holder's wallet for tests: SD-JWT VCs of the golden licences, good ones and bad ones named after their defect."""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from licence import claims, sd_jwt
from licence.canonical import JsonValue, base64url, jcs, read_base64url
from licence.definition import Group
from licence.facts import Asked, Facts, KeyFacts, Window
from licence.jws import assemble, part, to_be_signed
from licence.keys import P256_ORDER, PublicKey, Usage
from licence.reasons import Reason
from licence.sd_jwt import Envelope
from tests.licence.desk import BASE, NOW, Desk, TestKey
from tests.licence.vectors import Golden, golden

PRESENTING, HOLDER = TestKey("present"), TestKey("holder")
ASKED = Asked("https://counter.example", "n-5f1d2c")
WINDOW = Window(NOW - 86_400, NOW + 80 * 86_400)


@dataclass(frozen=True)
class Wallet:
    """One credential and its parts, so that a test may change any of them and sign anew."""

    header: dict[str, JsonValue]
    payload: dict[str, Any]
    disclosures: tuple[str, ...]
    key: TestKey = PRESENTING

    def issued(self) -> str:
        """The credential, up to and with the last ~."""
        signed = to_be_signed(self.header, self.payload)
        return "~".join([assemble(signed, self.key.sign(signed)), *self.disclosures, ""])

    def shown(self, now: int, *, to: Asked = ASKED, key: TestKey = HOLDER, **changes: Any) -> str:
        """The credential with the holder's proof."""
        presented = self.issued()
        return presented + proof(presented, now, to=to, key=key, **changes)

    def said(self, change: Callable[[dict[str, Any]], object]) -> "Wallet":
        """The same with a changed payload, signed anew."""
        payload = json.loads(jcs(self.payload))
        change(payload)
        return replace(self, payload=payload)


def proof(presented: str, now: int, *, to: Asked = ASKED, key: TestKey = HOLDER, **changes: Any) -> str:
    """A kb+jwt over what is presented (RFC 9901 §4.3)."""
    said = {
        "aud": to.audience,
        "iat": now,
        "nonce": to.nonce,
        "sd_hash": base64url(_sha256(presented)),
        **changes,
    }
    signed = to_be_signed({"alg": "ES256", "typ": "kb+jwt"}, said)
    return assemble(signed, key.sign(signed))


def wallet(g: Golden, names: Collection[str], *, now: int = NOW, holder: PublicKey | None = None) -> Wallet:
    """A credential of a golden licence that discloses the named fields; bound to a key or to none."""
    terms = g.issued.signed.entry.terms
    exp = now + 30 * 86_400
    envelope = Envelope(
        sd_jwt.issuer_uri(BASE, Desk().department),
        now,
        min(exp, terms.exp) if terms.exp else exp,
        holder,
    )
    signed = sd_jwt.compose(PRESENTING.public.kid, g.issued, g.receipt, envelope)
    header, payload = (json.loads(read_base64url(part)) for part in signed.decode().split("."))
    return Wallet(header, payload, tuple(sd_jwt.disclose(g.issued, names)))


def all_names(g: Golden) -> list[str]:
    """Every field of the licence's type."""
    return [field.name for field in g.issued.definition.fields]


def facts(g: Golden, asked: Asked | None = ASKED) -> Facts:
    """The facts about a golden licence, with its department's presenting key."""
    presenter = KeyFacts(PRESENTING.public, Usage.PRESENT, Desk().department, WINDOW)
    return replace(g.facts, presenter=presenter, asked=asked)


Bad = tuple[str, Reason]


def bad() -> dict[str, Bad]:
    """Bad SD-JWT VCs of the golden business licence: text, reason. Facts are those of `facts`."""
    g = golden("business")
    w = wallet(g, ["entName", "scope"], holder=HOLDER.public)
    return {**_disclosures(g, w), **_payloads(w), **_headers(w), **_proofs(w), **_envelopes(w)}


def _disclosures(g: Golden, w: Wallet) -> dict[str, Bad]:
    first = json.loads(read_base64url(w.disclosures[0]))
    names = [field.name for field in g.issued.definition.group(Group.PRIVATE)]
    salt = claims.salts(claims.group_seed(g.issued.seed, Group.PRIVATE), len(names))[-1]

    def instead(text: str) -> str:
        return replace(w, disclosures=(text, w.disclosures[1])).shown(NOW)

    def content(value: object) -> str:
        return instead(base64url(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()))

    spaced = base64url(json.dumps(first, ensure_ascii=False).encode())
    return {
        "sd-disclosure-altered": (content([first[0], first[1], "伪造公司"]), Reason.MALFORMED),
        "sd-disclosure-renamed": (content([first[0], "address", first[2]]), Reason.MALFORMED),
        "sd-disclosure-unreferenced": (
            replace(
                w,
                disclosures=(*w.disclosures, base64url(jcs([base64url(bytes(16)), "regCapital", "1"]))),
            ).shown(NOW),
            Reason.MALFORMED,
        ),
        "sd-disclosure-twice": (
            replace(w, disclosures=(*w.disclosures, w.disclosures[0])).shown(NOW),
            Reason.MALFORMED,
        ),
        "sd-disclosure-null": (content([first[0], first[1], None]), Reason.MALFORMED),
        "sd-disclosure-undeclared-name": (content([first[0], "rank", "1"]), Reason.MALFORMED),
        "sd-disclosure-of-an-array-element": (content([first[0], "x"]), Reason.MALFORMED),
        "sd-disclosure-nested-sd": (content([first[0], first[1], {"_sd": ["x"]}]), Reason.MALFORMED),
        "sd-disclosure-json-not-canonical": (instead(spaced), Reason.MALFORMED),
        "sd-disclosure-base64-padded": (instead(w.disclosures[0] + "="), Reason.MALFORMED),
        "sd-disclosure-short-salt": (
            content([base64url(bytes(8)), first[1], first[2]]),
            Reason.MALFORMED,
        ),
        "sd-disclosure-is-a-decoy": (instead(base64url(salt)), Reason.MALFORMED),
        "sd-disclosure-empty": (instead(""), Reason.MALFORMED),
        "sd-disclosure-private-name-in-public": (
            _regrouped(w).shown(NOW),
            Reason.MALFORMED,
        ),
    }


def _regrouped(w: Wallet) -> Wallet:
    """The private digests declared as public and the other way round: no presenting key may do that."""

    def change(said: dict[str, Any]) -> None:
        said["_sd"], said["private"]["_sd"] = said["private"]["_sd"], said["_sd"]

    return w.said(change)


def _payloads(w: Wallet) -> dict[str, Bad]:
    def said(change: Callable[[dict[str, Any]], object], reason: Reason = Reason.MALFORMED) -> Bad:
        return w.said(change).shown(NOW), reason

    def swap_digest(v: dict[str, Any]) -> None:
        v["_sd"] = [base64url(d) for d in sorted([bytes(32), *map(read_base64url, v["_sd"][1:])])]

    signed, rest = w.shown(NOW).split("~", 1)
    parts = signed.split(".")

    def spelt(old: bytes, new: bytes) -> Bad:
        other = base64url(read_base64url(parts[1]).replace(old, new, 1))
        text = f"{parts[0]}.{other}".encode()
        return assemble(text, w.key.sign(text)) + "~" + rest, Reason.MALFORMED

    end = f'"exp":{w.payload["exp"]}'.encode()
    return {
        "sd-digest-swapped": _only(w.said(swap_digest), [], Reason.CONTENT_ALTERED),
        "sd-digest-missing": said(lambda v: v["_sd"].pop()),
        "sd-digest-twice": said(lambda v: v["_sd"].__setitem__(1, v["_sd"][0])),
        "sd-digest-added": said(lambda v: v["_sd"].append(base64url(b"\xff" * 32))),
        "sd-digest-short": said(lambda v: v.update(_sd=[base64url(bytes(31)), *v["_sd"][1:]])),
        "sd-digests-a-text": said(lambda v: v.update(_sd="x")),
        "sd-digests-unsorted": said(lambda v: v["_sd"].reverse()),
        "sd-hash-algorithm-sha-1": said(lambda v: v.update(_sd_alg="sha-1")),
        "sd-payload-member-unknown": said(lambda v: v.update(name="x")),
        "sd-payload-claim-in-clear": said(lambda v: v.update(entName="伪造公司")),
        "sd-payload-member-missing": said(lambda v: v.pop("status")),
        "sd-payload-repeated-member": spelt(b'{"_sd"', b'{"_sd_alg":"sha-256","_sd"'),
        "sd-payload-float-time": spelt(end, end + b".5"),
        "sd-payload-not-canonical": spelt(end, b" " + end),
        "sd-payload-exp-before-iat": said(lambda v: v.update(exp=v["iat"])),
        "sd-payload-without-entry": said(lambda v: v.update(signed_entry="")),
        "sd-payload-status-with-more": said(lambda v: v["status"].update(more=1)),
        "sd-cnf-other-curve": said(lambda v: v["cnf"]["jwk"].update(crv="P-384")),
        "sd-cnf-with-private-part": said(lambda v: v["cnf"]["jwk"].update(d="AA")),
        "sd-cnf-no-point": said(
            lambda v: v["cnf"]["jwk"].update(x=base64url(b"\1" * 32), y=base64url(b"\1" * 32)),
            Reason.HOLDER_PROOF_BAD,
        ),
    }


def _headers(w: Wallet) -> dict[str, Bad]:
    def headed(**changes: JsonValue) -> str:
        return replace(w, header={**w.header, **changes}).shown(NOW)

    signed, rest = w.shown(NOW).split("~", 1)
    head, payload, signature = signed.split(".")
    s = int.from_bytes(read_base64url(signature)[32:], "big")
    twin = base64url(read_base64url(signature)[:32] + (P256_ORDER - s).to_bytes(32, "big"))
    return {
        "sd-alg-none": (headed(alg="none"), Reason.MALFORMED),
        "sd-alg-hs256": (headed(alg="HS256"), Reason.MALFORMED),
        "sd-alg-es256k": (headed(alg="ES256K"), Reason.MALFORMED),
        "sd-typ-jwt": (headed(typ="JWT"), Reason.MALFORMED),
        "sd-typ-vc-sd-jwt": (headed(typ="vc+sd-jwt"), Reason.MALFORMED),
        "sd-header-jwk": (headed(jwk=sd_jwt.jwk(PRESENTING.public)), Reason.MALFORMED),
        "sd-header-jku": (headed(jku="https://example.com/keys"), Reason.MALFORMED),
        "sd-header-crit": (headed(crit=["x"]), Reason.MALFORMED),
        "sd-kid-short": (headed(kid=base64url(b"\1" * 7)), Reason.MALFORMED),
        "sd-signature-absent": (f"{head}.{payload}.~{rest}", Reason.MALFORMED),
        "sd-signature-high-s": (f"{head}.{payload}.{twin}~{rest}", Reason.PRESENTER_SIGNATURE_BAD),
        "sd-signed-by-the-holder": (
            replace(w, key=HOLDER).shown(NOW),
            Reason.PRESENTER_SIGNATURE_BAD,
        ),
        "sd-without-tilde": (signed, Reason.MALFORMED),
        "sd-two-parts": (f"{head}.{payload}~{rest}", Reason.MALFORMED),
        "sd-not-ascii": (signed + "~é~", Reason.MALFORMED),
        "sd-over-long": (signed + "~" + "A" * 65_536 + "~", Reason.MALFORMED),
        "sd-too-many-disclosures": (signed + "~" * 300, Reason.MALFORMED),
    }


def _proofs(w: Wallet) -> dict[str, Bad]:
    presented, other = w.issued(), TestKey("another holder")
    good = proof(presented, NOW)
    head, payload, signature = good.split(".")
    beyond = base64url(read_base64url(signature)[:32] + b"\xff" * 32)
    unbound = w.said(lambda v: v.pop("cnf"))

    def signed(header: dict[str, JsonValue]) -> str:
        text = to_be_signed(header, json.loads(read_base64url(payload)))
        return presented + assemble(text, HOLDER.sign(text))

    return {
        "kb-stripped": (presented, Reason.HOLDER_PROOF_MISSING),
        "kb-for-another-audience": (
            w.shown(NOW, to=Asked("https://b.example", ASKED.nonce)),
            Reason.WRONG_AUDIENCE,
        ),
        "kb-over-another-nonce": (w.shown(NOW, to=Asked(ASKED.audience, "n-0")), Reason.WRONG_AUDIENCE),
        "kb-by-another-key": (w.shown(NOW, key=other), Reason.HOLDER_PROOF_BAD),
        "kb-of-another-presentation": (
            replace(w, disclosures=w.disclosures[:1]).issued() + good,
            Reason.HOLDER_PROOF_BAD,
        ),
        "kb-signature-beyond-the-order": (
            f"{presented}{head}.{payload}.{beyond}",
            Reason.HOLDER_PROOF_BAD,
        ),
        "kb-too-old": (w.shown(NOW - 300), Reason.TOKEN_EXPIRED),
        "kb-from-the-future": (w.shown(NOW + 121), Reason.TOKEN_EXPIRED),
        "kb-ended": (w.shown(NOW, exp=NOW), Reason.TOKEN_EXPIRED),
        "kb-typ-jwt": (signed({"alg": "ES256", "typ": "JWT"}), Reason.MALFORMED),
        "kb-alg-none": (signed({"alg": "none", "typ": "kb+jwt"}), Reason.MALFORMED),
        "kb-without-hash": (w.shown(NOW, sd_hash=None), Reason.MALFORMED),
        "kb-without-nonce": (w.shown(NOW, nonce=""), Reason.MALFORMED),
        "kb-audience-a-list": (w.shown(NOW, aud=[ASKED.audience]), Reason.MALFORMED),
        "kb-without-cnf": (unbound.shown(NOW), Reason.MALFORMED),
        **_spellings(presented, read_base64url(payload)),
    }


def _spellings(presented: str, payload: bytes) -> dict[str, Bad]:
    """A proof in JSON that a wallet may space as it likes, and in what is no strict JSON."""

    def spelt(text: bytes) -> Bad:
        signed = part({"alg": "ES256", "typ": "kb+jwt"}) + b"." + base64url(text).encode()
        return presented + assemble(signed, HOLDER.sign(signed)), Reason.MALFORMED

    def more(value: bytes) -> Bad:
        return spelt(payload[:-1] + b',"x":' + value + b"}")

    return {
        "kb-repeated-member": spelt(payload[:-1] + b',"nonce":"n-5f1d2c"}'),
        "kb-nan": more(b"NaN"),
        "kb-infinity": more(b"-Infinity"),
        "kb-float": more(b"1.5"),
        "kb-float-without-fraction": more(b"1.0"),
        "kb-exponent": more(b"1e3"),
        "kb-minus-zero": more(b"-0"),
        "kb-integer-2-53": more(b"9007199254740992"),
        "kb-integer-of-40-digits": more(b"1" * 40),
        "kb-lone-surrogate": more(b'"\\ud800"'),
        "kb-surrogates-swapped": more(b'"\\udc00\\ud800"'),
        "kb-nested-17-deep": more(b"[" * 16 + b"]" * 16),
        "kb-control-character": more(b'"\t"'),
        "kb-byte-order-mark": spelt(b"\xef\xbb\xbf" + payload),
        "kb-not-utf-8": more(b'"\xff"'),
        "kb-after-the-end": spelt(payload + b"{}"),
        "kb-comment": spelt(payload[:-1] + b"/**/}"),
        "kb-trailing-comma": spelt(payload[:-1] + b",}"),
        "kb-single-quotes": spelt(payload.replace(b'"', b"'")),
        "kb-leading-zero": more(b"01"),
        "kb-no-object": spelt(b"[" + payload + b"]"),
    }


def _envelopes(w: Wallet) -> dict[str, Bad]:
    def said(change: Callable[[dict[str, Any]], object], reason: Reason = Reason.ENVELOPE_DISAGREES) -> Bad:
        return w.said(change).shown(NOW), reason

    return {
        "envelope-of-another-issuer": said(lambda v: v.update(iss=f"{BASE}/8")),
        "envelope-of-another-type": said(lambda v: v.update(vct=v["vct"][:-1] + "2")),
        "envelope-with-another-list": said(
            lambda v: v["status"]["status_list"].update(uri=f"{BASE}/7/status/2")
        ),
        "envelope-with-another-index": said(lambda v: v["status"]["status_list"].update(idx=6)),
        "envelope-ended": said(lambda v: v.update(exp=NOW, iat=NOW - 9), Reason.TOKEN_EXPIRED),
        "envelope-from-the-future": said(lambda v: v.update(iat=NOW + 121), Reason.TOKEN_EXPIRED),
        "envelope-receipt-wrong": said(lambda v: v["receipt"].update(position=0), Reason.ANCHOR_MISMATCH),
    }


def _only(w: Wallet, disclosures: list[str], reason: Reason) -> Bad:
    return replace(w, disclosures=tuple(disclosures)).shown(NOW), reason


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("ascii")).digest()
