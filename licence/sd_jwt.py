"""The SD-JWT VC: a licence in a wallet (RFC 9901, draft-ietf-oauth-sd-jwt-vc). docs/format.md §7.

A presenting key signs it, but it vouches for the holder alone: the values are proven by the SignedEntry inside, whose
claims root all digests lead to. So a stolen presenting key can forge who holds, never what is held.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from licence import claims
from licence.canonical import JsonValue, base64url, members, read_base64url, read_canonical
from licence.definition import Group, LicenceType
from licence.entry import MAX_ENTRY, SignedEntry, Terms, integer
from licence.errors import MalformedError
from licence.jws import ALGORITHM, Jws, to_be_signed
from licence.keys import KID_SIZE, Kid, PublicKey, Suite
from licence.opened import Issued, Opened
from licence.receipt import Receipt

KIND, BINDING_KIND = "dc+sd-jwt", "kb+jwt"
MAX_TEXT = 65_536
MAX_DISCLOSURES = 256
_MEMBERS = ("_sd", "_sd_alg", "exp", "iat", "iss", "private", "receipt", "signed_entry", "status", "vct")
_MAX_TIME = 2**40


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the presenting key says beside the licence: who issues, from when to when (Unix seconds), to which key."""

    issuer: str
    iat: int
    exp: int
    holder: PublicKey | None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One value that the holder chose to show: its text as it travels, and what the text says (RFC 9901 §4.2.1)."""

    text: str
    name: str
    value: JsonValue

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text in ASCII (RFC 9901 §4.2.3)."""
        return hashlib.sha256(self.text.encode("ascii")).digest()

    @classmethod
    def parse(cls, text: str) -> "Disclosure":
        """Reads a disclosure.

        Raises:
            MalformedError: not base64url of the canonical JSON [base64url of a 16-byte salt, name, value].
        """
        parts = read_canonical(read_base64url(text))
        if not isinstance(parts, list) or len(parts) != 3 or not isinstance(parts[1], str):
            raise MalformedError("disclosure: [salt, name, value] expected")
        read_base64url(parts[0], claims.SALT_SIZE)
        return cls(text, parts[1], parts[2])


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """The holder's proof (RFC 9901 §4.3): for whom, over which nonce, when (Unix seconds), over what.

    `hash` is the SHA-256 that it signs, `presented` that of the presentation it came with.
    """

    jws: Jws
    audience: str
    nonce: str
    iat: int
    ends: int | None
    hash: bytes
    presented: bytes

    @classmethod
    def parse(cls, text: str, presentation: str) -> "KeyBinding":
        """Reads the proof at the end of `presentation` (the text up to and with the last ~).

        Raises:
            MalformedError: a member missing or of another type.
        """
        jws = Jws.parse(text, BINDING_KIND)
        said = jws.payload
        return cls(
            jws=jws,
            audience=_text(said.get("aud"), "aud"),
            nonce=_text(said.get("nonce"), "nonce"),
            iat=integer(said.get("iat"), _MAX_TIME, "iat"),
            ends=integer(said["exp"], _MAX_TIME, "exp") if "exp" in said else None,
            hash=read_base64url(said.get("sd_hash"), 32),
            presented=hashlib.sha256(presentation.encode("ascii")).digest(),
        )


