// Bytes and their texts: base64url, base45, hex, UTF-8, each in its one spelling; SHA-256, HMAC and HKDF by WebCrypto.

import { demand } from "./reasons.mjs";

const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES_45 = new Map([...BASE45].map((letter, value) => [letter, value]));
const VALUES_64 = new Map([...BASE64URL].map((letter, value) => [letter, value]));

export const utf8 = (text) => new TextEncoder().encode(text);

export function readUtf8(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return demand(false, "UTF-8 expected");
  }
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** -1, 0 or 1: bytewise, then by length. */
export function compare(left, right) {
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    if (left[at] !== right[at]) return left[at] < right[at] ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

export const equal = (left, right) => compare(left, right) === 0;

export const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** RFC 4648 §5 without padding. */
export function base64url(data) {
  let text = "";
  for (let at = 0; at < data.length; at += 3) {
    const bits = (data[at] << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    const letters = Math.min(4, data.length - at + 1);
    for (let place = 0; place < letters; place += 1) text += BASE64URL[(bits >> (18 - 6 * place)) & 63];
  }
  return text;
}

/** The bytes of an unpadded base64url text; of `size` bytes when it is given. */
export function readBase64url(text, size) {
  demand(typeof text === "string" && text.length % 4 !== 1, "base64url expected");
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of text) {
    const value = VALUES_64.get(letter);
    demand(value !== undefined, "base64url alphabet expected");
    bits = ((bits << 6) | value) & 0xffffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[at] = (bits >> held) & 255;
      at += 1;
    }
  }
  demand((bits & ((1 << held) - 1)) === 0, "base64url without set bits after its end expected");
  demand(size === undefined || out.length === size, `base64url of ${size} bytes expected`);
  return out;
}

/** The bytes of an RFC 9285 text. */
export function readBase45(text) {
  const values = Array.from(text, (letter) => VALUES_45.get(letter));
  demand(!values.includes(undefined) && values.length % 3 !== 1, "base45 expected");
  const out = [];
  for (let at = 0; at < values.length; at += 3) {
    const [low, middle, high] = values.slice(at, at + 3);
    const number = low + 45 * middle + 2025 * (high ?? 0);
    demand(number < (high === undefined ? 256 : 65536), "base45 group in range expected");
    if (high !== undefined) out.push(number >> 8);
    out.push(number & 255);
  }
  return Uint8Array.from(out);
}

export const sha256 = async (...parts) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));

/** HKDF-SHA256 (RFC 5869) with an empty salt, `size` bytes. */
export async function hkdf(seed, info, size) {
  const key = await crypto.subtle.importKey("raw", seed, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * size));
}
