// RFC 8949 deterministic CBOR, as far as entries and codes use it: one array of integers, byte strings, texts, nulls.

import { concat, readUtf8, utf8 } from "./bytes.mjs";
import { demand } from "./reasons.mjs";

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const NULL = 0xf6;

/** The elements of an array: BigInt, Uint8Array, string or null. */
export function readArray(data, limit, what) {
  demand(data.length > 0 && data.length <= limit, `${what}: 1 to ${limit} bytes expected`);
  const reader = { data, at: 0 };
  const { major, argument } = head(reader);
  demand(major === ARRAY && argument <= BigInt(limit), `${what}: a CBOR array expected`);
  const items = [];
  for (let left = argument; left > 0n; left -= 1n) items.push(item(reader));
  demand(reader.at === data.length, `${what}: nothing after the array expected`);
  return items;
}

export function array(items) {
  return concat(start(ARRAY, BigInt(items.length)), ...items.map(encode));
}

export function encode(value) {
  if (value === null) return Uint8Array.of(NULL);
  if (value instanceof Uint8Array) return concat(start(BYTES, BigInt(value.length)), value);
  if (typeof value === "string") return concat(start(TEXT, BigInt(utf8(value).length)), utf8(value));
  return start(UINT, BigInt(value));
}

function item(reader) {
  if (reader.data[reader.at] === NULL) {
    reader.at += 1;
    return null;
  }
  const { major, argument } = head(reader);
  if (major === UINT) return argument;
  demand(major === BYTES || major === TEXT, "an integer, a byte string, a text or null expected");
  demand(argument <= BigInt(reader.data.length - reader.at), "a whole string expected");
  const content = reader.data.slice(reader.at, reader.at + Number(argument));
  reader.at += content.length;
  return major === BYTES ? content : readUtf8(content);
}

function head(reader) {
  demand(reader.at < reader.data.length, "one more CBOR item expected");
  const first = reader.data[reader.at];
  reader.at += 1;
  const [major, low] = [first >> 5, first & 31];
  if (low < 24) return { major, argument: BigInt(low) };
  const size = 1 << (low - 24);
  demand(low < 28 && reader.at + size <= reader.data.length, "a definite CBOR head expected");
  let argument = 0n;
  for (const byte of reader.data.subarray(reader.at, reader.at + size)) argument = (argument << 8n) | BigInt(byte);
  reader.at += size;
  demand(start(major, argument).length === 1 + size, "the shortest CBOR head expected");
  return { major, argument };
}

function start(major, argument) {
  if (argument < 24n) return Uint8Array.of((major << 5) | Number(argument));
  const step = argument < 1n << 8n ? 0 : argument < 1n << 16n ? 1 : argument < 1n << 32n ? 2 : 3;
  const out = [(major << 5) | (24 + step)];
  for (let shift = BigInt(8 * ((1 << step) - 1)); shift >= 0n; shift -= 8n) out.push(Number((argument >> shift) & 255n));
  return Uint8Array.from(out);
}
