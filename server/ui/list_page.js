/** The list of trees: newest first, by status if asked, a page at a time; it keeps itself up to date. */

import { request, treePath } from "./api.js";
import { copyButton } from "./copy.js";
import { curlSolve } from "./curl.js";
import { el } from "./dom.js";
import { compact, count, duration, moment, oneLine, shortened, wholeMoment } from "./format.js";
import { formatMoney, parseMoney } from "./money.js";
import { STATUSES, statusBadge } from "./status.js";
import { totalTokens } from "./usage.js";

const PAGE = 50;
const REFRESH_MS = 3_000;
const COLUMNS = [
  ["Status", ""],
  ["Goal", "goal"],
  ["Nodes", "figure"],
  ["Tokens", "figure"],
  ["Cost", "figure"],
  ["Took", "figure"],
  ["Started", "figure when"],
];

export class ListPage {
  #status = "";
  #trees = [];
  #cursor = null;
  #rows = new Map();
  #asked = 0;
  #timer;

  constructor() {
    this.body = el("tbody");
    this.filter = el("select", { id: "status-filter", onchange: () => this.#filtered() });
    this.filter.append(
      el("option", { value: "", text: "any status" }),
      ...STATUSES.map((status) => el("option", { value: status, text: status })),
    );
    this.notice = el("p", { class: "notice", role: "status", hidden: true });
    this.more = el("button", { type: "button", hidden: true, text: "Load more", onclick: () => this.#loadMore() });
    this.table = el(
      "table",
      { class: "trees" },
      el("caption", { class: "sr-only", text: "Trees, newest first" }),
      head(),
      this.body,
    );
    this.empty = el("div", { class: "empty", hidden: true });
    this.element = el(
      "div",
      { class: "list-page" },
      el(
        "header",
        { class: "list-head" },
        el("h1", { text: "Trees" }),
        el("label", { for: "status-filter", text: "Show" }),
        this.filter,
      ),
      this.notice,
      this.table,
      this.empty,
      this.more,
    );
    this.#refresh();
    this.#timer = setInterval(() => document.hidden || this.#refresh(), REFRESH_MS);
  }

  /** Leave. */
  close() {
    clearInterval(this.#timer);
  }

  #query(after) {
    const asked = new URLSearchParams({ limit: String(PAGE) });
    if (this.#status !== "") asked.set("status", this.#status);
    if (after !== null) asked.set("after", after);
    return `trees?${asked}`;
  }

  /** Asks, and takes the answer unless something else was asked for meanwhile. */
  async #ask(after, take) {
    this.#asked += 1;
    const turn = this.#asked;
    try {
      const page = await request(this.#query(after));
      if (turn !== this.#asked) return;
      this.notice.hidden = true;
      take(page);
      this.#show();
    } catch (error) {
      this.notice.textContent = `${error.message} Trying again …`;
      this.notice.hidden = false;
    }
  }

  #refresh() {
    return this.#ask(null, (page) => {
      const fresh = new Set(page.data.map((tree) => tree.tree_id));
      const last = page.data.at(-1)?.tree_id;
      const known = this.#trees.findIndex((tree) => tree.tree_id === last);
      // What was loaded beyond the first page stays below it.
      const beyond =
        known < 0 || !page.has_more ? [] : this.#trees.slice(known + 1).filter((tree) => !fresh.has(tree.tree_id));
      if (beyond.length === 0) this.#cursor = page.next_cursor;
      this.#trees = [...page.data, ...beyond];
    });
  }

  #loadMore() {
    return this.#ask(this.#cursor, (page) => {
      this.#cursor = page.next_cursor;
      this.#trees = [...this.#trees, ...page.data];
    });
  }

  #filtered() {
    this.#status = this.filter.value;
    this.#trees = [];
    this.#refresh();
  }

  #show() {
    const rows = this.#trees.map((tree) => this.#row(tree));
    this.#rows = new Map(rows.map((row) => [row.dataset.treeId, row]));
    rows.forEach((row, index) => {
      if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] ?? null);
    });
    while (this.body.children.length > rows.length) this.body.lastElementChild.remove();
    this.table.hidden = rows.length === 0;
    this.more.hidden = this.#cursor === null;
    this.empty.hidden = rows.length > 0;
    if (rows.length === 0 && this.empty.dataset.status !== this.#status) this.#showEmpty();
  }

  #showEmpty() {
    this.empty.dataset.status = this.#status;
    if (this.#status !== "") return this.empty.replaceChildren(el("p", { text: `No tree is ${this.#status}.` }));
    const command = curlSolve({ goal: "How many lines mention a fruit?", context: "an apple\na stone\ntwo pears" });
    this.empty.replaceChildren(
      el("h2", { text: "No trees yet" }),
      el("p", { text: "Submit a task, and watch it here:" }),
      el("pre", { class: "text code", tabindex: "0", text: command }),
      copyButton("Copy", () => command, "Copy the command"),
    );
  }

  #row(tree) {
    const shown = this.#rows.get(tree.tree_id);
    const known = JSON.stringify([tree.status, tree.nodes, tree.usage, tree.cost, tree.timing]);
    if (shown?.dataset.known === known) return shown;
    const row = shown ?? el("tr", { "data-tree-id": tree.tree_id });
    // A row is rebuilt only where its tree changed: the link that has the focus must not go away under it.
    const link = shown?.querySelector("a") ?? treeLink(tree);
    row.dataset.known = known;
    const cells = [
      el("td", {}, statusBadge(tree.status)),
      el("td", { class: "figure", text: count(tree.nodes.total) }),
      el("td", {
        class: "figure",
        text: compact(totalTokens(tree.usage)),
        title: `${count(totalTokens(tree.usage))} tokens`,
      }),
      el("td", { class: "figure", text: tree.cost === null ? "–" : formatMoney(parseMoney(tree.cost.amount)) }),
      el("td", { class: "figure", text: duration(tree.timing.wall_s) }),
      el("td", {
        class: "figure when",
        text: moment(tree.timing.created_at),
        title: wholeMoment(tree.timing.created_at),
      }),
    ];
    const goal = link.closest("td") ?? el("td", { class: "goal" }, link);
    for (const cell of [...row.children]) if (cell !== goal) cell.remove();
    if (goal.parentElement !== row) row.append(goal);
    goal.before(cells[0]);
    goal.after(...cells.slice(1));
    return row;
  }
}

function head() {
  return el("thead", {}, el("tr", {}, ...COLUMNS.map(([text, name]) => el("th", { scope: "col", class: name, text }))));
}

function treeLink(tree) {
  // A tree that ended under an earlier release tells no goal.
  const goal = tree.goal ?? tree.tree_id;
  return el("a", { href: `#/${treePath(tree.tree_id)}`, text: shortened(oneLine(goal), 200), title: goal });
}
