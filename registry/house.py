"""What every deed needs, built once and handed down: settings, walls, clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from contracts.deployment import Deployment
from licence.keys import NetworkId
from registry.chain import Chain
from registry.errors import ChainUnreachableError
from registry.file_keys import FileKeys, demand_production, unlocking_secret
from registry.objects import Objects, Part
from registry.pace import Pace
from registry.publishing import Publisher
from registry.settings import Mode, Settings
from registry.signer import RuledSigner, Signer
from registry.signer_client import SignerClient
from registry.store import Store, Tables
from registry.token import open_token
from registry.token_keys import TokenKeys
from registry.token_wrapping import TokenWrapping
from registry.vault import Vault


@dataclass(frozen=True, slots=True)
class House:
    """The registry's parts."""

    settings: Settings
    store: Store
    vault: Vault
    signer: Signer
    chain: Chain
    publisher: Publisher
    objects: Objects
    clock: Callable[[], float] = time.time
    pace: Pace = field(default_factory=Pace)

    @property
    def network(self) -> NetworkId:
        """The network that licences are signed for. Needs no node: issuing goes on while the chain is away.

        Raises:
            ChainUnreachableError: nothing is deployed yet.
        """
        if self.chain.deployment is None:
            raise ChainUnreachableError("nothing is deployed yet: run `elicence deploy`")
        return NetworkId(self.chain.deployment.network)

    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())


def build(
    settings: Settings, signer: Signer | None = None, *, tables: Tables = Tables.BROUGHT_ALONG
) -> House:
    """The house of these settings; without a signer, the one behind the signer's socket."""
    vault = open_vault(settings)
    return House(
        settings=settings,
        store=Store(settings.database, vault.seal_row, tables=tables),
        vault=vault,
        signer=signer or SignerClient(settings.socket),
        chain=Chain(settings.chain_url, read_deployment(settings.home)),
        publisher=Publisher(Objects.open(settings, Part.PUBLIC)),
        objects=Objects.open(settings),
    )


def open_vault(settings: Settings) -> Vault:
    """The vault; its wrapping keys are in a token once one is named for them.

    Raises:
        KeyFileError: production mode, and keys not fit for it.
        TokenError, TokenUnreachableError: no such token, or a wrong PIN.
    """
    _demand_fit(settings)
    if not settings.pkcs11_wrapping_token:
        return Vault.open(settings.vault)
    token = open_token(
        settings.pkcs11_module, settings.pkcs11_wrapping_token, pin=settings.pkcs11_wrapping_pin
    )
    return Vault.open(settings.vault, TokenWrapping(token))


def own_signer(settings: Settings) -> Signer:
    """The signer itself, for its own process and for commands that run alone: keys in a token once one is named.

    Raises:
        KeyFileError: production mode, and keys not fit for it.
        TokenError, TokenUnreachableError: no such token, or a wrong PIN.
        SigningError: production mode, no token, and no ELICENCE_UNLOCK.
    """
    _demand_fit(settings)
    if not settings.pkcs11_module:
        return file_signer(settings)
    token = open_token(settings.pkcs11_module, settings.pkcs11_token, pin=settings.pkcs11_pin)
    return RuledSigner(TokenKeys(token), settings.home, settings.chain_id)


def file_signer(settings: Settings) -> Signer:
    """The signer with its keys in files.

    Raises:
        SigningError: production mode without ELICENCE_UNLOCK.
    """
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = unlocking_secret(settings.keys, settings.unlock, settings.mode is Mode.DEMO)
    return RuledSigner(FileKeys(settings.keys, secret), settings.home, settings.chain_id)


def _demand_fit(settings: Settings) -> None:
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.mode is Mode.PRODUCTION:
        demand_production(settings.keys)


def read_deployment(home: Path) -> Deployment | None:
    """The pins in deployment.json; None: nothing is deployed yet."""
    path = home / "deployment.json"
    return Deployment.from_json(path.read_text("utf-8")) if path.exists() else None
