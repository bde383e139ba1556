/** A text with a heading, cut where it is long until somebody asks for all of it. */

import { copyButton } from "./copy.js";
import { el } from "./dom.js";
import { count } from "./format.js";

const MOST_CHARS = 1_500;
const MOST_LINES = 24;

/**
 * @param {string} heading
 * @param {string} text
 * @param {object} [look]
 * @param {"prose" | "code" | "error"} [look.as]
 * @returns {HTMLElement}
 */
export function textBlock(heading, text, { as = "prose" } = {}) {
  const short = beginning(text);
  const shown = el(as === "prose" ? "p" : "pre", {
    class: `text ${as}`,
    tabindex: as === "prose" ? null : "0",
    text: short,
  });
  const block = el(
    "section",
    { class: "text-block" },
    el(
      "header",
      {},
      el("h4", { text: heading }),
      copyButton("Copy", () => text, `Copy ${heading}`),
    ),
    shown,
  );
  if (short.length < text.length) block.append(moreButton(shown, text));
  return block;
}

function beginning(text) {
  const end = Math.min(text.length, MOST_CHARS);
  let line = -1;
  for (let lines = 0; lines < MOST_LINES; lines += 1) {
    line = text.indexOf("\n", line + 1);
    if (line < 0) return text.slice(0, end);
  }
  return text.slice(0, Math.min(end, line));
}

function moreButton(shown, text) {
  const button = el("button", {
    type: "button",
    class: "quiet more",
    text: `Show all ${count(text.length)} characters`,
  });
  button.addEventListener("click", () => {
    shown.textContent = text;
    button.remove();
  });
  return button;
}
