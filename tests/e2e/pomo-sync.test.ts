import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Browser } from "../support/browser.ts";
import { PomoBox } from "../support/pomo.ts";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";

/** Serves the page until the box is gone. @returns its address */
async function serve(box: PomoBox): Promise<string> {
  const { stdout } = box.start(["pomo", "serve", "--listen", "127.0.0.1:0"]);
  const { value } = await stdout[Symbol.asyncIterator]().next();
  return String(JSON.parse(new TextDecoder().decode(value))["url"]);
}

/** What the page says of the timer. */
const says = (state: string, type: string) =>
  `document.querySelector("#state").textContent.includes("${state}") && document.querySelector("#type").textContent.toLowerCase().includes("${type}")`;

test("two terminals and a page show the same, over a refresh, a reopening and the death of the host", async () => {
  await using box = new PomoBox();
  const screen = (...args: string[]) =>
    pty([...box.command, "pomo", ...args], { cwd: box.work, env: box.env, columns: 100, rows: 30 });
  await using one = screen("start", "write the report");
  await one.until("write the report");
  await using two = screen("watch");
  await two.until("write the report");
  await using browser = await Browser.launch();
  const url = await serve(box);
  let page = await browser.open(url);
  await page.until(says("running", "work"));

  one.press("space");
  await Promise.all([two.until("paused"), page.until(says("paused", "work"))]);
  const shown = await page.text("#remaining");
  await page.reload();
  await page.until(says("paused", "work"));
  expect(await page.text("#remaining")).toBe(shown);

  await page.click("#go");
  await Promise.all([one.until("running"), two.until("running"), page.until(says("running", "work"))]);
  await page.close();
  two.press("s");
  await one.until("BREAK  round 1");
  page = await browser.open(url);
  await page.until(says("running", "break"));

  // Whoever watches takes it up again: one host, the same session.
  const before = await box.pomo("status");
  await box.kill();
  await until(() => box.host);
  const after = await box.pomo("status");
  expect(after).toMatchObject({ session_id: before["session_id"], interval: 2, restored: true });
  await box.pomo("pause");
  await Promise.all([one.until("paused"), two.until("paused"), page.until(says("paused", "break"))]);

  await page.click("#undo");
  await Promise.all([
    one.until("WORK  round 1"),
    two.until("WORK  round 1"),
    page.until(says("running", "work")),
  ]);
  expect(await box.history()).toEqual([]);

  one.press("x");
  await Promise.all([one.until("stopped"), two.until("stopped"), page.until(says("stopped", ""))]);
  expect(box.host).toBe(0);
  two.press("u");
  await Promise.all([one.until("running"), page.until(says("running", "work"))]);
  one.press("q");
  expect(await one.exited).toBe(0);
  two.hangUp();
  await two.exited;
  expect(await box.pomo("status")).toMatchObject({ state: "running", session_type: "WORK", interval: 1 });
  expect(page.complaints).toEqual([]);
});

test("a page alone starts a timer, and takes up one that was left", async () => {
  await using box = new PomoBox();
  await using browser = await Browser.launch();
  const url = await serve(box);
  const page = await browser.open(url);
  await page.until(says("stopped", ""));
  await page.click("#new-task");
  await page.type("from the page");
  await page.press("Enter");
  await page.until(says("running", "work"));
  expect(await box.pomo("status")).toMatchObject({ state: "running", task: "from the page" });
  await page.close();
  await box.kill();
  const again = await browser.open(url);
  await again.until(says("running", "work"));
  await until(() => box.host);
  expect(await box.pomo("status")).toMatchObject({ restored: true, task: "from the page" });
});

test("with pomo.listen the host serves the page itself, until it is stopped", async () => {
  await using box = new PomoBox({ STINT_POMO_LISTEN: "127.0.0.1:0" });
  await box.pomo("start", "--detach");
  const line = await until(
    () => box.log("pomo.default").find(({ text }) => String(text).startsWith("the page is served on ")),
    (found) => found !== undefined,
  );
  const address = String(line?.["text"]).split(" ").at(-1);
  expect((await fetch(`http://${address}/`)).status).toBe(401);
  const token = readFileSync(join(box.home, "state/stint/pomo.default.token"), "utf8").trim();
  const command = (name: string) =>
    fetch(`http://${address}/command/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
  expect(await (await command("pause")).json()).toMatchObject({ event: "WORK_PAUSED" });
  expect((await command("stop")).status).toBe(200);
  await until(() => box.host === 0);
  expect(await box.pomo("status")).toMatchObject({ state: "stopped", undo: "stop" });
  expect(fetch(`http://${address}/`)).rejects.toThrow();
});
