// The text of a code: ELR1: + base45(form ‖ dictionary ‖ raw deflate ‖ check), docs/format.md §6.

import { concat, equal, readBase45, sha256 } from "./bytes.mjs";
import { demand } from "./reasons.mjs";

const PREFIX = "ELR1:";
const MAX_TEXT = 1_500;
export const MAX_INFLATED = 4_096;
const PAPER = 1;
const CHECK = 4;

/** The payload of a paper code's text. `dictionaries`: bytes by number. */
export async function unpack(text, dictionaries) {
  demand(text.startsWith(PREFIX), "a code that starts with ELR1: expected", "NOT_OUR_CODE");
  demand([...text].length <= MAX_TEXT, `a code of at most ${MAX_TEXT} characters expected`);
  const data = readBase45(text.slice(PREFIX.length));
  const body = data.subarray(0, Math.max(0, data.length - CHECK));
  const whole = body.length >= 3 && equal((await sha256(body)).subarray(0, CHECK), data.subarray(-CHECK));
  demand(whole, "the code was not read whole");
  const words = body[1] === 0 ? new Uint8Array() : dictionaries.get(body[1]);
  demand(body[0] === PAPER && words !== undefined, "a known form and dictionary expected", "VERSION_UNKNOWN");
  return inflate(body.subarray(2), words);
}

// WebCrypto's neighbour inflates without preset dictionaries. A stored block in front of the stream is the same thing:
// it puts the words where the stream's references reach, and they are cut off again.
async function inflate(stream, words) {
  const stored = Uint8Array.of(0, words.length & 255, words.length >> 8, ~words.length & 255, (~words.length >> 8) & 255);
  const prefix = concat(stored, words);
  const found = await inflated(concat(prefix, stream), words.length + MAX_INFLATED);
  demand(found !== null, `a whole compressed part of at most ${MAX_INFLATED} bytes expected`);
  // Streams may pass over what stands after the end. If it also ends without its last byte, there was a tail.
  const shorter = await inflated(concat(prefix, stream.subarray(0, -1)), words.length + MAX_INFLATED);
  demand(shorter === null, "nothing after the compressed part expected");
  return found.subarray(words.length);
}

async function inflated(data, limit) {
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > limit) {
        await reader.cancel();
        return null;
      }
      parts.push(part.value);
    }
  } catch {
    return null;
  }
  return concat(...parts);
}
