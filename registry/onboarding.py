"""What the council does: founds the network, admits departments with their keys, accounts and types.

Every step may be repeated: what is on the chain already is not sent again.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import rlp
from eth_utils import keccak, to_canonical_address
from sqlmodel import Session, select

from contracts import artifacts
from contracts.deployment import Deployment
from licence.definition import LicenceType
from licence.keys import NetworkId, PublicKey, Suite, Usage, possession_statement
from registry import trail
from registry.chain import Chain, TransactionRefusedError
from registry.errors import ConflictError, InvalidError
from registry.house import House
from registry.settings import Settings
from registry.signer import COUNCIL, Role, Signer
from registry.store import demand_open, department_by_id
from registry.tables import Department, Permission, SigningKey, StatusList, TypeVersion

FOREVER = 2**40 - 1
# A list id is department << 32 | n, and databases count to 2^63 - 1.
MAX_DEPARTMENT = 2**31 - 1
# The contract grants a presenting key at most 90 days from the block that admits it.
_LIVES = {Usage.ISSUE: 2 * 365 * 86_400, Usage.PRESENT: 90 * 86_400 - 60}
_FUND = 10**20
_ROLES = {Role.ANCHOR: 1, Role.STATUS: 2}
_GAS = 4_000_000


@dataclass(frozen=True, slots=True)
class Applicant:
    """A department to admit: its number on the chain, code (GB 32100), names, and the types it may issue."""

    id: int
    code: str
    name_zh: str
    name_en: str
    types: tuple[LicenceType, ...]


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admitted department and its bearer key, which is stored nowhere and shown this once."""

    department: Department
    token: str


def deploy(settings: Settings, signer: Signer) -> Deployment:
    """Puts the three contracts on the chain and writes deployment.json; an earlier deployment is checked and kept.

    Raises:
        PinError: deployment.json belongs to another network.
        TransactionRefusedError: another chain id, or the node refuses.
    """
    path = settings.home / "deployment.json"
    if path.exists():
        known = Deployment.from_json(path.read_text("utf-8"))
        return Chain(settings.chain_url, known).demand_pins()
    deployment = _found(Chain(settings.chain_url, None), signer, settings.chain_id)
    temporary = path.with_suffix(".new")
    temporary.write_text(deployment.to_json(), "utf-8")
    os.replace(temporary, path)
    return deployment


def _found(chain: Chain, signer: Signer, chain_id: int) -> Deployment:
    found = int(chain.request("eth_chainId", []), 16)
    if found != chain_id:
        raise TransactionRefusedError(
            f"chain id {chain_id} expected, {found} found: check ELICENCE_CHAIN_URL"
        )
    council, network = signer.account(COUNCIL, Role.COUNCIL), secrets.token_bytes(32)
    head, genesis = (chain.request("eth_getBlockByNumber", [tag, False]) for tag in ("latest", "0x0"))
    nonce = chain.nonce(council)
    registry, anchors, statuses = (_created(council, nonce + place) for place in range(3))
    inputs = [
        artifacts.deploy_data("IssuerRegistry", council, network),
        artifacts.deploy_data("AnchorLog", registry),
        artifacts.deploy_data("StatusList", registry),
    ]
    sent = []
    for place, data in enumerate(inputs):
        transaction = chain.transaction(data, nonce + place, to=None, gas=_GAS)
        sent.append(_send(chain, signer.sign_transaction(council, transaction)))
    chain.wait(sent)
    block = int(head["number"], 16)
    return Deployment(chain_id, genesis["hash"], block, "0x" + network.hex(), registry, anchors, statuses)


def admit(
    house: House, applicants: Sequence[Applicant], let_in: Callable[[Sequence[str]], None]
) -> list[Admitted]:
    """Admits departments: accounts, first key, types, status list. `let_in` tells a permissioned node of the accounts.

    Raises:
        ConflictError: one is admitted already, or has anchors that this store does not know.
        TransactionRefusedError: the chain refuses.
    """
    house.chain.demand_pins()
    rows = [_register(house, applicant) for applicant in applicants]
    let_in([account for row in rows for account in (row.anchor_account, row.status_account)])
    _admit_on_chain(house, [(row, a) for row, a in zip(rows, applicants, strict=True) if _absent(house, row)])
    _open_lists(house, [row for row in rows if not house.chain.call("StatusList", "lists", row.id)[0]])
    return [_complete(house, row) for row in rows]


def permit(house: House, department: int, kind: LicenceType) -> None:
    """Lets a department issue one more type version; published first.

    Raises:
        NotFoundError: no such department.
        ReadOnlyError: the store is behind the chain.
        TransactionRefusedError: the version has been permitted already, or the chain refuses.
    """
    _demand_open(house, department)
    house.publisher.definition(kind)
    call = ("permitType", department, kind.code, kind.version, kind.digest, 0, FOREVER)
    _by_council(house, [_calldata(*call)])
    with house.store.write() as session:
        _remember_type(session, department, kind)
        _note(house, session, department, deed="permit", object=f"{kind.code} {kind.version}")


