// The SD-JWT VC: a licence in a wallet (RFC 9901), read strictly. docs/format.md §7.

import { base64url, compare, equal, readBase64url, readUtf8, sha256, utf8 } from "./bytes.mjs";
import { GROUPS, checkValue, claimsRoot, fieldsOf, hashOfDigests } from "./claims.mjs";
import { MAX_ENTRY, readSignedEntry, whole } from "./entry.mjs";
import { jcs, members, readCanonical, readJson } from "./json.mjs";
import { readReceipt } from "./receipt.mjs";
import { demand } from "./reasons.mjs";

const KIND = "dc+sd-jwt";
const BINDING_KIND = "kb+jwt";
const MAX_TEXT = 65_536;
const MAX_DISCLOSURES = 256;
const MAX_TIME = 2 ** 40;
const MEMBERS = ["_sd", "_sd_alg", "exp", "iat", "iss", "private", "receipt", "signed_entry", "status", "vct"];

/** Reads `<JWS>~<disclosure>~…~`, with or without a kb+jwt at its end. */
export async function readSdJwt(text) {
  demand(text.length <= MAX_TEXT && /^[\x00-\x7f]*$/.test(text), "ASCII of bounded length expected");
  const parts = text.split("~");
  demand(parts.length >= 2 && parts.length <= MAX_DISCLOSURES + 2, "a ~ after the JWS expected");
  const jws = readJws(parts[0], KIND);
  const kid = readBase64url(members(jws.header, ["alg", "kid", "typ"], "header").get("kid"), 8);
  const cnf = jws.payload.has("cnf") ? ["cnf"] : [];
  const said = members(jws.payload, [...MEMBERS, ...cnf], KIND);
  const status = members(members(said.get("status"), ["status_list"], "status").get("status_list"), ["idx", "uri"], "");
  const entry = readBase64url(said.get("signed_entry"));
  demand(entry.length <= 2 * MAX_ENTRY, "a signed_entry of bounded length expected");
  const signed = readSignedEntry(entry);
  const envelope = readEnvelope(said);
  const found = {
    form: "sd-jwt", jws, kid, signed, terms: signed.terms, ...envelope,
    vct: shortText(said.get("vct")),
    statusUri: shortText(status.get("uri")),
    statusIndex: whole(status.get("idx"), 2 ** 32 - 1, "idx"),
    digests: {
      public: readDigests(said.get("_sd")),
      private: readDigests(members(said.get("private"), ["_sd"], "private").get("_sd")),
    },
    disclosures: parts.slice(1, -1).map(readDisclosure),
    receipt: readReceipt(said.get("receipt")),
    binding: parts.at(-1) === "" ? null : await readBinding(parts.at(-1), text),
  };
  checkShape(found, said.get("_sd_alg"));
  return { ...found, open: (definition) => open(found, definition) };
}

export const issuerUri = (base, department) => `${base.replace(/\/+$/, "")}/${department}`;

export const typeUri = (issuer, terms) => `${issuer}/vct/${terms.type}/${terms.typeVersion}`;

export const statusUri = (issuer, list) => `${issuer}/status/${list & 0xffffffffn}`;

async function open(found, definition) {
  const values = { public: new Map(), private: new Map() };
  for (const shown of found.disclosures) {
    const group = GROUPS.find((each) => fieldsOf(definition, each).includes(shown.name));
    demand(group !== undefined, "a declared name expected");
    const digest = await sha256(utf8(shown.text));
    demand(found.digests[group].some((known) => equal(known, digest)), "a disclosure with a digest expected");
    checkValue(shown.value);
    values[group].set(shown.name, shown.value);
  }
  for (const group of GROUPS) {
    demand(found.digests[group].length === fieldsOf(definition, group).length, "a digest for each field expected");
  }
  const hashes = await Promise.all(GROUPS.map((group) => hashOfDigests(found.digests[group])));
  return { definition, signed: found.signed, claimsRoot: await claimsRoot(...hashes),
    values: new Map([...values.public, ...values.private]) };
}

function readJws(text, kind) {
  const parts = text.split(".");
  demand(parts.length === 3, `${kind}: three parts expected`);
  const [header, payload] = parts.slice(0, 2).map((part) => readJson(readBase64url(part)));
  demand(header instanceof Map && payload instanceof Map, `${kind}: objects expected`);
  const right = header.get("typ") === kind && header.get("alg") === "ES256" && !header.has("crit");
  demand(right, `${kind}: typ, alg ES256 and no crit expected`);
  return { header, payload, signed: utf8(`${parts[0]}.${parts[1]}`), signature: readBase64url(parts[2], 64) };
}

function readEnvelope(said) {
  let holder = null;
  if (said.has("cnf")) {
    const key = members(members(said.get("cnf"), ["jwk"], "cnf").get("jwk"), ["crv", "kty", "x", "y"], "jwk");
    demand(key.get("kty") === "EC" && key.get("crv") === "P-256", "a P-256 key expected");
    holder = { x: readBase64url(key.get("x"), 32), y: readBase64url(key.get("y"), 32) };
  }
  const [iat, exp] = ["iat", "exp"].map((name) => whole(said.get(name), MAX_TIME, name));
  demand(exp > iat, "exp after iat expected");
  return { issuer: shortText(said.get("iss")), iat, exp, holder };
}

function readDisclosure(text) {
  const parts = readCanonical(readBase64url(text));
  demand(Array.isArray(parts) && parts.length === 3 && typeof parts[1] === "string", "[salt, name, value] expected");
  readBase64url(parts[0], 16);
  return { text, name: parts[1], value: parts[2] };
}

async function readBinding(text, presentation) {
  const jws = readJws(text, BINDING_KIND);
  const said = jws.payload;
  return {
    jws,
    audience: shortText(said.get("aud")),
    nonce: shortText(said.get("nonce")),
    iat: whole(said.get("iat"), MAX_TIME, "iat"),
    ends: said.has("exp") ? whole(said.get("exp"), MAX_TIME, "exp") : null,
    hash: readBase64url(said.get("sd_hash"), 32),
    presented: await sha256(utf8(presentation.slice(0, presentation.length - text.length))),
  };
}

function checkShape(found, algorithm) {
  const parts = [found.jws.header, found.jws.payload].map((part) => base64url(utf8(jcs(part))));
  demand(parts.join(".") === readUtf8(found.jws.signed) && algorithm === "sha-256", "canonical JSON expected");
  const digests = GROUPS.flatMap((group) => found.digests[group]).map(base64url);
  const names = found.disclosures.map((shown) => shown.name);
  demand(new Set(digests).size === digests.length && new Set(names).size === names.length, "no repetition expected");
  demand(found.binding === null || found.holder !== null, "no kb+jwt without cnf expected");
}

function readDigests(value) {
  demand(Array.isArray(value), "_sd: an array expected");
  const found = value.map((item) => readBase64url(item, 32));
  demand(found.every((digest, at) => at === 0 || compare(found[at - 1], digest) <= 0), "ascending digests expected");
  return found;
}

function shortText(value) {
  demand(typeof value === "string", "a text expected");
  const length = [...value].length;
  demand(length >= 1 && length <= 500, "a text of 1 to 500 characters expected");
  return value;
}
