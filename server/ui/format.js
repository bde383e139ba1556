/** Numbers, times and texts as people read them. */

const COUNT = new Intl.NumberFormat("en-US");
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long", hour12: false });

/** @param {number} value @returns {string} "12,345" */
export const count = (value) => COUNT.format(value);

/** @param {number} value @returns {string} "9,999", "12.3K", "1.2M": never more than six characters */
export const compact = (value) => (value < 10_000 ? COUNT.format(value) : COMPACT.format(value));

/** @param {number} value @param {string} noun @returns {string} "1 node", "27 nodes" */
export const plural = (value, noun) => `${COUNT.format(value)} ${noun}${value === 1 ? "" : "s"}`;

/**
 * @param {number} seconds
 * @returns {string} "340 ms", "4.2 s", "3 m 07 s", "2 h 05 m"
 */
export function duration(seconds) {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const pad = (part) => String(part).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} m`;
}

/** @param {string} iso @returns {string} the time of day, with the day where that is not today */
export function moment(iso) {
  const date = new Date(iso);
  const today = new Date().toDateString() === date.toDateString();
  return today ? CLOCK.format(date) : `${DAY.format(date)}, ${CLOCK.format(date)}`;
}

/** @param {string} iso @returns {string} all of it, with the time zone */
export const wholeMoment = (iso) => WHOLE.format(new Date(iso));

/** @param {number} ratio @returns {string} "3.4×" */
export const times = (ratio) => `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`;

/** @param {unknown} value any JSON @returns {string} texts as they are, anything else as JSON */
export const plainText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** @param {unknown} value any JSON @returns {string} in one line */
export const oneLine = (value) =>
  (typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ").trim();

/** @param {string} text @param {number} most @returns {string} */
export const shortened = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
