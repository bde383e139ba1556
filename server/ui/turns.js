/** A node's turns: what it thought, what it ran and what came of it. */

import { el } from "./dom.js";
import { count } from "./format.js";
import { textBlock } from "./text_block.js";
import { totalTokens } from "./usage.js";

/** Shows turns, and keeps what is unfolded as it is when more of them come. */
export class Turns {
  /** @type {string[]} */ #known = [];

  constructor() {
    this.element = el("ol", { class: "turns", "aria-label": "Turns" });
  }

  /** @param {object[]} turns of the API */
  show(turns) {
    turns.forEach((turn, index) => {
      const text = JSON.stringify(turn);
      if (this.#known[index] === text) return;
      this.#known[index] = text;
      const item = turnItem(turn, index);
      const shown = this.element.children[index];
      if (shown === undefined) this.element.append(item);
      else shown.replaceWith(item);
    });
  }
}

function turnItem(turn, index) {
  const tokens = totalTokens(turn.usage);
  const used = tokens === 0 ? "" : `${count(tokens)} tokens`;
  const item = el("li", {}, el("h3", {}, `Turn ${index + 1}`, el("span", { class: "muted", text: used })));
  if (turn.thought) item.append(textBlock("Thought", turn.thought));
  if (turn.code) item.append(textBlock("Code", turn.code, { as: "code" }));
  if (turn.output) item.append(textBlock("Output", turn.output, { as: "code" }));
  if (turn.error) item.append(textBlock("Error", turn.error, { as: "error" }));
  if (item.children.length === 1) item.append(el("p", { class: "muted", text: "The model is writing." }));
  return item;
}
