// The eight checks of docs/format.md §9, a second time: what each found, and the one verdict they lead to.

import { equal, hex } from "./bytes.mjs";
import { toBeSigned } from "./entry.mjs";
import { read } from "./forms.mjs";
import { fresh, holder } from "./holder.mjs";
import { verifies } from "./keys.mjs";
import { rootFrom } from "./merkle.mjs";
import { Malformed, REASONS } from "./reasons.mjs";
import { CLOCK_TOLERANCE, agrees, areFresh, fail, holds, na, pass, unknown } from "./parts.mjs";

const PENDING_LIMIT = 72 * 3600;
const ACTS = { 1: "WITHDRAWN", 2: "REVOKED", 3: "CANCELLED" };
const [INVALID, SUSPENDED, SUPERSEDED] = [1, 2, 3];
const ISSUE = 1;

/**
 * Judges a scanned text by the given facts at `now` (Unix seconds); never throws for what is shown.
 * Gives {verdict, reason, checks: [{check, outcome, reason}] × 8, flags, values}.
 */
export async function examine(text, facts, now, dictionaries) {
  let shown;
  let opened = null;
  try {
    shown = await read(text, dictionaries);
    if (!facts.definition.unknown) opened = await shown.open(facts.definition);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return unreadable(error.reason);
  }
  const proven = await places(shown, facts, opened);
  const checks = [
    { check: 1, outcome: "pass", reason: null },
    fresh(shown, now),
    await holder(shown, facts, now),
    issuer(shown, facts, proven, now),
    await signature(facts, opened),
    anchor(shown, facts, proven, now),
    dates(shown, opened, now),
    status(shown, facts, now),
  ];
  const { verdict, reason } = conclude(checks);
  const authentic = checks[4].outcome === "pass";
  return { verdict, reason, checks, flags: flags(shown, facts, proven), values: authentic ? opened.values : null };
}

function unreadable(name) {
  const reason = REASONS.get(name);
  const first = { check: 1, outcome: reason.verdict === "INVALID" ? "fail" : "unknown", reason: name };
  const rest = [2, 3, 4, 5, 6, 7, 8].map((check) => ({ check, outcome: "unknown", reason: null }));
  return { verdict: reason.verdict, reason: name, checks: [first, ...rest], flags: [], values: null };
}

/** The places where the key's own department anchored this leaf, voided ones included. */
async function places(shown, facts, opened) {
  if (opened === null || facts.key === null) return [];
  const { anchor, proof, position } = { ...shown.receipt, anchor: facts.shown };
  const claimed = anchor !== null && proof !== null ? [{ anchor, position, proof }] : [];
  const leaf = await opened.signed.leaf();
  const found = [];
  for (const place of [...claimed, ...facts.found]) {
    if (place.anchor.department !== facts.key.department) continue;
    const root = await rootFrom(leaf, place.position, place.anchor.size, place.proof);
    if (root !== null && equal(root, place.anchor.root)) found.push(place);
  }
  return found;
}

function missing(facts) {
  if (facts.key === null) return "ISSUER_UNKNOWN";
  if (facts.department === null) return "ISSUER_NOT_ADMITTED";
  return facts.type === null ? "ISSUER_NOT_AUTHORISED_FOR_TYPE" : null;
}

function issuer(shown, facts, proven, now) {
  const absent = missing(facts);
  if (absent !== null) return notThere(4, absent, facts, now);
  if (facts.key.usage !== ISSUE) return fail("KEY_USAGE_WRONG");
  if (facts.definition.unknown) return unknown(facts.definition.unknown);
  const faults = proven.filter((p) => !p.anchor.void).map((p) => fault(shown, facts, p.anchor.time));
  if (faults.length === 0) return unknown("ISSUER_NOT_JUDGED");
  return faults.includes(null) ? pass(4) : fail(faults[0]);
}

/** What was wrong with the issuer when its account anchored, at block time `time`; null: nothing. */
function fault(shown, facts, time) {
  const absent = missing(facts);
  if (absent !== null) return absent;
  const { key, department, type } = facts;
  if (key.compromisedAt !== null && time >= key.compromisedAt) return "ISSUER_KEY_REVOKED_BEFORE_ISSUE";
  if (!holds(key, time)) return "KEY_OUT_OF_TERM";
  if (!holds(type, time)) return "ISSUER_NOT_AUTHORISED_FOR_TYPE";
  if (!holds(department, time)) return "ISSUER_NOT_ADMITTED";
  return shown.terms.iat > time + CLOCK_TOLERANCE ? "SIGNED_AHEAD" : null;
}

