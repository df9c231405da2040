// Strict JSON, and its one byte form (RFC 8785). Objects are Maps, numbers are integers of at most 2^53 - 1.

import { equal, readUtf8, utf8 } from "./bytes.mjs";
import { demand } from "./reasons.mjs";

export const MAX_BYTES = 65_536;
const MAX_DEPTH = 16;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const INTEGER = /^(?!-0$)-?[0-9]{1,17}$/;
const SPACE = /[ \t\n\r]*/y;
const WORDS = new Map([["true", true], ["false", false], ["null", null]]);

/** The value of a strict JSON text in UTF-8. */
export function readJson(data, limit = MAX_BYTES) {
  demand(data.length <= limit, `JSON of at most ${limit} bytes expected`);
  const reader = new Reader(readUtf8(data));
  const value = reader.value(0);
  reader.skip();
  demand(reader.at === reader.text.length, "the end of the JSON text expected");
  return value;
}

/** As readJson, and the bytes are already the canonical form. */
export function readCanonical(data, limit = MAX_BYTES) {
  const value = readJson(data, limit);
  demand(equal(utf8(jcs(value)), data), "canonical JSON (RFC 8785) expected");
  return value;
}

/** The canonical text of a value. */
export function jcs(value) {
  if (value instanceof Map) {
    const names = [...value.keys()].sort((left, right) => (left < right ? -1 : 1));
    return `{${names.map((name) => `${JSON.stringify(name)}:${jcs(value.get(name))}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  return JSON.stringify(value);
}

/** The object `value`, once it is sure to have exactly these members. */
export function members(value, names, what) {
  demand(value instanceof Map, `${what}: an object expected`);
  demand(value.size === names.length && names.every((name) => value.has(name)), `${what}: other members expected`);
  return value;
}

/** Plain objects and arrays as Maps and arrays: for values that did not come as text. */
export function mapped(value) {
  if (Array.isArray(value)) return value.map(mapped);
  if (value === null || typeof value !== "object") return value;
  return new Map(Object.entries(value).map(([name, inner]) => [name, mapped(inner)]));
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  skip() {
    this.take(SPACE);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at += found[0].length;
    return found?.[0];
  }

  value(depth) {
    this.skip();
    const next = this.text[this.at];
    if (next === "{" || next === "[") {
      demand(depth < MAX_DEPTH, `JSON nested at most ${MAX_DEPTH} deep expected`);
      this.at += 1;
      return next === "{" ? this.object(depth) : this.array(depth);
    }
    return next === '"' ? this.string() : this.scalar();
  }

  string() {
    const found = this.take(STRING);
    demand(found !== undefined, "a JSON string expected");
    const text = JSON.parse(found);
    demand(text.isWellFormed(), "text without lone surrogates expected");
    return text;
  }

  scalar() {
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const found = this.take(NUMBER);
    demand(found !== undefined && INTEGER.test(found), "an integer expected");
    const number = Number(found);
    demand(Number.isSafeInteger(number), "an integer of at most 2^53 - 1 expected");
    return number;
  }

  object(depth) {
    const found = new Map();
    this.skip();
    if (this.ends("}")) return found;
    do {
      this.skip();
      const name = this.string();
      this.skip();
      demand(this.ends(":"), "a colon expected");
      demand(!found.has(name), "each member once expected");
      found.set(name, this.value(depth + 1));
      this.skip();
    } while (this.ends(","));
    demand(this.ends("}"), "the end of an object expected");
    return found;
  }

  array(depth) {
    const found = [];
    this.skip();
    if (this.ends("]")) return found;
    do {
      found.push(this.value(depth + 1));
      this.skip();
    } while (this.ends(","));
    demand(this.ends("]"), "the end of an array expected");
    return found;
  }

  ends(letter) {
    const here = this.text[this.at] === letter;
    if (here) this.at += 1;
    return here;
  }
}
