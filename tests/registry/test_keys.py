"""Keys that are not fit are refused, with words that say what to do; the wall answers fit questions only."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from licence.keys import Kid, NetworkId, PublicKey, Usage
from registry.errors import SignerUnreachableError
from registry.file_keys import demand_production
from registry.house import file_signer, own_signer
from registry.key_files import KeyFileError, demand_private
from registry.settings import Mode, Settings
from registry.signer import Keys, Role, RuledSigner, Signer, SigningError
from registry.signer_client import SignerClient
from registry.signer_server import SignerServer
from registry.token import TokenUnreachableError
from registry.vault import Vault
from scripts.stack import ROOT, Stack

NETWORK = NetworkId(bytes(32))
SECRET = "an invented secret of the tests"


def started(role: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A process of the registry in production mode, to its end."""
    environment = {
        **os.environ, "ELICENCE_HOME": str(home), "ELICENCE_MODE": "production", "PYTHONPATH": str(ROOT), **more,
    }  # fmt: skip
    told = [sys.executable, "-m", "registry", role]
    return subprocess.run(told, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("role", ["signer", "web", "worker"])
def test_production_refuses_a_demos_keys_and_says_what_to_do(tmp_path: Path, role: str) -> None:
    file_signer(Settings(home=tmp_path)).account(7, Role.ANCHOR)
    ended = started(role, tmp_path, ELICENCE_UNLOCK=SECRET)
    assert ended.returncode == 1
    assert "these keys were made by a demo; production needs a home of its own with new keys" in ended.stderr
    assert "ready" not in ended.stdout
    assert SECRET not in ended.stderr


def test_production_starts_with_keys_of_its_own_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, mode=Mode.PRODUCTION, unlock=SECRET)
    address = own_signer(settings).account(7, Role.ANCHOR)
    Vault.open(settings.vault)
    demand_production(settings.keys)
    assert own_signer(settings).account(7, Role.ANCHOR) == address
    for unlock, why in (("", "production mode needs ELICENCE_UNLOCK"), ("summer", "openssl rand -hex 32")):
        with pytest.raises(SigningError, match=why):
            own_signer(settings.model_copy(update={"unlock": unlock}))


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604, 0o660, 0o602, 0o601])
@pytest.mark.parametrize("name", ["wrapping-1.key", "index.key", "rows.key"])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    Vault.open(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(KeyFileError, match=rf"{name}: mode 600 expected, {mode:o} found: chmod 600"):
        Vault.open(tmp_path)


def test_a_generation_that_another_process_left_open_is_refused_at_its_first_use(tmp_path: Path) -> None:
    running = Vault.open(tmp_path)
    Vault.open(tmp_path).wrapping.add()
    (tmp_path / "wrapping-2.key").chmod(0o644)
    with pytest.raises(KeyFileError, match="mode 600 expected"):
        running.new_key("one")


@pytest.mark.parametrize("what", ["", "registry", "7", "7/anchor"])
def test_production_looks_at_every_key_file_and_folder(tmp_path: Path, what: str) -> None:
    settings = Settings(home=tmp_path, mode=Mode.PRODUCTION, unlock=SECRET)
    own_signer(settings).account(7, Role.ANCHOR)
    Vault.open(settings.vault)
    path = next(settings.keys.glob("7/anchor*")) if what == "7/anchor" else settings.keys / what
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(KeyFileError, match="treat its keys as seen by others"):
        own_signer(settings)


def test_a_private_key_that_others_may_read_signs_nothing(tmp_path: Path) -> None:
    signer = file_signer(Settings(home=tmp_path, unlock=SECRET))
    key, _ = signer.create_key(7, Usage.PRESENT, NETWORK)
    next((tmp_path / "keys" / "7").glob("present*")).chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        file_signer(Settings(home=tmp_path, unlock=SECRET)).sign_status_cwt(key.kid, b"")


def test_somebody_elses_key_is_refused(tmp_path: Path) -> None:
    theirs = Path("/etc/hostname")
    if os.geteuid() == 0:
        theirs = tmp_path / "key"
        theirs.touch(0o600)
        os.chown(theirs, 1, 1)
    with pytest.raises(KeyFileError, match="run this as the registry's user"):
        demand_private(theirs)


def test_each_secret_of_the_environment_goes_to_those_who_need_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ("UNLOCK", "PKCS11_PIN", "PKCS11_WRAPPING_PIN")
    for name in secrets:
        monkeypatch.setenv(f"ELICENCE_{name}", SECRET)
    stack = Stack(tmp_path, database_url="postgresql://registry:invented@nowhere/registry")
    told = {name: stack.environment(name) for name in ("chain", "signer", "registry", "worker", "verifier")}
    knowing = {name: {key for key in secrets if f"ELICENCE_{key}" in had} for name, had in told.items()}
    assert knowing == {
        "chain": set(),
        "signer": {"UNLOCK", "PKCS11_PIN"},
        "registry": {"PKCS11_WRAPPING_PIN"},
        "worker": {"PKCS11_WRAPPING_PIN"},
        "verifier": set(),
    }
    assert {name for name, had in told.items() if "ELICENCE_DATABASE_URL" in had} == {"registry", "worker"}


def test_the_memory_of_a_process_with_keys_is_its_own(tmp_path: Path) -> None:
    program = "import ctypes; from registry.key_files import hide_memory; get = lambda: ctypes.CDLL(None).prctl(3); "
    program += "print(get()); hide_memory(); print(get())"
    told = [sys.executable, "-c", program]
    ended = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["1", "0"]


@contextmanager
def served(signer: Signer, path: Path) -> Iterator[SignerClient]:
    """A client of that signer over a real socket."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    serving = loop.create_task(SignerServer(signer).serve(path, ready.set, asyncio.Event()))

    def run() -> None:
        loop.run_until_complete(asyncio.gather(serving, return_exceptions=True))

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    yield SignerClient(path)
    loop.call_soon_threadsafe(serving.cancel)
    thread.join()
    loop.close()


@pytest.mark.parametrize(
    ("department", "role"),
    [("../../elsewhere", Role.ANCHOR), (True, Role.ANCHOR), (-1, Role.STATUS), (2**31, Role.ANCHOR),
     (0, Role.ANCHOR), (7, Role.COUNCIL)],
)  # fmt: skip
def test_the_signer_makes_no_account_for_an_unfit_question(
    tmp_path: Path, department: int, role: Role
) -> None:
    signer = file_signer(Settings(home=tmp_path / "home"))
    with served(signer, tmp_path / "sock") as client:
        with pytest.raises(SigningError, match=r"^the signer refuses: (a department's|the council's)"):
            client.account(department, role)
        with pytest.raises(SigningError, match="an account's address expected"):
            client.sign_transaction("*", {})
    assert not list(tmp_path.rglob("*.pem"))


class _Away(Keys):
    """A token that was pulled out."""

    def create(self, department: int, usage: Usage) -> PublicKey:
        raise TokenUnreachableError("signing", OSError())

    def sign(self, usage: Usage, kid: Kid, messages: Sequence[bytes]) -> list[bytes]:
        raise TokenUnreachableError("signing", OSError())


def test_a_token_that_is_away_is_unreachable_and_refuses_nothing(tmp_path: Path) -> None:
    signer = RuledSigner(_Away(), tmp_path, 20261)  # type: ignore[abstract]  # what is not asked is not there
    with served(signer, tmp_path / "sock") as client:
        with pytest.raises(SignerUnreachableError, match="token signing does not answer") as away:
            client.sign_status_cwt(Kid(bytes(8)), b"")
        assert away.value.status == 503
