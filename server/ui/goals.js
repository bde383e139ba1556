/** The goals of trees. The list of trees has none: each tree's first event tells its goal, which never changes. */

import { address, treePath } from "./api.js";
import { FrameReader } from "./sse.js";

const AT_ONCE = 3;

/** @type {Map<string, Promise<string | null>>} */ const asked = new Map();
/** @type {(() => void)[]} */ const waiting = [];
let running = 0;

/** @param {string} treeId @returns {Promise<string | null>} null where it cannot be had */
export function goalOf(treeId) {
  if (!asked.has(treeId))
    asked.set(
      treeId,
      inTurn(() => firstGoal(treeId)),
    );
  return asked.get(treeId);
}

/** A browser keeps few connections to one server: most of them are left to whatever else the page asks. */
async function inTurn(ask) {
  if (running >= AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await ask();
  } catch {
    return null;
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function firstGoal(treeId) {
  const enough = new AbortController();
  const answer = await fetch(address(`${treePath(treeId)}/events?types=tree.created`), { signal: enough.signal });
  if (!answer.ok) return null;
  try {
    const frames = new FrameReader();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const first = frames.read(piece.value).find((frame) => frame.event === "tree.created");
      if (first !== undefined) return JSON.parse(first.data).data.request.goal;
    }
    return null;
  } finally {
    enough.abort();
  }
}
