/** What a key means in the tree: the keyboard of ARIA's treegrid pattern, where rows take the focus. */

/**
 * @typedef {{focus: number} | {toggle: import("./fold.js").TreeNode} | {open: import("./fold.js").TreeNode}} Deed
 */

/**
 * @param {string} key as KeyboardEvent names it
 * @param {import("./order.js").Row[]} rows @param {number} at the focused row
 * @param {Set<string>} collapsed @param {number} page rows that fit the window
 * @returns {Deed | null} null for a key that means nothing here
 */
export function deedOf(key, rows, at, collapsed, page) {
  const { node } = rows[at];
  const last = rows.length - 1;
  const open = node.children.length > 0 && !collapsed.has(node.id);
  switch (key) {
    case "ArrowDown":
      return { focus: Math.min(last, at + 1) };
    case "ArrowUp":
      return { focus: Math.max(0, at - 1) };
    case "PageDown":
      return { focus: Math.min(last, at + page) };
    case "PageUp":
      return { focus: Math.max(0, at - page) };
    case "Home":
      return { focus: 0 };
    case "End":
      return { focus: last };
    case "ArrowRight":
      return rightOf(node, open, at);
    case "ArrowLeft":
      return open ? { toggle: node } : { focus: indexOfParent(rows, at) };
    case "Enter":
    case " ":
      return { open: node };
    default:
      return null;
  }
}

function rightOf(node, open, at) {
  if (open) return { focus: at + 1 };
  return node.children.length > 0 ? { toggle: node } : { focus: at };
}

function indexOfParent(rows, at) {
  const { parent } = rows[at].node;
  for (let index = at - 1; index >= 0; index -= 1) if (rows[index].node === parent) return index;
  return at;
}
