// SPDX-License-Identifier: Apache-2.0
// The rules as they are tried, with how often each fired, and what is wrong with them.
/* global cockpit */
import { ask } from "./tldctl.js";
import { _, bandOf, el, shown, term } from "./view.js";

const DAYS = 30;
const SEVERITIES = new Map([["error", _("error")], ["warning", _("warning")], ["lint", _("lint")]]);  // worst first

export function rules(panel) {
  const message = el("div", { class: "problem", role: "alert", hidden: true });
  const findings = el("div", { id: "findings" });
  const tree = el("div", { id: "tree" });
  panel.append(message,
    el("h2", {}, cockpit.format(_("Rules, and their alerts of the last $0 days"), DAYS)), tree,
    el("h2", {}, _("Findings in settings, rules and lists")), findings);
  const complain = (fault) => {
    message.textContent = shown(fault.message);
    message.hidden = false;
  };
  const table = (heads, rows) => el("table", { class: "plain" },
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, ...rows));

  // Exit status 1: there are errors, and they are the answer.
  ask(["check"], null, [0, 1]).then((lines) => {
    const order = [...SEVERITIES.keys()];
    lines.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
    findings.append(lines.length === 0 ? el("p", { class: "note" }, _("none"))
      : table([_("Severity"), _("Place"), _("Rule"), _("Finding")], lines.map((line) => el("tr", { class: line.severity },
        el("td", {}, SEVERITIES.get(line.severity) ?? line.severity), el("td", {}, shown(`${line.file}:${line.line}:${line.column}`)),
        el("td", {}, shown(line.rule)), el("td", {}, shown(line.message))))));
  }).catch(complain);

  const fired = ask(["hunt", "--since", `now-${DAYS}d`, "--top", "rule.id", "--limit", "0"]).catch((fault) => {
    complain(fault);  // a store that is not there yet; the rules are shown all the same
    return [];
  });
  Promise.all([ask(["check", "--tree"], null, [0, 1]), fired]).then(([lines, counts]) => {
    const alerts = new Map(counts.map((line) => [line.value, line.count]));
    const search = (rule) => el("button", {
      class: "control", type: "button", title: `${_("Run search")}: ${shown(rule)}`,
      onclick: () => cockpit.location.go(["search"], { q: term("rule.id", rule), range: "30d" }),
    }, String(alerts.get(rule)));
    tree.append(table([_("Rule"), _("Level"), _("Description"), _("Alerts"), _("Place")], lines.map((line) => el("tr", { class: bandOf(line.level).name },
      el("td", { class: `depth-${Math.min(line.depth, 8)}` }, shown(line.rule), line.again ? " …" : ""),
      el("td", { class: "level" }, String(line.level)), el("td", {}, shown(line.description)),
      el("td", {}, alerts.has(line.rule) ? search(line.rule) : ""),
      el("td", {}, shown(`${line.file.split("/").at(-1)}:${line.line}`))))));
  }).catch(complain);
  return () => {};
}
