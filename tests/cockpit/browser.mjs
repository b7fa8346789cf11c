// SPDX-License-Identifier: Apache-2.0
// A browser with the page in it, and the results of a story's steps.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until it holds, at most ten seconds. */
export async function until(what, holds) {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`in vain: ${what}`);
}

export class Browser {
  /** What it complained of. */
  wrong = [];

  static async open(build) {
    const one = new Browser();
    one.build = build;
    const { chromium } = createRequire(resolve(build, "cockpit/package.json"))("playwright-core");
    one.browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    one.page = await one.newPage();
    return one;
  }

  async newPage() {
    const page = await this.browser.newPage({ viewport: { width: 1300, height: 950 }, colorScheme: "light" });
    page.on("console", (message) => { if (message.type() === "error") this.wrong.push(message.text()); });
    page.on("pageerror", (fault) => this.wrong.push(String(fault)));
    page.on("dialog", (dialog) => { this.wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.setDefaultTimeout(10_000);
    return page;
  }

  /** The frame in which Cockpit's shell shows our page. */
  async frame() {
    let found;
    await until("the shell shows the page", () => (found = this.page.frames().find((one) => one.url().includes("/tld-audisp/index.html"))) !== undefined);
    return found;
  }

  picture(name) {
    return this.page.screenshot({ path: join(this.build, `cockpit/${name}.png`) });
  }

  close() {
    return this.browser.close();
  }
}

/** What axe-core finds against WCAG 2.1, A and AA, and its own best practices: one line each. */
export async function barriers(build, frame) {
  await frame.evaluate(readFileSync(join(build, "cockpit/node_modules/axe-core/axe.min.js"), "utf8"));
  const found = await frame.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 120)}: ${node.failureSummary.replace(/\s+/g, " ")}`));
}

/** The steps of a story; each is a test. */
export class Steps {
  passed = 0;
  failed = 0;

  constructor(browser, prefix = "") {
    this.browser = browser;
    this.prefix = prefix;
  }

  test = async (name, body) => {
    try {
      await body();
      this.passed++;
      console.log(`ok ${this.prefix}${name}`);
    } catch (fault) {
      await this.fail(name, fault);
    }
  };

  async fail(name, fault) {
    this.failed++;
    console.log(`not ok ${this.prefix}${name}\n  ${String(fault.stack ?? fault).split("\n").slice(0, 6).join("\n  ")}`);
    await this.browser.picture(`failed-${this.prefix.replace(/\W+/g, "")}${this.failed}`).catch(() => {});
  }

  /** Prints the totals; the exit status. */
  end() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}
