// SPDX-License-Identifier: Apache-2.0
// A host for the page: settings, lists and a store of its own, rsyslogd, the plugin fed with recorded events, cockpit-ws.
import { spawn, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { sleep, until } from "./browser.mjs";

export class Host {
  #children = [];

  constructor(build) {
    this.build = resolve(build);
    this.top = resolve(".");
    this.directory = mkdtempSync(join(tmpdir(), "tld-cockpit-"));
    const at = (name) => join(this.directory, name);
    this.conf = at("tld.conf");
    cpSync("lists", at("lists"), { recursive: true });
    for (const name of ["bin", "home", "run", "state"]) mkdirSync(at(name), { recursive: true });
    writeFileSync(this.conf, `[plugin]\nuser = root\nkernel_status = no\nrun_directory = ${at("run")}\nstate_directory = ${at("state")}\n` +
      `[rules]\npaths = ${this.top}/rules/detect ${this.top}/conf/local_rules.xml\n[lists]\ndirectories = ${at("lists")}\ncompiled = ${at("compiled")}\n` +
      `[store]\npath = ${at("store/alerts.db")}\n[syslog]\nsocket = ${at("log")}\n`);
    // The page calls tldctl by its name; this one has other settings.
    writeFileSync(at("bin/tldctl"), `#!/bin/sh\ncommand=$1; shift\n[ "$command" != list ] || { command="list $1"; shift; }\n` +
      `exec ${this.build}/tldctl $command --conf ${this.conf} "$@"\n`, { mode: 0o755 });
    // As it is installed: the bridge follows no link out of a package.
    execFileSync("make", ["-s", "install-cockpit", `DATADIR=${at("home/.local/share")}`, "DESTDIR="]);
  }

  tldctl(...args) {
    return execFileSync(join(this.directory, "bin/tldctl"), args, { encoding: "utf8" });
  }

  /** Without a reader of its syslog socket the plugin stores an alert after five seconds, which no step counts on. */
  async startSyslog() {
    const at = (name) => join(this.directory, name);
    writeFileSync(at("rsyslog.conf"), `global(workDirectory="${this.directory}")\nmodule(load="imuxsock" SysSock.Use="off")\n` +
      `input(type="imuxsock" Socket="${at("log")}")\naction(type="omfile" file="${at("received.log")}")\n`);
    this.#children.push(spawn("/usr/sbin/rsyslogd", ["-n", "-f", at("rsyslog.conf"), "-i", "NONE"], { stdio: ["ignore", "ignore", "inherit"] }));
    await until("rsyslogd listens", () => existsSync(at("log")));
  }

  async startPlugin() {
    this.plugin = spawn(join(this.build, "tld-audisp"), [`--conf=${this.conf}`], { stdio: ["pipe", "ignore", "inherit"] });
    this.#children.push(this.plugin);
    await until("the plugin starts", () => existsSync(join(this.directory, "run/control.sock")) && existsSync(join(this.directory, "store/alerts.db")));
  }

  /** An event that tests/data/exec_enriched.log.gz has, with another time and other texts. */
  exec({ command = "nc", at = Date.now(), change = (line) => line } = {}) {
    this.log ??= gunzipSync(readFileSync("tests/data/exec_enriched.log.gz")).toString("latin1").split("\n");
    const main = this.log.find((line) => line.startsWith("type=SYSCALL") && line.includes(`comm="${command}"`) && line.includes("success=yes"));
    const serial = /:(\d+)\)/.exec(main)[1];
    this.serial = (this.serial ?? 500000) + 1;
    const stamp = `msg=audit(${(at / 1000).toFixed(3)}:${this.serial})`;
    const lines = this.log.filter((line) => line.includes(`:${serial})`)).map((line) => change(line.replace(/msg=audit\([^)]*\)/, stamp)));
    this.plugin.stdin.write(Buffer.from(lines.join("\n") + "\n", "latin1"));
    return this.serial;
  }

  stored() {
    return this.tldctl("hunt", "--json").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  async startCockpit(port) {
    const environment = { ...process.env, HOME: join(this.directory, "home"), PATH: `${join(this.directory, "bin")}:${process.env.PATH}` };
    environment.XDG_DATA_HOME = join(this.directory, "home/.local/share");
    // Without one the bridge starts a session bus, and leaves it behind when it is killed.
    environment.DBUS_SESSION_BUS_ADDRESS = "disabled:";
    const server = spawn("/usr/lib/cockpit/cockpit-ws", ["--no-tls", "-a", "127.0.0.1", "-p", String(port), "--local-session=cockpit-bridge"],
      { env: environment, stdio: ["ignore", "ignore", "pipe"] });
    server.stderr.on("data", (text) => { this.cockpitLog = (this.cockpitLog ?? "") + text; });
    this.#children.push(server);
    await until("cockpit-ws listens", () => new Promise((done) => {
      const socket = createConnection(port, "127.0.0.1", () => { socket.destroy(); done(true); });
      socket.on("error", () => done(false));
    }));
  }

  async stopPlugin() {
    const ended = new Promise((done) => this.plugin.on("exit", done));
    this.plugin.stdin.end();
    await ended;
  }

  async end() {
    for (const child of this.#children) if (child.exitCode === null) child.kill("SIGTERM");
    await sleep(300);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
