// SPDX-License-Identifier: Apache-2.0
// The rules: what is wrong with them, and how often each fired.
/* global cockpit */
import { ask } from "./tldctl.js";
import { _, el, shown, term } from "./view.js";

const DAYS = 30;

export function rules(panel) {
  const message = el("div", { class: "problem", role: "alert", hidden: true });
  const findings = el("div");
  const fired = el("div");
  panel.append(message,
    el("h2", {}, cockpit.format(_("Fired in the last $0 days"), DAYS)), fired,
    el("h2", {}, _("Findings in settings, rules and lists")), findings);
  const complain = (fault) => {
    message.textContent = shown(fault.message);
    message.hidden = false;
  };
  const table = (heads, rows) => el("table", { class: "plain" },
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, ...rows));

  // Exit status 1: there are errors, and they are the answer.
  ask(["check"], null, [0, 1]).then((lines) => {
    const order = { error: 0, warning: 1, lint: 2 };
    lines.sort((a, b) => order[a.severity] - order[b.severity]);
    findings.append(lines.length === 0 ? el("p", { class: "note" }, _("none"))
      : table([_("Severity"), _("Place"), _("Rule"), _("Finding")], lines.map((line) => el("tr", { class: line.severity },
        el("td", {}, line.severity), el("td", {}, shown(`${line.file}:${line.line}:${line.column}`)),
        el("td", {}, shown(line.rule)), el("td", {}, shown(line.message))))));
  }).catch(complain);

  ask(["hunt", "--since", `now-${DAYS}d`, "--top", "rule.id", "--limit", "0"]).then((lines) => {
    fired.append(lines.length === 0 ? el("p", { class: "note" }, _("none"))
      : table([_("Rule"), _("Alerts")], lines.map((line) => el("tr", {},
        el("td", {}, el("button", {
          class: "control", type: "button",
          onclick: () => cockpit.location.go(["search"], { q: term("rule.id", line.value), range: "30d" }),
        }, shown(line.value))), el("td", {}, String(line.count))))));
  }).catch(complain);
  return () => {};
}
