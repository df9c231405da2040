// Runs the browser's verifier over a suite: node run.mjs <suite.json> [<texts.jsonl> <facts> <now>]
// Prints one JSON line for each case: what it answered. With texts: judges each of them by one of the suite's facts.

import { createInterface } from "node:readline";
import { createReadStream, readFileSync } from "node:fs";

import { hex, sha256, utf8 } from "../../verifier/static/licence/bytes.mjs";
import { examine } from "../../verifier/static/licence/examine.mjs";
import { readFacts } from "../../verifier/static/licence/facts.mjs";
import { jcs } from "../../verifier/static/licence/json.mjs";

const [path, texts, named, time] = process.argv.slice(2);
const suite = JSON.parse(readFileSync(path, "utf8"));
const words = readFileSync(new URL("../../verifier/static/licence/dictionary-1.txt", import.meta.url));
if (hex(await sha256(words)) !== suite.dictionaries["1"]) throw new Error("dictionary 1 is another");
const dictionaries = new Map([[1, new Uint8Array(words)]]);

async function answered(text, facts, now) {
  const found = await examine(text, facts, now, dictionaries);
  return {
    verdict: found.verdict,
    reason: found.reason,
    checks: found.checks.map(({ outcome, reason }) => [outcome, reason]),
    flags: found.flags.sort(),
    values_sha256: found.values && hex(await sha256(utf8(jcs(found.values)))),
  };
}

if (texts === undefined) {
  for (const one of suite.cases) {
    const facts = await readFacts({ ...suite.facts[one.facts], ...one.with }, suite.definitions);
    console.log(JSON.stringify(await answered(one.presentation, facts, one.now)));
  }
} else {
  const facts = await readFacts(suite.facts[named], suite.definitions);
  for await (const line of createInterface({ input: createReadStream(texts) })) {
    console.log(JSON.stringify(await answered(JSON.parse(line), facts, Number(time))));
  }
}
