"""SignedEntry and status lists against pycose and cwt, and deterministic CBOR against RFC 8949's own examples."""

import json
import subprocess
from typing import Any

import cbor2
import pytest

from licence.entry import read_array
from licence.errors import MalformedError
from licence.keys import PublicKey
from licence.status_token import StatusToken, cwt, cwt_to_be_signed
from tests.licence.desk import NETWORK, NOW
from tests.licence.vectors import golden, records
from tests.licence.wallet import PRESENTING
from tests.peers.peer import FOLDER

AAD = b"ELR1/licence" + NETWORK


def peer(name: str, message: bytes, key: PublicKey, aad: bytes = b"") -> dict[str, Any]:
    """What a COSE peer makes of a message."""
    question = {"peer": name, "message": message.hex(), "aad": aad.hex()}
    question |= {"x": key.x.hex(), "y": key.y.hex(), "kid": key.kid.hex()}
    run = subprocess.run(
        [str(FOLDER / ".venv" / "bin" / "python"), str(FOLDER / "cose_peer.py")],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


@pytest.mark.parametrize("name", list(records()))
@pytest.mark.parametrize("which", ["pycose", "cwt"])
def test_the_peers_verify_every_signed_entry(name: str, which: str) -> None:
    g = golden(name)
    assert g.facts.key is not None
    found = peer(which, g.issued.signed.data, g.facts.key.key, AAD)
    assert found == {"payload": g.issued.signed.entry.encode().hex()}


@pytest.mark.parametrize("which", ["pycose", "cwt"])
def test_the_peers_refuse_a_signed_entry_of_another_network(which: str) -> None:
    g = golden("business")
    assert g.facts.key is not None
    other = AAD[:-1] + bytes([AAD[-1] ^ 1])
    assert "refused" in peer(which, g.issued.signed.data, g.facts.key.key, other)


@pytest.mark.parametrize("which", ["pycose", "cwt"])
def test_the_peers_verify_a_status_list(which: str) -> None:
    token = StatusToken("https://licences.example/public/7/status/1", bytes([1, 2, 3]), NOW, 900)
    key, payload = PRESENTING.public, token.cwt()
    signed = cwt(key.kid, payload, PRESENTING.sign(cwt_to_be_signed(key.kid, payload)))
    assert peer(which, signed, key) == {"payload": payload.hex()}
    assert cbor2.loads(payload)[65533]["bits"] == 2


RFC_8949 = {
    0: "00", 1: "01", 10: "0a", 23: "17", 24: "1818", 25: "1819", 100: "1864", 1000: "1903e8", 1000000: "1a000f4240",
    1000000000000: "1b000000e8d4a51000", 18446744073709551615: "1bffffffffffffffff", "": "60", "a": "6161",
    "IETF": "6449455446", '"\\': "62225c", "\u00fc": "62c3bc", "\u6c34": "63e6b0b4", "\U00010151": "64f0908591",
    b"": "40", b"\1\2\3\4": "4401020304", None: "f6",
}  # fmt: skip


@pytest.mark.parametrize(("value", "encoded"), list(RFC_8949.items()))
def test_the_examples_of_rfc_8949_are_read(value: object, encoded: str) -> None:
    """RFC 8949 Appendix A, as far as an array of ours may hold it."""
    assert read_array(bytes.fromhex("81" + encoded), 100, "example") == [value]


@pytest.mark.parametrize(
    "encoded",
    ["1800", "1817", "190017", "1900ff", "1a0000ffff", "1b00000000ffffffff", "5800", "7800", "5f42010243030405ff",
     "7f657374726561646d696e67ff", "9fff", "bfff", "a201020102", "f818", "f7fe", "1c", "3c", "5c", "7c", "dc",
     "fc", "ff", "62c328", "63edA080", "19", "5b7fffffffffffffff"],
)  # fmt: skip
def test_what_rfc_8949_calls_not_deterministic_or_not_well_formed_is_refused(encoded: str) -> None:
    """RFC 8949 §4.2.1 and Appendix F, each as the one element of an array."""
    with pytest.raises(MalformedError):
        read_array(bytes.fromhex("81" + encoded), 100, "example")
