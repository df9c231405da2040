"""The verifier's settings: read once from the environment (prefix ELICENCE_), then frozen and handed down."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from doors.settings import DoorSettings
from licence.errors import MalformedError
from licence.witness import read_pin


class SettingsError(Exception):
    """A setting with a wrong value; the message names it and says what to change."""


@dataclass(frozen=True, slots=True)
class Required:
    """A witness without which nothing is judged: its key's thumbprint, and where it says what it sees."""

    thumbprint: str
    url: str


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

    witness_port: int = Field(8703, ge=1, le=65535, description="port of the witness")
    witness_file: str = Field(
        "",
        description="the witness's own file, its key beside it; empty: witness/witness.db in the home folder",
    )
    witness_depth: int = Field(
        0,
        ge=0,
        le=1000,
        description="blocks on top of a block before the witness counts it; 0 where blocks are final",
    )
    witnesses: str = Field(
        "", description="comma list of THUMBPRINT@URL or KEY@URL of witnesses, all of them required to agree"
    )

    @field_validator("witnesses")
    @classmethod
    def _demand_witnesses(cls, text: str) -> str:
        read_witnesses(text)
        return text

    @property
    def required(self) -> tuple[Required, ...]:
        """The witnesses that are required."""
        return read_witnesses(self.witnesses)

    @property
    def witness_path(self) -> Path:
        """The witness's own file."""
        return Path(self.witness_file) if self.witness_file else self.home / "witness" / "witness.db"

    @property
    def deployment(self) -> Path:
        """The file with the pins of the network."""
        return self.home / "deployment.json"

    @property
    def index(self) -> Path:
        """The database of what was read from the chain."""
        return self.home / "verifier" / "index.db"


def read_settings(**told: object) -> Settings:
    """The settings of this process; what is `told` on the command line outweighs the environment.

    Raises:
        SettingsError: names the variable, what is wrong with it, and what it is for.
    """
    try:
        return Settings(**told)  # type: ignore[arg-type]  # judged by pydantic itself
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        field = Settings.model_fields.get(name)
        meant = field.description if field else ""
        raise SettingsError(
            f"ELICENCE_{name.upper()} ({meant}): {first['msg']}; change it or unset it"
        ) from error


def read_witnesses(text: str) -> tuple[Required, ...]:
    """The witnesses in a comma list of pin@URL; without a path, the URL's is /witness.

    Raises:
        ValueError: says which part is wrong; also when two have the same key or address, for they are one.
    """
    found = tuple(_required(part.strip()) for part in text.split(",") if part.strip())
    for name in ("thumbprint", "url"):
        if len({getattr(each, name) for each in found}) != len(found):
            raise ValueError(f"two witnesses with the same {name}: they are one")
    return found


def _required(part: str) -> Required:
    pin, _, url = part.partition("@")
    try:
        thumbprint = read_pin(pin)
        parts = urlsplit(url)
    except (MalformedError, ValueError) as error:
        raise ValueError(f"THUMBPRINT@URL expected: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"{url or part}: an http or https address without a user expected")
    return Required(thumbprint, url if parts.path.strip("/") else f"{url.rstrip('/')}/witness")
