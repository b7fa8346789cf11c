// SPDX-License-Identifier: Apache-2.0
// The search: query, time, histogram, the most frequent values, the alerts.
/* global cockpit */
import { ask, follow, print } from "./tldctl.js";
import { _, alertRows, alertTable, counters, el, histogram, shown, term, timeOf, timeText, topList } from "./view.js";

const RANGES = [["15m", _("last 15 minutes"), 900], ["1h", _("last hour"), 3600], ["24h", _("last 24 hours"), 86400],
  ["7d", _("last 7 days"), 604800], ["30d", _("last 30 days"), 2592000], ["90d", _("last 90 days"), 7776000]];
const SPANS = [1, 5, 15, 60, 300, 900, 3600, 10800, 21600, 43200, 86400, 604800];
const TOPS = [["rule.id", _("Rules")], ["data.audit.auid", _("Users")], ["data.audit.command", _("Programs")],
  ["rule.mitre.id", _("Techniques")]];
const LISTED = 200;
const MOST_ROWS = 1000;
const MOST_VALUES = "1000";
const REFRESH_MS = 2000;
const LAST_MS = 8.64e15;  // of ECMAScript's Date

const between = (begin, end) => ["--since", new Date(begin).toISOString(), "--until", new Date(end).toISOString()];
const same = (a, b) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
const localInput = (ms) => timeText(ms).replace(" ", "T");

