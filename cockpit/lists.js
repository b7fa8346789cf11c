// SPDX-License-Identifier: Apache-2.0
// The lists: entries, and what may be done to them.
/* global cockpit */
import { ask, tell } from "./tldctl.js";
import { _, el, shown } from "./view.js";

/** What the shipped rules ask these lists for. */
const VALUES = new Map([
  ["suspicious-programs", ["red", "orange", "yellow"]],
  ["audit-keys", ["write", "read", "attribute", "execute", "command"]],
]);
const MOST_SHOWN = 2000;

export function lists(panel) {
  let name = null;
  let entries = [];
  const names = el("select", { "aria-label": _("List"), onchange: () => load(names.value) });
  const wanted = el("input", { type: "search", "aria-label": _("Filter entries"), placeholder: _("Filter entries"), oninput: () => draw() });
  const key = el("input", { required: true, "aria-label": _("Key"), placeholder: _("Key") });
  const value = el("input", { "aria-label": _("Value"), placeholder: _("Value"), list: "values" });
  const values = el("datalist", { id: "values" });
  const message = el("div", { class: "problem", role: "alert", hidden: true });
  const done = el("p", { class: "note", role: "status" });
  const body = el("tbody");
  panel.append(
    el("div", { class: "tools" }, names, wanted,
      el("form", { onsubmit: (event) => { event.preventDefault(); change(["add", name, key.value, value.value], key.value); } },
        key, " ", value, " ", values,
        el("button", { class: "control primary", type: "submit" }, _("Add or change")))),
    message, done,
    el("table", { class: "plain", id: "entries" }, el("thead", {}, el("tr", {},
      el("th", { scope: "col" }, _("Key")), el("th", { scope: "col" }, _("Value")), el("td"))), body));

  function complain(fault) {
    message.textContent = shown(fault.message);
    message.hidden = false;
  }

  async function load(which) {
    name = which;
    values.replaceChildren(...(VALUES.get(name) ?? []).map((one) => el("option", { value: one })));
    value.required = VALUES.has(name);
    let found = [];
    try {
      found = await ask(["list", "show"], which);
    } catch (fault) {
      complain(fault);
    }
    if (name !== which) return;  // another list was chosen meanwhile
    entries = found;
    draw();
  }

  function draw() {
    const text = wanted.value.toLowerCase();
    const some = entries.filter((entry) => entry.key.toLowerCase().includes(text) || entry.value.toLowerCase().includes(text));
    body.replaceChildren(...some.slice(0, MOST_SHOWN).map((entry) => el("tr", {},
      el("td", {}, shown(entry.key)), el("td", {}, shown(entry.value)),
      el("td", {},
        el("button", { class: "control", type: "button", onclick: () => { key.value = entry.key; value.value = entry.value; value.focus(); } }, _("Change")), " ",
        el("button", { class: "control", type: "button", onclick: () => change(["remove", name, entry.key], entry.key) }, _("Remove"))))));
    if (some.length > MOST_SHOWN) done.textContent = cockpit.format(_("$0 of $1 entries are shown"), MOST_SHOWN, some.length);
  }

  /** A key may begin with a dash: the words follow `--`. */
  async function change([action, ...words], about) {
    message.hidden = true;
    done.textContent = "";
    try {
      const said = await tell(["list", action, "--", ...words]);
      const what = action === "remove" ? _("'$0' was removed.") : _("'$0' was saved.");
      // tldctl says what became of it: which policy is in force, or that no plugin runs.
      done.textContent = shown(`${cockpit.format(what, about)} ${said.trim()}`);
      key.value = value.value = "";
    } catch (fault) {
      complain(fault);
    }
    await load(name);
  }

  ask(["list", "show"]).then((found) => {
    names.append(...found.map((one) => el("option", { value: one.list }, shown(one.list))));
    const first = found.find((one) => one.list === "suspicious-programs") ?? found[0];
    if (first) { names.value = first.list; load(first.list); }
  }).catch(complain);
  return () => {};
}
