"""Starts the npm peers: software of no relation to ours, installed by lock file."""

import json
import subprocess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from licence import sd_jwt
from licence.canonical import base64url
from scripts import npm
from tests.licence.desk import TestKey

FOLDER = Path(__file__).parent


def wallet(deed: str, **question: Any) -> dict[str, Any]:
    """What the npm peers answer to a question."""
    npm.install(FOLDER, "@sd-jwt/sd-jwt-vc")
    run = subprocess.run(
        ["node", str(FOLDER / "wallet.mjs")],
        input=json.dumps({"deed": deed, **question}),
        env=npm.tools(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def private_jwk(key: TestKey) -> dict[str, Any]:
    """A test key as a JWK with its private part."""
    number = key.private.private_numbers().private_value
    return {**sd_jwt.jwk(key.public), "d": base64url(number.to_bytes(32, "big"))}


def private_pem(key: TestKey) -> bytes:
    """A test key in PKCS #8."""
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
