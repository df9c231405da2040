"""A department's desk for tests: signs real licences with fixed keys, and builds the facts a verifier would gather."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

import licence
from licence import claims, merkle
from licence.canonical import JsonValue
from licence.claims import Seed
from licence.definition import LicenceType
from licence.entry import Entry, SignedEntry, Terms, to_be_signed
from licence.facts import DepartmentFacts, Facts, Head, KeyFacts, StatusFacts, TypeFacts, Window
from licence.keys import NetworkId, PublicKey, Suite, Usage, low_s
from licence.opened import Issued
from licence.receipt import Anchor, Inclusion
from licence.status import Status, StatusRef, list_id

NETWORK = NetworkId(hashlib.sha256(b"test network").digest())
FOREVER = 2**40 - 1
BASE = "https://licences.example/public"
SIGNED_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
ANCHORED_AT = SIGNED_AT + 4
NOW = SIGNED_AT + 86_400


@cache
def definitions() -> Mapping[str, LicenceType]:
    """The seeded types by the name of their file."""
    folder = Path(licence.__file__).parent / "types"
    return {
        path.stem: LicenceType.from_toml(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))
    }


@dataclass(frozen=True)
class TestKey:
    """A private key made from a word: the same in every run."""

    __test__ = False
    word: str

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        number = int.from_bytes(hashlib.sha256(self.word.encode()).digest(), "big") >> 1
        return ec.derive_private_key(number, ec.SECP256R1())

    @property
    def public(self) -> PublicKey:
        numbers = self.private.public_key().public_numbers()
        return PublicKey(Suite.ES256, numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))

    def sign(self, message: bytes) -> bytes:
        der = self.private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return low_s(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@dataclass(frozen=True)
class Desk:
    """A department with one issuing key; `issue` signs, `batch` anchors, `facts` is what a verifier knows of it."""

    department: int = 7
    key: TestKey = field(default_factory=lambda: TestKey("issue"))
    network: NetworkId = NETWORK

    def issue(
        self, definition: LicenceType, values: Mapping[str, JsonValue], terms: Terms, seed: Seed
    ) -> Issued:
        entry = Entry(terms, claims.root_of(values, definition, seed))
        signature = self.key.sign(to_be_signed(entry.encode(), terms.kid, self.network))
        return Issued(definition, values, seed, SignedEntry.assemble(entry, signature))

    def terms(self, definition: LicenceType, nbf: int, exp: int | None, index: int = 5) -> Terms:
        return Terms(
            type=definition.code,
            type_version=definition.version,
            kid=self.key.public.kid,
            iat=SIGNED_AT,
            nbf=nbf,
            exp=exp,
            status=StatusRef(list_id(self.department, 1), index),
        )

    def anchor(self, leaves: Sequence[bytes], seq: int = 1, time: int = ANCHORED_AT) -> Anchor:
        return Anchor(self.department, seq, merkle.root(leaves), len(leaves), block=40, time=time)

    def facts(self, definition: LicenceType, anchor: Anchor, found: tuple[Inclusion, ...] = ()) -> Facts:
        window = Window(SIGNED_AT - 86_400, FOREVER)
        return Facts(
            network_id=self.network,
            as_of=Head(99, hashlib.sha256(b"head").digest(), NOW - 3),
            max_age=60,
            key=KeyFacts(self.key.public, Usage.ISSUE, self.department, window),
            department=DepartmentFacts(
                self.department, "11990101DEM000022U", "演示局", "Demo Office", BASE, window
            ),
            type=TypeFacts(definition.digest, window),
            definition=definition,
            shown=anchor,
            found=found,
            complete=True,
            status=StatusFacts(Status.VALID, None),
        )


def seed(word: str) -> Seed:
    """A seed made from a word: the same in every run."""
    return Seed(hashlib.sha256(b"seed " + word.encode()).digest())
