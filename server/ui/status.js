/** What a status looks like: an icon and a word beside every colour. */

import { el, icon } from "./dom.js";

export const STATUSES = ["submitted", "working", "completed", "failed", "canceled"];
export const ENDED = new Set(["completed", "failed", "canceled", "rejected"]);

const PATHS = {
  submitted: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11",
  working: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2.2 1.6",
  completed: "M3 8.5l3.4 3.4L13 4.8",
  failed: "M4 4l8 8M12 4l-8 8",
  canceled: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 11.8l7.6-7.6",
};

/** @param {string} status @returns {SVGSVGElement} */
export const statusIcon = (status) => icon(PATHS[status] ?? PATHS.failed, `icon status-icon ${status}`);

/** @param {string} status @returns {HTMLElement} icon and word */
export const statusBadge = (status) =>
  el("span", { class: `badge ${status}`, "data-status": status }, statusIcon(status), el("span", { text: status }));
