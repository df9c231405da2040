"""What presenting keys sign: credentials for wallets, status list tokens; and what wallets read beside them.

A presenting key holds no claim values and proves none: it says who may show a licence, and until when.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session, select

from licence import sd_jwt, status_token
from licence.definition import Field, Group, LicenceType
from licence.jws import ALGORITHM, assemble
from licence.keys import Kid, PublicKey, Suite, Usage
from licence.sd_jwt import Envelope
from licence.status_token import StatusToken
from registry import showing
from registry.errors import ConflictError
from registry.house import House
from registry.signer import Signer
from registry.store import newest_key, type_for
from registry.tables import Licence, SigningKey

CREDENTIAL_LIFE = 30 * 86_400
STATUS_LIFE = 900


def credential(
    house: House,
    session: Session,
    licence: Licence,
    *,
    names: Collection[str] | None,
    holder: PublicKey | None,
) -> str:
    """The SD-JWT VC of a licence, bound to a wallet's key or to none, disclosing the named fields (None: all).

    Raises:
        NotAnchoredError: its batch is not final yet.
        ConflictError: the department has no presenting key that is good now, or the licence has ended.
    """
    shown = showing.show(house, session, licence)
    key = presenting_key(house, session, licence.department)
    ends = min(house.now + CREDENTIAL_LIFE, key.ends, licence.exp or key.ends)
    if ends <= house.now:
        raise ConflictError(
            "证照已到期，不能再发放凭证", "the licence has ended: there is nothing to present"
        )
    kid = Kid(bytes.fromhex(key.kid))
    envelope = Envelope(issuer(house, licence.department), house.now, ends, holder)
    signed = sd_jwt.compose(kid, shown.issued, shown.receipt, envelope)
    every = [field.name for field in shown.issued.definition.fields]
    disclosures = sd_jwt.disclose(shown.issued, every if names is None else names)
    return "~".join([assemble(signed, house.signer.sign_jws(kid, signed)), *disclosures, ""])


def status_jwt(house: House, session: Session, list_: int) -> str:
    """A status list as a JWT (draft-ietf-oauth-status-list §5.1).

    Raises:
        NotFoundError: there is no such list.
        ConflictError: the department has no presenting key that is good now.
        ReadOnlyError: the store is behind the chain.
    """
    return _signed_jwt(house.signer, *_status(house, session, list_))


def status_cwt(house: House, session: Session, list_: int) -> bytes:
    """A status list as a CWT (draft-ietf-oauth-status-list §5.2).

    Raises:
        NotFoundError, ConflictError, ReadOnlyError: as status_jwt.
    """
    return _signed_cwt(house.signer, *_status(house, session, list_))


@lru_cache(256)
def _signed_jwt(signer: Signer, kid: Kid, token: StatusToken) -> str:
    signed = token.jwt(kid)
    return assemble(signed, signer.sign_jws(kid, signed))


@lru_cache(256)
def _signed_cwt(signer: Signer, kid: Kid, token: StatusToken) -> bytes:
    payload = token.cwt()
    return status_token.cwt(kid, payload, signer.sign_status_cwt(kid, payload))


def issuer(house: House, department: int) -> str:
    """The department's `iss`: below the base that the chain names for its public files."""
    return sd_jwt.issuer_uri(house.settings.public_url, department)


def issuer_path(house: House, department: int) -> str:
    """The path of `iss`, which stands behind /.well-known/jwt-vc-issuer."""
    return urlsplit(issuer(house, department)).path


def issuer_metadata(house: House, session: Session, department: int) -> dict[str, Any]:
    """The JWT VC issuer metadata (draft-ietf-oauth-sd-jwt-vc §5): the presenting keys that have not ended."""
    wanted = select(SigningKey).where(
        SigningKey.department == department,
        SigningKey.usage == int(Usage.PRESENT),
        SigningKey.ends > house.now,
    )
    keys = [
        {
            **sd_jwt.jwk(_public(row)),
            "alg": ALGORITHM,
            "kid": sd_jwt.key_name(Kid(bytes.fromhex(row.kid))),
            "use": "sig",
        }
        for row in session.exec(wanted)
    ]
    return {"issuer": issuer(house, department), "jwks": {"keys": keys}}


def type_metadata(
    house: House, session: Session, department: int, *, code: str, version: int
) -> dict[str, Any]:
    """The type metadata of `vct` (draft-ietf-oauth-sd-jwt-vc §6): names and labels in both languages.

    Raises:
        NotFoundError: the department issues no such type version.
    """
    row = type_for(session, department, code, version)
    kind = LicenceType.from_canonical(row.definition)
    return {
        "vct": sd_jwt.type_uri(issuer(house, department), code, version),
        "name": kind.title.en,
        "display": [
            {"locale": "zh-CN", "name": kind.title.zh},
            {"locale": "en", "name": kind.title.en},
        ],
        "claims": [_claim(field) for field in kind.fields],
    }


def presenting_key(house: House, session: Session, department: int) -> SigningKey:
    """The department's newest presenting key that is good now.

    Raises:
        ConflictError: it has none.
    """
    key = newest_key(session, department, Usage.PRESENT, lives_past=house.now)
    if key is None:
        raise ConflictError(
            "出示密钥已到期，请先更换",
            "no presenting key is good now: elicence department renew-key --usage present",
        )
    return key


def _status(house: House, session: Session, list_: int) -> tuple[Kid, StatusToken]:
    department = list_ >> 32
    entries = showing.status_list(session, list_)
    key = presenting_key(house, session, department)
    uri = sd_jwt.status_uri(issuer(house, department), list_)
    minute = house.now - house.now % 60  # strangers may ask as often as they like: one signature a minute
    return Kid(bytes.fromhex(key.kid)), StatusToken(uri, entries, minute, STATUS_LIFE)


def _public(row: SigningKey) -> PublicKey:
    return PublicKey(Suite(row.suite), row.x, row.y)


def _claim(field: Field) -> dict[str, Any]:
    path = [field.name] if field.group is Group.PUBLIC else [Group.PRIVATE.value, field.name]
    return {
        "path": path,
        "display": [
            {"locale": "zh-CN", "label": field.label.zh},
            {"locale": "en", "label": field.label.en},
        ],
        "sd": "always",
    }
