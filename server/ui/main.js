/** Which page is shown: `#/` is the list, `#/trees/{id}` a tree, `#/trees/{id}/nodes/{id}` one of its nodes. */

import { el } from "./dom.js";
import { ListPage } from "./list_page.js";
import { themeSwitch } from "./theme.js";
import { TreePage } from "./tree_page.js";

const ROUTE = /^#\/trees\/([A-Za-z0-9_-]{1,64})(?:\/nodes\/([A-Za-z0-9_-]{1,64}))?$/;

const main = document.getElementById("main");
let page = null;

function show() {
  const found = ROUTE.exec(window.location.hash);
  page?.close();
  page = found === null ? new ListPage() : treePage(found[1], found[2] ?? null);
  document.title = found === null ? "Trees · rao" : `${found[1]} · rao`;
  document.body.className = found === null ? "of-list" : "of-tree";
  document.getElementById("crumb").replaceChildren(found === null ? "" : el("code", { text: found[1] }));
  main.replaceChildren(page.element);
}

function treePage(treeId, nodeId) {
  const place = (id) => (id === null ? `#/trees/${treeId}` : `#/trees/${treeId}/nodes/${id}`);
  return new TreePage(treeId, nodeId, (id) => window.history.replaceState(null, "", place(id)));
}

document.querySelector(".skip").addEventListener("click", (event) => {
  // An address of its own would leave the page that is shown.
  event.preventDefault();
  main.focus();
});
themeSwitch(document.getElementById("theme"));
window.addEventListener("hashchange", show);
show();
