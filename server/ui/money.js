/** Money, exactly: whole numbers of 1e-18 USD, since adding a thousand small floats is not what finance pays. */

import { compact } from "./format.js";

const DIGITS = 18;
const MOST_CHARS = 8;

/**
 * @param {string} amount a plain decimal, as the API writes it: "0.001873"
 * @returns {bigint} in units of 1e-18; what is finer is left off
 */
export function parseMoney(amount) {
  const [whole, fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.slice(0, DIGITS).padEnd(DIGITS, "0"));
}

/**
 * For people: two decimals from a dollar on, below it three digits that count.
 * @param {bigint} money in units of 1e-18
 * @returns {string} "$12.34", "$0.00187", "$0"
 */
export function formatMoney(money) {
  const dollars = inDollars(money);
  if (money === 0n) return "$0";
  if (Math.abs(dollars) >= 0.9995)
    return "$" + dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const zeros = Math.max(0, -Math.floor(Math.log10(Math.abs(dollars))) - 1);
  return "$" + dollars.toFixed(Math.min(DIGITS, zeros + 3)).replace(/0+$/, "");
}

/**
 * For a narrow column, where the end of a long number would be cut off and be another number.
 * @param {bigint} money in units of 1e-18
 * @returns {string} "$12.34", "$0.00187", "$3.57e-7", "$12.3K": at most eight characters
 */
export function shortMoney(money) {
  const whole = formatMoney(money);
  if (whole.length <= MOST_CHARS) return whole;
  const dollars = inDollars(money);
  if (dollars >= 1) return "$" + compact(Math.round(dollars));
  const short = "$" + dollars.toExponential(2);
  return short.length <= MOST_CHARS ? short : "$" + dollars.toExponential(1);
}

const inDollars = (money) => Number(money) / 10 ** DIGITS;
