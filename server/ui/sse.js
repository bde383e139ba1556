/** Server-sent events, read from a fetch: unlike EventSource it tells of 404, and hands over what came in one piece. */

/**
 * @typedef {object} Frame
 * @property {string} event its type; "message" where none is named
 * @property {string | null} data null for a frame that only sets `retry`
 * @property {number | null} retry milliseconds to wait before coming back
 */

/** Cuts a stream of text into frames. */
export class FrameReader {
  #rest = "";

  /** @param {string} text what came @returns {Frame[]} the frames that are whole now */
  read(text) {
    this.#rest += text;
    // A carriage return at the end may be half a line's end.
    const safe = this.#rest.endsWith("\r") ? this.#rest.length - 1 : this.#rest.length;
    const blocks = this.#rest.slice(0, safe).replaceAll("\r\n", "\n").replaceAll("\r", "\n").split("\n\n");
    this.#rest = blocks.pop() + this.#rest.slice(safe);
    return blocks.map(frame).filter((each) => each !== null);
  }
}

/** @param {string} block lines without the empty one after them @returns {Frame | null} null for a comment */
function frame(block) {
  const found = { event: "message", data: null, retry: null };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    const field = line.slice(0, colon);
    if (field === "event") found.event = value;
    else if (field === "data") found.data = found.data === null ? value : `${found.data}\n${value}`;
    else if (field === "retry" && /^\d+$/.test(value)) found.retry = Number(value);
  }
  return found.data === null && found.retry === null ? null : found;
}
