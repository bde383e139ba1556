/** The server's API, found beside this page, wherever a proxy may have put the two. */

const ROOT = new URL("../", window.location.href);

/** What the server refused, in its own words. */
class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path without a slash before it @returns {string} its whole address */
export const address = (path) => new URL(path, ROOT).href;

/** @param {string} treeId @returns {string} */
export const treePath = (treeId) => `trees/${encodeURIComponent(treeId)}`;

/** @param {string} treeId @param {string} nodeId @returns {string} */
export const nodePath = (treeId, nodeId) => `${treePath(treeId)}/nodes/${encodeURIComponent(nodeId)}`;

/**
 * @param {string} path @param {RequestInit} [options]
 * @returns {Promise<any>} the JSON answered. Throws ApiError; status 0 is a server that was not reached.
 */
export async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(address(path), { headers: { Accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (!answer.ok) throw await refused(answer);
  return answer.json();
}

/** @param {Response} answer @returns {Promise<ApiError>} what its problem document says */
export async function refused(answer) {
  const problem = await answer.json().catch(() => null);
  const said = [problem?.title, problem?.detail].filter(Boolean).join(": ");
  return new ApiError(answer.status, said || `The server answered with status ${answer.status}.`);
}
