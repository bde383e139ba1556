/** What is known of one tree, kept up to date: its events folded, the API's view of it, and its analysis at the end. */

import { request, treePath } from "./api.js";
import { TreeFold, foldedTypes } from "./fold.js";
import { Follower } from "./follow.js";
import { ENDED } from "./status.js";

const REREAD_MS = 3_000;

/**
 * @typedef {object} FeedListener
 * @property {() => void} change something is known that was not
 * @property {() => void} forget all that was known is void; it comes again
 * @property {(watched: boolean) => void} end the tree has ended, `watched` while this page was open
 * @property {(state: string, message?: string) => void} connection how the events' connection stands: see Follower
 */

export class TreeFeed {
  fold = new TreeFold();
  /** @type {object | null} the tree as the API has it */ tree = null;
  /** @type {object | null} once it has ended */ analysis = null;
  /** @type {Set<string>} ids of nodes, once it has ended */ critical = new Set();
  /** How far the server's clock is ahead of this machine's. */ #aheadMs = 0;
  #follower = null;
  #timer = 0;
  #closed = false;

  /** @param {string} treeId @param {FeedListener} on */
  constructor(treeId, on) {
    this.treeId = treeId;
    this.on = on;
  }

  /** Begin. */
  async open() {
    await this.#reread();
    if (this.#closed) return;
    const ended = this.tree !== null && ENDED.has(this.tree.status);
    if (!ended) this.#timer = setInterval(() => document.hidden || this.#reread(), REREAD_MS);
    this.#follower = new Follower(this.treeId, foldedTypes(ended), {
      events: (events) => this.#take(events, !ended),
      gap: () => this.#forget(),
      state: (state, message) => {
        if (state === "gone") clearInterval(this.#timer);
        this.on.connection(state, message);
      },
    });
    this.#follower.start();
  }

  /** Let go of the server. */
  close() {
    this.#closed = true;
    this.#follower?.stop();
    clearInterval(this.#timer);
  }

  /** @returns {number} epoch milliseconds by the server's clock; of a tree that ended, its end */
  now() {
    return this.fold.endedMs ?? Date.now() + this.#aheadMs;
  }

  async #reread() {
    // The events' connection tells how the server stands.
    const tree = await request(treePath(this.treeId)).catch(() => null);
    if (tree === null || this.#closed || (this.fold.end !== null && !ENDED.has(tree.status))) return;
    this.tree = tree;
    if (!ENDED.has(tree.status)) {
      this.#aheadMs = Date.parse(tree.timing.created_at) + tree.timing.wall_s * 1000 - Date.now();
    }
    this.on.change();
  }

  #take(events, watched) {
    const ended = this.fold.end !== null;
    for (const event of events) this.fold.apply(event);
    if (this.fold.end !== null && !ended) this.#over(watched);
    this.on.change();
  }

  #over(watched) {
    clearInterval(this.#timer);
    this.tree = this.fold.end;
    this.#reread();
    this.#analyse();
    this.on.end(watched);
  }

  async #analyse() {
    this.analysis = await request(`${treePath(this.treeId)}/analysis`).catch(() => null);
    this.critical = new Set(this.analysis?.critical_path ?? []);
    if (!this.#closed) this.on.change();
  }

  #forget() {
    this.fold = new TreeFold();
    this.on.forget();
  }
}
