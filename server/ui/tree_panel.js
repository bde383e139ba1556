/** The tree as a whole, beside its nodes: what came of it, what it took, and what its split looks like. */

import { el } from "./dom.js";
import { costText, errorText, facts, usageText } from "./facts.js";
import { count, duration, plainText, plural, shortened, times, wholeMoment } from "./format.js";
import { textBlock } from "./text_block.js";

const MOST_NODES = 6;

export class TreePanel {
  #known = "";

  /** @param {(nodeId: string) => void} onNode a node that a sign names was chosen */
  constructor(onNode) {
    this.onNode = onNode;
    this.content = el("div", { class: "stack" });
    this.element = el(
      "div",
      { class: "panel-content" },
      el("header", { class: "panel-head" }, el("h2", { text: "This tree" })),
      this.content,
    );
  }

  /**
   * @param {object} tree of the API @param {import("./fold.js").TreeFold} fold
   * @param {object | null} analysis of the API, once the tree has ended
   */
  show(tree, fold, analysis) {
    const lasting = tree.timing.ended_at === null ? [tree.partial, tree.limits, tree.timing.started_at] : tree;
    const known = JSON.stringify([lasting, analysis, fold.created === null]);
    if (known === this.#known) return;
    this.#known = known;
    const request = fold.created?.request ?? null;
    this.content.replaceChildren(
      ...outcome(tree),
      ...(request === null ? [] : [textBlock("Goal", request.goal)]),
      ...(analysis === null ? [] : this.#signs(analysis, fold)),
      figures(tree, analysis),
      ...byModel(tree),
      ...settings(tree, request),
    );
  }

  #signs(analysis, fold) {
    if (analysis.signs.length === 0)
      return [section("Signs", el("p", { class: "muted", text: "None: nothing about the split looks wrong." }))];
    const list = el("ul", { class: "signs" });
    for (const same of byRule(analysis.signs)) list.append(this.#sign(same, fold));
    return [section("Signs", list)];
  }

  /** @param {object[]} same signs of one rule */
  #sign(same, fold) {
    const ids = [...new Set(same.flatMap((sign) => sign.node_ids))];
    const often = same.length === 1 ? "" : `, ${count(same.length)} times`;
    const nodes = el(
      "div",
      { class: "sign-nodes" },
      ...ids.slice(0, MOST_NODES).map((id) => this.#nodeButton(id, fold)),
    );
    if (ids.length > MOST_NODES) nodes.append(`and ${count(ids.length - MOST_NODES)} more`);
    return el(
      "li",
      {},
      el("strong", { text: same[0].kind.replaceAll("_", " ") + often }),
      `: ${same[0].message}`,
      nodes,
    );
  }

  #nodeButton(id, fold) {
    const goal = fold.nodes.get(id)?.goal ?? id;
    return el("button", { type: "button", class: "link", text: shortened(goal, 40), onclick: () => this.onNode(id) });
  }
}

/** @param {object[]} signs @returns {object[][]} those of one rule together */
function byRule(signs) {
  const rules = new Map();
  for (const sign of signs) rules.set(sign.rule, [...(rules.get(sign.rule) ?? []), sign]);
  return [...rules.values()];
}

function section(heading, ...content) {
  return el("section", { class: "text-block" }, el("header", {}, el("h4", { text: heading })), ...content);
}

function outcome(tree) {
  const blocks = [];
  if (tree.error !== null) blocks.push(textBlock("Why it ended", errorText(tree.error), { as: "error" }));
  if (tree.status === "completed") blocks.push(textBlock("Answer", plainText(tree.answer), { as: "code" }));
  else if (tree.partial !== null)
    blocks.push(textBlock("Best effort so far", plainText(tree.partial.answer), { as: "code" }));
  return blocks;
}

function figures(tree, analysis) {
  const { timing } = tree;
  const share = analysis?.parallel_share ?? null;
  return facts([
    ["Started", timing.started_at === null ? "not yet" : wholeMoment(timing.started_at)],
    // Until the end the head has them, to the moment.
    ["Tokens", timing.ended_at === null ? null : usageText(tree.usage)],
    ["Cost", timing.ended_at === null ? null : (costText(tree.cost) ?? `no price for ${tree.model ?? "its model"}`)],
    ["Price sheet", tree.cost?.price_version ?? null],
    ["Work", timing.work_s === null ? null : `${duration(timing.work_s)} of calls and cells`],
    ["Critical path", timing.critical_path_s === null ? null : `${duration(timing.critical_path_s)} at the least`],
    [
      "Speed-up",
      analysis?.speedup == null
        ? null
        : `${times(analysis.speedup)} against one at a time; at most ${times(analysis.ideal_speedup ?? 1)}`,
    ],
    ["Parallel share", share === null ? null : `${Math.round(share * 100)} %`],
  ]);
}

function byModel(tree) {
  if ((tree.by_model ?? []).length < 2) return [];
  return [
    section(
      "By model",
      facts(
        tree.by_model.map((each) => [
          each.model,
          [usageText(each.usage), costText(each.cost)].filter(Boolean).join(" · "),
        ]),
      ),
    ),
  ];
}

function settings(tree, request) {
  const { limits, mode } = tree;
  const blocks = [
    facts([
      ["Model", tree.model],
      [
        "Mode",
        mode.effective === mode.requested
          ? mode.effective
          : `${mode.effective ?? "undecided"} (asked for: ${mode.requested})`,
      ],
      ["Context", request?.context == null ? null : plural(request.context.chars, "character")],
      ["Check", request?.check == null ? null : el("code", { text: request.check })],
      ["Limits", limitsText(limits)],
      ["Tree id", el("code", { text: tree.tree_id })],
      ["Trace id", el("code", { text: tree.trace_id })],
    ]),
  ];
  if (Object.keys(tree.metadata).length > 0)
    blocks.push(textBlock("Metadata", plainText(tree.metadata), { as: "code" }));
  return blocks;
}

function limitsText(limits) {
  const cost = limits.max_cost === null ? [] : [`$${limits.max_cost}`];
  const tokens = `${count(limits.max_tokens)} tokens`;
  const all = [
    `depth ${limits.max_depth}`,
    plural(limits.max_nodes, "node"),
    tokens,
    ...cost,
    duration(limits.deadline_s),
  ];
  return all.join(", ");
}
