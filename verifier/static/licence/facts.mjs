// The facts that the checks need from outside, from the JSON of docs/conformance.md.

import { fromHex, sha256, utf8, hex } from "./bytes.mjs";
import { jcs, mapped } from "./json.mjs";

/** Facts from their JSON form. `definitions`: canonical JSON texts by SHA-256 in hex. */
export async function readFacts(json, definitions) {
  return {
    networkId: fromHex(json.network_id),
    asOf: json.as_of,
    maxAge: json.max_age,
    key: key(json.key),
    department: json.department,
    type: json.type,
    definition: await definition(json, definitions),
    shown: anchor(json.shown),
    found: json.found.map((place) => ({
      anchor: anchor(place.anchor), position: place.position, proof: place.proof.map(fromHex),
    })),
    complete: json.complete,
    status: json.status,
    presenter: key(json.presenter),
    asked: json.asked,
  };
}

/** A definition is used only if its hash is the one that the facts name. */
async function definition(json, definitions) {
  if (typeof json.definition !== "string") return json.definition;
  const found = mapped(definitions[json.definition]);
  const digest = hex(await sha256(utf8(jcs(found))));
  return digest === json.definition ? found : { unknown: "DEFINITION_UNAVAILABLE" };
}

const key = (json) => json && {
  x: fromHex(json.x), y: fromHex(json.y), usage: json.usage, department: json.department, begins: json.begins,
  ends: json.ends, compromisedAt: json.compromised_at,
};

const anchor = (json) => json && { ...json, root: fromHex(json.root) };