@dataclass(frozen=True, slots=True)
class SdJwt:
    """What an SD-JWT VC holds, read and not yet believed."""

    jws: Jws
    kid: Kid
    signed: SignedEntry
    envelope: Envelope
    type_uri: str
    status_uri: str
    status_index: int
    digests: Mapping[Group, tuple[bytes, ...]]
    disclosures: tuple[Disclosure, ...]
    receipt: Receipt
    binding: KeyBinding | None

    @property
    def terms(self) -> Terms:
        """The entry's terms."""
        return self.signed.entry.terms

    @classmethod
    def parse(cls, text: str) -> "SdJwt":
        """Reads `<JWS>~<disclosure>~…~` with or without a kb+jwt at its end (RFC 9901 §4).

        Raises:
            MalformedError: anything but what docs/format.md §7 describes; VERSION_UNKNOWN as SignedEntry.parse.
        """
        if len(text) > MAX_TEXT or not text.isascii() or text.count("~") > MAX_DISCLOSURES + 1:
            raise MalformedError(f"SD-JWT: at most {MAX_TEXT} ASCII characters expected")
        parts = text.split("~")
        if len(parts) < 2:
            raise MalformedError("SD-JWT: a ~ after the JWS expected")
        jws = Jws.parse(parts[0], KIND)
        kid = _header(jws)
        said = members(jws.payload, [*_MEMBERS, *(["cnf"] if "cnf" in jws.payload else [])], KIND)
        status = members(
            members(said["status"], ["status_list"], "status")["status_list"], ["idx", "uri"], "status_list"
        )
        signed = read_base64url(said["signed_entry"])
        if len(signed) > 2 * MAX_ENTRY:
            raise MalformedError("signed_entry is over-long")
        found = cls(
            jws=jws,
            kid=kid,
            signed=SignedEntry.parse(signed),
            envelope=_envelope(said),
            type_uri=_text(said["vct"], "vct"),
            status_uri=_text(status["uri"], "uri"),
            status_index=integer(status["idx"], 2**32 - 1, "idx"),
            digests={
                Group.PUBLIC: _digests(said["_sd"]),
                Group.PRIVATE: _digests(members(said["private"], ["_sd"], "private")["_sd"]),
            },
            disclosures=tuple(Disclosure.parse(part) for part in parts[1:-1]),
            receipt=Receipt.from_json(said["receipt"]),
            binding=KeyBinding.parse(parts[-1], text[: len(text) - len(parts[-1])]) if parts[-1] else None,
        )
        _check_shape(found, said["_sd_alg"])
        return found

    def open(self, definition: LicenceType) -> Opened:
        """The signed entry and the values disclosed of each group.

        Raises:
            MalformedError: a disclosure that no digest of its own group refers to, or whose name or value the type
                version does not allow; a number of digests that is not the group's number of fields.
        """
        groups: dict[Group, dict[str, JsonValue]] = {group: {} for group in Group}
        for shown in self.disclosures:
            try:
                group = definition.field(shown.name).group
            except KeyError as error:
                raise MalformedError("disclosure: a name that the type version declares expected") from error
            if shown.digest not in self.digests[group]:
                raise MalformedError(f"disclosure: a digest among those of group {group} expected")
            claims.check_value(shown.value)
            groups[group][shown.name] = shown.value
        for group in Group:
            if len(self.digests[group]) != len(definition.group(group)):
                raise MalformedError(f"{len(definition.group(group))} digests of group {group} expected")
        root = claims.claims_root(*(claims.hash_of_digests(self.digests[group]) for group in Group))
        return Opened(definition, self.signed, groups[Group.PUBLIC], groups[Group.PRIVATE], root)


def issuer_uri(base: str, department: int) -> str:
    """`iss`: the department's place below the base of its public files, as its record on the chain names it."""
    return f"{base.rstrip('/')}/{department}"


def type_uri(issuer: str, code: str, version: int) -> str:
    """`vct`: where the type metadata of a type version is found."""
    return f"{issuer}/vct/{quote(code, safe='')}/{version}"


def status_uri(issuer: str, list_: int) -> str:
    """`status_list.uri`: where the list is found as an IETF Token Status List."""
    return f"{issuer}/status/{list_ & 0xFFFFFFFF}"


def compose(kid: Kid, issued: Issued, receipt: Receipt, envelope: Envelope) -> bytes:
    """What a presenting key signs for a licence: the JWS Signing Input (ASCII)."""
    terms = issued.signed.entry.terms
    cnf: dict[str, JsonValue] = {} if envelope.holder is None else {"cnf": {"jwk": jwk(envelope.holder)}}
    digests = {
        group: [base64url(digest) for digest in sorted(_all_digests(issued, group))] for group in Group
    }
    payload: dict[str, JsonValue] = {
        **cnf,
        "_sd": digests[Group.PUBLIC],
        "_sd_alg": "sha-256",
        "exp": envelope.exp,
        "iat": envelope.iat,
        "iss": envelope.issuer,
        "private": {"_sd": digests[Group.PRIVATE]},
        "receipt": receipt.to_json(),
        "signed_entry": base64url(issued.signed.data),
        "status": {
            "status_list": {
                "idx": terms.status.index,
                "uri": status_uri(envelope.issuer, terms.status.list),
            }
        },
        "vct": type_uri(envelope.issuer, terms.type, terms.type_version),
    }
    return to_be_signed({"alg": ALGORITHM, "kid": key_name(kid), "typ": KIND}, payload)


