// SPDX-License-Identifier: Apache-2.0
// What people do with the page, step by step. Each step is a test.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { barriers, Browser, sleep, Steps, until } from "./browser.mjs";
import { Host } from "./host.mjs";

const build = process.argv[2] ?? "build";
const port = 9191;
const host = new Host(build);
const browser = await Browser.open(build);
const { page, wrong } = browser;
const steps = new Steps(browser);
const { test } = steps;
const picture = (name) => browser.picture(name);
let frame;

const count = async (name) => Number(await frame.locator(`.counters div:has(dt:text-is("${name}")) dd`).textContent());
const rows = () => frame.locator("tr.alert");
const settled = () => until("the search ends", async () => await frame.locator("#result .counters, .problem:visible").count() > 0 && await frame.locator("#result.busy").count() === 0);
async function search(query) {
  await frame.locator("input.query").fill(query);
  await frame.locator("input.query").press("Enter");
  await sleep(100);
  await settled();
}

try {
  await host.startSyslog();
  await host.startPlugin();
  await host.startCockpit(port);
  await page.goto(`http://127.0.0.1:${port}/tld-audisp/index`);
  frame = await browser.frame();

  await test("each text has its translations", () => execFileSync("cockpit/translate", ["--check"]));

  await test("the page of a store in which next to nothing is", async () => {
    await settled();
    assert.equal(await count("alerts"), host.stored().length);  // the plugin's own, of its start
    await search("data.audit.command:*");
    assert.match(await frame.locator("#result").textContent(), /No alert matches in this time/);
    await picture("empty");
    await search("");
    assert.equal(await frame.locator("h1").textContent(), "Threat hunting");
  });

  await test("a command that is run while the page follows appears", async () => {
    await frame.locator("#follow").click();
    await sleep(500);
    host.exec({ command: "nc" });
    await until("the alert is shown", async () => await frame.locator("tr.alert.high").count() === 1);
    const row = frame.locator("tr.alert.high");
    assert.match(await row.locator("td.command").textContent(), /^nc /);
    assert.match(await row.locator("td.login").textContent(), /^alicedev \(1000\)$/);
    await row.locator("button.open").click();
    await until("the counters follow", async () => await count("level 12 and above") === 1);
    assert.equal(await row.locator("button.open").getAttribute("aria-expanded"), "true");  // what is open stays open
    await frame.locator("#follow").click();
  });

  const now = Date.now();
  for (let i = 0; i < 40; i++) host.exec({ command: ["nc", "curl", "whoami", "base64"][i % 4], at: now - i * 600_000 });
  await until("all are stored", () => host.stored().filter((alert) => alert.data?.audit?.command).length === 41);

  await test("a query in the search bar, and what it leaves", async () => {
    await search("data.audit.command:nc and rule.level>=12");
    await until("nc alone is left", async () => await rows().count() === 11);
    for (const text of await frame.locator("td.command").allTextContents()) assert.match(text, /^nc /);
    assert.match(page.url(), /q=data\.audit\.command/);
    await picture("search");
  });

  await test("a wrong query is told with its place", async () => {
    await search("rule.level>=high");
    assert.match(await frame.locator(".problem").textContent(), /this comparison needs a number/);
    const [line, caret] = (await frame.locator(".problem code").textContent()).split("\n");
    assert.equal(line.slice(caret.indexOf("^")), "high");
    assert.equal(await frame.locator("input.query").getAttribute("aria-invalid"), "true");
    await picture("wrong-query");
  });

  await test("a value of a list narrows the search, and one that is not wanted is taken out", async () => {
    await search("");
    const before = await count("alerts");
    await frame.locator(".top", { hasText: "Programs" }).locator("button.value", { hasText: /^nc$/ }).click();
    await settled();
    await until("it is in the query", async () => await frame.locator("input.query").inputValue() === "data.audit.command:nc");
    await until("nc is left", async () => await count("alerts") === 11);
    await search("");
    await frame.locator(".top", { hasText: "Programs" }).locator("li", { hasText: /^nc/ }).locator("button.not").click();
    await until("nc is gone", async () => await count("alerts") === before - 11);
    assert.equal(await frame.locator("input.query").inputValue(), "not data.audit.command:nc");
  });

  await test("a part of the histogram is chosen with the pointer, and with the keyboard", async () => {
    await search("");
    const before = await count("alerts");
    const box = await frame.locator("svg.histogram").boundingBox();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width, box.y + 40, { steps: 5 });
    await page.mouse.up();
    await until("less is shown", async () => { const n = await count("alerts"); return n > 0 && n < before; });
    assert.equal(await frame.locator("select[aria-label='Time range']").inputValue(), "custom");
    await frame.locator("select[aria-label='Time range']").selectOption("24h");
    await until("all is shown again", async () => await count("alerts") === before);
    await frame.locator("svg.histogram g.bar").first().focus();
    await page.keyboard.press("Enter");
    await until("a bar is shown", async () => { const n = await count("alerts"); return n > 0 && n < 5; });
    await frame.locator("select[aria-label='Time range']").selectOption("24h");
    await until("all is shown again", async () => await count("alerts") === before);
  });

  await test("Back undoes a filter and a zoom", async () => {
    const before = await count("alerts");
    await search("data.audit.command:nc");
    await until("nc is left", async () => await count("alerts") === 11);
    await frame.locator("svg.histogram g.bar").last().focus();
    await page.keyboard.press("Enter");
    await until("a bar is shown", async () => await count("alerts") < 11);
    await page.goBack();
    await until("the zoom is undone", async () => await count("alerts") === 11);
    assert.equal(await frame.locator("select[aria-label='Time range']").inputValue(), "24h");
    await page.goBack();
    await until("the filter is undone", async () => await count("alerts") === before);
    assert.equal(await frame.locator("input.query").inputValue(), "");
    await page.goForward();
    await until("and done again", async () => await count("alerts") === 11);
    await search("");
    await until("all is shown again", async () => await count("alerts") === before);
  });

  await test("whoever chooses a time of the past follows no more", async () => {
    const before = await count("alerts");
    await frame.locator("#follow").click();
    await settled();
    await frame.locator("svg.histogram g.bar").first().focus();
    await page.keyboard.press("Enter");
    await until("a bar is shown", async () => await count("alerts") < before);
    assert.equal(await frame.locator("#follow").getAttribute("aria-pressed"), "false");
    await frame.locator("select[aria-label='Time range']").selectOption("24h");
    await until("all is shown again", async () => await count("alerts") === before);
  });

  await test("what is being typed stays, and an address that makes no sense does no harm", async () => {
    const before = await count("alerts");
    await frame.locator("input.query").fill("rule.level>=");
    await frame.locator("select[aria-label='Time range']").selectOption("7d");
    await settled();
    assert.equal(await frame.locator("input.query").inputValue(), "rule.level>=");
    await search("");
    await frame.evaluate(() => { location.hash = "#/search?from=x&to=1e300&range=1y&q=a&q=b"; });
    await until("it is searched", async () => await frame.locator("input.query").inputValue() === "a");
    await settled();
    assert.equal(await frame.locator("select[aria-label='Time range']").inputValue(), "24h");
    await search("");
    await until("all is shown again", async () => await count("alerts") === before);
  });

  await test("a range of one's own", async () => {
    const before = await count("alerts");
    await frame.locator("select[aria-label='Time range']").selectOption("custom");
    const from = frame.locator("input[aria-label='from']");
    await from.waitFor();
    // To the minute: the browser takes seconds of zero away, and what it then has is not what was filled in.
    const hourAgo = new Date(Date.now() - 3_600_000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    await from.fill(hourAgo);
    await from.dispatchEvent("change");
    await until("the last hour is shown", async () => { const n = await count("alerts"); return n > 0 && n < before; });
    await frame.locator("select[aria-label='Time range']").selectOption("24h");
    await until("all is shown again", async () => await count("alerts") === before);
  });

  await test("an alert opens to its fields, records and the ausearch line", async () => {
    await search("data.audit.command:nc");
    const open = rows().first().locator("button.open");
    await open.focus();
    await page.keyboard.press("Enter");
    assert.equal(await open.getAttribute("aria-expanded"), "true");
    const details = frame.locator("tr.details:not([hidden])");
    assert.match(await details.locator("pre.records").first().textContent(), /^type=SYSCALL .*\ntype=EXECVE /);
    assert.match(await details.locator("code").textContent(), /^ausearch -i -a \d+$/);
    await picture("alert");
    await details.locator("tr", { hasText: "rule.level" }).locator("button[title='is not']").click();
    await until("the field is in the query", async () => /and not rule\.level:\d+$/.test(await frame.locator("input.query").inputValue()));
  });

  await test("what is shown is exported", async () => {
    await search("data.audit.command:nc and rule.level>=12");
    for (const [button, name] of [["Export as JSON", "alerts.json"], ["Export as CSV", "alerts.csv"]]) {
      const [download] = await Promise.all([page.waitForEvent("download"), frame.getByRole("button", { name: button }).click()]);
      assert.equal(download.suggestedFilename(), name);
      const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
      assert.equal(lines.length, name.endsWith("csv") ? 12 : 11);
      if (name.endsWith("json")) for (const line of lines) assert.equal(JSON.parse(line).data.audit.command, "nc");
    }
  });

  await test("hostile text is text", async () => {
    const bad = `<img src=x onerror=alert(1)>"'</script><script>alert(2)</script>\u202egnp.exe`;
    const hex = Buffer.from(bad, "utf8").toString("hex").toUpperCase();
    host.exec({ command: "nc", change: (line) => line.replace(/a1="[^"]*"/, `a1=${hex}`).replace(/comm="nc"/, `comm=${Buffer.from("<b>nc").toString("hex").toUpperCase()}`) });
    await until("it is stored", () => host.stored().some((alert) => alert.full_log?.includes(hex)));
    await search(`"<img src=x"`);
    await until("it is shown", async () => await rows().count() >= 1);
    const shown = await rows().first().locator("td.command").textContent();
    assert.ok(shown.includes("<img src=x onerror=alert(1)>"), shown);
    assert.ok(!shown.includes("\u202e"));
    await rows().first().locator("button.open").click();
    assert.equal(await frame.locator("#result img, #result script, #result b").count(), 0);
    await frame.locator(".top", { hasText: "Programs" }).locator("button.value").first().click();
    await settled();
    assert.equal(await frame.locator(".problem:visible").count(), 0);
    await picture("hostile");
  });

  await test("no barriers in any tab, light and dark", async () => {
    const found = [];
    await search("");
    await rows().first().locator("button.open").click();
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const tab of ["search", "lists", "rules", "state"]) {
        await frame.locator(`#tab-${tab}`).click();
        await until("the tab is filled", async () => await frame.locator("#content tbody tr").count() > 0);
        await sleep(200);
        found.push(...(await barriers(build, frame)).map((line) => `${tab}, ${scheme}: ${line}`));
      }
    }
    await frame.locator("#tab-search").click();
    await settled();
    await page.emulateMedia({ colorScheme: "light" });
    assert.deepEqual(found, []);
  });

  await test("the dark theme, and a narrow window", async () => {
    await search("");
    await page.emulateMedia({ colorScheme: "dark" });
    await until("it is dark", async () => await frame.evaluate(() => getComputedStyle(document.body).backgroundColor) === "rgb(27, 29, 33)");
    await picture("dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 420, height: 900 });
    assert.ok(await frame.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it can be scrolled sideways");
    await picture("narrow");
    await page.setViewportSize({ width: 1300, height: 950 });
  });

  await test("a list is changed, and the change is in force", async () => {
    await frame.locator("#tab-lists").click();
    await until("entries are shown", async () => await frame.locator("#entries tbody tr").count() > 20);
    await frame.locator("input[placeholder='Key']").fill("-my-tool");
    await frame.locator("input[placeholder='Value']").fill("orange");
    await frame.getByRole("button", { name: "Add or change" }).click();
    await until("the plugin has it", async () => /^'-my-tool' was saved. policy \d+ is in force/.test(await frame.locator("[role=status]").textContent()));
    assert.equal(host.tldctl("list", "get", "--", "suspicious-programs", "-my-tool").trim(), "orange");
    await frame.locator("input[placeholder='Filter entries']").fill("-my-tool");
    await picture("lists");
    await frame.locator("#entries tbody tr", { hasText: "-my-tool" }).getByRole("button", { name: "Remove" }).click();
    await until("it is gone", async () => await frame.locator("#entries tbody tr", { hasText: "-my-tool" }).count() === 0);
  });

  await test("rules: what fired leads to its alerts", async () => {
    await frame.locator("#tab-rules").click();
    const rule = frame.locator("#tree tr", { hasText: /^100210/ }).getByRole("button");
    await until("rules are shown", async () => await rule.count() === 1);
    assert.ok(await frame.locator("#tree tbody tr").count() >= 122);
    await until("findings are shown", async () => await frame.locator("#findings").locator("p, table").count() === 1);
    await picture("rules");
    await rule.click();
    await until("its alerts are searched", async () => await frame.locator("input.query").inputValue() === "rule.id:100210");
    await settled();
    assert.ok(await count("alerts") > 0);
  });

  await test("the state, of a plugin that runs and of one that is down", async () => {
    await frame.locator("#tab-state").click();
    await until("counters are shown", async () => await frame.locator("#status tr", { hasText: "input.events" }).count() > 0);
    await picture("state");
    await frame.getByRole("button", { name: "Run the self-test" }).click();
    await until("the self-test has its answers", async () => await frame.locator("#doctor li").count() > 3);
    await host.stopPlugin();
    await until("it is told", async () => /no plugin answers/.test(await frame.locator(".problem:visible").textContent().catch(() => "")));
    await frame.locator("#tab-search").click();
    await settled();
    assert.ok(await count("alerts") > 0, "the store can be searched all the same");
  });

  await test("in the user's language", async () => {
    await page.context().addCookies([{ name: "CockpitLang", value: "de", url: `http://127.0.0.1:${port}` }]);
    await page.goto(`http://127.0.0.1:${port}/tld-audisp/index`);
    frame = await browser.frame();
    await settled();
    assert.equal(await frame.locator("h1").textContent(), "Bedrohungssuche");
    assert.ok(await count("Alarme") > 0);
    await picture("german");
  });

  await test("the report shows the same, from a file", async () => {
    const file = resolve(build, "cockpit/report.html");
    host.tldctl("hunt", "--html", file);
    const report = await browser.newPage();
    await report.goto(`file://${file}`);
    assert.equal(await report.locator("tr.alert").count(), host.stored().length);
    assert.ok((await report.locator("td.command").allTextContents()).some((text) => text.includes("<img src=x onerror=alert(1)>")));
    assert.equal(await report.locator("main img, main script").count(), 0);
    await report.screenshot({ path: resolve(build, "cockpit/report.png") });
    await report.close();
  });

  await test("the browser had nothing to complain of", async () => assert.deepEqual(wrong, []));
} catch (fault) {
  await steps.fail("the story comes to its end", fault);
  console.log(host.cockpitLog ?? "");
} finally {
  await browser.close();
  await host.end();
}
process.exit(steps.end());
