/** Tokens, summed as the server sums them. */

const FIELDS = ["calls", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens"];

/**
 * @typedef {object} Usage
 * @property {number} calls
 * @property {number} input_tokens includes cached
 * @property {number} cached_tokens
 * @property {number} output_tokens
 * @property {number} wasted_tokens
 * @property {boolean} estimated
 */

/** @returns {Usage} */
export const noUsage = () => ({
  calls: 0,
  input_tokens: 0,
  cached_tokens: 0,
  output_tokens: 0,
  wasted_tokens: 0,
  estimated: false,
});

/** @param {Usage} sum changed in place @param {Usage} more */
export function addUsage(sum, more) {
  for (const field of FIELDS) sum[field] += more[field];
  sum.estimated ||= more.estimated;
}

/** @param {Usage} to @param {Usage} from @returns {Usage} what `to` has over `from` */
export function usageBetween(from, to) {
  const more = noUsage();
  for (const field of FIELDS) more[field] = to[field] - from[field];
  more.estimated = to.estimated;
  return more;
}

/** @param {Usage} usage @returns {number} input and output together */
export const totalTokens = (usage) => usage.input_tokens + usage.output_tokens;
