/** To the clipboard, also where a browser has none for pages that came without TLS. */

import { el } from "./dom.js";
import { say } from "./announce.js";

const SHOWN_MS = 1600;

/** @param {string} text @returns {Promise<boolean>} whether it is there */
async function copied(text) {
  if (navigator.clipboard !== undefined) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => copiedBySelection(text),
    );
  }
  return copiedBySelection(text);
}

function copiedBySelection(text) {
  const field = el("textarea", { class: "sr-only", "aria-hidden": "true" });
  const focused = document.activeElement;
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}

/**
 * @param {string} label @param {() => string} text what it copies, asked for when pressed
 * @param {string} [hint] for who cannot see what it stands beside
 * @returns {HTMLButtonElement}
 */
export function copyButton(label, text, hint = label) {
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": hint, text: label });
  button.addEventListener("click", async () => {
    const told = (await copied(text())) ? "Copied" : "Cannot copy";
    say(told);
    button.textContent = told;
    setTimeout(() => (button.textContent = label), SHOWN_MS);
  });
  return button;
}
