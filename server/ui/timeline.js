/** The common time axis: from moments to places on it, and the marks below. All in milliseconds. */

import { duration } from "./format.js";

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 18e5, 36e5, 72e5, 144e5,
  288e5,
];

const LAST_LABEL = 86;

/** What is shown of a tree's time: all of it, or the part that somebody chose. */
export class Timeline {
  fromMs = 0;
  toMs = 1;
  /** @type {{fromMs: number, toMs: number} | null} */ #chosen = null;

  /** @param {number} fromMs the tree's start @param {number} toMs its end, or now */
  span(fromMs, toMs) {
    this.startMs = fromMs;
    this.fromMs = this.#chosen?.fromMs ?? fromMs;
    this.toMs = this.#chosen?.toMs ?? Math.max(fromMs + 1, toMs);
  }

  /** @param {{fromMs: number, toMs: number} | null} part null is all of it */
  choose(part) {
    this.#chosen = part;
  }

  /** @returns {boolean} */
  get isPart() {
    return this.#chosen !== null;
  }

  /** @param {number} ms epoch @returns {number} its place in percent; below 0 or above 100 outside of what is shown */
  place(ms) {
    return ((ms - this.fromMs) / (this.toMs - this.fromMs)) * 100;
  }

  /** @param {number} most @returns {{place: number, label: string}[]} marks at round times since the tree's start */
  ticks(most) {
    const length = this.toMs - this.fromMs;
    const step = STEPS.find((each) => length / each <= most) ?? length;
    const marks = [];
    const first = Math.ceil((this.fromMs - this.startMs) / step) * step;
    for (let at = first; at <= this.toMs - this.startMs; at += step) {
      marks.push({
        place: this.place(this.startMs + at),
        label: at === 0 ? "0" : duration(at / 1000).replace(/\.0+ /, " "),
      });
    }
    // The last one has no room for its label.
    return marks.filter((mark) => mark.place <= LAST_LABEL);
  }
}
