/** The head of a tree's page: how it stands, its figures, and what can be done with it. */

import { request, treePath } from "./api.js";
import { confirmed } from "./confirm.js";
import { copyButton } from "./copy.js";
import { bodyAgain, curlEvents, curlSolve, curlTree } from "./curl.js";
import { el, setText } from "./dom.js";
import { compact, count, duration, oneLine, shortened } from "./format.js";
import { formatMoney } from "./money.js";
import { ENDED, STATUSES, statusBadge, statusIcon } from "./status.js";
import { totalTokens } from "./usage.js";

const FIGURES = ["Time", "Nodes", "Tokens", "Cost", "Critical path", "Model", "Mode"];

export class TreeHead {
  #chips = new Map();
  #figures = new Map();

  /**
   * @param {string} treeId @param {() => object | null} task the request in `tree.created`, once known
   * @param {(status: string) => void} onStatus one of the counts was chosen
   */
  constructor(treeId, task, onStatus) {
    this.treeId = treeId;
    this.badge = el("span");
    this.goal = el("h1", { class: "tree-goal", text: "…" });
    this.notice = el("p", { class: "notice", role: "status", hidden: true });
    this.trace = el("a", {
      class: "button",
      target: "_blank",
      rel: "noopener noreferrer",
      hidden: true,
      text: "Trace",
    });
    this.cancel = el("button", {
      type: "button",
      class: "danger",
      hidden: true,
      text: "Cancel",
      onclick: () => this.#cancel(),
    });
    this.result = el("p", { class: "result", hidden: true });
    this.element = el(
      "section",
      { class: "tree-head", "aria-label": "The tree" },
      el(
        "div",
        { class: "tree-title" },
        this.badge,
        this.goal,
        el("div", { class: "actions" }, this.trace, curlMenu(treeId, task), this.cancel),
      ),
      this.result,
      el("dl", { class: "figures" }, ...FIGURES.map((name) => this.#figure(name))),
      el(
        "div",
        { class: "chips", role: "group", "aria-label": "Nodes by status: go to the next one" },
        ...STATUSES.map((status) => this.#chip(status, onStatus)),
      ),
      this.notice,
    );
  }

  #figure(name) {
    const value = el("dd", { text: "–" });
    this.#figures.set(name, value);
    return el("div", {}, el("dt", { text: name }), value);
  }

  #chip(status, onStatus) {
    const number = el("span", { class: "number" });
    const chip = el(
      "button",
      { type: "button", class: `chip ${status}`, hidden: true, onclick: () => onStatus(status) },
      statusIcon(status),
      number,
      el("span", { text: status }),
    );
    this.#chips.set(status, { chip, number });
    return chip;
  }

  /** @param {import("./fold.js").TreeFold} fold @param {object | null} tree of the API @param {number} nowMs */
  show(fold, tree, nowMs) {
    const status = fold.status ?? tree?.status ?? "submitted";
    if (this.badge.firstElementChild?.dataset.status !== status) this.badge.replaceChildren(statusBadge(status));
    this.cancel.hidden = ENDED.has(status);
    if (fold.created !== null) setText(this.goal, shortened(oneLine(fold.created.request.goal), 300));
    for (const [name, { chip, number }] of this.#chips) {
      chip.hidden = !fold.counts[name];
      setText(number, count(fold.counts[name] ?? 0));
    }
    this.#set("Time", fold.createdMs === 0 ? "–" : duration(((fold.endedMs ?? nowMs) - fold.createdMs) / 1000));
    this.#set("Nodes", count(fold.nodes.size));
    this.#set("Tokens", fold.root === null ? "0" : compact(totalTokens(fold.root.subtreeUsage)));
    if (tree !== null) this.#showTree(tree, fold);
  }

  #showTree(tree, fold) {
    this.#set("Cost", tree.cost === null ? "no price" : formatMoney(fold.root?.subtreeCost ?? 0n));
    this.#set(
      "Critical path",
      tree.timing.critical_path_s === null ? "at the end" : duration(tree.timing.critical_path_s),
    );
    this.#set("Model", tree.model ?? "–");
    this.#set("Mode", tree.mode.effective ?? tree.mode.requested);
    const trace = tree.links.trace ?? null;
    this.trace.hidden = trace === null || !/^https?:/.test(trace);
    if (!this.trace.hidden) this.trace.href = trace;
    const [label, text] = resultOf(tree);
    this.result.hidden = text === null;
    this.result.className = `result ${tree.status}`;
    if (text !== null) setText(this.result, `${label}: ${shortened(text, 240)}`);
  }

  #set(name, text) {
    setText(this.#figures.get(name), text);
  }

  /** @param {string | null} text how the connection stands; null is nothing to tell */
  tell(text) {
    this.notice.hidden = text === null;
    this.notice.textContent = text ?? "";
  }

  async #cancel() {
    if (
      !(await confirmed(
        "Cancel this tree?",
        "All its nodes stop. What it has used stays on the bill.",
        "Cancel the tree",
      ))
    )
      return;
    try {
      await request(`${treePath(this.treeId)}/cancel`, { method: "POST" });
    } catch (error) {
      this.tell(error.message);
    }
  }
}

/** @returns {[string, string | null]} */
function resultOf(tree) {
  if (tree.status === "completed") return ["Answer", oneLine(tree.answer)];
  if (tree.error !== null) return [tree.error.reason, oneLine(tree.error.message)];
  return ["", null];
}

function curlMenu(treeId, task) {
  const solve = () => (task() === null ? "" : curlSolve(bodyAgain(task())));
  const menu = el(
    "details",
    { class: "menu" },
    el("summary", { class: "button", text: "Copy as curl" }),
    el(
      "div",
      { class: "menu-items" },
      copyButton("The tree", () => curlTree(treeId), "Copy a command that reads the tree"),
      copyButton("Its events", () => curlEvents(treeId), "Copy a command that follows its events"),
      copyButton("The same task again", solve, "Copy a command that submits the same task again"),
    ),
  );
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (!menu.contains(event.relatedTarget)) menu.open = false;
  });
  return menu;
}