export function search(panel) {
  let query;
  let range;
  let custom;  // [begin, end] in ms; null: the range
  let alerts = [];
  let stopFollowing = null;
  let arrived = [];  // by the follower, since the list was asked for; newest first
  let refresh = null;
  let asked = 0;  // answers to an older question are not shown
  let busy = 0;  // rounds of questions that run

  const input = el("input", {
    class: "query", type: "search", spellcheck: "false", autocomplete: "off",
    "aria-label": _("Query"), placeholder: "data.audit.command:nc and rule.level>=12",
  });
  const rangeSelect = el("select", { "aria-label": _("Time range"), onchange: () => chooseRange() },
    ...RANGES.map(([name, title]) => el("option", { value: name }, title)), el("option", { value: "custom" }, _("custom")));
  const from = el("input", { type: "datetime-local", step: "1", "aria-label": _("from"), onchange: () => chooseCustom() });
  const to = el("input", { type: "datetime-local", step: "1", "aria-label": _("to"), onchange: () => chooseCustom() });
  const ends = el("span", { hidden: true }, from, " – ", to);
  const live = el("button", { class: "control", type: "button", id: "follow", "aria-pressed": "false", onclick: () => toggleFollow() }, _("Follow"));
  const problem = el("div", { class: "problem", role: "alert", hidden: true });
  const news = el("div", { class: "visually-hidden", "aria-live": "polite" });
  const result = el("div", { id: "result" });
  panel.append(el("form", {
    class: "search", role: "search",
    onsubmit: (event) => { event.preventDefault(); query = input.value; run(); },
  }, input, rangeSelect, ends, el("button", { class: "control primary", type: "submit" }, _("Run search")), live), problem, news, result);

  function chooseRange() {
    if (rangeSelect.value === "custom") {
      choose(interval());
      return;
    }
    custom = null;
    range = rangeSelect.value;
    run();
  }

  /** Alerts as they come are in no range of the past. */
  function choose(begunAndEnded) {
    custom = begunAndEnded;
    stopFollow();
    run();
  }

  function chooseCustom() {
    const chosen = [Date.parse(from.value), Date.parse(to.value)];
    if (chosen.every(Number.isFinite) && chosen[0] < chosen[1]) choose(chosen);
  }

  function interval() {
    if (custom) return custom;
    const seconds = RANGES.find(([name]) => name === range)[2];
    return [Date.now() - seconds * 1000, Date.now() + 1000];
  }

  /** The query is what stands in the bar: a filter is a term more. */
  function filter(field, value, not) {
    const more = term(field, value, not);
    query = query.trim() === "" ? more : /\bor\b/i.test(query) ? `(${query}) and ${more}` : `${query} and ${more}`;
    input.value = query;
    run();
  }

  function zoom(begin, end) {
    choose([begin, Math.max(end, begin + 1000)]);
  }

  function complain(fault) {
    problem.replaceChildren(shown(fault.message));
    if (fault.column !== null && fault.column !== undefined) {
      problem.append(el("code", {}, `${shown(query)}\n${" ".repeat(fault.column - 1)}^`));
      input.setAttribute("aria-invalid", "true");
    }
    problem.hidden = false;
  }

  /** Draws everything anew; quietly when it is the follower that asks. */
  async function run(quietly = false) {
    const mine = ++asked;
    busy++;
    clearTimeout(refresh);
    refresh = null;
    if (!quietly) {
      arrived = [];
      if (stopFollowing) {  // by the new query, and before the list: nothing falls between the two
        stopFollowing();
        startFollowing();
      }
    }
    remember();
    problem.hidden = true;
    input.removeAttribute("aria-invalid");
    result.classList.toggle("busy", !quietly);
    const [begin, end] = interval();
    const span = SPANS.find((s) => (end - begin) / 1000 / s <= 120) ?? SPANS.at(-1);
    const when = between(begin, end);
    try {
      const counted = ask(["hunt", ...when, "--histogram", `${span}s`, ...TOPS.slice(0, 3).flatMap(([field]) => ["--top", field]), "--limit", MOST_VALUES], query);
      const techniques = ask(["hunt", ...when, "--top", "rule.mitre.id"], query);
      const newest = ask(["hunt", ...when, "--limit", String(LISTED)], query);
      techniques.catch(() => {});
      newest.catch(() => {});
      const counts = await counted;
      const list = await newest;
      const known = await techniques;
      if (mine !== asked) return;
      // While it follows, the table is the reader's: what is open stays open.
      if (!quietly) {
        const listed = new Set(list.map((alert) => alert.id));
        alerts = [...arrived.filter((alert) => !listed.has(alert.id)), ...list.reverse()];
      }
      draw([...counts, ...known], begin, end, span, quietly);
    } catch (fault) {
      if (mine !== asked) return;
      result.replaceChildren();
      complain(fault);
    } finally {
      busy--;
      if (mine === asked) result.classList.remove("busy");
    }
  }

  /** Counts anew in a moment, never while they are being counted. */
  function later() {
    refresh ??= setTimeout(() => {
      refresh = null;
      if (busy > 0) later();
      else run(true);
    }, REFRESH_MS);
  }

  /** What is searched stands in the address: a bookmark finds it again, and Back undoes a filter or a zoom. */
  function remember() {
    rangeSelect.value = custom ? "custom" : range;
    ends.hidden = !custom;
    if (custom) [from.value, to.value] = custom.map(localInput);
    const now = { range };
    if (query) now.q = query;
    if (custom) [now.from, now.to] = custom.map(String);
    if (same(now, cockpit.location.options)) return;
    const first = cockpit.location.path[0] !== "search" || Object.keys(cockpit.location.options).length === 0;
    if (first) cockpit.location.replace(["search"], now);
    else cockpit.location.go(["search"], now);
  }

  function recall() {
    const options = cockpit.location.options;
    const before = query;
    query = [options.q ?? ""].flat()[0];
    range = RANGES.some(([name]) => name === options.range) ? options.range : "24h";
    const times = [Number(options.from), Number(options.to)];
    custom = times.every((ms) => Math.abs(ms) <= LAST_MS) && times[0] < times[1] ? times : null;
    if (query !== before) input.value = query;  // what is being typed stays
  }

  /** By Back and Forward, or a link; or by what `remember` has done itself. */
  function located() {
    const [place] = cockpit.location.path;
    if (place !== undefined && place !== "search") return;  // the page leaves
    const now = [query, range, String(custom)];
    recall();
    if (same(now, [query, range, String(custom)])) return;
    if (custom) stopFollow();
    run();
  }

  function draw(counts, begin, end, span, quietly) {
    const bars = counts.filter((line) => line.time).map((line) => ({ time: timeOf(line.time), levels: line.levels }));
    const of = (field) => counts.filter((line) => line.field === field);
    const different = (field) => (of(field).length < Number(MOST_VALUES) ? of(field).length : `${MOST_VALUES}+`);
    const sum = (least) => bars.reduce((all, bar) => all + Object.entries(bar.levels).reduce((n, [level, count]) => n + (Number(level) >= least ? count : 0), 0), 0);
    const labels = { "rule.id": new Map(), "data.audit.auid": new Map() };
    for (const alert of alerts) {
      labels["rule.id"].set(alert.rule?.id, `${alert.rule?.id} ${alert.rule?.description}`);
      const user = alert.data?.audit;
      if (user?.auid_name) labels["data.audit.auid"].set(user.auid, `${user.auid_name} (${user.auid})`);
    }
    const top = ([field, title]) => topList(title, field, of(field).slice(0, 10).map((row) => ({ ...row, label: labels[field]?.get(row.value) })), filter);
    const total = sum(0);
    const table = quietly ? result.querySelector(".scroll") : null;
    const place = scrollY;
    result.replaceChildren(
      counters([[_("alerts"), total], [_("level 12 and above"), sum(12)], [_("users"), different("data.audit.auid")], [_("programs"), different("data.audit.command")]]),
      histogram(bars, span, begin, end, zoom),
      el("div", { class: "tops" }, ...TOPS.map(top)),
      el("div", { class: "tools" },
        el("span", { class: "note" }, total > alerts.length ? cockpit.format(_("The newest $0 of $1 alerts"), alerts.length, total) : ""),
        el("span", {}, el("button", { class: "control", type: "button", onclick: () => save("json") }, _("Export as JSON")), " ",
          el("button", { class: "control", type: "button", onclick: () => save("csv") }, _("Export as CSV")))),
      total === 0 ? el("p", { class: "note" }, _("No alert matches in this time.")) : "",
      table ?? el("div", { class: "scroll" }, alertTable(alerts, filter)));
    if (table) scrollTo({ top: place });
  }

  function toggleFollow() {
    if (stopFollowing) {
      stopFollow();
      return;
    }
    custom = null;
    startFollowing();
    run();
  }

  function stopFollow() {
    stopFollowing?.();
    stopFollowing = null;
    live.setAttribute("aria-pressed", "false");
  }

  function startFollowing() {
    stopFollowing = follow(query, take, (fault) => {
      stopFollowing = null;
      live.setAttribute("aria-pressed", "false");
      complain(fault);
    });
    live.setAttribute("aria-pressed", "true");
  }

  function take(came) {
    const known = new Set(alerts.map((alert) => alert.id));
    const fresh = came.filter((alert) => !known.has(alert.id));
    if (fresh.length === 0) return;
    arrived = [...fresh.slice().reverse(), ...arrived].slice(0, MOST_ROWS);
    alerts = [...fresh.slice().reverse(), ...alerts].slice(0, MOST_ROWS);
    const body = result.querySelector(".alerts > tbody");
    for (const alert of fresh) body?.prepend(...alertRows(alert, filter));
    while (body && body.childElementCount > 2 * MOST_ROWS) body.lastChild.remove();
    news.textContent = cockpit.format(_("$0 new alerts"), fresh.length);
    later();
  }

  /** What is shown, as tldctl writes it: the newest so many of the time that is shown. */
  async function save(kind) {
    const [begin, end] = interval();
    const count = ["--limit", String(alerts.length)];
    try {
      const text = alerts.length === 0 ? "" : await print(["hunt", ...between(begin, end), ...count, `--${kind}`], query);
      const url = URL.createObjectURL(new Blob([text], { type: kind === "json" ? "application/x-ndjson" : "text/csv" }));
      el("a", { href: url, download: `alerts.${kind}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    } catch (fault) {
      complain(fault);
    }
  }

  cockpit.addEventListener("locationchanged", located);
  recall();
  run();
  return () => {
    cockpit.removeEventListener("locationchanged", located);
    asked++;
    clearTimeout(refresh);
    stopFollowing?.();
  };
}
