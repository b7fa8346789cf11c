// SPDX-License-Identifier: Apache-2.0
// What alice, who has logged in to Cockpit, does with the installed page: installed.mjs BUILD SUITE PORT ROOT.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { barriers, Browser, sleep, Steps, until } from "./browser.mjs";

const [build, suite, port, root] = process.argv.slice(2);
const browser = await Browser.open(build);
const { page } = browser;
const steps = new Steps(browser, `${suite} page: `);
const { test } = steps;
let frame;

const inside = (command) => execFileSync("chroot", [root, "sh", "-c", command], { encoding: "utf8", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
/** As somebody who has logged in on a terminal. */
const asAlice = (command) => inside(`echo 1000 >/proc/self/loginuid; setpriv --reuid 1000 --regid 1000 --clear-groups ${command} || true`);
const rows = (text) => frame.locator("tr.alert", { hasText: text });
const listening = () => new Promise((done) => {
  const socket = connect(port, "127.0.0.1", () => { socket.destroy(); done(true); });
  socket.on("error", () => done(false));
});

try {
  await until("cockpit-ws listens", listening);
  await test("the plugin runs under auditd", () => until("it answers", () => {
    try { return inside("tldctl status").length > 0; } catch { return false; }
  }));

  await test("alice logs in, and has the page in her menu", async () => {
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.locator("#login-user-input").fill("alice");
    await page.locator("#login-password-input").fill("secret");
    await page.locator("#login-button").click();
    await page.getByRole("link", { name: "Threat hunting" }).click();
    frame = await browser.frame();
    assert.equal(await frame.locator("h1").textContent(), "Threat hunting");
  });

  await test("without administrative access she is told so", async () => {
    await frame.locator(".problem:visible").waitFor();
    assert.match(await frame.locator(".problem:visible").textContent(), /Permission denied; root and the group adm may read the alert store\nSwitch to administrative access/);
    await browser.picture(`installed-${suite}-limited`);
  });

  await test("with administrative access she sees the alerts", async () => {
    await page.getByRole("button", { name: /Limited access/ }).first().click();
    await page.locator("input[type=password]:visible").fill("secret");
    await page.getByRole("button", { name: "Authenticate" }).click();
    await page.getByText("Administrative access", { exact: true }).first().waitFor();
    await frame.locator(".counters").waitFor();  // the page asks anew by itself
    assert.equal(await frame.locator(".problem:visible").count(), 0);
  });

  await test("a command that she runs on the kernel appears while the page follows", async () => {
    await frame.locator("#follow").click();
    await until("it follows", async () => await frame.locator("#follow").getAttribute("aria-pressed") === "true");
    await sleep(1500);
    asAlice("nc -h >/dev/null 2>&1");
    // Not the row of setpriv, which has her command among its arguments and may be there before.
    const nc = frame.locator("tr.alert", { has: frame.locator("td.command", { hasText: /^nc -h$/ }) });
    await nc.waitFor();
    assert.equal(await nc.locator("td.level").textContent(), "12");
    assert.equal(await nc.locator("td.login").textContent(), "alice (1000)");
    await nc.locator("button.open").click();
    await browser.picture(`installed-${suite}`);
    const line = await frame.locator("tr.details:not([hidden]) code").textContent();
    assert.match(inside(line), /type=EXECVE .*a0=nc a1=-h/);  // the page's ausearch line finds the records
    await frame.locator("#follow").click();
  });

  await test("a program that she adds to the list is alerted next time", async () => {
    await frame.locator("#tab-lists").click();
    await frame.locator("#entries tbody tr").first().waitFor();
    await frame.locator("input[placeholder='Key']").fill("id");
    await frame.locator("input[placeholder='Value']").fill("orange");
    await frame.getByRole("button", { name: "Add or change" }).click();
    await until("it is in force", async () => /policy \d+ is in force/.test(await frame.locator("[role=status]").textContent()));
    asAlice("id");
    await frame.locator("#tab-search").click();
    await until("its alert is shown", async () => {
      await frame.locator("input.query").fill("rule.id:100211");
      await frame.locator("input.query").press("Enter");
      await sleep(500);
      return await rows("/usr/bin/id").count() > 0;
    });
  });

  await test("the self-test finds its way from the kernel to the alert", async () => {
    await frame.locator("#tab-state").click();
    await frame.getByRole("button", { name: "Run the self-test" }).click();
    await frame.locator("#doctor li").first().waitFor({ timeout: 60_000 });
    await browser.picture(`installed-${suite}-doctor`);
    assert.match(await frame.locator("#doctor").textContent(), /alert/);
  });

  await test("no barriers, and nothing that the browser complains of in the page", async () => {
    assert.deepEqual(await barriers(build, frame), []);
    assert.deepEqual(browser.wrong.filter((text) => /tld-audisp|Content Security Policy/.test(text)), []);
  });
} catch (fault) {
  await steps.fail("the story comes to its end", fault);
} finally {
  await browser.close();
}
process.exit(steps.failed === 0 ? 0 : 1);
