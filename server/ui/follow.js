/** Follows a tree's events, through broken connections and restarts of the server, until its terminal event. */

import { address, refused, treePath } from "./api.js";
import { IllegalMove } from "./moves.js";
import { FrameReader } from "./sse.js";

const ENDS = new Set(["tree.completed", "tree.failed", "tree.canceled"]);

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
// The server pings each 15 s: what has said nothing for so long is no connection any more.
const SILENCE_MS = 45_000;

/**
 * @typedef {object} Listener
 * @property {(events: object[]) => void} events what came in one piece, in order
 * @property {() => void} gap forget what is known: all there is comes again
 * @property {(state: "connecting" | "live" | "waiting" | "ended" | "gone", message?: string) => void} state
 */

/** One tree's events. `start` once; `stop` at any time. */
export class Follower {
  #cursor = 0;
  #ended = false;
  #failures = 0;
  #retryMs = FIRST_PAUSE_MS;
  #stopping = new AbortController();

  /** @param {string} treeId @param {string[]} types @param {Listener} listener */
  constructor(treeId, types, listener) {
    this.treeId = treeId;
    this.types = types;
    this.listener = listener;
  }

  /** Runs until the tree has ended or is gone, or `stop` is called. */
  async start() {
    while (!this.#stopping.signal.aborted && !this.#ended) {
      this.listener.state("connecting");
      try {
        await this.#once();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        if (error.status === 404) return this.listener.state("gone", error.message);
        if (error instanceof IllegalMove) this.#startOver();
        this.#failures += 1;
      }
      if (!this.#ended) await this.#pause();
    }
    if (this.#ended) this.listener.state("ended");
  }

  /** Let go of the connection. */
  stop() {
    this.#stopping.abort();
  }

  async #once() {
    const connection = new AbortController();
    const leave = () => connection.abort();
    this.#stopping.signal.addEventListener("abort", leave);
    try {
      await this.#read(connection);
    } finally {
      connection.abort();
      this.#stopping.signal.removeEventListener("abort", leave);
    }
  }

  async #read(connection) {
    const headers = { Accept: "text/event-stream" };
    if (this.#cursor > 0) headers["Last-Event-ID"] = String(this.#cursor);
    const path = `${treePath(this.treeId)}/events?types=${this.types.join(",")}`;
    const answer = await fetch(address(path), { headers, signal: connection.signal, cache: "no-store" });
    if (answer.status === 204) this.#ended = true;
    if (answer.status === 204) return;
    if (!answer.ok) throw await refused(answer);
    this.listener.state("live");
    const frames = new FrameReader();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let patience = setTimeout(() => connection.abort(), SILENCE_MS);
    try {
      for (let piece = await reader.read(); !piece.done && !this.#ended; piece = await reader.read()) {
        clearTimeout(patience);
        patience = setTimeout(() => connection.abort(), SILENCE_MS);
        if (this.#take(frames.read(piece.value)) === "gap") return;
      }
    } finally {
      clearTimeout(patience);
    }
  }

  /** @param {import("./sse.js").Frame[]} frames @returns {"gap" | "read"} */
  #take(frames) {
    const events = [];
    for (const frame of frames) {
      if (frame.retry !== null) this.#retryMs = frame.retry;
      if (frame.data === null) continue;
      const event = JSON.parse(frame.data);
      if (event.type === "stream.gap") {
        this.#startOver();
        this.#retryMs = 0;
        return "gap";
      }
      this.#cursor = event.seq;
      this.#ended = ENDS.has(event.type);
      events.push(event);
    }
    if (events.length > 0) {
      this.#failures = 0;
      this.listener.events(events);
    }
    return "read";
  }

  #startOver() {
    this.#cursor = 0;
    this.#ended = false;
    this.listener.gap();
  }

  async #pause() {
    const base = Math.min(LONGEST_PAUSE_MS, this.#retryMs * 2 ** Math.min(this.#failures, 6));
    this.listener.state("waiting");
    // Spread out, so that all pages do not come back in the same moment after a restart.
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, base * (0.5 + Math.random() / 2));
      this.#stopping.signal.addEventListener("abort", () => resolve(clearTimeout(timer)));
    });
  }
}
