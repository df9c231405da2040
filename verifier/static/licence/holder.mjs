// Checks 2 and 3: is the presentation of now, and is it its holder's? They apply to wallets.

import { equal } from "./bytes.mjs";
import { lowS, verifies } from "./keys.mjs";
import { CLOCK_TOLERANCE, areFresh, fail, holds, na, pass, unknown } from "./parts.mjs";
import { issuerUri, statusUri, typeUri } from "./sd-jwt.mjs";

const PROOF_LIFE = 300;
const PRESENT = 2;

export function fresh(shown, now) {
  if (shown.form !== "sd-jwt") return { check: 2, outcome: na, reason: null };
  if (now < shown.iat - CLOCK_TOLERANCE || now >= shown.exp) return fail("TOKEN_EXPIRED");
  if (shown.binding === null) return shown.holder === null ? { check: 2, outcome: na, reason: null } : pass(2);
  const { iat, ends } = shown.binding;
  const end = Math.min(iat + PROOF_LIFE, ends ?? Infinity);
  return now < iat - CLOCK_TOLERANCE || now >= end ? fail("TOKEN_EXPIRED") : pass(2);
}

export async function holder(shown, facts, now) {
  if (shown.form !== "sd-jwt") return { check: 3, outcome: na, reason: null };
  const { key, department, presenter } = facts;
  if (key === null || department === null) return unknown("HOLDER_NOT_JUDGED");
  if (presenter === null) return areFresh(facts, now) ? fail("PRESENTER_NOT_AUTHORISED") : unknown("HOLDER_NOT_JUDGED");
  const authorised = presenter.usage === PRESENT && presenter.department === key.department
    && presenter.compromisedAt === null && holds(presenter, now);
  if (!authorised) return fail("PRESENTER_NOT_AUTHORISED");
  if (!(await verifies(presenter, shown.jws.signed, shown.jws.signature))) return fail("PRESENTER_SIGNATURE_BAD");
  if (envelopeAgrees(shown, department)) return binding(shown, facts.asked);
  return areFresh(facts, now) ? fail("ENVELOPE_DISAGREES") : unknown("HOLDER_NOT_JUDGED");
}

/** Whether the envelope says nothing but what follows from the entry and the chain. */
function envelopeAgrees(shown, department) {
  const issuer = issuerUri(department.uri, department.id);
  return shown.issuer === issuer
    && shown.vct === typeUri(issuer, shown.terms)
    && shown.statusUri === statusUri(issuer, shown.terms.list)
    && shown.statusIndex === shown.terms.index
    && (shown.terms.exp === null || shown.exp <= shown.terms.exp);
}

async function binding({ holder: key, binding: proof }, asked) {
  if (key === null) return { check: 3, outcome: na, reason: null };
  if (proof === null) return fail("HOLDER_PROOF_MISSING");
  const good = await verifies(key, proof.jws.signed, lowS(proof.jws.signature));
  if (!good || !equal(proof.hash, proof.presented)) return fail("HOLDER_PROOF_BAD");
  if (asked === null) return unknown("HOLDER_NOT_JUDGED");
  return proof.audience === asked.audience && proof.nonce === asked.nonce ? pass(3) : fail("WRONG_AUDIENCE");
}
