// From values to the one digest that the issuer signed (docs/format.md §3).

import { base64url, compare, concat, equal, hkdf, sha256, utf8 } from "./bytes.mjs";
import { jcs } from "./json.mjs";
import { demand } from "./reasons.mjs";

export const GROUPS = ["public", "private"];
const SALT = 16;
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
const RESERVED = new Set(
  `_sd _sd_alg ... iss sub aud exp nbf iat jti cnf vct status vct#integrity alg typ kid nonce sd_hash
   private receipt signed_entry`.split(/\s+/),
);

/** The names of a group's declared fields, in order. */
export const fieldsOf = (definition, group) =>
  definition.get("fields").filter((field) => field.get("group") === group).map((field) => field.get("name"));

/** G of a group whose `values` (a Map) and 32-byte seed are known. */
export async function groupHash(values, names, seed) {
  demand([...values.keys()].every((name) => names.includes(name)), "declared names expected");
  const salts = names.length === 0 ? new Uint8Array() : await hkdf(seed, "ELR1 salts", SALT * names.length);
  const digests = [];
  for (const [place, name] of names.entries()) {
    const salt = base64url(salts.subarray(SALT * place, SALT * (place + 1)));
    digests.push(await sha256(utf8(values.has(name) ? disclosure(salt, name, values.get(name)) : salt)));
  }
  return hashOfDigests(digests);
}

/** SHA-256(0x02 ‖ digests sorted bytewise). */
export async function hashOfDigests(digests) {
  const sorted = [...digests].sort(compare);
  demand(sorted.every((digest, at) => at === 0 || !equal(digest, sorted[at - 1])), "different digests expected");
  return sha256(Uint8Array.of(2), concat(...sorted));
}

export const claimsRoot = (publicHash, privateHash) => sha256(Uint8Array.of(3), publicHash, privateHash);

/** Demands the grammar of claims, at every depth. */
export function checkValue(value) {
  demand(value !== null, "no null expected");
  if (value instanceof Map) {
    for (const [name, inner] of value) {
      demand(NAME.test(name) && !RESERVED.has(name), "a plain claim name expected");
      checkValue(inner);
    }
  } else if (Array.isArray(value)) {
    demand(value.length > 0, "no empty array expected");
    value.forEach(checkValue);
  }
}

function disclosure(salt, name, value) {
  checkValue(value);
  return base64url(utf8(jcs([salt, name, value])));
}
