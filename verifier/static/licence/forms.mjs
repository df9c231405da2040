// Any form of a licence that somebody shows: read, not yet believed. Each opens to the signed entry and its values.

import { readBase64url, utf8 } from "./bytes.mjs";
import { readArray } from "./cbor.mjs";
import { claimsRoot, fieldsOf, groupHash } from "./claims.mjs";
import { MAX_ENTRY, assemble, bytesOf, integer, readSignedEntry, termsOf } from "./entry.mjs";
import { members, readCanonical } from "./json.mjs";
import { readReceipt } from "./receipt.mjs";
import { demand } from "./reasons.mjs";
import { readSdJwt } from "./sd-jwt.mjs";
import { MAX_INFLATED, unpack } from "./text.mjs";

const VERSION = "ELR1";
const MAX_FILE = 65_536;
const MAX_VALUES = 128;
const FILE = ["elicence", "signed_entry", "public", "private", "public_seed", "private_seed", "receipt"];

/** The presentation in a text. `dictionaries`: the preset dictionaries' bytes by number. */
export async function read(text, dictionaries) {
  if (text.startsWith("ey")) return readSdJwt(text);
  return text.startsWith("{") ? readFile(text) : readPaper(text, dictionaries);
}

async function readPaper(text, dictionaries) {
  const items = readArray(await unpack(text, dictionaries), MAX_INFLATED, "paper code");
  demand(items.length === 14, "paper code of 14 elements expected");
  const terms = termsOf(items.slice(0, 8));
  const [signature, seed, privateHash] = [64, 32, 32].map((size, at) => bytesOf(items[8 + at], size, "proof"));
  demand(typeof items[11] === "string", "values as a JSON text expected");
  const values = readCanonical(utf8(items[11]), MAX_INFLATED);
  demand(Array.isArray(values) && values.length <= MAX_VALUES, "an array of values expected");
  const receipt = {
    anchor: integer(items[12], 2 ** 53 - 1, "anchor"),
    position: integer(items[13], 2 ** 32 - 1, "position"),
    proof: null,
  };
  return { form: "paper", terms, receipt, open: (definition) => openPaper(definition) };

  async function openPaper(definition) {
    const names = fieldsOf(definition, "public");
    demand(names.length === values.length, `${names.length} public values expected`);
    const shown = new Map(names.map((name, at) => [name, values[at]]).filter(([, value]) => value !== null));
    const root = await claimsRoot(await groupHash(shown, names, seed), privateHash);
    return { definition, signed: assemble(terms, root, signature), values: shown, claimsRoot: root };
  }
}

async function readFile(text) {
  demand(text.isWellFormed(), "text without lone surrogates expected");
  const value = readCanonical(utf8(text), MAX_FILE);
  const version = value instanceof Map ? value.get("elicence") : undefined;
  demand(typeof version !== "string" || version === VERSION, "licence file of another version", "VERSION_UNKNOWN");
  const said = members(value, FILE, "licence file");
  const entry = readBase64url(said.get("signed_entry"));
  demand(entry.length <= 2 * MAX_ENTRY, "a signed_entry of bounded length expected");
  const signed = readSignedEntry(entry);
  const groups = ["public", "private"].map((name) => {
    demand(said.get(name) instanceof Map, "values as an object expected");
    return { name, values: said.get(name), seed: readBase64url(said.get(`${name}_seed`), 32) };
  });
  return { form: "file", signed, terms: signed.terms, receipt: readReceipt(said.get("receipt")), open: openFile };

  async function openFile(definition) {
    const hashes = [];
    for (const { name, values, seed } of groups) {
      hashes.push(await groupHash(values, fieldsOf(definition, name), seed));
    }
    const values = new Map(groups.flatMap((group) => [...group.values]));
    return { definition, signed, values, claimsRoot: await claimsRoot(...hashes) };
  }
}
