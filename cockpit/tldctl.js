// SPDX-License-Identifier: Apache-2.0
// The only way from the page to the host: tldctl, started by Cockpit's bridge with an array of arguments, as the user
// who is logged in, or as root where Cockpit has that right.
/* global cockpit */

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
  return new Complaint((failure.message || failure.problem || String(failure)).trim());
}

/** Runs `tldctl ARGUMENTS --json -- TEXT`; the objects that it prints. `good` = exit statuses that are answers. */
export function ask(args, text = null, good = [0]) {
  const command = ["tldctl", ...args, "--json", ...(text === null ? [] : ["--", text])];
  return new Promise((resolve, reject) => {
    cockpit.spawn(command, { superuser: "try", err: "message" })
      .then((output) => resolve(parsed(output)))
      .catch((failure, output) => {
        if (good.includes(failure.exit_status)) resolve(parsed(output ?? ""));
        else reject(complaint(failure, output));
      });
  });
}

/** Runs tldctl for what it does; its words when that goes wrong. */
export function tell(args) {
  return new Promise((resolve, reject) => {
    cockpit.spawn(["tldctl", ...args], { superuser: "try", err: "out" })
      .then(resolve).catch((failure, output) => {
        const words = (output ?? "").trim();
        reject(words === "" ? complaint(failure, output) : new Complaint(words));
      });
  });
}

/** Calls `take` with each alert that is stored from now on; returns what ends that. `ended` gets the reason when it ends itself. */
export function follow(text, take, ended) {
  const command = ["tldctl", "hunt", "--json", "--follow", "--limit", "1", "--since", new Date().toISOString(), "--", text];
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