def disclose(issued: Issued, names: Collection[str]) -> list[str]:
    """The disclosures of those of the named fields that the licence has, in declared order."""
    shown = []
    for group in Group:
        fields = issued.definition.group(group)
        salts = claims.salts(claims.group_seed(issued.seed, group), len(fields))
        for field, salt in zip(fields, salts, strict=True):
            if field.name in names and field.name in issued.values:
                shown.append(claims.disclosure(salt, field.name, issued.values[field.name]))
    return shown


def key_name(kid: Kid) -> str:
    """A key id as the header's `kid` spells it."""
    return base64url(kid)


def jwk(key: PublicKey) -> dict[str, JsonValue]:
    """A P-256 public key as a JWK (RFC 7518 §6.2.1)."""
    return {"crv": "P-256", "kty": "EC", "x": base64url(key.x), "y": base64url(key.y)}


def read_jwk(value: JsonValue) -> PublicKey:
    """The P-256 public key of a JWK with exactly the members of `jwk`.

    Raises:
        MalformedError: another kind of key, or more than its public part.
    """
    key = members(value, ["crv", "kty", "x", "y"], "jwk")
    if (key["kty"], key["crv"]) != ("EC", "P-256"):
        raise MalformedError("jwk: a P-256 key expected")
    return PublicKey(Suite.ES256, read_base64url(key["x"], 32), read_base64url(key["y"], 32))


def _all_digests(issued: Issued, group: Group) -> list[bytes]:
    names = [field.name for field in issued.definition.group(group)]
    values = claims.split(issued.values, issued.definition, group)
    return claims.digests(values, names, claims.group_seed(issued.seed, group))


def _header(jws: Jws) -> Kid:
    header = members(jws.header, ["alg", "kid", "typ"], f"{KIND} header")
    return Kid(read_base64url(header["kid"], KID_SIZE))


def _check_shape(found: SdJwt, algorithm: JsonValue) -> None:
    """Demands the one spelling of the signed part, sha-256, and digests and disclosures that are all different."""
    if to_be_signed(found.jws.header, found.jws.payload) != found.jws.signed or algorithm != "sha-256":
        raise MalformedError("SD-JWT: header and payload in canonical JSON, and sha-256, expected")
    digests = [digest for group in Group for digest in found.digests[group]]
    names = [shown.name for shown in found.disclosures]
    if len(set(digests)) != len(digests) or len(set(names)) != len(names):
        raise MalformedError("SD-JWT: digests and names that are all different expected")
    if found.binding is not None and found.envelope.holder is None:
        raise MalformedError("SD-JWT: no kb+jwt without cnf expected")


def _envelope(said: Mapping[str, JsonValue]) -> Envelope:
    holder = None
    if "cnf" in said:
        holder = read_jwk(members(said["cnf"], ["jwk"], "cnf")["jwk"])
    iat, exp = (integer(said[name], _MAX_TIME, name) for name in ("iat", "exp"))
    if exp <= iat:
        raise MalformedError("SD-JWT: exp after iat expected")
    return Envelope(_text(said["iss"], "iss"), iat, exp, holder)


def _digests(value: JsonValue) -> tuple[bytes, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise MalformedError("_sd: an array expected")
    found = tuple(read_base64url(item, 32) for item in value)
    if list(found) != sorted(found):
        raise MalformedError("_sd: digests in ascending order of their bytes expected")
    return found


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 500:
        raise MalformedError(f"{what}: a text of 1 to 500 characters expected")
    return value
