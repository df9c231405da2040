"""The registry's settings: read once from the environment (prefix ELICENCE_), then frozen and handed down."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from doors.settings import DoorSettings


class SettingsError(Exception):
    """A setting with a wrong value; the message names it and says what to change."""


class Mode(StrEnum):
    """Demo keeps the key that unlocks the others in a file; production refuses that and wants ELICENCE_UNLOCK."""

    DEMO = "demo"
    PRODUCTION = "production"


class Settings(DoorSettings):
    """Every setting has a default that runs the demo on one machine."""

    model_config = SettingsConfigDict(env_prefix="ELICENCE_", frozen=True, extra="ignore")

    home: Path = Field(Path(".state"), description="where everything is kept")
    mode: Mode = Field(Mode.DEMO, description="demo or production")
    host: str = Field("127.0.0.1", description="address to listen on")
    registry_port: int = Field(8701, ge=1, le=65535, description="port of the registry")
    chain_url: str = Field(
        "http://127.0.0.1:8545", pattern=r"^https?://", description="JSON-RPC of a chain node"
    )
    chain_id: int = Field(20261, ge=1, description="chain id of the network")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the home folder")
    public_base: str = Field(
        "", description="where the public files are found; empty: this registry's /public"
    )
    objects_url: str = Field(
        "",
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]{2,62}(/[A-Za-z0-9_.-]+)*/?|file:///[^?#]+)?$",
        description="s3://BUCKET/PREFIX or file:///FOLDER, for encrypted objects and public files; empty: in the home",
    )
    seal_at: int = Field(1024, ge=1, le=65536, description="seal a batch at this many licences")
    seal_after: float = Field(2.0, ge=0, le=3600, description="… or when the oldest waits this many seconds")
    lease: float = Field(
        7.0, ge=0.5, le=60, description="a worker that is silent this many seconds is taken for dead"
    )
    depth: int = Field(0, ge=0, le=64, description="blocks on top of an anchor before it is final")
    list_size: int = Field(
        2**17, ge=8192, le=2**20, description="positions of a new status list: two blocks of 4,096 or more"
    )
    erasures: str = Field(
        "", description="the erasure journal, a file; empty: erasures.jsonl in the home folder"
    )
    keep_answers: int = Field(30, ge=1, description="days that answers to writes are kept")
    keep_unused_documents: int = Field(30, ge=1, description="days that a document of no licence is kept")
    keep_ended_documents: int = Field(
        3_650, ge=1, description="days that a document is kept after its licence ended"
    )
    keep_ended_records: int = Field(
        10_950, ge=1, description="days that a licence's values are kept after its end"
    )
    unlock: str = Field("", repr=False, description="unlocks the key files in production mode")

    pkcs11_module: str = Field("", description="path of a PKCS #11 library; empty: keys in files")
    pkcs11_token: str = Field("", description="label of the token with the signing keys")
    pkcs11_pin: str = Field("", repr=False, description="PIN of the token with the signing keys")
    pkcs11_wrapping_token: str = Field(
        "", description="label of the token with the wrapping keys; empty: they are in files"
    )
    pkcs11_wrapping_pin: str = Field("", repr=False, description="PIN of the token with the wrapping keys")

    @field_validator("pkcs11_wrapping_token")
    @classmethod
    def _demand_two_tokens(cls, label: str, others: ValidationInfo) -> str:
        # The process that faces the network opens the wrapping keys: its PIN must not open the signing keys.
        if label and not others.data.get("pkcs11_module"):
            raise ValueError("ELICENCE_PKCS11_MODULE is needed too")
        if label and label == others.data.get("pkcs11_token"):
            raise ValueError("another token than ELICENCE_PKCS11_TOKEN expected")
        return label

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'registry' / 'registry.db'}"

    @property
    def public_url(self) -> str:
        """The base of the public files, without a slash at its end."""
        return (self.public_base or f"http://{self.host}:{self.registry_port}/public").rstrip("/")

    @property
    def keys(self) -> Path:
        """The folder of the key files."""
        return self.home / "keys"

    @property
    def vault(self) -> Path:
        """The folder of the vault's key files."""
        return self.keys / "registry"

    @property
    def erasure_journal(self) -> Path:
        """The file of the erasure journal."""
        return Path(self.erasures) if self.erasures else self.home / "erasures.jsonl"

    @property
    def socket(self) -> Path:
        """The signer's socket."""
        return self.keys / "signer.sock"

    @property
    def public(self) -> Path:
        """The folder of the public files."""
        return self.home / "public"


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: names the variable, what is wrong with it, and what it is for.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        field = Settings.model_fields.get(name)
        meant = field.description if field else ""
        raise SettingsError(
            f"ELICENCE_{name.upper()} ({meant}): {first['msg']}; change it or unset it"
        ) from error
