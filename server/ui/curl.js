/** What this page asks the server, as commands to paste into a shell. */

import { address, nodePath, treePath } from "./api.js";

/** @param {string} text @returns {string} as one word of a POSIX shell */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {string} treeId @returns {string} */
export const curlTree = (treeId) => `curl ${quoted(address(`${treePath(treeId)}?nodes=true`))}`;

/** @param {string} treeId @returns {string} */
export const curlEvents = (treeId) => `curl -N ${quoted(address(`${treePath(treeId)}/events`))}`;

/** @param {string} treeId @param {string} nodeId @returns {string} */
export const curlNode = (treeId, nodeId) => `curl ${quoted(address(nodePath(treeId, nodeId)))}`;

/** @param {object} body @returns {string} */
export function curlSolve(body) {
  const lines = [
    `curl ${quoted(address("solve"))}`,
    "-H 'Content-Type: application/json'",
    "-H 'Prefer: respond-async'",
  ];
  return [...lines, `-d ${quoted(JSON.stringify(body, null, 2))}`].join(" \\\n  ");
}

/**
 * The same task again. A tree's events name the context by its digest only, so its place is left to be filled in.
 * @param {object} request the one in `tree.created`
 * @returns {object} a body for POST /solve
 */
export function bodyAgain(request) {
  const body = withoutNulls(request);
  if (body.context !== undefined) body.context = `PUT THE CONTEXT HERE: ${request.context.chars} characters`;
  return body;
}

function withoutNulls(value) {
  const kept = Object.entries(value).filter(([, each]) => each !== null && !(Array.isArray(each) && each.length === 0));
  const deep = kept.map(([name, each]) => [name, name === "limits" || name === "sampling" ? withoutNulls(each) : each]);
  return Object.fromEntries(deep.filter(([, each]) => typeof each !== "object" || Object.keys(each).length > 0));
}
