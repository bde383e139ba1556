/**
 * A tree as its events tell it: the rules of the server's `core/state.py`, so that a page that watched a tree grow and
 * one that was opened later show the same. Only what the page draws is kept; texts are asked for node by node.
 */

import { parseMoney } from "./money.js";
import { IllegalMove, TREE_ENDS, movesNode, movesTree, nodeMoved, treeMoved } from "./moves.js";
import { ENDED } from "./status.js";
import { addUsage, noUsage, usageBetween } from "./usage.js";

const LIFE = [
  "tree.created",
  "tree.started",
  "tree.resumed",
  "limits.changed",
  "node.created",
  "node.started",
  "node.check",
  "node.refused",
  "node.completed",
  "node.failed",
  "node.canceled",
];

/**
 * The events to ask for. A node's end tells what it used; while a tree runs, its calls tell it sooner, for their texts.
 * @param {boolean} ended @returns {string[]}
 */
export const foldedTypes = (ended) => (ended ? LIFE : [...LIFE, "call.completed", "call.failed"]);

/**
 * @typedef {object} TreeNode
 * @property {string} id
 * @property {TreeNode | null} parent
 * @property {number} depth
 * @property {number | null} forkStep
 * @property {string} goal
 * @property {string | null} check
 * @property {{sha256: string, chars: number} | null} context
 * @property {string} status
 * @property {number} createdMs epoch
 * @property {number | null} startedMs
 * @property {number | null} endedMs
 * @property {object | null} error
 * @property {import("./usage.js").Usage} usage its own, as `cost`
 * @property {import("./usage.js").Usage} subtreeUsage with its descendants', as `subtreeCost`
 * @property {bigint} cost
 * @property {bigint} subtreeCost
 * @property {Wait[]} waits when children of it were alive, earliest first; only the last may still be open
 * @property {object[]} checks
 * @property {object[]} refusals
 * @property {TreeNode[]} children
 */

/** @typedef {{fromMs: number, toMs: number, alive: number}} Wait `toMs` is the last end so far while any is `alive` */

/** One tree. Starts empty; `apply` its events in order. `grown` counts nodes, and so tells that rows came. */
export class TreeFold {
  /** @type {string | null} */ status = null;
  /** @type {object | null} the data of `tree.created` */ created = null;
  /** @type {object | null} the data of `tree.started` */ started = null;
  /** @type {object | null} the tree as its terminal event has it */ end = null;
  createdMs = 0;
  /** @type {number | null} */ endedMs = null;
  lastSeq = 0;
  maxDepth = 0;
  /** @type {TreeNode | null} */ root = null;
  /** @type {Map<string, TreeNode>} */ nodes = new Map();
  /** @type {Record<string, number>} nodes by status */ counts = {};

  /** @param {object} event as the API sends it. Throws IllegalMove; types that are not known here pass by. */
  apply(event) {
    if (event.seq <= this.lastSeq) throw new IllegalMove(`event ${event.seq} cannot follow event ${this.lastSeq}`);
    if (movesTree(event.type)) this.#applyToTree(event);
    else if (event.type === "node.created") this.#create(event);
    else if (movesNode(event.type)) this.#move(this.#node(event), event);
    else this.#work(event);
    this.lastSeq = event.seq;
  }

  #applyToTree(event) {
    const ends = TREE_ENDS.has(event.type);
    if (ends && this.nodes.size > this.#over()) throw new IllegalMove(`${event.type} while nodes still run`);
    this.status = treeMoved(this.status, event.type);
    if (event.type === "tree.created") {
      this.created = event.data;
      this.createdMs = Date.parse(event.ts);
    } else if (event.type === "tree.started") {
      this.started = event.data;
    } else if (ends) {
      this.end = event.data;
      this.endedMs = Date.parse(event.ts);
    }
  }

  #over() {
    return ["completed", "failed", "canceled"].reduce((sum, status) => sum + (this.counts[status] ?? 0), 0);
  }

  #create(event) {
    if (this.status !== "working" || this.nodes.has(event.node_id)) {
      throw new IllegalMove(`node ${event.node_id} cannot be created`);
    }
    const parent = event.parent_id === null ? null : this.nodes.get(event.parent_id);
    if (parent === undefined || (parent !== null && parent.status !== "working") || (parent === null && this.root)) {
      throw new IllegalMove(`node ${event.node_id} has no place`);
    }
    const node = newNode(event, parent);
    this.nodes.set(node.id, node);
    if (parent === null) this.root = node;
    else adopt(parent, node);
    this.maxDepth = Math.max(this.maxDepth, node.depth);
    this.#count(node.status, 1);
  }

  /** @returns {TreeNode} */
  #node(event) {
    const node = this.nodes.get(event.node_id);
    if (node === undefined) throw new IllegalMove(`${event.type} of a node that was not created`);
    return node;
  }

  #move(node, event) {
    const next = nodeMoved(node.status, event.type);
    if (ENDED.has(next) && node.waits.at(-1)?.alive > 0) {
      throw new IllegalMove(`${event.type} while children still run`);
    }
    this.#count(node.status, -1);
    node.status = next;
    this.#count(next, 1);
    if (event.type === "node.started") {
      node.startedMs = Date.parse(event.ts);
      return;
    }
    node.endedMs = Date.parse(event.ts);
    node.error = event.data.error ?? null;
    // The end tells the node's whole use; what its calls have told of it is not counted twice.
    book(node, usageBetween(node.usage, event.data.usage), money(event.data.cost) - node.cost);
    if (node.parent !== null) release(node.parent, node);
  }

  #work(event) {
    const node = this.#node(event);
    if (node.status !== "working") throw new IllegalMove(`${event.type} of a node that is ${node.status}`);
    if (event.type === "call.completed" || event.type === "call.failed") {
      book(node, event.data.usage, money(event.data.cost));
    } else if (event.type === "node.check") {
      node.checks.push({ turn: event.turn, ...event.data });
    } else if (event.type === "node.refused") {
      node.refusals.push({ turn: event.turn, ...event.data });
    }
  }

  #count(status, by) {
    this.counts[status] = (this.counts[status] ?? 0) + by;
  }
}

/** @returns {TreeNode} */
function newNode(event, parent) {
  return {
    id: event.node_id,
    parent,
    depth: event.depth,
    forkStep: event.fork_step,
    goal: event.data.goal,
    check: event.data.check,
    context: event.data.context,
    status: "submitted",
    createdMs: Date.parse(event.ts),
    startedMs: null,
    endedMs: null,
    error: null,
    usage: noUsage(),
    subtreeUsage: noUsage(),
    cost: 0n,
    subtreeCost: 0n,
    waits: [],
    checks: [],
    refusals: [],
    children: [],
  };
}

function adopt(parent, child) {
  parent.children.push(child);
  const last = parent.waits.at(-1);
  if (last !== undefined && last.alive > 0) last.alive += 1;
  else parent.waits.push({ fromMs: child.createdMs, toMs: child.createdMs, alive: 1 });
}

function release(parent, child) {
  const wait = parent.waits.at(-1);
  wait.alive -= 1;
  wait.toMs = child.endedMs;
}

function book(node, usage, cost) {
  addUsage(node.usage, usage);
  node.cost += cost;
  for (let each = node; each !== null; each = each.parent) {
    addUsage(each.subtreeUsage, usage);
    each.subtreeCost += cost;
  }
}

/** @param {string | null} cost null without a price */
const money = (cost) => (cost === null ? 0n : parseMoney(cost));
