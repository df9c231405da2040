"""PKCS #11 tokens of SoftHSM, made for the tests of one process: its library starts once, with one configuration."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Made:
    """Two tokens with names of their own: one signs, one wraps."""

    signing: str
    wrapping: str
    pin: str

    def environment(self) -> dict[str, str]:
        """The settings that put all keys into them."""
        return {
            "ELICENCE_PKCS11_MODULE": LIBRARY,
            "ELICENCE_PKCS11_TOKEN": self.signing,
            "ELICENCE_PKCS11_PIN": self.pin,
            "ELICENCE_PKCS11_WRAPPING_TOKEN": self.wrapping,
            "ELICENCE_PKCS11_WRAPPING_PIN": self.pin,
        }


@contextmanager
def made() -> Iterator[Made]:
    """Two empty tokens, and the environment that names them."""
    tokens = _pool().pop()
    with mock.patch.dict(os.environ, tokens.environment()):
        yield tokens


@cache
def _pool() -> list[Made]:
    """All tokens that this process will want: its library sees none that come after it was started."""
    folder()
    return [_new() for _ in range(_TOKENS)]


def _new() -> Made:
    name = secrets.token_hex(4)
    tokens = Made(f"signing {name}", f"wrapping {name}", pin=secrets.token_hex(4))
    for label in (tokens.signing, tokens.wrapping):
        pins = ["--pin", tokens.pin, "--so-pin", secrets.token_hex(4)]
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, *pins],
            check=True,
            capture_output=True,
        )
    return tokens


@cache
def folder() -> Path:
    """Where SoftHSM keeps its tokens, for as long as this process lives."""
    home = Path(tempfile.mkdtemp(prefix="elicence-tokens-"))
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(
        f"directories.tokendir = {home / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n", "utf-8"
    )
    os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
    return home
