/** Asks before something is done that cannot be undone. */

import { el } from "./dom.js";

/**
 * @param {string} question @param {string} consequence @param {string} deed what the button says that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(question, consequence, deed) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "confirm", "aria-labelledby": "confirm-question" });
    const close = (answer) => {
      resolve(answer);
      dialog.close();
      dialog.remove();
    };
    dialog.append(
      el("h2", { id: "confirm-question", text: question }),
      el("p", { text: consequence }),
      el(
        "div",
        { class: "actions" },
        el("button", { type: "button", text: "Keep it running", onclick: () => close(false) }),
        el("button", { type: "button", class: "danger", text: deed, onclick: () => close(true) }),
      ),
    );
    // Escape closes it, too: resolving a second time does nothing.
    dialog.addEventListener("close", () => {
      resolve(false);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
