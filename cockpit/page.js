// SPDX-License-Identifier: Apache-2.0
// The page: its tabs, its theme and its language.
/* global cockpit */
import { search } from "./search.js";
import { lists } from "./lists.js";
import { rules } from "./rules.js";
import { state } from "./state.js";
import { admin } from "./tldctl.js";
import { _, el } from "./view.js";

const tabs = [["search", _("Search"), search], ["lists", _("Lists"), lists], ["rules", _("Rules"), rules], ["state", _("State"), state]];

/** As the shell around the page is coloured. */
function applyTheme() {
  const style = localStorage.getItem("shell:style") ?? "auto";
  const dark = style === "dark" || (style === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("pf-theme-dark", dark);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyTheme);
addEventListener("storage", applyTheme);
addEventListener("cockpit-style", applyTheme);
applyTheme();

let leave = null;

/** A tab is a function that draws itself into an element, and returns what is to be done when it is left. */
function show() {
  const [name, , draw] = tabs.find(([id]) => id === cockpit.location.path[0]) ?? tabs[0];
  for (const tab of document.querySelectorAll("#tabs button")) {
    tab.setAttribute("aria-selected", String(tab.id === `tab-${name}`));
    tab.tabIndex = tab.id === `tab-${name}` ? 0 : -1;
  }
  leave?.();
  const panel = el("div", { role: "tabpanel", "aria-labelledby": `tab-${name}` });
  document.getElementById("content").replaceChildren(panel);
  leave = draw(panel);
}

document.getElementById("tabs").append(...tabs.map(([id, title], i) => el("button", {
  type: "button", role: "tab", id: `tab-${id}`,
  onclick: () => cockpit.location.go([id]),
  onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) document.getElementById(`tab-${tabs.at((i + step) % tabs.length)[0]}`).focus();
  },
}, title)));

let shown = null;
function located() {
  const path = cockpit.location.path[0] ?? "search";
  if (path === shown) return;  // the search keeps its own options
  shown = path;
  show();
}
cockpit.addEventListener("locationchanged", located);
// What may be seen changes with the user's rights.
let wasAdmin = admin.allowed;
admin.addEventListener("changed", () => {
  if (wasAdmin !== null && wasAdmin !== admin.allowed) location.reload();
  wasAdmin = admin.allowed;
});
cockpit.translate();
document.title = _("Threat hunting");
located();
