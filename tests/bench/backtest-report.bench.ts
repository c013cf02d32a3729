// The page of a run over a million bars, written and opened in Chromium: bun tests/bench/backtest-report.bench.ts
import { statSync } from "node:fs";
import { join } from "node:path";
import { Browser } from "../support/browser.ts";
import { Sandbox } from "../support/sandbox.ts";
import { barsFile } from "./bars.ts";
import { median, row } from "./table.ts";

const ROUNDS = 3;
/** So many steps to the side the chart is moved, one a frame. */
const PANS = 60;

const file = barsFile();
await using box = new Sandbox();
const params = ["--param", "fast=50", "--param", "slow=200", "--commission", "0.0002", "--cash", "1e9"];
const ran = await box.run(["backtest", "run", "--data", file, ...params, "--json"]);
const id = ran.lines.find(({ type }) => type === "session")?.["id"];
if (ran.code !== 0 || typeof id !== "string") throw new Error(`the run ended with ${ran.code}: ${ran.err}`);

const page = join(box.work, "report.html");
const written: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const began = performance.now();
  const made = await box.run(["backtest", "report", id, "--html", page]);
  written.push(performance.now() - began);
  if (made.code !== 0) throw new Error(`the report ended with ${made.code}: ${made.err}`);
}
row("the page of 1 M bars written, with the run worked again", median(written) / 1000, "s", "no goal");
row("its size", statSync(page).size / 1e6, "MB", "no goal");

await using browser = await Browser.launch();
const opened: number[] = [];
let frames: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const began = performance.now();
  const tab = await browser.open(`file://${page}`);
  await tab.until("document.documentElement.dataset.ready === ''", 60_000);
  opened.push(performance.now() - began);
  // How long each frame takes in which a key moves the chart.
  const taken = await tab.evaluate<number[]>(`(async () => {
    const chart = document.getElementById("price");
    const taken = [];
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    for (let n = 0; n < ${PANS}; n++) {
      const began = performance.now();
      chart.dispatchEvent(new KeyboardEvent("keydown", { key: n < ${PANS / 2} ? "ArrowRight" : "ArrowLeft", bubbles: true }));
      await frame();
      taken.push(performance.now() - began);
    }
    return taken;
  })()`);
  frames = [...frames, ...taken];
  if (tab.complaints.length > 0) throw new Error(`the browser complained: ${tab.complaints.join("; ")}`);
  await tab.close();
}
row("opened until it is drawn, median", median(opened) / 1000, "s", "< 2");
row("a frame while it is moved, median", median(frames), "ms", "≤ 17");
row("a frame while it is moved, longest", Math.max(...frames), "ms", "no goal");
