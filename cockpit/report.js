// SPDX-License-Identifier: Apache-2.0
// The page of `tldctl hunt --html`: shows the data that stands in it.
import { alertTable, counters, el, histogram, shown, timeOf, topList } from "./view.js";

const data = JSON.parse(document.getElementById("data").textContent);
if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.classList.add("pf-theme-dark");

const titles = {
  "rule.id": "Rules", "data.audit.auid": "Users", "data.audit.command": "Programs", "rule.mitre.id": "Techniques",
};
const number = (field) => data.tops.find((top) => top.field === field)?.values ?? 0;

// A number alone says little: the first alert of a rule, and of a user, has its name.
const labels = { "rule.id": new Map(), "data.audit.auid": new Map() };
for (const alert of data.alerts) {
  const user = alert.data?.audit?.auid;
  const name = alert.data?.audit?.auid_name;
  if (alert.rule?.id && !labels["rule.id"].has(alert.rule.id)) labels["rule.id"].set(alert.rule.id, `${alert.rule.id} ${alert.rule.description}`);
  if (user && name) labels["data.audit.auid"].set(user, `${name} (${user})`);
}
const labelled = (top) => top.rows.map((row) => ({ ...row, label: labels[top.field]?.get(row.value) }));

const times = data.bars.map((bar) => bar.time);
const alerts = [...data.alerts].sort((a, b) => timeOf(b.timestamp) - timeOf(a.timestamp));
const asked = [data.since && `since ${data.since}`, data.until && `until ${data.until}`, data.source && `in ${data.source}`];

document.querySelector("main").append(
  el("h1", {}, "Alerts"),
  el("p", {}, "Search: ", el("code", {}, data.query === "" ? "all" : shown(data.query)), " ",
    shown(asked.filter(Boolean).join(", ")), ` — made ${data.made}`),
  counters([["alerts", data.total], ["level 12 and above", data.high], ["users", number("data.audit.auid")],
    ["programs", number("data.audit.command")]]),
  data.bars.length > 0 ? histogram(data.bars, data.span, times[0], times.at(-1) + data.span * 1000) : "",
  el("div", { class: "tops" }, ...data.tops.map((top) => topList(titles[top.field], top.field, labelled(top)))),
  data.total > alerts.length ? el("p", {}, `The newest ${alerts.length} of ${data.total} alerts:`) : "",
  el("div", { class: "scroll" }, alertTable(alerts)));
