/** A tree's page: draws what is known of the tree, at most once a frame, and does what is asked of it. */

import { say } from "./announce.js";
import { el } from "./dom.js";
import { count, duration } from "./format.js";
import { Grid } from "./grid.js";
import { NodePanel } from "./node_panel.js";
import { Overview } from "./overview.js";
import { RECOLOURED } from "./theme.js";
import { Timeline } from "./timeline.js";
import { TreeFeed } from "./tree_feed.js";
import { TreeHead } from "./tree_head.js";
import { TreePanel } from "./tree_panel.js";

const TICK_MS = 250;
const OVERVIEW_MS = 200;
const CONNECTION = {
  live: null,
  ended: null,
  waiting: "The connection was lost. Trying again …",
  gone: "It may have been deleted, or the server keeps nothing over a restart.",
};

export class TreePage {
  #timeline = new Timeline();
  #selectedId = null;
  #panel = null;
  #frame = 0;
  #overviewMs = 0;
  #overviewStale = true;
  #drawAll = () => {
    this.#overviewStale = true;
    this.#draw();
  };

  /**
   * @param {string} treeId
   * @param {string | null} nodeId the node to show at once
   * @param {(nodeId: string | null) => void} onSelect another node is shown, or the tree as a whole
   */
  constructor(treeId, nodeId, onSelect) {
    this.treeId = treeId;
    this.wantedId = nodeId;
    this.onSelect = onSelect;
    this.feed = new TreeFeed(treeId, {
      change: () => this.#changed(),
      forget: () => this.grid.reset(),
      end: (watched) => this.#ended(watched),
      connection: (state, message) => this.#connection(state, message),
    });
    this.#build();
    this.ticking = setInterval(this.#drawAll, TICK_MS);
    this.resized = new ResizeObserver(this.#drawAll);
    this.resized.observe(this.grid.element);
    window.addEventListener(RECOLOURED, this.#drawAll);
    this.feed.open();
  }

  #build() {
    const task = () => this.feed.fold.created?.request ?? null;
    this.head = new TreeHead(this.treeId, task, (status) => this.#next(status));
    this.grid = new Grid({ change: () => this.#draw(), open: (node, by) => this.#select(node, by) });
    this.overview = new Overview({
      change: this.#drawAll,
      jump: (ms, depth) => this.#jump(ms, depth),
      choose: (part) => this.#zoom(part),
    });
    this.summary = new TreePanel((id) => this.#reveal(id));
    this.whole = el("button", { type: "button", class: "quiet", hidden: true, text: "Show all of the time" });
    this.whole.addEventListener("click", () => this.#zoom(null));
    this.panel = el("aside", { class: "panel", "aria-label": "Details" }, this.summary.element);
    const toolbar = el("div", { class: "toolbar" }, legend(), this.whole);
    const main = el("div", { class: "tree-main" }, this.overview.element, toolbar, this.grid.element);
    this.element = el("div", { class: "tree-page" }, this.head.element, main, this.panel);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#panel === null || event.target.closest(".menu") !== null) return;
      this.#select(null, "key");
    });
  }

  /** Leave: nothing goes on behind another page. */
  close() {
    this.feed.close();
    this.#panel?.close();
    this.resized.disconnect();
    window.removeEventListener(RECOLOURED, this.#drawAll);
    clearInterval(this.ticking);
    cancelAnimationFrame(this.#frame);
  }

  #changed() {
    if (this.wantedId !== null && this.feed.fold.nodes.has(this.wantedId)) {
      const id = this.wantedId;
      this.wantedId = null;
      this.#reveal(id);
    }
    this.#drawAll();
  }

  #ended(watched) {
    clearInterval(this.ticking);
    const { end, createdMs, endedMs } = this.feed.fold;
    const took = duration((endedMs - createdMs) / 1000);
    if (watched) say(`The tree is ${end.status}: ${count(end.nodes.total)} nodes in ${took}.`);
  }

  #connection(state, message) {
    if (state === "gone") clearInterval(this.ticking);
    if (state in CONNECTION)
      this.head.tell(message === undefined ? CONNECTION[state] : `${message} ${CONNECTION[state]}`);
  }

  #draw() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame((ms) => {
      this.#frame = 0;
      this.#paint(ms);
    });
  }

  #paint(ms) {
    const { fold, tree, analysis, critical } = this.feed;
    const nowMs = this.feed.now();
    this.head.show(fold, tree, nowMs);
    if (tree !== null) this.summary.show(tree, fold, analysis);
    this.#panel?.update();
    if (fold.createdMs === 0) return;
    this.#timeline.span(fold.createdMs, nowMs);
    this.grid.element.classList.toggle("unpriced", tree?.cost === null);
    this.grid.follow(fold);
    const { collapsed } = this.grid;
    this.grid.draw({ timeline: this.#timeline, nowMs, collapsed, critical, selectedId: this.#selectedId });
    this.grid.settle();
    if (this.#overviewStale) this.#paintOverview(ms, nowMs);
  }

  #paintOverview(ms, nowMs) {
    // Some milliseconds of work for a large tree: not in every frame of a burst.
    if (ms - this.#overviewMs < OVERVIEW_MS) return this.#draw();
    this.#overviewMs = ms;
    this.#overviewStale = false;
    const selected = this.feed.fold.nodes.get(this.#selectedId) ?? null;
    this.overview.draw(this.feed.fold, { nowMs, timeline: this.#timeline, selected });
  }

  /**
   * @param {import("./fold.js").TreeNode | null} node null goes back to the tree as a whole
   * @param {"key" | "pointer"} by a pointer leaves the focus on the row, unless the panel covers it
   */
  #select(node, by) {
    this.#panel?.close();
    this.#selectedId = node?.id ?? null;
    this.#panel = node === null ? null : new NodePanel(this.treeId, node, () => this.#select(null, "key"));
    this.panel.classList.toggle("of-node", node !== null);
    this.panel.replaceChildren((this.#panel ?? this.summary).element);
    this.panel.scrollTop = 0;
    if (node === null) this.grid.focus();
    else if (by === "key" || getComputedStyle(this.panel).position === "fixed") this.#panel.title.focus();
    this.onSelect(this.#selectedId);
    this.#drawAll();
  }

  #reveal(nodeId) {
    const node = this.feed.fold.nodes.get(nodeId);
    if (node === undefined) return;
    this.grid.reveal(node, this.feed.fold, { focus: false });
    this.#select(node, "key");
  }

  /** To the next node of a status below the active row, from the top again after the last. */
  #next(status) {
    const node = this.grid.nextAfterActive((each) => each.status === status, this.feed.fold);
    if (node !== null) this.grid.reveal(node, this.feed.fold, { focus: true });
  }

  /** To the node of a depth that ran at a time, or nearest to it. */
  #jump(ms, depth) {
    const { fold } = this.feed;
    const nowMs = this.feed.now();
    const away = (node) => Math.max(0, (node.startedMs ?? node.createdMs) - ms, ms - (node.endedMs ?? nowMs));
    let nearest = null;
    for (const node of fold.nodes.values()) {
      if (node.depth === depth && (nearest === null || away(node) < away(nearest))) nearest = node;
    }
    if (nearest !== null) this.grid.reveal(nearest, fold, { focus: true });
  }

  #zoom(part) {
    this.#timeline.choose(part);
    this.whole.hidden = part === null;
    this.#drawAll();
  }
}

function legend() {
  const entries = { "own-work": "its own work", waits: "waits for children", queued: "queued", path: "critical path" };
  const spans = Object.entries(entries).map(([name, text]) =>
    el("span", { class: `legend-entry ${name}` }, el("span", { class: "swatch" }), text),
  );
  return el("div", { class: "legend", "aria-hidden": "true" }, ...spans);
}
