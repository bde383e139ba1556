/** The rows of a tree: its nodes in tree order, without what is folded away. */

/**
 * @typedef {object} Row
 * @property {import("./fold.js").TreeNode} node
 * @property {number} position among its siblings, from 1
 * @property {number} siblings how many of them there are, itself included
 */

/**
 * @param {import("./fold.js").TreeNode | null} root
 * @param {Set<string>} collapsed ids of nodes whose descendants are not shown
 * @returns {Row[]}
 */
export function rowsOf(root, collapsed) {
  const rows = [];
  // A stack of our own: depth costs no calls.
  const todo = root === null ? [] : [{ node: root, position: 1, siblings: 1 }];
  while (todo.length > 0) {
    const row = todo.pop();
    rows.push(row);
    const children = collapsed.has(row.node.id) ? [] : row.node.children;
    for (let index = children.length - 1; index >= 0; index -= 1) {
      todo.push({ node: children[index], position: index + 1, siblings: children.length });
    }
  }
  return rows;
}

/**
 * @param {import("./fold.js").TreeNode} node
 * @returns {Iterable<import("./fold.js").TreeNode>} its ancestors, nearest first
 */
export function* ancestors(node) {
  for (let each = node.parent; each !== null; each = each.parent) yield each;
}
