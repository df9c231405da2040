// Where a licence was anchored, as its holder carries it: anchor number, position, inclusion proof.

import { readBase64url } from "./bytes.mjs";
import { whole } from "./entry.mjs";
import { members } from "./json.mjs";
import { demand } from "./reasons.mjs";

const MAX_PROOF = 32;

export function readReceipt(value) {
  const found = members(value, ["anchor", "position", "proof"], "receipt");
  const proof = found.get("proof");
  demand(Array.isArray(proof) && proof.length <= MAX_PROOF, "an inclusion proof expected");
  return {
    proof: proof.map((node) => readBase64url(node, 32)),
    anchor: whole(found.get("anchor"), 2 ** 53 - 1, "anchor"),
    position: whole(found.get("position"), 2 ** 32 - 1, "position"),
  };
}
