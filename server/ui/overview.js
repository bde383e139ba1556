/** The whole tree in a strip: for each depth how many nodes ran when, and where some failed. Drag to look closer. */

import { el } from "./dom.js";
import { plural } from "./format.js";

const BAND_PX = 22;
const LEAST_PX = 44;
const MOST_PX = 96;
const LABEL_PX = 28;
const DRAGGED_PX = 5;

export class Overview {
  #drag = null;
  #drawn = null;

  /**
   * @param {object} on
   * @param {(ms: number, depth: number) => void} on.jump a place was clicked
   * @param {(part: {fromMs: number, toMs: number} | null) => void} on.choose a part of the time, or all
   * @param {() => void} on.change something needs to be drawn
   */
  constructor(on) {
    this.on = on;
    this.canvas = el("canvas", { class: "overview", role: "img", "aria-label": "Overview" });
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.canvas.addEventListener("pointerup", (event) => this.#finish(event));
    this.canvas.addEventListener("pointercancel", () => (this.#drag = null));
    this.canvas.addEventListener("dblclick", () => on.choose(null));
    this.element = el("div", { class: "overview-box" }, this.canvas);
  }

  /**
   * @param {import("./fold.js").TreeFold} fold
   * @param {object} scene
   * @param {number} scene.nowMs @param {import("./timeline.js").Timeline} scene.timeline
   * @param {import("./fold.js").TreeNode | null} scene.selected
   */
  draw(fold, scene) {
    const depths = fold.maxDepth + 1;
    const height = Math.min(MOST_PX, Math.max(LEAST_PX, depths * BAND_PX));
    const width = this.element.clientWidth;
    const shape = {
      width,
      height,
      depths,
      fromMs: fold.createdMs,
      toMs: Math.max(fold.createdMs + 1, fold.endedMs ?? scene.nowMs),
    };
    this.#drawn = shape;
    const pen = this.#pen(width, height);
    const colours = getComputedStyle(this.canvas);
    const found = measured(fold, shape, scene.nowMs);
    drawBands(pen, shape, found, colours);
    if (scene.timeline.isPart) drawPart(pen, shape, scene.timeline, colours);
    if (this.#drag !== null) drawDrag(pen, shape, this.#drag, colours);
    if (scene.selected !== null) drawSelected(pen, shape, scene.selected, scene.nowMs, colours);
    const most = found.most.map((each, depth) => `${each} at depth ${depth}`).join(", ");
    const label = `Nodes that ran at once, by depth: ${most}; ${plural(found.failed, "failure")}`;
    this.canvas.setAttribute("aria-label", label);
  }

  #pen(width, height) {
    const ratio = window.devicePixelRatio || 1;
    const { canvas } = this;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  }

  #begin(event) {
    this.#drag = { fromX: event.offsetX, toX: event.offsetX };
    this.canvas.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (this.#drag === null) return;
    this.#drag.toX = event.offsetX;
    this.on.change();
  }

  #finish(event) {
    if (this.#drag === null || this.#drawn === null) return;
    const { fromX } = this.#drag;
    this.#drag = null;
    const shape = this.#drawn;
    const ends = [momentAt(shape, fromX), momentAt(shape, event.offsetX)].sort((a, b) => a - b);
    if (Math.abs(event.offsetX - fromX) >= DRAGGED_PX) this.on.choose({ fromMs: ends[0], toMs: ends[1] });
    else this.on.jump(ends[0], Math.min(shape.depths - 1, Math.floor((event.offsetY / shape.height) * shape.depths)));
  }
}

const placeOf = (shape, ms) =>
  LABEL_PX + ((ms - shape.fromMs) / (shape.toMs - shape.fromMs)) * (shape.width - LABEL_PX);

function momentAt(shape, x) {
  const share = Math.min(1, Math.max(0, (x - LABEL_PX) / (shape.width - LABEL_PX)));
  return shape.fromMs + share * (shape.toMs - shape.fromMs);
}

/** How many nodes of each depth ran in each column of pixels: their starts and ends, summed from the left. */
function measured(fold, shape, nowMs) {
  const columns = Math.max(1, shape.width);
  const bands = Array.from({ length: shape.depths }, () => new Int32Array(columns + 1));
  const troubles = [];
  for (const node of fold.nodes.values()) {
    const from = Math.floor(placeOf(shape, node.startedMs ?? node.createdMs));
    const to = Math.ceil(placeOf(shape, node.endedMs ?? nowMs));
    bands[node.depth][Math.max(0, Math.min(columns, from))] += 1;
    bands[node.depth][Math.max(0, Math.min(columns, Math.max(from + 1, to)))] -= 1;
    if (node.status === "failed") troubles.push({ depth: node.depth, x: placeOf(shape, node.endedMs) });
  }
  const most = bands.map((band) => {
    let highest = 0;
    for (let x = 1; x < band.length; x += 1) highest = Math.max(highest, (band[x] += band[x - 1]));
    return highest;
  });
  return { bands, most, troubles, failed: troubles.length };
}

function drawBands(pen, shape, { bands, most, troubles }, colours) {
  const height = shape.height / shape.depths;
  pen.font = `10px ${colours.fontFamily}`;
  pen.textBaseline = "middle";
  bands.forEach((band, depth) => {
    const floor = Math.round((depth + 1) * height);
    pen.fillStyle = colours.getPropertyValue("--muted");
    if (height >= 9) pen.fillText(`d${depth}`, 4, floor - height / 2);
    pen.fillStyle = colours.getPropertyValue("--line");
    pen.fillRect(LABEL_PX, floor - 1, shape.width - LABEL_PX, 1);
    pen.fillStyle = colours.getPropertyValue("--band");
    pen.beginPath();
    pen.moveTo(LABEL_PX, floor - 1);
    for (let x = LABEL_PX; x < band.length - 1; x += 1) {
      const tall = band[x] === 0 ? 0 : Math.max(1.5, (band[x] / most[depth]) * (height - 3));
      pen.lineTo(x, floor - 1 - tall);
      pen.lineTo(x + 1, floor - 1 - tall);
    }
    pen.lineTo(shape.width, floor - 1);
    pen.fill();
  });
  pen.fillStyle = colours.getPropertyValue("--failed");
  for (const each of troubles) pen.fillRect(each.x - 1, Math.round(each.depth * height) + 1, 2, height - 2);
}

function drawPart(pen, shape, timeline, colours) {
  const [from, to] = [placeOf(shape, timeline.fromMs), placeOf(shape, timeline.toMs)];
  pen.fillStyle = colours.getPropertyValue("--shade");
  pen.fillRect(LABEL_PX, 0, from - LABEL_PX, shape.height);
  pen.fillRect(to, 0, shape.width - to, shape.height);
}

function drawDrag(pen, shape, drag, colours) {
  pen.strokeStyle = colours.getPropertyValue("--accent");
  pen.strokeRect(Math.min(drag.fromX, drag.toX), 0.5, Math.abs(drag.toX - drag.fromX), shape.height - 1);
}

function drawSelected(pen, shape, node, nowMs, colours) {
  const height = shape.height / shape.depths;
  const from = placeOf(shape, node.startedMs ?? node.createdMs);
  const to = placeOf(shape, node.endedMs ?? nowMs);
  pen.strokeStyle = colours.getPropertyValue("--accent");
  pen.lineWidth = 1.5;
  pen.strokeRect(from - 1, Math.round(node.depth * height) + 1, Math.max(3, to - from + 2), height - 2);
}
