// The entry and the SignedEntry T: COSE_Sign1 in exactly one form (docs/format.md §4 and §5).

import { concat, equal, fromHex, utf8 } from "./bytes.mjs";
import * as cbor from "./cbor.mjs";
import { leafHash } from "./merkle.mjs";
import { Malformed, demand } from "./reasons.mjs";

const VERSION = "ELR1";
export const MAX_ENTRY = 512;
const HEAD = fromHex("d2844da201260448");
const PROTECTED = fromHex("a201260448");
const BEFORE_SIGNATURE = fromHex("5840");
const MAX_TIME = 2 ** 40;
const MAX_UINT64 = 2n ** 64n - 1n;

/** A number of 0 to `limit` from a BigInt. */
export function integer(value, limit, what) {
  demand(typeof value === "bigint" && value <= BigInt(limit), `${what}: an integer of 0 to ${limit} expected`);
  return Number(value);
}

/** The same from a JSON number. */
export function whole(value, limit, what) {
  demand(Number.isSafeInteger(value) && value >= 0 && value <= limit, `${what}: an integer of 0 to ${limit} expected`);
  return value;
}

export function bytesOf(value, size, what) {
  demand(value instanceof Uint8Array && value.length === size, `${what}: ${size} bytes expected`);
  return value;
}

/** Terms from the eight elements after the version. */
export function termsOf([type, version, kid, iat, nbf, exp, list, index]) {
  demand(typeof type === "string" && /^[\x00-\x7f]{1,64}$/.test(type), "a type code expected");
  const terms = {
    type,
    typeVersion: integer(version, 65_535, "type_version"),
    kid: bytesOf(kid, 8, "kid"),
    iat: integer(iat, MAX_TIME, "iat"),
    nbf: integer(nbf, MAX_TIME, "nbf"),
    exp: exp === null ? null : integer(exp, MAX_TIME, "exp"),
    list: (integer(list, MAX_UINT64, "list"), list),
    index: integer(index, 2 ** 32 - 1, "index"),
  };
  demand(terms.exp === null || terms.exp > terms.nbf, "exp after nbf expected");
  return terms;
}

function encodeEntry(t, claimsRoot) {
  return cbor.array([VERSION, t.type, t.typeVersion, t.kid, t.iat, t.nbf, t.exp, t.list, t.index, claimsRoot]);
}

function decodeEntry(data) {
  const ours = cbor.encode(VERSION);
  const isText = data.length > 1 && data[0] >> 5 === 4 && data[1] >= 0x60 && data[1] < 0x78;
  if (isText && !equal(data.slice(1, 1 + ours.length), ours)) {
    throw new Malformed("entry of another version", "VERSION_UNKNOWN");
  }
  const items = cbor.readArray(data, MAX_ENTRY, "entry");
  demand(items.length === 10 && items[0] === VERSION, "entry of 10 elements expected");
  return { terms: termsOf(items.slice(1, 9)), claimsRoot: bytesOf(items[9], 32, "claims_root") };
}

/** T from its parts. */
export function assemble(terms, claimsRoot, signature) {
  const entry = encodeEntry(terms, claimsRoot);
  const data = concat(HEAD, terms.kid, Uint8Array.of(0xa0), cbor.encode(entry), BEFORE_SIGNATURE, signature);
  return { data, entry, terms, claimsRoot, signature, leaf: () => leafHash(data) };
}

/** Reads T: any other bytes than assemble makes are refused. */
export function readSignedEntry(data) {
  const start = data.length > 19 && data[17] === 0x59 ? 20 : 19;
  const { terms, claimsRoot } = decodeEntry(data.slice(start, Math.max(start, data.length - 66)));
  const signed = assemble(terms, claimsRoot, data.slice(-64));
  demand(equal(signed.data, data), "the one form of COSE_Sign1 expected");
  return signed;
}

/** The Sig_structure that the department signed for this network. */
export function toBeSigned(signed, networkId) {
  const aad = concat(utf8("ELR1/licence"), networkId);
  return cbor.array(["Signature1", concat(PROTECTED, signed.terms.kid), aad, signed.entry]);
}
