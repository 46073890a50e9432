// Numbers and moments as people read them.

const plain = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

const known = (value, text) => (value === null || value === undefined ? "–" : text(value));

export const count = (value) => known(value, (v) => plain.format(v));
export const short = (value) => known(value, (v) => (v < 100_000 ? plain.format(v) : compact.format(v)));
export const score = (value, digits = 3) => known(value, (v) => v.toFixed(digits));
export const percent = (share, digits = 1) => known(share, (v) => `${(100 * v).toFixed(v === 1 || v === 0 ? 0 : digits)} %`);
export const usd = (value) => known(value, (v) => (v >= 1e6 ? `$${compact.format(v)}` : dollars.format(v)));
export const signed = (value, digits) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

/** A bill: small sums keep the digits that make them more than nothing. */
export const bill = (value) =>
  known(value, (v) => (v === 0 || v >= 0.01 ? cents.format(v) : `$${v.toPrecision(2).replace(/e.*/, "")}`));

/** Bytes in units of 1024. */
export function bytes(value) {
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A span of seconds, as short as it is clear. */
export function span(seconds) {
  if (seconds < 1.5) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** The time of day, here. */
export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

/** Event time, which is UTC: `2025-03-12 11:35`. */
export const moment = (iso) => iso.slice(0, 16).replace("T", " ");

/** `HIGH_VALUE` → `High value`. */
export function words(name) {
  const text = name.toLowerCase().replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}
