/** One node beside the tree: what it was asked, how it stands, and what it did turn by turn. */

import { nodePath, request } from "./api.js";
import { copyButton } from "./copy.js";
import { curlNode } from "./curl.js";
import { confirmed } from "./confirm.js";
import { el } from "./dom.js";
import { costText, errorText, facts, usageText } from "./facts.js";
import { count, duration, plainText, plural, wholeMoment } from "./format.js";
import { ENDED, statusBadge } from "./status.js";
import { textBlock } from "./text_block.js";
import { Turns } from "./turns.js";

const REFRESH_MS = 1_000;

export class NodePanel {
  #known = "";
  #timer = 0;
  #closed = false;

  /** @param {string} treeId @param {import("./fold.js").TreeNode} node @param {() => void} onClose */
  constructor(treeId, node, onClose) {
    this.treeId = treeId;
    this.node = node;
    this.turns = new Turns();
    this.title = el("h2", { tabindex: "-1", text: node.depth === 0 ? "Root node" : `Node at depth ${node.depth}` });
    this.badge = el("span");
    this.outcome = el("div", { class: "stack" });
    this.figures = el("div");
    this.trouble = el("p", { class: "notice", role: "alert", hidden: true });
    this.cancel = el("button", {
      type: "button",
      class: "danger",
      text: "Cancel subtree",
      onclick: () => this.#cancel(),
    });
    const close = el("button", {
      type: "button",
      class: "quiet close",
      "aria-label": "Close the node's panel",
      text: "✕",
      onclick: onClose,
    });
    this.element = el(
      "div",
      { class: "panel-content" },
      el("header", { class: "panel-head" }, this.title, this.badge, close),
      el(
        "div",
        { class: "actions" },
        this.cancel,
        copyButton("Copy as curl", () => curlNode(treeId, node.id)),
      ),
      this.trouble,
      textBlock("Goal", node.goal),
      this.outcome,
      this.turns.element,
      this.figures,
    );
    this.#load();
  }

  /** Stop asking for news of it. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** The tree has changed: what is known of the node without asking. */
  update() {
    const { node } = this;
    this.cancel.hidden = ENDED.has(node.status) || node.parent === null;
    if (this.badge.firstElementChild?.dataset.status !== node.status)
      this.badge.replaceChildren(statusBadge(node.status));
  }

  async #load() {
    const ended = ENDED.has(this.node.status);
    try {
      const found = await request(nodePath(this.treeId, this.node.id));
      this.trouble.hidden = true;
      if (!this.#closed) this.#show(found);
    } catch (error) {
      this.trouble.textContent = error.message;
      this.trouble.hidden = false;
    }
    if (!this.#closed && !ended) this.#timer = setTimeout(() => this.#load(), REFRESH_MS);
  }

  #show(found) {
    this.turns.show(found.turns);
    const known = JSON.stringify({ ...found, turns: null, timing: ENDED.has(found.status) ? found.timing : null });
    if (known === this.#known) return;
    this.#known = known;
    const blocks = [];
    if (found.error !== null) blocks.push(textBlock("Why it ended", errorText(found.error), { as: "error" }));
    if (found.status === "completed") blocks.push(textBlock("Answer", plainText(found.answer), { as: "code" }));
    else if (found.published !== null)
      blocks.push(textBlock("Offered so far", plainText(found.published), { as: "code" }));
    if (found.evidence !== null) blocks.push(textBlock("Evidence", plainText(found.evidence), { as: "code" }));
    this.outcome.replaceChildren(...blocks, ...this.#checks());
    this.figures.replaceChildren(this.#figures(found));
  }

  #checks() {
    const { node } = this;
    if (node.check === null && node.checks.length === 0 && node.refusals.length === 0) return [];
    const list = el("ul", { class: "checks" });
    if (node.check !== null) list.append(el("li", {}, "its parent's check: ", el("code", { text: node.check })));
    for (const check of node.checks) {
      const verdict = check.passed ? "passed" : `failed: ${check.message ?? "no message"}`;
      list.append(
        el("li", {
          class: check.passed ? "good" : "bad",
          text: `check of the ${check.author}, try ${check.try}: ${verdict}`,
        }),
      );
    }
    for (const refusal of node.refusals)
      list.append(el("li", { class: "bad", text: `launch refused, ${refusal.reason}: ${refusal.goal}` }));
    return [el("section", { class: "text-block" }, el("header", {}, el("h4", { text: "Checks and refusals" })), list)];
  }

  #figures(found) {
    const took = found.timing.started_at === null ? null : duration(found.timing.wall_s);
    return facts([
      ["Started", found.timing.started_at === null ? "not yet" : wholeMoment(found.timing.started_at)],
      ["Took", ENDED.has(found.status) ? took : null],
      ["Own tokens", usageText(found.usage)],
      ["Own cost", costText(found.cost)],
      ["With all below", usageText(found.subtree_usage)],
      ["Cost of all", costText(found.subtree_cost)],
      ["Context", this.node.context === null ? "none" : plural(this.node.context.chars, "character")],
      ["Children", count(found.children.length)],
      ["Id", el("code", { text: found.node_id })],
    ]);
  }

  async #cancel() {
    if (
      !(await confirmed(
        "Cancel this node and all below it?",
        "Its parent is told that it failed, and goes on.",
        "Cancel subtree",
      ))
    )
      return;
    try {
      await request(`${nodePath(this.treeId, this.node.id)}/cancel`, { method: "POST" });
    } catch (error) {
      this.trouble.textContent = error.message;
      this.trouble.hidden = false;
    }
  }
}
