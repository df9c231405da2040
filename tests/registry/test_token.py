"""All keys in a PKCS #11 token: a licence's way is the same, and no private key is anywhere else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from eth_utils import to_checksum_address
from pkcs11 import Attribute, ObjectClass

from contracts.deployment import Deployment
from licence.keys import P256_ORDER, Kid, NetworkId, Usage, possession_statement
from registry.house import own_signer
from registry.onboarding import Applicant
from registry.rotating import rotate
from registry.settings import Settings
from registry.signer import COUNCIL, Role, Signer, SigningError
from registry.token import Label, TokenError, open_token
from registry.token_wrapping import TokenWrapping
from registry.vault import Vault, VaultError
from registry.wrapping import generation_of
from scripts import seeding
from tests.registry import token
from tests.registry.office import Office, open_office

NETWORK = NetworkId(bytes(32))
CONTRACT = to_checksum_address("0x" + "ab" * 20)


@pytest.fixture
def tokens() -> Iterator[token.Made]:
    with token.made() as made:
        yield made


@pytest.fixture
def signer(tokens: token.Made, tmp_path: Path) -> Signer:
    pins = Deployment(20261, "0x", 0, "0x" + "00" * 32, CONTRACT, CONTRACT, CONTRACT)
    (tmp_path / "deployment.json").write_text(pins.to_json(), "utf-8")
    return own_signer(Settings(home=tmp_path))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with token.made(), open_office(tmp_path_factory.mktemp("token") / "home", departments=_one()) as opened:
        yield opened


def _one() -> list[Applicant]:
    return list(seeding.applicants())[:1]


def _wrapping(tokens: token.Made) -> TokenWrapping:
    return TokenWrapping(open_token(token.LIBRARY, tokens.wrapping, pin=tokens.pin))


def test_a_licence_is_issued_anchored_and_valid_with_every_key_in_the_token(
    office: Office, tmp_path: Path
) -> None:
    licence = office.issue()
    office.settle()
    assert office.reason(licence, tmp_path) is None
    assert generation_of(office.house.vault.new_key("any")[1]) == 1


def test_no_private_key_is_in_a_file_of_the_home(office: Office) -> None:
    office.issue()
    home = office.house.settings.home
    names = sorted(
        str(path.relative_to(home / "keys")) for path in (home / "keys").rglob("*") if path.is_file()
    )
    assert names == ["registry/index.key", "registry/rows.key"]
    assert not any(b"PRIVATE KEY" in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_no_key_can_be_taken_out_of_the_token(office: Office) -> None:
    office.issue()
    settings = office.house.settings
    labels = {
        settings.pkcs11_token: ObjectClass.PRIVATE_KEY,
        settings.pkcs11_wrapping_token: ObjectClass.SECRET_KEY,
    }
    seen = 0
    for label, kind in labels.items():
        with open_token(token.LIBRARY, label, pin=settings.pkcs11_pin).session() as session:
            for key in session.get_objects({Attribute.CLASS: kind}):
                seen += 1
                assert key[Attribute.SENSITIVE]
                assert key[Attribute.NEVER_EXTRACTABLE]
                with pytest.raises(pkcs11.AttributeSensitive):
                    key[Attribute.VALUE]
    # council, anchoring and status account, an issuing and a presenting key; one wrapping key
    assert seen == 6


def test_the_wrapping_key_is_rotated_within_the_token(office: Office) -> None:
    licence = office.issue()
    office.settle()
    before = office.house.vault.wrapping.generations()[-1]
    done = rotate(office.house, lambda count: None)
    assert (done.generation, done.destroyed) == (before + 1, (before,))
    assert office.show(licence).paper()


def test_signatures_are_low_s_and_verify(signer: Signer) -> None:
    for _ in range(8):
        key, proof = signer.create_key(7, Usage.ISSUE, NETWORK)
        r, s = int.from_bytes(proof[:32], "big"), int.from_bytes(proof[32:], "big")
        assert s <= P256_ORDER // 2
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big"), ec.SECP256R1()
        )
        statement = possession_statement(NETWORK, 7, Usage.ISSUE, key)
        numbers.public_key().verify(encode_dss_signature(r, s), statement, ec.ECDSA(SHA256()))


def test_a_transaction_is_the_accounts(signer: Signer) -> None:
    address = signer.account(7, Role.ANCHOR)
    assert signer.account(7, Role.ANCHOR) == address != signer.account(7, Role.STATUS)
    for nonce in range(8):
        raw = signer.sign_transaction(address, _transaction(nonce=nonce))
        assert Account.recover_transaction(raw) == address


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"to": "0x" + "11" * 20}, "none of the three"),
        ({"chainId": 1}, "chain 20261"),
        ({"to": None}, "none of the"),
    ],
)
def test_a_token_signs_by_the_same_rules_as_files(
    signer: Signer, change: dict[str, object], why: str
) -> None:
    address = signer.account(7, Role.ANCHOR)
    with pytest.raises(SigningError, match=why):
        signer.sign_transaction(address, {**_transaction(), **change})


def test_a_key_signs_for_its_use_only(signer: Signer) -> None:
    key, _ = signer.create_key(7, Usage.PRESENT, NETWORK)
    with pytest.raises(SigningError, match="no issuing key"):
        signer.sign_entries(key.kid, [])
    with pytest.raises(SigningError, match="no presenting key"):
        signer.sign_status_cwt(Kid(bytes(8)), b"")
    with pytest.raises(SigningError, match="no account"):
        signer.sign_transaction("0x" + "22" * 20, _transaction())
    assert signer.account(COUNCIL, Role.COUNCIL).startswith("0x")


def test_a_key_wrapped_in_a_token_opens_only_in_its_place(tokens: token.Made, tmp_path: Path) -> None:
    vault = Vault.open(tmp_path, _wrapping(tokens))
    key, wrapped = vault.new_key("one")
    assert vault.unwrap(wrapped, "one") == key
    assert key not in wrapped
    for altered in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"\x01\0\0\0\x02" + wrapped[5:]):
        with pytest.raises(VaultError):
            vault.unwrap(altered, "one")
    with pytest.raises(VaultError):
        vault.unwrap(wrapped, "two")


def test_rotating_moves_the_wrapping_keys_from_files_into_a_token(tokens: token.Made, tmp_path: Path) -> None:
    key, wrapped = Vault.open(tmp_path).new_key("one")
    vault = Vault.open(tmp_path, _wrapping(tokens))
    assert generation_of(vault.wrap(key, "one")) == 1
    vault.wrapping.add()
    moved = vault.wrap(vault.unwrap(wrapped, "one"), "one")
    assert generation_of(moved) == 2
    vault.wrapping.destroy(vault.wrapping.generations()[0])
    assert not list(tmp_path.glob("wrapping*"))
    assert vault.unwrap(moved, "one") == key


def test_a_running_process_picks_up_a_generation_made_by_another(tokens: token.Made, tmp_path: Path) -> None:
    vault = Vault.open(tmp_path, _wrapping(tokens))
    key, first = vault.new_key("one")
    _in_another_process(tokens, "keys.make(2)")
    second = vault.wrap(key, "one")
    assert generation_of(second) == 2
    _in_another_process(tokens, "keys.destroy(1)")
    assert vault.unwrap(second, "one") == key
    with pytest.raises(VaultError, match="generation 1"):
        vault.unwrap(first, "one")


def _in_another_process(tokens: token.Made, deed: str) -> None:
    program = (
        "from registry.token import open_token\nfrom registry.token_wrapping import TokenWrapping\n"
        f"keys = TokenWrapping(open_token({token.LIBRARY!r}, {tokens.wrapping!r}, pin={tokens.pin!r}))\n{deed}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("pkcs11_pin", "wrong pin", "ELICENCE_PKCS11_PIN"),
        ("pkcs11_token", "another", "ELICENCE_PKCS11_TOKEN"),
        ("pkcs11_module", "/nowhere.so", "ELICENCE_PKCS11_MODULE"),
    ],
)
def test_a_wrong_setting_of_the_token_is_named(
    tokens: token.Made, tmp_path: Path, name: str, value: str, why: str
) -> None:
    with pytest.raises(TokenError, match=why) as refused:
        own_signer(Settings.model_validate({"home": tmp_path, name: value}))
    assert tokens.pin not in str(refused.value)
    assert value not in str(refused.value) or name != "pkcs11_pin"


def test_the_token_that_wraps_is_not_the_token_that_signs(tokens: token.Made, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another token than"):
        Settings(home=tmp_path, pkcs11_wrapping_token=tokens.signing)
    assert tokens.pin not in repr(Settings(home=tmp_path))


def test_two_objects_of_one_name_are_refused(tokens: token.Made) -> None:
    wrapping = open_token(token.LIBRARY, tokens.wrapping, pin=tokens.pin)
    for _ in range(2):
        with wrapping.session() as session:
            session.generate_key(
                pkcs11.KeyType.AES, 256, id=b"\0\0\0\x01", label="elicence wrapping", store=True
            )
    with pytest.raises(TokenError, match="2 found"):
        wrapping.one(ObjectClass.SECRET_KEY, Label("elicence wrapping"), b"\0\0\0\x01")


def _transaction(nonce: int = 0) -> dict[str, object]:
    return {
        "chainId": 20261,
        "nonce": nonce,
        "gas": 100_000,
        "value": 0,
        "maxFeePerGas": 10**9,
        "maxPriorityFeePerGas": 0,
        "to": CONTRACT,
        "data": "0x01",
    }
