"""Personal data stays where it belongs: canaries are planted, and everything that leaves the vault is searched."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from licence.canonical import base64url
from licence.keys import Kid, NetworkId, Usage
from registry.file_keys import unlocking_secret
from registry.house import file_signer
from registry.issuing import Order, issue
from registry.key_files import KeyFileError, write_secret
from registry.settings import Settings, SettingsError, read_settings
from registry.signer import Role, SigningError
from registry.signer_client import SignerClient
from registry.signer_server import SignerServer
from registry.store import department_by_id
from registry.vault import Vault, VaultError
from scripts import seeding
from scripts.inventing import licences
from tests.registry.office import Office, invented

CANARY = "示例鸲鹆金丝雀"


def test_no_personal_data_on_the_chain_in_the_database_or_in_public_files(office: Office) -> None:
    item = [i for i in licences(date.today()) if i.kind == "residence"][3]
    values = {**item.values, "name": CANARY, "hukouAddress": f"示例省{CANARY}村"}
    number = str(values["idNo"])
    with office.house.store.write() as session:
        order = Order(seeding.definitions()["residence"].code, values)
        row = issue(office.house, session, department_by_id(session, item.department), order)
    office.settle()
    assert CANARY in office.show(row).file().decode()
    office.house.store.close()
    home = office.house.settings.home
    chain = office.house.chain
    head = int(chain.request("eth_blockNumber", []), 16)
    blocks = [chain.request("eth_getBlockByNumber", [hex(at), True]) for at in range(head + 1)]
    logs = chain.request("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}])
    told = [json.dumps(blocks).encode(), json.dumps(logs).encode()]
    kept = [
        path.read_bytes()
        for folder in ("chain", "registry", "public", "log")
        for path in (home / folder).rglob("*")
        if path.is_file()
    ]
    assert any(b"SQLite" in data[:16] for data in kept)
    secrets = [CANARY, number, str(values["cardNo"])]
    for secret in secrets:
        for form in (
            secret.encode(),
            secret.encode("utf-16-le"),
            secret.encode().hex().encode(),
            base64url(secret.encode())[:-2].encode(),
        ):
            assert not any(form in data for data in [*told, *kept]), f"{secrets.index(secret)} in clear"


def test_a_log_line_names_nobody(office: Office, capfd: pytest.CaptureFixture[str]) -> None:
    values = {**invented("driving").values, "licNo": "990101198001010011", "name": CANARY}
    body = {"type": seeding.definitions()["driving"].code, "values": values}
    office.call("POST", "/api/v1/licences", json=body, headers=office.headers(4, "log"))
    captured = capfd.readouterr()
    assert CANARY not in captured.out + captured.err
    assert "990101198001010011" not in captured.out + captured.err


def test_a_bearer_key_is_kept_hashed(office: Office) -> None:
    database = office.house.settings.home / "registry" / "registry.db"
    office.house.store.close()
    kept = b"".join(path.read_bytes() for path in database.parent.glob("registry.db*"))
    assert all(token.encode() not in kept for token in office.tokens.values())


def test_private_keys_lie_encrypted_and_unreadable_by_others(office: Office) -> None:
    for path in (office.house.settings.home / "keys").rglob("*.pem"):
        assert b"ENCRYPTED PRIVATE KEY" in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_a_home_with_a_long_path_has_a_signer_too(tmp_path: Path) -> None:
    """Unix socket addresses end at 107 bytes; home folders do not."""
    path = tmp_path / ("long" * 30) / "signer.sock"
    path.parent.mkdir()
    settings = Settings(home=tmp_path / "home")
    answers: list[str] = []

    async def talk() -> None:
        ready = asyncio.Event()
        server = asyncio.create_task(
            SignerServer(file_signer(settings)).serve(path, ready.set, asyncio.Event())
        )
        await ready.wait()
        answers.append(await asyncio.to_thread(SignerClient(path).account, 7, Role.ANCHOR))
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)

    asyncio.run(talk())
    assert answers[0].startswith("0x")
    assert path.stat().st_mode & 0o077 == 0


def test_key_files_that_others_may_read_are_refused(tmp_path: Path) -> None:
    Vault.open(tmp_path)
    (tmp_path / "wrapping-1.key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Vault.open(tmp_path)


def test_what_was_sealed_opens_only_in_its_place_and_unaltered(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path)
    key, wrapped = vault.new_key("one")
    sealed = vault.seal(key, b"secret", "here")
    assert vault.unseal(vault.unwrap(wrapped, "one"), sealed, "here") == b"secret"
    attempts: tuple[Callable[[], object], ...] = (
        lambda: vault.unseal(key, sealed, "there"),
        lambda: vault.unseal(key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "here"),
        lambda: vault.unseal(bytes(32), sealed, "here"),
        lambda: vault.unwrap(wrapped, "two"),
        lambda: vault.unseal(key, b"", "here"),
    )
    for attempt in attempts:
        with pytest.raises(VaultError):
            attempt()


def test_a_blind_index_finds_equal_values_under_one_key_only(tmp_path: Path) -> None:
    one, two = Vault.open(tmp_path / "one"), Vault.open(tmp_path / "two")
    assert one.blind("number", "a", "b") == one.blind("number", "a", "b")
    assert one.blind("number", "ab") != one.blind("number", "a", "b")
    assert one.blind("number", "a") != one.blind("holder", "a")
    assert one.blind("number", "a") != two.blind("number", "a")


def test_a_secret_is_written_once(tmp_path: Path) -> None:
    write_secret(tmp_path / "s", b"first")
    write_secret(tmp_path / "s", b"second")
    assert (tmp_path / "s").read_bytes() == b"first"


def test_production_wants_its_unlocking_secret_from_outside(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="ELICENCE_UNLOCK"):
        unlocking_secret(tmp_path, "", demo=False)
    with pytest.raises(SigningError, match="16 characters or more"):
        unlocking_secret(tmp_path, "short", demo=False)
    assert unlocking_secret(tmp_path, "sixteen or more.", demo=False) == b"sixteen or more."


def test_keys_do_not_open_with_another_secret(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, unlock="right")
    key, _ = file_signer(settings).create_key(7, Usage.ISSUE, NetworkId(bytes(32)))
    (tmp_path / "deployment.json").write_text(
        '{"chain_id":1,"genesis_hash":"0x","block":0,"network_id":"0x' + "00" * 32 + '",'
        '"issuer_registry":"0x","anchor_log":"0x","status_list":"0x"}',
        "utf-8",
    )
    with pytest.raises(SigningError, match="does not open"):
        file_signer(Settings(home=tmp_path, unlock="wrong")).sign_entries(key.kid, [])
    with pytest.raises(SigningError, match="no issuing key"):
        file_signer(settings).sign_entries(Kid(bytes(8)), [])


@pytest.mark.parametrize(
    ("name", "value"),
    [("REGISTRY_PORT", "eighty"), ("MODE", "test"), ("SEAL_AT", "0"), ("CHAIN_URL", "ftp://x")],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ELICENCE_{name}", value)
    with pytest.raises(SettingsError, match=f"ELICENCE_{name}"):
        read_settings()