def renew_key(house: House, department: int, usage: Usage = Usage.ISSUE) -> PublicKey:
    """A new key for a department; the old one keeps what it signed.

    Raises:
        NotFoundError: no such department.
        ReadOnlyError: the store is behind the chain.
    """
    _demand_open(house, department)
    key, proof = _new_key(house, department, usage)
    _by_council(house, [_add_key(house, department, key, proof, usage=usage)])
    with house.store.write() as session:
        session.add(_key_row(house, department, key, usage))
        _note(house, session, department, deed="key", object=key.kid.hex())
    return key


def open_list(house: House, department: int) -> None:
    """Opens a department's next status list, on the chain and in the store."""
    with house.store.read() as session:
        row = department_by_id(session, department)
        known = len(session.exec(select(StatusList.id).where(StatusList.department == department)).all())
    if house.chain.call("StatusList", "lists", department)[0] == known:
        _open_lists(house, [row])
    sizes = house.chain.lists(department)
    with house.store.write(department) as session:
        _remember_lists(house, session, department, sizes=sizes)


def _demand_open(house: House, department: int) -> None:
    with house.store.read() as session:
        department_by_id(session, department)
        demand_open(session, department)


def _register(house: House, applicant: Applicant) -> Department:
    if not 1 <= applicant.id <= MAX_DEPARTMENT:
        raise InvalidError("部门编号超出范围", f"a department's number of 1 to {MAX_DEPARTMENT} expected")
    anchors = house.chain.call("AnchorLog", "head", applicant.id)[0]
    with house.store.write() as session:
        row = session.get(Department, applicant.id)
        if row is not None and row.admitted_at:
            raise ConflictError(
                "该部门已经准入", f"department {applicant.id} is admitted already: choose another number"
            )
        if anchors:
            raise ConflictError(
                "链上已有该部门的存证，而数据库中没有，请恢复更新的备份",
                f"the chain has anchors of department {applicant.id}, which this database does not know: restore a "
                "newer backup, or choose another number",
            )
        row = row or _new_department(house, session, applicant)
        session.flush()
        for kind in applicant.types:
            house.publisher.definition(kind)
            _remember_type(session, applicant.id, kind)
        return row


def _new_department(house: House, session: Session, applicant: Applicant) -> Department:
    row = Department(
        id=applicant.id,
        code=applicant.code,
        name_zh=applicant.name_zh,
        name_en=applicant.name_en,
        token_hash=secrets.token_hex(32),
        anchor_account=house.signer.account(applicant.id, Role.ANCHOR),
        status_account=house.signer.account(applicant.id, Role.STATUS),
        admitted_at=0,
    )
    session.add(row)
    return row


def _remember_type(session: Session, department: int, kind: LicenceType) -> None:
    version = TypeVersion(
        code=kind.code, version=kind.version, digest=kind.digest.hex(), definition=kind.canonical()
    )
    session.merge(version)
    session.merge(Permission(department=department, code=kind.code, version=kind.version))


def _absent(house: House, row: Department) -> bool:
    return not any(house.chain.call("IssuerRegistry", "departments", row.id))


def _admit_on_chain(house: House, pairs: Sequence[tuple[Department, Applicant]]) -> None:
    """One multicall a department: it is admitted whole, or not at all."""
    calls = []
    for row, applicant in pairs:
        keys = [(usage, *_new_key(house, row.id, usage)) for usage in Usage]
        steps = [
            _calldata(
                "admitDepartment", row.id, 0, row.code, row.name_zh, row.name_en, house.settings.public_url
            ),
            *(
                _calldata("bindAccount", account, row.id, _ROLES[role], FOREVER)
                for account, role in ((row.anchor_account, Role.ANCHOR), (row.status_account, Role.STATUS))
            ),
            *(
                _calldata("permitType", row.id, kind.code, kind.version, kind.digest, 0, FOREVER)
                for kind in applicant.types
            ),
            *(_add_key(house, row.id, key, proof, usage=usage) for usage, key, proof in keys),
        ]
        with house.store.write() as session:
            for unused in session.exec(select(SigningKey).where(SigningKey.department == row.id)):
                session.delete(unused)  # of a run that ended before the chain knew the department
            session.add_all([_key_row(house, row.id, key, usage) for usage, key, _ in keys])
        calls.append(_calldata("multicall", steps))
    accounts = [account for row, _ in pairs for account in (row.anchor_account, row.status_account)]
    _by_council(house, calls, funded=accounts)


def _new_key(house: House, department: int, usage: Usage) -> tuple[PublicKey, bytes]:
    network = NetworkId(house.chain.demand_pins().network)
    key, proof = house.signer.create_key(department, usage, network)
    key.verify(possession_statement(network, department, usage, key), proof)
    return key, proof


