// SPDX-License-Identifier: Apache-2.0
// The plugin's state: its own counters, every five seconds, and the self-test.
import { ask } from "./tldctl.js";
import { _, el, fieldsOf, shown } from "./view.js";

const AGAIN_MS = 5000;

export function state(panel) {
  let timer = null;
  let left = false;
  const message = el("div", { class: "problem", role: "alert", hidden: true });
  const table = el("tbody");
  const found = el("div", { id: "doctor", "aria-live": "polite" });
  const test = el("button", { class: "control", type: "button", onclick: () => doctor() }, _("Run the self-test"));
  panel.append(el("div", { class: "tools" }, test), found, message, el("table", { class: "plain", id: "status" }, table));

  async function load() {
    try {
      const [status] = await ask(["status"], null, [0, 1]);
      message.hidden = true;
      table.replaceChildren(...fieldsOf(status).map(([name, values]) => el("tr", {},
        el("th", { scope: "row" }, shown(name)), el("td", {}, shown(values.join(", "))))));
    } catch (fault) {
      table.replaceChildren();
      message.textContent = shown(fault.message);
      message.hidden = false;
    }
    if (!left) timer = setTimeout(load, AGAIN_MS);
  }

  async function doctor() {
    test.disabled = true;
    found.textContent = _("A marked command is run and followed from the kernel to its alert …");
    try {
      const lines = await ask(["doctor"], null, [0, 1]);
      found.replaceChildren(el("ul", {}, ...lines.map((line) => el("li", {}, shown(Object.values(line).filter(Boolean).join(": "))))));
    } catch (fault) {
      found.textContent = shown(fault.message);
    }
    test.disabled = false;
  }

  load();
  return () => {
    left = true;
    clearTimeout(timer);
  };
}
