// SPDX-License-Identifier: Apache-2.0
// What the page and the report both draw. Alerts hold whatever an attacker chose: it goes into text nodes and
// into attributes that no browser runs, never into markup.

/** In the user's language where Cockpit is around; the report is in English. */
export const _ = (text) => (globalThis.cockpit ? globalThis.cockpit.gettext(text) : text);

/** Levels as they are coloured; severe first. */
export const BANDS = [
  { name: "high", from: 12, label: _("level 12 and above") },
  { name: "medium", from: 7, label: _("level 7 to 11") },
  { name: "low", from: 0, label: _("below level 7") },
];

export const bandOf = (level) => BANDS.find((band) => level >= band.from) ?? BANDS.at(-1);

/** An element; children are elements, texts, or nothing. `on…` attributes are listeners. */
export function el(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "title", "line"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** What cannot be seen, or turns the reading direction, is shown by its number. */
export function shown(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const two = (number) => String(number).padStart(2, "0");

/** `YYYY-MM-DD hh:mm:ss`, local, of milliseconds. */
export function timeText(ms) {
  const t = new Date(ms);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
    `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/** The time zone of `timeText`: `UTC+01:00`. */
export function zoneText() {
  const minutes = -new Date().getTimezoneOffset();
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** Milliseconds of a document's timestamp, `2026-01-31T14:00:00.000+0100`. */
export const timeOf = (timestamp) => Date.parse(String(timestamp).replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));

/** All fields of a document by their dotted names, in order; values are arrays of texts. */
export function fieldsOf(document, prefix = "", into = []) {
  for (const [name, value] of Object.entries(document)) {
    const path = prefix + name;
    if (Array.isArray(value)) into.push([path, value.map(String)]);
    else if (value !== null && typeof value === "object") fieldsOf(value, `${path}.`, into);
    else into.push([path, [String(value)]]);
  }
  return into;
}

/** A term of the query language. */
export function term(field, value, not = false) {
  const quoted = /^[A-Za-z0-9_./-]+$/.test(value) && !/^(and|or|not)$/i.test(value)
    ? value : `"${value.replace(/[\\"]/g, "\\$&")}"`;
  return `${not ? "not " : ""}${field}:${quoted}`;
}

const audit = (alert, name) => {
  const value = alert.data?.audit?.[name];
  return Array.isArray(value) ? value[0] : value;
};

const userText = (id, name) => (id === undefined ? "" : name ? `${name} (${id})` : id);
export const loginOf = (alert) => userText(audit(alert, "auid"), audit(alert, "auid_name"));
export const userOf = (alert) => userText(audit(alert, "uid"), audit(alert, "uid_name"));
export const commandOf = (alert) => audit(alert, "execve")?.cmdline ?? audit(alert, "command") ?? "";

/** `ausearch` finds the event's records by this. */
export const ausearchOf = (alert) => {
  const node = audit(alert, "node");
  const serial = audit(alert, "id");
  if (serial === undefined || !/^\d+$/.test(serial)) return null;
  return `ausearch -i -a ${serial}${node && /^[\w.-]+$/.test(node) ? ` --node ${node}` : ""}`;
};

/**
 * Bars over time, stacked by level. `bars`: {time: ms, levels: {level: alerts}}, `span` in seconds, drawn from `from`
 * to `to`, ms. `zoom(from, to)` is called when a part is chosen, with the pointer or by a bar's Enter key.
 */
export function histogram(bars, span, from, to, zoom) {
  const width = 1000;
  const height = 120;
  const step = span * 1000;
  const begin = from - (from % step);
  const end = Math.max(to, begin + step);
  const x = (ms) => ((ms - begin) / (end - begin)) * width;
  const sum = (bar) => Object.values(bar.levels).reduce((a, b) => a + b, 0);
  const most = Math.max(1, ...bars.map(sum));
  const svg = el("svg", {
    viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "histogram", role: "group",
    "aria-label": _("Alerts over time"),
  });
  for (const bar of bars) {
    const group = el("g", {
      class: "bar", role: zoom && "button", tabindex: zoom && "0",
      "aria-label": `${timeText(bar.time)}: ${sum(bar)}`,
      onkeydown: zoom && ((event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        zoom(bar.time, bar.time + step);
      }),
    }, el("title", {}, `${timeText(bar.time)}: ${sum(bar)}`));
    let y = height;
    for (const band of [...BANDS].reverse()) {
      const count = Object.entries(bar.levels).reduce(
        (all, [level, n]) => all + (bandOf(Number(level)) === band ? n : 0), 0);
      if (count === 0) continue;
      const h = Math.max((count / most) * (height - 4), 2);
      y -= h;
      group.append(el("rect", {
        class: band.name, x: x(bar.time), y, height: h,
        width: Math.max((step / (end - begin)) * width - 1, 1),
      }));
    }
    svg.append(group);
  }
  if (zoom) addBrush(svg, width, height, (left, right) =>
    zoom(Math.floor(begin + (left / width) * (end - begin)), Math.ceil(begin + (right / width) * (end - begin))));
  return el("figure", { class: "timeline" }, svg,
    el("figcaption", {}, el("span", {}, timeText(begin)), legend(), el("span", {}, timeText(end))));
}

