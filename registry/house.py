"""What every deed needs, built once and handed down: settings, walls, clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contracts.deployment import Deployment
from licence.keys import NetworkId
from registry.chain import Chain
from registry.errors import ChainUnreachableError
from registry.publishing import Publisher
from registry.settings import Mode, Settings
from registry.signer import FileSigner, Signer, SignerClient, unlocking_secret
from registry.store import Store
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
    clock: Callable[[], float] = time.time

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


def build(settings: Settings, signer: Signer | None = None) -> House:
    """The house of these settings; without a signer, the one behind the signer's socket."""
    vault = Vault.open(settings.home / "keys" / "registry")
    return House(
        settings=settings,
        store=Store(settings.database, vault.seal_row),
        vault=vault,
        signer=signer or SignerClient(settings.socket),
        chain=Chain(settings.chain_url, read_deployment(settings.home)),
        publisher=Publisher(settings.public),
    )


def file_signer(settings: Settings) -> FileSigner:
    """The signer itself, for its own process and for commands that run alone."""
    secret = unlocking_secret(settings.home, settings.unlock, settings.mode is Mode.DEMO)
    return FileSigner(settings.home, settings.chain_id, secret)


def read_deployment(home: Path) -> Deployment | None:
    """The pins in deployment.json; None: nothing is deployed yet."""
    path = home / "deployment.json"
    return Deployment.from_json(path.read_text("utf-8")) if path.exists() else None
