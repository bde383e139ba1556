/** Lists of names and figures, as both sides of the panel show them. */

import { el } from "./dom.js";
import { count, plural } from "./format.js";
import { formatMoney, parseMoney } from "./money.js";
import { totalTokens } from "./usage.js";

/** @param {[string, string | Node | null][]} pairs those of null are left out @returns {HTMLElement} */
export function facts(pairs) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of pairs) {
    if (value === null) continue;
    list.append(el("div", {}, el("dt", { text: name }), el("dd", {}, value)));
  }
  return list;
}

/** @param {import("./usage.js").Usage} usage @returns {string} */
export function usageText(usage) {
  const parts = [`${count(usage.input_tokens)} in`, `${count(usage.output_tokens)} out`];
  if (usage.cached_tokens > 0) parts.push(`${count(usage.cached_tokens)} of the input cached`);
  if (usage.wasted_tokens > 0) parts.push(`${count(usage.wasted_tokens)} wasted`);
  const about = usage.estimated ? "about " : "";
  return `${about}${count(totalTokens(usage))} in ${plural(usage.calls, "call")}: ${parts.join(", ")}`;
}

/**
 * @param {{amount: string, wasted: string} | null} cost as the API has it
 * @returns {string | null} null for a model without a price
 */
export function costText(cost) {
  if (cost === null) return null;
  const wasted = parseMoney(cost.wasted);
  return formatMoney(parseMoney(cost.amount)) + (wasted === 0n ? "" : `, ${formatMoney(wasted)} of it wasted`);
}

/** @param {object} error as the API has it @returns {string} reason, kind and message */
export function errorText(error) {
  const kind = error.kind === null ? error.reason : `${error.reason} (${error.kind})`;
  const spent = error.limit === null ? "" : `\nlimit ${error.limit}, spent ${error.spent ?? "unknown"}`;
  return `${kind}: ${error.message}${spent}`;
}
