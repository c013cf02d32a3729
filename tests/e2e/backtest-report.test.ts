import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { reportPage } from "../../src/backtest/adapters/report/page.ts";
import type { ReportData } from "../../src/backtest/core/results/report-data.ts";
import { average, madeReport, walk } from "../backtest/report-data.ts";
import { Browser, type Tab } from "../support/browser.ts";
import { Folder } from "../support/folder.ts";
import { until } from "../support/sandbox.ts";

const HOSTILE = `</script><img src="http://127.0.0.1:9/x"><b>`;

let folder: Folder;
let browser: Browser;
let data: ReportData;
let tab: Tab;

/** Writes the page of a report and opens it. */
async function open(name: string, of: ReportData): Promise<Tab> {
  const path = folder.file(name);
  writeFileSync(path, await reportPage(of, Date.UTC(2026, 0, 1)));
  const opened = await browser.open(`file://${path}`);
  await opened.until("document.documentElement.dataset.ready === ''");
  return opened;
}

beforeAll(async () => {
  folder = new Folder();
  browser = await Browser.launch();
  const [one, other] = [walk(5000), walk(5000)];
  for (const column of [other.open, other.high, other.low, other.close]) {
    for (let bar = 0; bar < column.length; bar++) column[bar] = Math.round((column[bar] ?? 0) * 2e5) / 1e5;
  }
  const made = madeReport({ EURUSD: one, [HOSTILE]: other }, { tag: HOSTILE });
  const lines = [average(one, 10, "fast"), { ...average(one, 14, "rsi"), pane: "own" as const }];
  data = {
    ...made,
    symbols: made.symbols.map((symbol, n) => (n === 0 ? { ...symbol, lines } : symbol)),
    log: [{ time: made.time[7] ?? 0, symbol: "EURUSD", text: `said ${HOSTILE}` }],
  };
  tab = await open("report.html", data);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const range = () => tab.text("#range");
const trades = () =>
  tab.evaluate<string[][]>(`[...document.querySelectorAll("tr[data-trade]")]
  .map((row) => [...row.cells].map((cell) => cell.textContent))`);
const choose = (id: string, value: string) =>
  tab.evaluate(`(() => {
    const field = document.getElementById(${JSON.stringify(id)});
    field.value = ${JSON.stringify(value)};
    field.dispatchEvent(new Event("input"));
    field.dispatchEvent(new Event("change"));
  })()`);

/** How many colours the canvases of an element show, all of them on top of each other. */
const coloursOf = (selector: string) =>
  tab.evaluate<number>(`(() => {
    const seen = new Set();
    for (const canvas of document.querySelectorAll(${JSON.stringify(`${selector} canvas`)})) {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const pixels = new Uint32Array(data.buffer);
      for (let at = 0; at < pixels.length; at++) seen.add(pixels[at]);
    }
    return seen.size;
  })()`);

test("prices, equity, drawdown and other orders are drawn, in light and in dark", async () => {
  for (const dark of [false, true]) {
    await tab.dark(dark);
    for (const chart of ["#price", "#equity", "#drawdown", "#orders"]) {
      await tab.until(`document.querySelector("${chart} canvas") !== null`);
      expect(await coloursOf(chart)).toBeGreaterThan(5);
    }
  }
});

test("it shows the run's own numbers: a bar, an indicator, the statistics, the months", async () => {
  const at = data.time.length - 1;
  expect(await range()).toStartWith("2020-01-01 00:00 to 2020-01-04 11:19, 5,000 bars");
  // Close enough for a candle to be a bar; at the end the legend says the last one.
  for (let n = 0; n < 7; n++) await tab.click('[data-view="in"]');
  await tab.evaluate(
    `document.getElementById("price").dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }))`,
  );
  await tab.until(`document.getElementById("legend").textContent.includes("11:19")`);
  const legend = await tab.text("#legend");
  const bars = data.symbols[0]?.bars;
  expect(legend).toContain(`close ${bars?.close[at]?.toFixed(5)}`);
  expect(legend).toContain(`volume ${bars?.volume[at]}`);
  expect(legend).toMatch(/fast \d\.\d+.*rsi \d\.\d+/);
  expect(await tab.text("#statistics")).toContain(`final equity${data.equity[at]?.toFixed(2)}`);
  expect(await tab.text("#months tbody")).toContain(`${data.result.stats.return_pct?.toFixed(2)}`);
});

test("the table filters by text, symbol, side and result, and sorts by a column", async () => {
  expect(await tab.text("#count")).toStartWith(`${data.trades.length} of ${data.trades.length}`);
  await choose("side", "short");
  await choose("end", "1");
  const wanted = data.trades.filter(({ size, pnl }) => size < 0 && pnl > 0);
  expect(await tab.text("#count")).toStartWith(`${wanted.length} of `);
  expect(new Set((await trades()).map((cells) => cells[2]))).toEqual(new Set(["short"]));
  await choose("of", "0");
  expect(await tab.text("#count")).toStartWith("0 of ");
  for (const id of ["side", "end", "of"]) await choose(id, "");

  await choose("find", "</SCRIPT><img");
  expect((await trades()).length).toBeGreaterThan(10);
  await choose("find", "2020-01-01 01:40");
  expect((await trades()).map((cells) => cells[0])).toEqual(["2"]);
  expect((await trades())[0]?.at(-1)).toBe(HOSTILE);
  await choose("find", "");

  const pnl = `#rows th:nth-child(10) button`;
  expect(await tab.text(pnl)).toBe("PnL");
  await tab.click(pnl);
  const worst = Math.min(...data.trades.map((trade) => trade.pnl));
  expect((await trades())[0]?.[9]).toBe(worst.toFixed(2));
  await tab.click(pnl);
  const best = Math.max(...data.trades.map((trade) => trade.pnl));
  expect((await trades())[0]?.[9]).toBe(best.toFixed(2));
  expect(await tab.evaluate("document.querySelector('th[aria-sort=descending]').textContent")).toBe("PnL");
  await tab.click("#rows th:first-child button");
});

test("a click on a trade moves the chart there, of its symbol; the arrow keys go on to the next", async () => {
  await tab.click('tr[data-trade="2"] td');
  // Trade 3 is of bars 150 to 170 of the first symbol: forty more on either side.
  await tab.until(
    `document.getElementById("range").textContent.startsWith("2020-01-01 01:50 to 2020-01-01 03:29")`,
  );
  expect(await tab.evaluate("document.getElementById('symbol').value")).toBe("0");
  await tab.evaluate(`(() => {
    const rows = document.getElementById("rows");
    rows.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  })()`);
  await tab.until(`document.getElementById("range").textContent.startsWith("2020-01-01 02:40")`);
  expect(await tab.evaluate("document.getElementById('symbol').value")).toBe("1");
  expect(await tab.text("#legend")).toContain(HOSTILE);
  await tab.until("document.querySelector('[aria-selected=true]')?.dataset.trade === '3'");
});

test("dragging over the equity shows that stretch closer, with its drawdown; a double click shows all", async () => {
  const drawn = () =>
    tab.evaluate<string>(
      `["equity", "drawdown"].map((id) => document.querySelector("#" + id + " canvas").toDataURL()).join(" ")`,
    );
  const [equity, drawdown] = (await drawn()).split(" ");
  await tab.evaluate(`(() => {
    const over = document.querySelector("#equity .u-over");
    const { left, top, width, height } = over.getBoundingClientRect();
    const mouse = (type, share) => new MouseEvent(type, {
      clientX: left + width * share, clientY: top + height / 2, movementX: 5, bubbles: true,
    });
    over.dispatchEvent(mouse("mousemove", 0.25));
    over.dispatchEvent(mouse("mousedown", 0.25));
    over.dispatchEvent(mouse("mousemove", 0.5));
    over.dispatchEvent(mouse("mouseup", 0.5));
  })()`);
  const [closerEquity, closerDrawdown] = (
    await until(drawn, (now) => now.split(" ").every((picture) => picture !== equity && picture !== drawdown))
  ).split(" ");
  expect(closerEquity).not.toBe(closerDrawdown);
  expect(await tab.text("#at")).toMatch(/^2020-01-0\d \d\d:\d\d {2}\d,\d{3}\.\d\d {2}-?\d+\.\d\d %$/);
  await tab.evaluate(
    `document.querySelector("#equity .u-over").dispatchEvent(new MouseEvent("dblclick", { bubbles: true }))`,
  );
  await until(drawn, (now) => now === `${equity} ${drawdown}`);
});

test("it asks for nothing, and what a user wrote is text", async () => {
  expect(await tab.evaluate("performance.getEntriesByType('resource').length")).toBe(0);
  expect(await tab.evaluate("document.images.length")).toBe(0);
  expect(await tab.text("#said")).toBe(`2020-01-01 00:07  EURUSD  said ${HOSTILE}`);
  expect(tab.complaints).toEqual([]);
  const refused = tab.evaluate(`new Promise((resolve) => {
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
    fetch("http://127.0.0.1:9/x").catch(() => {});
  })`);
  expect(await refused).toBe("connect-src");
});

test("a report without bars still has its curve, statistics and trades", async () => {
  const bare = data.symbols.map((symbol) => ({ ...symbol, bars: walk(0), lines: [] }));
  await using opened = await open("bare.html", { ...data, symbols: bare, note: "its data is gone" });
  expect(await opened.text("#note")).toBe("its data is gone");
  expect(await opened.text("#price")).toBeUndefined();
  expect(await opened.text("#count")).toStartWith(`${data.trades.length} of`);
  await opened.click('tr[data-trade="2"] td');
  expect(opened.complaints).toEqual([]);
});

test("a million bars are opened, and a view of them gives the chart a few hundred", async () => {
  await using opened = await open("million.html", madeReport({ EURUSD: walk(1_000_000) }));
  const candle = async () =>
    Number(/([\d,]+) a candle/.exec((await opened.text("#range")) ?? "")?.[1]?.replace(",", ""));
  expect(await opened.text("#range")).toContain("1,000,000 bars");
  expect(await candle()).toBeGreaterThan(1000);
  await opened.click('[data-view="in"]');
  await opened.until(`document.getElementById("range").textContent.includes("500,000 bars")`);
  expect(await opened.evaluate("document.querySelectorAll('tr[data-trade]').length")).toBeLessThan(60);
  expect(opened.complaints).toEqual([]);
});
