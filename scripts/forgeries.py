"""Forgeries: what a forger can make of genuine licences, each with the reason for which it must be refused.

The forger here knows everything but the keys; twice, an insider signs what no department issued.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from licence import claims
from licence.canonical import JsonValue
from licence.definition import Group
from licence.entry import Entry, SignedEntry, Terms, to_be_signed
from licence.file import LicenceFile
from licence.keys import P256_ORDER, Kid, NetworkId, low_s
from licence.opened import Issued
from licence.paper import PaperCode
from licence.reasons import Reason
from licence.receipt import Receipt
from licence.status import StatusRef
from registry.file_keys import public_key
from registry.showing import Shown

_OLD = 100 * 3600


@dataclass(frozen=True, slots=True)
class Forgery:
    """What was forged, the text that is shown, and the reason it must be refused for."""

    name: tuple[str, str]
    text: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Material:
    """Genuine licences to start from, and what an insider could do: have a department's key sign an entry."""

    network: NetworkId
    shown: Shown
    other: Shown
    other_kid: Kid
    revoked: Shown
    superseded: Shown
    sign: Callable[[Kid, bytes], bytes]


def forgeries(material: Material) -> Iterator[Forgery]:
    """Every forgery of the demo."""
    yield from _altered(material)
    yield from _signed(material)
    yield from _misplaced(material)
    yield from _outdated(material)


def _altered(m: Material) -> Iterator[Forgery]:
    paper, file = _paper(m.shown), _file(m.shown)
    names = [field.name for field in m.shown.issued.definition.group(Group.PUBLIC)]
    values = list(paper.values)
    values[names.index("entName")] = "伪造（示例市）商贸有限公司"
    yield Forgery(
        ("改名称（二维码）", "another name in the code"),
        replace(paper, values=tuple(values)).text(),
        Reason.SIGNATURE_BAD,
    )
    private = {**file.private, "scope": "许可项目：一切"}
    yield Forgery(
        ("改经营范围（文件）", "another scope in the file"),
        _text(replace(file, private=private)),
        Reason.CONTENT_ALTERED,
    )
    fewer = {name: value for name, value in file.private.items() if name != "scope"}
    yield Forgery(
        ("删去一项（文件）", "a field left out of the file"),
        _text(replace(file, private=fewer)),
        Reason.CONTENT_ALTERED,
    )
    longer = replace(
        paper, terms=replace(paper.terms, exp=None if paper.terms.exp else paper.terms.nbf + 10**9)
    )
    yield Forgery(("改有效期", "another term"), longer.text(), Reason.SIGNATURE_BAD)
    elsewhere = StatusRef(paper.terms.status.list, paper.terms.status.index ^ 1)
    moved = replace(paper, terms=replace(paper.terms, status=elsewhere))
    yield Forgery(("换状态位置", "another status entry"), moved.text(), Reason.SIGNATURE_BAD)
    doubled = _text(file).replace('"elicence":"ELR1"', '"elicence":"ELR1","elicence":"ELR1"')
    yield Forgery(("重复的成员", "a member that stands twice"), doubled, Reason.MALFORMED)
    yield Forgery(("残缺的二维码", "a code cut short"), paper.text()[:-8], Reason.MALFORMED)


def _signed(m: Material) -> Iterator[Forgery]:
    private = ec.generate_private_key(ec.SECP256R1())
    own = public_key(private).kid

    def homemade(kid: Kid, entry: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(to_be_signed(entry, kid, m.network), ec.ECDSA(SHA256())))
        return low_s(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    theirs = m.shown.issued.signed.entry.terms.kid
    earlier = {"iat": int(time.time()) - _OLD}
    yield Forgery(("自制密钥", "a home-made key"), _anew(m, homemade, kid=own), Reason.ISSUER_UNKNOWN)
    yield Forgery(
        ("冒用部门密钥编号", "a department's key id, another signature"),
        _anew(m, homemade, kid=theirs),
        Reason.SIGNATURE_BAD,
    )
    abroad = replace(m, network=NetworkId(bytes(32)))
    other_network = _anew(m, lambda kid, entry: _for(abroad, private, kid, entry), kid=theirs)
    yield Forgery(("另一网络的签名", "a signature for another network"), other_network, Reason.SIGNATURE_BAD)
    yield Forgery(
        ("其他部门越权签发", "signed by a department that may not issue this type"),
        _anew(m, m.sign, kid=m.other_kid),
        Reason.ISSUER_NOT_AUTHORISED_FOR_TYPE,
    )
    yield Forgery(
        ("真密钥签发、未上链", "truly signed, never anchored"),
        _anew(m, m.sign, kid=theirs, **earlier),
        Reason.NOT_ANCHORED,
    )
    signed = m.shown.issued.signed
    s = P256_ORDER - int.from_bytes(signed.signature[32:], "big")
    twin = SignedEntry.assemble(signed.entry, signed.signature[:32] + s.to_bytes(32, "big"))
    yield Forgery(
        ("签名的高 S 孪生", "the signature's high-S twin"),
        _text(replace(_file(m.shown), signed=twin)),
        Reason.SIGNATURE_BAD,
    )


def _misplaced(m: Material) -> Iterator[Forgery]:
    file, paper, receipt = _file(m.shown), _paper(m.shown), m.shown.receipt
    foreign = m.other.receipt
    yield Forgery(
        ("另一份证照的上链凭据", "another licence's receipt"),
        _text(replace(file, receipt=foreign)),
        Reason.ANCHOR_MISMATCH,
    )
    wrong = Receipt(receipt.anchor, receipt.position + 1, receipt.proof)
    yield Forgery(
        ("位置错误", "another position in the batch"),
        _text(replace(file, receipt=wrong)),
        Reason.ANCHOR_MISMATCH,
    )
    hint = replace(paper, receipt=Receipt(receipt.anchor + 1, receipt.position, None))
    yield Forgery(("指向别的批次", "a hint to another batch"), hint.text(), Reason.ANCHOR_MISMATCH)


def _outdated(m: Material) -> Iterator[Forgery]:
    yield Forgery(("出示已吊销的证照", "a revoked licence shown as valid"), m.revoked.paper(), Reason.REVOKED)
    yield Forgery(
        ("出示旧版本", "a version that was superseded"), m.superseded.file().decode(), Reason.SUPERSEDED
    )


def _anew(m: Material, sign: Callable[[Kid, bytes], bytes], **terms: object) -> str:
    """A paper code of the same values, signed again: consistent in itself."""
    issued = m.shown.issued
    told: Terms = replace(issued.signed.entry.terms, **terms)  # type: ignore[arg-type]  # names of Terms' own fields
    entry = Entry(told, claims.root_of(_renamed(issued.values), issued.definition, issued.seed))
    signed = SignedEntry.assemble(entry, sign(told.kid, entry.encode()))
    forged = Issued(issued.definition, _renamed(issued.values), issued.seed, signed)
    return PaperCode.of(forged, Receipt(10**6, 0, None)).text()


def _for(m: Material, private: ec.EllipticCurvePrivateKey, kid: Kid, entry: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(to_be_signed(entry, kid, m.network), ec.ECDSA(SHA256())))
    return low_s(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def _renamed(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {**values, "entName": "伪造（示例市）商贸有限公司"}


def _paper(shown: Shown) -> PaperCode:
    return PaperCode.of(shown.issued, shown.receipt)


def _file(shown: Shown) -> LicenceFile:
    return LicenceFile.of(shown.issued, shown.receipt)


def _text(file: LicenceFile) -> str:
    return file.render().decode()
