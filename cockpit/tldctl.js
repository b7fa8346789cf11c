// SPDX-License-Identifier: Apache-2.0
// The only way from the page to the host: tldctl, started by Cockpit's bridge with an array of arguments, as the user
// who is logged in, or as root where Cockpit has that right.
/* global cockpit */

const JUST_BEFORE_MS = 10_000;

/** Whether the user acts as root here; null until it is known. */
export const admin = cockpit.permission({ admin: true });

/** What tldctl complained of: `text`, and for a fault in a query its `column`, from 1. */
export class Complaint extends Error {
  constructor(text, column = null) {
    super(text);
    this.column = column;
  }
}

const parsed = (output) => output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));

function complaint(failure, output) {
  if (failure.problem === "not-found") return new Complaint(cockpit.gettext("tldctl is not installed on this host."));
  const fault = parsed(output ?? "").find((line) => line.severity === "error");
  if (fault) return new Complaint(fault.message, fault.file === "query" ? fault.column : null);
  const text = (failure.message || failure.problem || String(failure)).trim();
  const hint = /permission denied/i.test(text) && admin.allowed !== true
    ? `\n${cockpit.gettext("Switch to administrative access, at the top of the page.")}` : "";
  return new Complaint(text + hint);
}

/** Runs tldctl; its output. `good` = exit statuses that are answers. `err` = what becomes of its standard error. */
function run(args, good, err) {
  return new Promise((resolve, reject) => {
    cockpit.spawn(["tldctl", ...args], { superuser: "try", err }).then(resolve).catch((failure, output) => {
      if (good.includes(failure.exit_status)) resolve(output ?? "");
      else if (err === "out" && output?.trim()) reject(new Complaint(output.trim()));
      else reject(complaint(failure, output));
    });
  });
}

/** The objects that `tldctl ARGUMENTS --json -- TEXT` prints. */
export const ask = (args, text = null, good = [0]) =>
  run([...args, "--json", ...(text === null ? [] : ["--", text])], good, "message").then(parsed);

/** What `tldctl ARGUMENTS -- TEXT` prints. */
export const print = (args, text) => run([...args, "--", text], [0], "message");

/** Runs tldctl for what it does; all its words. */
export const tell = (args) => run(args, [0], "out");

/**
 * Calls `take` with each alert that is stored from now on, and with some of the last seconds, since a list that is asked for
 * at the same time may be older than tldctl's start. Returns what ends that; `ended` gets the reason when it ends itself.
 */
export function follow(text, take, ended) {
  const since = new Date(Date.now() - JUST_BEFORE_MS).toISOString();
  const command = ["tldctl", "hunt", "--json", "--follow", "--limit", "100", "--since", since, "--", text];
  let rest = "";
  let stopped = false;
  const process = cockpit.spawn(command, { superuser: "try", err: "message" });
  process.stream((output) => {
    const lines = (rest + output).split("\n");
    rest = lines.pop();
    const alerts = parsed(lines.join("\n"));
    if (!stopped && alerts.length > 0) take(alerts);
  });
  process.catch((failure) => { if (!stopped) ended(complaint(failure)); });
  return () => {
    stopped = true;
    process.close("terminated");
  };
}