async function signature(facts, opened) {
  if (opened === null || facts.key === null) return unknown("SIGNATURE_NOT_JUDGED");
  if (!equal(opened.claimsRoot, opened.signed.claimsRoot)) return fail("CONTENT_ALTERED");
  const good = await verifies(facts.key, toBeSigned(opened.signed, facts.networkId), opened.signed.signature);
  return good ? pass(5) : fail("SIGNATURE_BAD");
}

function anchor(shown, facts, proven, now) {
  const standing = proven.filter((place) => !place.anchor.void);
  const hinted = facts.shown;
  if (standing.length && (matches(shown, standing) || (hinted !== null && hinted.void))) return pass(6);
  if (proven.length && !standing.length) return fail("ANCHOR_VOID");
  if (hinted !== null && !hinted.void && (shown.receipt.proof !== null || facts.complete)) return fail("ANCHOR_MISMATCH");
  if (!facts.complete || !areFresh(facts, now)) return unknown("RECEIPT_UNAVAILABLE");
  if (standing.length) return fail("ANCHOR_MISMATCH");
  return now - shown.terms.iat <= PENDING_LIMIT ? unknown("ANCHOR_PENDING") : fail("NOT_ANCHORED");
}

function matches(shown, standing) {
  const { anchor: number, position, proof } = shown.receipt;
  const path = (nodes) => nodes.map(hex).join();
  return standing.some((place) =>
    place.anchor.seq === number && place.position === position && (proof === null || path(proof) === path(place.proof)));
}

function dates(shown, opened, now) {
  const { nbf, exp } = shown.terms;
  if (opened !== null && !agrees(opened.values, opened.definition, shown.terms)) return fail("DATES_DISAGREE");
  if (now < nbf) return fail("NOT_YET_VALID");
  return exp !== null && now >= exp ? fail("EXPIRED") : pass(7);
}

function status(shown, facts, now) {
  const known = facts.status;
  if (known?.unknown) return unknown(known.unknown);
  if (facts.key !== null && shown.terms.list >> 32n !== BigInt(facts.key.department)) return fail("STATUS_LIST_FOREIGN");
  if (known === null) return notThere(8, "STATUS_POSITION_UNKNOWN", facts, now);
  if (known.status === INVALID) return fail(ACTS[known.act] ?? "REVOKED");
  if (known.status === SUPERSEDED) return fail("SUPERSEDED");
  if (!areFresh(facts, now)) return unknown("STATUS_STALE");
  return known.status === SUSPENDED ? fail("SUSPENDED") : pass(8);
}

/** Absence is proof only as of now: old facts can't say that something is not on the chain. */
function notThere(check, reason, facts, now) {
  return areFresh(facts, now) ? fail(reason) : { check, outcome: "unknown", reason: "STATUS_STALE" };
}

function conclude(checks) {
  const first = checks.slice(0, 5).find((each) => each.outcome === "fail");
  if (first) return { verdict: "INVALID", reason: first.reason };
  if (checks.every((each) => each.outcome === "pass" || each.outcome === na)) return { verdict: "VALID", reason: null };
  const judged = checks[4].outcome === "pass" ? checks : checks.slice(0, 5);
  const reasons = judged.filter((each) => each.reason !== null).map((each) => REASONS.get(each.reason));
  reasons.sort((left, right) => left.weight - right.weight);
  const heaviest = reasons[0] ?? REASONS.get("STATUS_UNKNOWN");
  return { verdict: heaviest.verdict, reason: heaviest.name };
}

function flags(shown, facts, proven) {
  const found = [];
  const good = proven.find((p) => !p.anchor.void && fault(shown, facts, p.anchor.time) === null);
  const place = good ?? proven[0];
  if (place !== undefined && place.anchor.time - shown.terms.iat > PENDING_LIMIT) found.push("LATE_ANCHORED");
  const bound = shown.form === "file" || (shown.form === "sd-jwt" && shown.binding !== null);
  if (!bound) found.push("STATIC_COPY");
  return found;
}
