// What the checks share: outcomes, windows, the age of facts, and days in a zone.

import { REASONS } from "./reasons.mjs";

export const CLOCK_TOLERANCE = 120;
export const na = "not_applicable";
const DAY = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;

export const pass = (check) => ({ check, outcome: "pass", reason: null });
export const fail = (reason) => ({ check: REASONS.get(reason).check, outcome: "fail", reason });
export const unknown = (reason) => ({ check: REASONS.get(reason).check, outcome: "unknown", reason });

/** Whether a half-open window [begins, ends) holds a time. */
export const holds = ({ begins, ends }, time) => begins <= time && time < ends;

/** Whether facts are young enough to say what is not there, and the clock agrees with the chain's. */
export function areFresh(facts, now) {
  const age = now - facts.asOf.time;
  return -CLOCK_TOLERANCE <= age && age <= facts.maxAge;
}

/** Whether the dates shown, as far as they are shown, are those of the entry. */
export function agrees(values, definition, terms) {
  const rule = definition.get("validity");
  const [begins, ends, zone] = ["begins", "ends", "zone"].map((name) => rule.get(name));
  if (values.has(begins) && midnight(values.get(begins), 0, zone) !== terms.nbf) return false;
  return !ends || !values.has(ends) || midnight(values.get(ends), 1, zone) === terms.exp;
}

/** Unix seconds of 00:00 in the zone, `later` days after a day YYYY-MM-DD; NaN for no such day. */
function midnight(day, later, zone) {
  const [, year, month, date] = (typeof day === "string" && DAY.exec(day)) || [];
  const utc = new Date(Date.UTC(year, month - 1, date));
  if (!(year >= 1900 && year <= 2999) || utc.toISOString().slice(0, 10) !== day) return NaN;
  utc.setUTCDate(utc.getUTCDate() + later);
  const wanted = utc.getTime() / 1000;
  const guess = wanted - offset(wanted, zone);
  return wanted - offset(guess, zone);
}

/** Seconds that the zone's clock is ahead of UTC at a time. */
function offset(time, zone) {
  const how = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric",
    minute: "numeric", second: "numeric" };
  const parts = new Intl.DateTimeFormat("en-US", how).formatToParts(new Date(time * 1000));
  const at = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) / 1000 - time;
}
