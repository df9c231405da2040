"""The COSE peers at work, in an environment of their own: one JSON question on standard input, one answer.

{"peer": "pycose" | "cwt", "message": hex of a COSE_Sign1, "x", "y", "kid": hex, "aad": hex} → {"payload": hex} or
{"refused": why}.
"""

import json
import sys

from cwt import COSE, COSEKey
from pycose.keys import EC2Key
from pycose.keys.curves import P256
from pycose.messages import CoseMessage


def by_pycose(asked, message, aad):
    found = CoseMessage.decode(message)
    found.key = EC2Key(crv=P256, x=bytes.fromhex(asked["x"]), y=bytes.fromhex(asked["y"]))
    found._external_aad = aad  # there is no public way to set it on a decoded message
    if not found.verify_signature():
        raise ValueError("the signature does not verify")
    return found.payload


def by_cwt(asked, message, aad):
    x, y, kid = (bytes.fromhex(asked[name]) for name in ("x", "y", "kid"))
    key = COSEKey.new({1: 2, 2: kid, 3: -7, -1: 1, -2: x, -3: y})
    return COSE.new().decode(message, key, external_aad=aad)


asked = json.load(sys.stdin)
try:
    peer = {"pycose": by_pycose, "cwt": by_cwt}[asked["peer"]]
    payload = peer(asked, bytes.fromhex(asked["message"]), bytes.fromhex(asked["aad"]))
    print(json.dumps({"payload": payload.hex()}))
except Exception as error:
    print(json.dumps({"refused": f"{type(error).__name__}: {error}"}))
