"""The settings that every process with an HTTP door has; registry and verifier add their own."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DoorSettings(BaseSettings):
    """How much is let in, how long anything may take, and how the process stops."""

    model_config = SettingsConfigDict(env_prefix="ELICENCE_", frozen=True, extra="ignore")

    working: int = Field(4, ge=1, le=32, description="ordinary requests at work at once")
    waiting: int = Field(64, ge=0, le=10_000, description="ordinary requests that may wait for their turn")
    turn: float = Field(0.25, gt=0, le=60, description="seconds that a request waits for its turn, then 429")
    body: int = Field(64 * 1024, ge=1024, le=2**20, description="bytes of an ordinary request's body")
    body_seconds: float = Field(
        10.0, gt=0, le=600, description="seconds in which an ordinary body must arrive"
    )
    request_seconds: float = Field(
        30.0, gt=0, le=3600, description="seconds that an ordinary request may take"
    )
    connections: int = Field(1_000, ge=10, le=100_000, description="connections held at once")
    drain: float = Field(
        9.5, ge=1, le=600, description="seconds after the signal in which a process has stopped"
    )
    linger: float = Field(
        1.0,
        ge=0,
        le=9,
        description="seconds that a stopping process still takes requests, while /readyz says no",
    )