def _add_key(house: House, department: int, key: PublicKey, proof: bytes, *, usage: Usage) -> bytes:
    ends = house.now + _LIVES[usage]
    return _calldata("addKey", department, int(key.suite), int(usage), key.x, key.y, 0, ends, proof)


def _key_row(house: House, department: int, key: PublicKey, usage: Usage) -> SigningKey:
    return SigningKey(
        kid=key.kid.hex(),
        department=department,
        suite=int(Suite.ES256),
        usage=int(usage),
        x=key.x,
        y=key.y,
        begins=house.now,
        ends=house.now + _LIVES[usage],
    )


def _open_lists(house: House, rows: Sequence[Department]) -> None:
    sent = []
    for row in rows:
        data = artifacts.calldata("StatusList", "createList", house.settings.list_size)
        nonce = house.chain.nonce(row.status_account)
        sent.append(_transact(house, row.status_account, data, nonce=nonce, contract="StatusList"))
    house.chain.wait(sent)


def _complete(house: House, row: Department) -> Admitted:
    token = secrets.token_urlsafe(32)
    row.token_hash, row.admitted_at = hash_token(token), house.now
    sizes = house.chain.lists(row.id)
    with house.store.write() as session:
        session.merge(row)
        _note_admission(house, session, row)
        _remember_lists(house, session, row.id, sizes=sizes)
        departments = session.exec(select(Department).order_by("id")).all()
        house.publisher.departments(described(departments))
    return Admitted(row, token)


def _remember_lists(house: House, session: Session, department: int, *, sizes: Mapping[int, int]) -> None:
    for list_, size in sizes.items():
        if session.get(StatusList, list_) is None:
            session.add(StatusList(id=list_, department=department, size=size))
            _note(house, session, department, deed="list", object=str(list_))


def _note_admission(house: House, session: Session, row: Department) -> None:
    """The first rows of a department's trail: fsck demands of it that every deed after them has one too."""
    pins = hashlib.sha256(house.chain.demand_pins().to_json().encode()).hexdigest()[: trail.SHORT]
    _note(house, session, row.id, deed="admit", object=f"{_short(row)} on {pins}")
    for key in session.exec(select(SigningKey).where(SigningKey.department == row.id).order_by("kid")):
        _note(house, session, row.id, deed="key", object=key.kid)
    allowed = select(Permission).where(Permission.department == row.id).order_by("code", "version")
    for permission in session.exec(allowed):
        _note(house, session, row.id, deed="permit", object=f"{permission.code} {permission.version}")


def _note(house: House, session: Session, department: int, *, deed: str, object: str) -> None:
    trail.note(house, session, department, actor="operator", deed=deed, object=object)


def _short(row: Department) -> str:
    """Enough to tell one bearer key's hash from another's."""
    return f"token {row.token_hash[: trail.SHORT]}"


def described(rows: Sequence[Department]) -> list[dict[str, object]]:
    """Departments as their public list has them."""
    return [_public(row) for row in rows]


def _public(row: Department) -> dict[str, object]:
    return {"id": row.id, "code": row.code, "name": {"zh": row.name_zh, "en": row.name_en}}


def new_token(house: House, department: int) -> str:
    """A new bearer key for a department; the old one ends.

    Raises:
        NotFoundError: no such department.
    """
    token = secrets.token_urlsafe(32)
    with house.store.write() as session:
        row = department_by_id(session, department)
        row.token_hash = hash_token(token)
        _note(house, session, department, deed="new-token", object=_short(row))
    return token


def hash_token(token: str) -> str:
    """What is stored of a bearer key: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _by_council(house: House, calls: Sequence[bytes], funded: Sequence[str] = ()) -> None:
    council = house.signer.account(COUNCIL, Role.COUNCIL)
    nonce = house.chain.nonce(council)
    sent: list[str] = []
    for account in funded:
        transaction = house.chain.transaction(b"", nonce + len(sent), to=account, gas=21_000, value=_FUND)
        sent.append(_send(house.chain, house.signer.sign_transaction(council, transaction)))
    for data in calls:
        sent.append(_transact(house, council, data, nonce=nonce + len(sent), contract="IssuerRegistry"))
    house.chain.wait(sent)


def _transact(house: House, sender: str, data: bytes, *, nonce: int, contract: str) -> str:
    target = house.chain.try_out(sender, contract, data)
    transaction = house.chain.transaction(data, nonce, to=target, gas=_GAS)
    return _send(house.chain, house.signer.sign_transaction(sender, transaction))


def _send(chain: Chain, raw: bytes) -> str:
    chain.send(raw)
    return "0x" + keccak(raw).hex()


def _calldata(function: str, *arguments: object) -> bytes:
    return artifacts.calldata("IssuerRegistry", function, *arguments)


def _created(sender: str, nonce: int) -> str:
    return "0x" + keccak(rlp.encode([to_canonical_address(sender), nonce]))[12:].hex()
