/** The tree as a treegrid of which only the rows in the window are in the document, however many nodes there are. */

import { el } from "./dom.js";
import { deedOf } from "./keys.js";
import { ancestors, rowsOf } from "./order.js";
import { RowView } from "./row.js";

// As tree.css has it.
const ROW_PX = 28;
const BEYOND = 6;
const TICK_PX = 52;
const COLUMNS = [
  ["name", "Node", "Goal and status"],
  ["lane", "", "Time"],
  ["figure own tokens", "Tokens", "Tokens of the node's own calls, input and output"],
  ["figure all tokens", "Σ tokens", "Tokens of the node and all below it"],
  ["figure own cost", "Cost", "Cost of the node's own calls"],
  ["figure all cost", "Σ cost", "Cost of the node and all below it"],
];

export class Grid {
  /** @type {import("./order.js").Row[]} */ rows = [];
  /** @type {Set<string>} */ collapsed = new Set();
  /** @type {Map<string, number>} */ #places = new Map();
  /** @type {Map<string, RowView>} those in the document, in its order */ #shown = new Map();
  /** @type {string | null} the row that Tab leads to */ #activeId = null;
  #nodes = 0;
  #stale = true;
  #wantsFocus = false;

  /**
   * @param {object} on
   * @param {() => void} on.change something needs to be drawn
   * @param {(node: import("./fold.js").TreeNode, by: "key" | "pointer") => void} on.open a node was chosen
   */
  constructor(on) {
    this.on = on;
    this.axis = el("div", { class: "axis", "aria-hidden": "true" });
    this.head = el("div", { role: "row", class: "head", "aria-rowindex": "1" });
    this.head.append(
      ...COLUMNS.map(([name, text, title]) => el("div", { role: "columnheader", class: `cell ${name}`, title, text })),
    );
    this.head.children[1].append(el("span", { class: "sr-only", text: "Time" }), this.axis);
    this.body = el("div", { role: "rowgroup", class: "body" });
    this.element = el(
      "div",
      { role: "treegrid", class: "grid", "aria-label": "Nodes of the tree", "aria-colcount": String(COLUMNS.length) },
      this.head,
      this.body,
    );
    this.element.addEventListener("scroll", () => on.change(), { passive: true });
    this.element.addEventListener("click", (event) => this.#clicked(event));
    this.element.addEventListener("keydown", (event) => this.#pressed(event));
    this.body.addEventListener("focusin", (event) => this.#focused(event));
  }

  /** @param {import("./fold.js").TreeFold} fold */
  follow(fold) {
    if (!this.#stale && fold.nodes.size === this.#nodes) return;
    this.#stale = false;
    this.#nodes = fold.nodes.size;
    this.rows = rowsOf(fold.root, this.collapsed);
    this.#places = new Map(this.rows.map((row, index) => [row.node.id, index]));
    this.#activeId = this.#places.has(this.#activeId) ? this.#activeId : (fold.root?.id ?? null);
    this.element.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.body.style.height = `${this.rows.length * ROW_PX}px`;
  }

  /** Everything of the tree is forgotten. */
  reset() {
    this.#stale = true;
  }

  /** @param {import("./row.js").Scene} scene */
  draw(scene) {
    this.#drawAxis(scene.timeline);
    const wanted = this.#wanted();
    const ids = new Set(wanted.map((index) => this.rows[index].node.id));
    // Rows that scrolled out serve for those that come, in the document's order: what is not moved is not laid out.
    const free = [];
    for (const [id, view] of this.#shown) if (!ids.has(id)) free.push(view);
    const shown = wanted.map((index) => this.#drawRow(index, free, scene));
    for (const view of free) view.element.remove();
    this.#shown = new Map(shown.map((view) => [view.node.id, view]));
    this.#arrange(shown.map((view) => view.element));
  }

  /** @returns {RowView} */
  #drawRow(index, free, scene) {
    const row = this.rows[index];
    const view = this.#shown.get(row.node.id) ?? free.shift() ?? new RowView();
    view.show(row, index, scene);
    view.element.style.transform = `translateY(${index * ROW_PX}px)`;
    view.element.tabIndex = row.node.id === this.#activeId ? 0 : -1;
    return view;
  }

  /** Puts the rows in the document in the order in which they are read; the focused one must not be moved. */
  #arrange(elements) {
    let next = this.body.firstElementChild;
    for (const element of elements) {
      while (element.contains(document.activeElement) && next !== element) {
        const moved = next;
        next = next.nextElementSibling;
        this.body.append(moved);
      }
      if (element === next) next = next.nextElementSibling;
      else this.body.insertBefore(element, next);
    }
  }

  /** @returns {number[]} the rows in the window, and the one that has or would get the focus; in order */
  #wanted() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_PX) - BEYOND);
    const last = Math.min(this.rows.length - 1, first + this.#page() + 2 * BEYOND);
    const wanted = Array.from({ length: Math.max(0, last - first + 1) }, (_, offset) => first + offset);
    const active = this.#places.get(this.#activeId);
    if (active < first) wanted.unshift(active);
    if (active > last) wanted.push(active);
    return wanted;
  }

  #page() {
    return Math.ceil((this.element.clientHeight - this.head.offsetHeight) / ROW_PX);
  }

  #drawAxis(timeline) {
    const marks = timeline.ticks(Math.max(1, Math.min(8, Math.floor(this.axis.clientWidth / TICK_PX))));
    const known = marks.map((mark) => `${mark.label}@${mark.place.toFixed(1)}`).join();
    if (this.axis.dataset.known === known) return;
    this.axis.dataset.known = known;
    this.axis.replaceChildren(
      ...marks.map((mark) => {
        const tick = el("span", { class: "tick", text: mark.label });
        tick.style.left = `${mark.place}%`;
        return tick;
      }),
    );
  }

  /** The focus goes to the row it left, or to the first. */
  focus() {
    if (this.#places.has(this.#activeId)) this.#goTo(this.#places.get(this.#activeId), true);
  }

  /**
   * @param {(node: import("./fold.js").TreeNode) => boolean} wanted
   * @param {import("./fold.js").TreeFold} fold
   * @returns {import("./fold.js").TreeNode | null} the next one in tree order after the active row, also of
   *   folded ones; from the top again after the last
   */
  nextAfterActive(wanted, fold) {
    const all = rowsOf(fold.root, new Set()).map((row) => row.node);
    const active = all.findIndex((node) => node.id === this.#activeId);
    return [...all.slice(active + 1), ...all.slice(0, active + 1)].find(wanted) ?? null;
  }

  /**
   * Unfolds what hides a node and brings it into the window, with the focus if asked.
   * @param {import("./fold.js").TreeNode} node @param {import("./fold.js").TreeFold} fold @param {{focus: boolean}} how
   */
  reveal(node, fold, { focus }) {
    for (const each of ancestors(node)) this.#stale = this.collapsed.delete(each.id) || this.#stale;
    this.follow(fold);
    this.#goTo(this.#places.get(node.id), focus);
  }

  #goTo(index, focus) {
    const top = index * ROW_PX;
    const height = this.element.clientHeight - this.head.offsetHeight;
    const { scrollTop } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_PX > scrollTop + height) this.element.scrollTop = top + ROW_PX - height;
    this.#activeId = this.rows[index].node.id;
    this.#wantsFocus = focus;
    this.on.change();
  }

  /** After drawing: moves the focus to the row that was asked for, which is in the document now. */
  settle() {
    if (!this.#wantsFocus) return;
    this.#wantsFocus = false;
    this.#shown.get(this.#activeId)?.element.focus({ preventScroll: true });
  }

  /** @param {import("./fold.js").TreeNode} node */
  toggle(node) {
    if (!this.collapsed.delete(node.id)) this.collapsed.add(node.id);
    this.#stale = true;
    // The focus must not be left on a row that is folded away.
    this.#activeId = node.id;
    this.on.change();
  }

  /** @param {Event} event @returns {import("./fold.js").TreeNode | null} the node of the row it happened in */
  #nodeAt(event) {
    const row = event.target.closest("[data-node-id]");
    return row === null ? null : this.rows[this.#places.get(row.dataset.nodeId)].node;
  }

  #clicked(event) {
    const node = this.#nodeAt(event);
    if (node === null) return;
    if (event.target.closest(".twisty") !== null && node.children.length > 0) this.toggle(node);
    else this.on.open(node, "pointer");
  }

  #focused(event) {
    const node = this.#nodeAt(event);
    if (node === null || node.id === this.#activeId) return;
    this.#activeId = node.id;
    this.on.change();
  }

  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#places.has(this.#activeId)) return;
    const deed = deedOf(event.key, this.rows, this.#places.get(this.#activeId), this.collapsed, this.#page() - 1);
    if (deed === null) return;
    event.preventDefault();
    if ("focus" in deed) return this.#goTo(deed.focus, true);
    if ("toggle" in deed) return this.toggle(deed.toggle);
    // A key pressed in the same frame may have asked for the focus, which goes to the panel now.
    this.#wantsFocus = false;
    this.on.open(deed.open, "key");
  }
}
