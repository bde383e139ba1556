/** One row of the grid: made once, then shown for whichever node scrolls to it. */

import { el, icon, setText } from "./dom.js";
import { compact, count, duration } from "./format.js";
import { formatMoney, shortMoney } from "./money.js";
import { ENDED, statusIcon } from "./status.js";
import { totalTokens } from "./usage.js";

const TWISTY = "M6 4l4 4l-4 4";
const DIAMOND = "M8 3l5 5l-5 5l-5-5z";
const LONGEST_GOAL = 200;
const MOST_WAITS = 24;

/**
 * @typedef {object} Scene what rows are drawn against
 * @property {import("./timeline.js").Timeline} timeline
 * @property {number} nowMs the server's time
 * @property {Set<string>} collapsed
 * @property {Set<string>} critical ids on the critical path
 * @property {string | null} selectedId
 */

export class RowView {
  /** @type {import("./fold.js").TreeNode | null} */ node = null;
  #status = "";

  constructor() {
    this.twisty = el("span", { class: "twisty", "aria-hidden": "true" }, icon(TWISTY));
    this.mark = el("span", { class: "status-mark" });
    this.spoken = el("span", { class: "sr-only" });
    this.goal = el("span", { class: "goal" });
    this.critical = el("span", { class: "critical-mark", title: "on the critical path" }, icon(DIAMOND));
    this.queue = el("span", { class: "queue" });
    this.bar = el("span", { class: "bar" });
    this.took = el("span", { class: "took" });
    this.lane = cell("lane", this.queue, this.bar, this.took);
    this.name = cell("name", this.twisty, this.mark, this.spoken, this.goal, this.critical);
    this.tokens = cell("figure own tokens");
    this.allTokens = cell("figure all tokens");
    this.cost = cell("figure own cost");
    this.allCost = cell("figure all cost");
    this.element = el("div", { role: "row", class: "row", tabindex: "-1" });
    this.element.append(this.name, this.lane, this.tokens, this.allTokens, this.cost, this.allCost);
  }

  /** @param {import("./order.js").Row} row @param {number} index from 0 @param {Scene} scene */
  show(row, index, scene) {
    const { node } = row;
    this.node = node;
    const { element } = this;
    const open = node.children.length === 0 ? null : !scene.collapsed.has(node.id);
    element.dataset.nodeId = node.id;
    attribute(element, "aria-rowindex", index + 2);
    attribute(element, "aria-level", node.depth + 1);
    attribute(element, "aria-posinset", row.position);
    attribute(element, "aria-setsize", row.siblings);
    attribute(element, "aria-expanded", open);
    attribute(element, "aria-selected", node.id === scene.selectedId);
    this.#name(node, open, scene.critical.has(node.id));
    this.#figures(node);
    this.#bar(node, scene);
  }

  #name(node, open, critical) {
    this.name.style.setProperty("--depth", String(node.depth));
    if (this.#status !== node.status) {
      this.#status = node.status;
      this.element.dataset.status = node.status;
      this.mark.replaceChildren(statusIcon(node.status));
    }
    const hidden = open === false ? `, ${count(node.children.length)} below it folded away` : "";
    setText(this.spoken, `${node.status}${critical ? ", on the critical path" : ""}${hidden}: `);
    setText(this.goal, node.goal.slice(0, LONGEST_GOAL));
    attribute(this.goal, "title", node.goal.slice(0, LONGEST_GOAL * 3));
    this.element.classList.toggle("critical", critical);
    this.element.classList.toggle("leaf", open === null);
  }

  #figures(node) {
    figure(this.tokens, totalTokens(node.usage), compact, count);
    figure(this.allTokens, totalTokens(node.subtreeUsage), compact, count);
    figure(this.cost, node.cost, shortMoney, formatMoney);
    figure(this.allCost, node.subtreeCost, shortMoney, formatMoney);
  }

  #bar(node, { timeline, nowMs }) {
    const startMs = node.startedMs ?? node.createdMs;
    const endMs = node.endedMs ?? Math.max(nowMs, startMs);
    const left = clamp(timeline.place(startMs));
    const right = clamp(timeline.place(endMs));
    const queued = clamp(timeline.place(node.createdMs));
    const outside = timeline.place(endMs) < 0 || timeline.place(startMs) > 100;
    this.lane.classList.toggle("outside", outside);
    place(this.queue, queued, left);
    place(this.bar, left, right);
    this.bar.style.backgroundImage = veil(node, startMs, endMs, timeline);
    setText(
      this.took,
      ENDED.has(node.status) || node.startedMs !== null ? duration((endMs - startMs) / 1000) : "queued",
    );
    // The figure stands where there is room: after the bar, or before it.
    const after = right < 78;
    this.took.style.left = after ? `${right}%` : "auto";
    this.took.style.right = after ? "auto" : `${100 - left}%`;
    this.took.classList.toggle("inside", !after && left < 22);
  }
}

function cell(className, ...children) {
  return el("div", { role: "gridcell", class: `cell ${className}` }, ...children);
}

function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

function figure(element, value, short, whole) {
  setText(element, short(value));
  attribute(element, "title", whole(value));
  element.classList.toggle("zero", !value);
}

function place(element, left, right) {
  element.style.left = `${left}%`;
  element.style.width = `${right - left}%`;
}

const clamp = (percent) => Math.min(100, Math.max(0, percent));

/** The bar is lighter while its node waits for children: what is solid is its own work. */
function veil(node, startMs, endMs, timeline) {
  if (node.waits.length === 0) return "none";
  const left = Math.max(startMs, timeline.fromMs);
  const length = Math.min(endMs, timeline.toMs) - left;
  if (length <= 0) return "none";
  const share = (ms) => `${clamp(((ms - left) / length) * 100).toFixed(2)}%`;
  const stops = node.waits.slice(-MOST_WAITS).map((wait) => {
    const [from, to] = [share(wait.fromMs), share(wait.alive > 0 ? endMs : wait.toMs)];
    return `transparent ${from}, var(--veil) ${from} ${to}, transparent ${to}`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
