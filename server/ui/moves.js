/** The states of trees and nodes and the moves between them: the tables of the server's `core/transitions.py`. */

/** An event that cannot follow the ones before. */
export class IllegalMove extends Error {}

const TREE_MOVES = {
  "tree.created": { null: "submitted" },
  "tree.started": { submitted: "working" },
  "tree.resumed": { working: "working" },
  "limits.changed": { submitted: "submitted", working: "working" },
  "tree.completed": { working: "completed" },
  "tree.failed": { submitted: "failed", working: "failed" },
  "tree.canceled": { submitted: "canceled", working: "canceled" },
};

const NODE_MOVES = {
  "node.started": { submitted: "working" },
  "node.completed": { working: "completed" },
  "node.failed": { submitted: "failed", working: "failed" },
  "node.canceled": { submitted: "canceled", working: "canceled" },
};

export const TREE_ENDS = new Set(["tree.completed", "tree.failed", "tree.canceled"]);

/** @param {string} type @returns {boolean} whether this event changes a node's status */
export const movesNode = (type) => type in NODE_MOVES;

/** @param {string} type @returns {boolean} whether this event is about the tree itself */
export const movesTree = (type) => type in TREE_MOVES;

/** @param {string | null} status @param {string} type @returns {string} the tree's next status. Throws IllegalMove. */
export const treeMoved = (status, type) => moved(TREE_MOVES, status, type);

/** @param {string} status @param {string} type @returns {string} the node's next status. Throws IllegalMove. */
export const nodeMoved = (status, type) => moved(NODE_MOVES, status, type);

function moved(table, status, type) {
  const next = table[type][status];
  if (next === undefined) throw new IllegalMove(`${type} cannot follow status ${status}`);
  return next;
}
