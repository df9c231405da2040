// The reasons, heaviest first: [name, the check it belongs to, the verdict it leads to]. docs/format.md §9.

const INVALID = "INVALID";
const UNDETERMINED = "UNDETERMINED";

const TABLE = [
  ["MALFORMED", 1, INVALID],
  ["NOT_OUR_CODE", 1, UNDETERMINED],
  ["VERSION_UNKNOWN", 1, UNDETERMINED],
  ["TOKEN_EXPIRED", 2, INVALID],
  ["PRESENTER_NOT_AUTHORISED", 3, INVALID],
  ["PRESENTER_SIGNATURE_BAD", 3, INVALID],
  ["ENVELOPE_DISAGREES", 3, INVALID],
  ["HOLDER_PROOF_MISSING", 3, INVALID],
  ["HOLDER_PROOF_BAD", 3, INVALID],
  ["WRONG_AUDIENCE", 3, INVALID],
  ["ISSUER_UNKNOWN", 4, INVALID],
  ["KEY_USAGE_WRONG", 4, INVALID],
  ["ISSUER_NOT_AUTHORISED_FOR_TYPE", 4, INVALID],
  ["ISSUER_NOT_ADMITTED", 4, INVALID],
  ["KEY_OUT_OF_TERM", 4, INVALID],
  ["ISSUER_KEY_REVOKED_BEFORE_ISSUE", 4, INVALID],
  ["SIGNED_AHEAD", 4, INVALID],
  ["CONTENT_ALTERED", 5, INVALID],
  ["SIGNATURE_BAD", 5, INVALID],
  ["ANCHOR_MISMATCH", 6, INVALID],
  ["ANCHOR_VOID", 6, INVALID],
  ["NOT_ANCHORED", 6, INVALID],
  ["STATUS_LIST_FOREIGN", 8, INVALID],
  ["STATUS_POSITION_UNKNOWN", 8, INVALID],
  ["WITHDRAWN", 8, INVALID],
  ["REVOKED", 8, INVALID],
  ["CANCELLED", 8, INVALID],
  ["SUPERSEDED", 8, INVALID],
  ["SUSPENDED", 8, INVALID],
  ["DATES_DISAGREE", 7, INVALID],
  ["EXPIRED", 7, INVALID],
  ["NOT_YET_VALID", 7, INVALID],
  ["CHAIN_UNREACHABLE", 4, UNDETERMINED],
  ["CHAIN_DISAGREES", 4, UNDETERMINED],
  ["CHAIN_WENT_BACK", 4, UNDETERMINED],
  ["WITNESS_SILENT", 4, UNDETERMINED],
  ["WITNESS_DISAGREES", 4, UNDETERMINED],
  ["DEFINITION_UNAVAILABLE", 4, UNDETERMINED],
  ["RECEIPT_UNAVAILABLE", 6, UNDETERMINED],
  ["ANCHOR_PENDING", 6, UNDETERMINED],
  ["STATUS_STALE", 8, UNDETERMINED],
  ["STATUS_UNKNOWN", 8, UNDETERMINED],
  ["HOLDER_NOT_JUDGED", 3, UNDETERMINED],
  ["ISSUER_NOT_JUDGED", 4, UNDETERMINED],
  ["SIGNATURE_NOT_JUDGED", 5, UNDETERMINED],
];

export const REASONS = new Map(
  TABLE.map(([name, check, verdict], weight) => [name, { name, check, verdict, weight }]),
);

/** The evidence is not one of our forms, to the letter. */
export class Malformed extends Error {
  constructor(message, reason = "MALFORMED") {
    super(message);
    this.reason = reason;
  }
}

/** Throws Malformed unless `good`. */
export function demand(good, message, reason) {
  if (!good) throw new Malformed(message, reason);
}