function legend() {
  return el("span", { class: "legend" },
    ...BANDS.map((band) => el("span", { class: `key ${band.name}` }, band.label)));
}

function addBrush(svg, width, height, chosen) {
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * width;
  };
  let start = null;
  let mark = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = place(event);
    mark = el("rect", { class: "brush", x: start, y: 0, width: 0, height });
    svg.append(mark);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (start === null) return;
    mark.setAttribute("x", Math.min(start, place(event)));
    mark.setAttribute("width", Math.abs(place(event) - start));
  });
  svg.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const left = Math.min(start, place(event));
    const right = Math.max(start, place(event));
    mark.remove();
    start = null;
    if (right - left > 3) chosen(left, right);
  });
}

/** The most frequent values of a field. `filter(field, value, not)` makes them buttons. */
export function topList(title, field, rows, filter) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  return el("section", { class: "top" }, el("h2", {}, title),
    rows.length === 0 ? el("p", { class: "none" }, _("none")) : el("ol", {}, ...rows.map((row) => {
      const label = shown(row.label ?? row.value);
      return el("li", {},
        filter
          ? el("button", { class: "value", type: "button", title: label, onclick: () => filter(field, row.value, false) }, label)
          : el("span", { class: "value", title: label }, label),
        el("meter", { min: 0, max: most, value: row.count, "aria-hidden": "true" }),
        el("span", { class: "count" }, String(row.count)),
        filter && el("button", {
          class: "not", type: "button", "aria-label": `${_("is not")} ${label}`, title: _("is not"),
          onclick: () => filter(field, row.value, true),
        }, "≠"));
    })));
}

/** Numbers with their names. */
export const counters = (pairs) => el("dl", { class: "counters" },
  ...pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))));

/** A table of alerts, each of which opens to all that is known of it. */
export function alertTable(alerts, filter) {
  const heads = [`${_("Time")} (${zoneText()})`, _("Level"), _("Rule"), _("Description"), _("Login user"), _("Ran as"), _("Command line")];
  return el("table", { class: "alerts" },
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, ...alerts.map((alert) => alertRows(alert, filter)).flat()));
}

export function alertRows(alert, filter) {
  const level = Number(alert.rule?.level ?? 0);
  const details = el("tr", { class: "details", hidden: true }, el("td", { colspan: "7" }));
  const open = el("button", {
    class: "open", type: "button", "aria-expanded": "false",
    onclick: () => {
      const was = open.getAttribute("aria-expanded") === "true";
      open.setAttribute("aria-expanded", String(!was));
      details.hidden = was;
      if (!was && details.firstChild.childElementCount === 0) details.firstChild.append(...describe(alert, filter));
    },
  }, timeText(timeOf(alert.timestamp)));
  const cell = (name, text) => el("td", { class: name, "data-name": name }, shown(text));
  const row = el("tr", { class: `alert ${bandOf(level).name}`, "data-id": shown(alert.id ?? "") },
    el("td", { class: "time" }, open), cell("level", level), cell("rule", alert.rule?.id ?? ""),
    cell("description", alert.rule?.description ?? ""), cell("login", loginOf(alert)), cell("user", userOf(alert)),
    cell("command", commandOf(alert)));
  return [row, details];
}

function describe(alert, filter) {
  const search = ausearchOf(alert);
  const fields = fieldsOf(alert).filter(([name]) => !["full_log", "previous_output"].includes(name));
  return [
    el("table", { class: "fields" }, el("tbody", {}, ...fields.map(([name, values]) => el("tr", {},
      el("th", { scope: "row" }, shown(name)),
      el("td", {}, ...values.map((value) => el("div", { class: "one" }, el("span", {}, shown(value)),
        filter && el("button", { type: "button", title: _("is"), "aria-label": `${_("is")} ${shown(name)}`, onclick: () => filter(name, value, false) }, "="),
        filter && el("button", { type: "button", title: _("is not"), "aria-label": `${_("is not")} ${shown(name)}`, onclick: () => filter(name, value, true) }, "≠")))))))),
    alert.full_log && el("h3", {}, _("Records")),
    alert.full_log && el("pre", { class: "records" }, shown(alert.full_log).replace(/ (?=(node=\S+ )?type=[A-Z_]+ msg=audit\()/g, "\n")),
    alert.previous_output && el("h3", {}, _("Events counted before")),
    alert.previous_output && el("pre", { class: "records" }, shown(alert.previous_output)),
    search && el("p", {}, _("The records in auditd's log:"), " ", el("code", {}, search)),
  ].filter(Boolean);
}
