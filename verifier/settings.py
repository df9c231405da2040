"""The verifier's settings: read once from the environment (prefix ELICENCE_), then frozen and handed down."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from doors.settings import DoorSettings


class SettingsError(Exception):
    """A setting with a wrong value; the message names it and says what to change."""


class Settings(DoorSettings):
    """Every setting has a default that runs the demo on one machine."""

    model_config = SettingsConfigDict(env_prefix="ELICENCE_", frozen=True, extra="ignore")

    home: Path = Field(
        Path(".state"), description="where the index is kept; deployment.json is read from here"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    verifier_port: int = Field(8702, ge=1, le=65535, description="port of the verifier")
    chain_url: str = Field(
        "http://127.0.0.1:8545", pattern=r"^https?://", description="JSON-RPC of a chain node"
    )
    mirror: str = Field(
        "",
        description="take all public files from this base URL; empty: from the one each department names on the chain",
    )
    poll: float = Field(0.5, ge=0.05, le=60, description="seconds between looks at the chain")
    max_age: int = Field(60, ge=5, le=3600, description="oldest head, in seconds, that proves a status")

    @property
    def deployment(self) -> Path:
        """The file with the pins of the network."""
        return self.home / "deployment.json"

    @property
    def index(self) -> Path:
        """The database of what was read from the chain."""
        return self.home / "verifier" / "index.db"


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
