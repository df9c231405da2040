// ES256 by WebCrypto: the one accepted form of a signature, r ‖ s with s in the lower half.

import { base64url, concat } from "./bytes.mjs";

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Whether `signature` (64 bytes) is that of the key (x, y: 32 bytes each) over `message`. */
export async function verifies({ x, y }, message, signature) {
  const [r, s] = [number(signature.subarray(0, 32)), number(signature.subarray(32))];
  if (signature.length !== 64 || r === 0n || r >= ORDER || s === 0n || s > ORDER / 2n) return false;
  try {
    const jwk = { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) };
    const how = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("jwk", jwk, how, false, ["verify"]);
    return await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, message);
  } catch {
    return false; // no point of the curve
  }
}

/** The lower-half form of any ECDSA signature. */
export function lowS(signature) {
  const s = number(signature.subarray(32));
  if (s > ORDER || s <= ORDER / 2n) return signature;
  const digits = (ORDER - s).toString(16).padStart(64, "0");
  return concat(signature.subarray(0, 32), Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16)));
}

function number(data) {
  return data.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
