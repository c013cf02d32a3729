import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { equityCsv, statisticsCsv, tradesCsv } from "../../../../src/backtest/adapters/report/csv.ts";
import { reportMarkdown } from "../../../../src/backtest/adapters/report/markdown.ts";
import { reportPage } from "../../../../src/backtest/adapters/report/page.ts";
import { drawPicture } from "../../../../src/backtest/adapters/report/picture.ts";
import { holdCurve } from "../../../../src/backtest/core/results/report-data.ts";
import { csvRecords } from "../../../../src/kernel/csv.ts";
import { Sandbox, stint } from "../../../support/sandbox.ts";
import { madeReport, walk } from "../../report-data.ts";

const HOSTILE = `=cmd|"</script><script>alert(1)</script>, *bold*`;
const data = madeReport({ EURUSD: walk(300), "A|<b>": walk(300) }, { tag: HOSTILE });
const text = (pieces: Iterable<string>) => [...pieces].join("");

test("trades.csv has a record for each trade, numbers unrounded and texts that are no formulas", () => {
  const whole = text(tradesCsv(data));
  const records = [...csvRecords(whole)];
  expect(records.length).toBe(data.trades.length);
  for (const [n, trade] of data.trades.entries()) {
    expect(Number(records[n]?.text("pnl"))).toBe(trade.pnl);
    expect(Number(records[n]?.text("entry_price"))).toBe(trade.entryPrice);
    expect(records[n]?.text("entry_time")).toBe(
      new Date(data.time[trade.entryBar] ?? 0).toISOString().replace(".000", ""),
    );
  }
  expect(records[1]?.text("symbol")).toBe("A|<b>");
  expect(records[1]?.text("tag")).toBe(HOSTILE);
  expect(whole).toContain(`'=cmd|`);
});

test("equity.csv has a record for each step with drawdown and buy & hold, statistics.csv one for each figure", () => {
  const equity = [...csvRecords(text(equityCsv(data)))];
  expect(equity.map((record) => Number(record.text("equity")))).toEqual([...data.equity]);
  const deepest = Math.min(...equity.map((record) => Number(record.text("drawdown_pct"))));
  expect(deepest).toBeCloseTo(data.result.stats.max_drawdown_pct ?? Number.NaN, 9);
  const statistics = new Map(
    [...csvRecords(text(statisticsCsv(data)))].map((record) => [
      record.text("statistic"),
      record.text("value"),
    ]),
  );
  expect(Number(statistics.get("equity_final"))).toBe(data.equity.at(-1) ?? Number.NaN);
  expect(statistics.get("start")).toBe("2020-01-01T00:00:00Z");
});

test("buy & hold ends where the statistics say it does", () => {
  const [first = Number.NaN] = data.equity;
  const last = holdCurve(data)?.at(-1) ?? Number.NaN;
  expect((last / first - 1) * 100).toBeCloseTo(data.result.stats.buy_hold_return_pct ?? Number.NaN, 9);
});

test("the Markdown's tables keep their columns, whatever stands in a name", () => {
  const lines = text(reportMarkdown(data)).split("\n");
  const columns = (line: string) => line.split(/(?<!\\)\|/).length;
  const rows = lines.filter((line) => /^\| \d+ \| /.test(line) && columns(line) === 14);
  expect(rows.filter((line) => /long|short/.test(line)).length).toBe(data.trades.length);
  expect(lines.join("\n")).toContain(String.raw`A\|\<b\>`);
  expect(lines.join("\n")).not.toMatch(/<script>/);
  expect(lines.some((line) => line.startsWith("| 2020 |"))).toBe(true);
});

test("the picture shows prices, trades, equity and drawdown; without prices the rest", async () => {
  const colours = async (bytes: Uint8Array) => {
    const { data: pixels, info } = await sharp(bytes)
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const seen = new Set<string>();
    for (let at = 0; at < pixels.length; at += 3) {
      seen.add(`${pixels[at]} ${pixels[at + 1]} ${pixels[at + 2]}`);
    }
    return { size: [info.width, info.height], seen };
  };
  const whole = await colours(await drawPicture(data));
  expect(whole.size).toEqual([1200, 900]);
  // A long entry, and the line of the equity.
  expect(whole.seen).toContain("37 99 201");
  expect(whole.seen).toContain("23 100 171");
  const bare = { ...data, symbols: data.symbols.map((symbol) => ({ ...symbol, bars: walk(0) })) };
  const without = await colours(await drawPicture(bare));
  expect(without.seen).toContain("23 100 171");
  expect(without.seen).not.toContain("37 99 201");
});

test("the picture has dates below prices and drawdown, and says that it shows one of two symbols", async () => {
  const inked = async (bytes: Uint8Array, left: number, top: number, width: number, height: number) => {
    // The statistics are of what is read, not of what is cut out of it.
    const cut = await sharp(bytes).extract({ left, top, width, height }).toBuffer();
    const { channels } = await sharp(cut).stats();
    return channels.some(({ min }) => min < 200);
  };
  const both = await drawPicture(data);
  const alone = await drawPicture(madeReport({ EURUSD: walk(300) }));
  const dates = [364, 864].flatMap((top) => [90, 320, 600, 1090].map((left) => [left, top] as const));
  for (const [left, top] of dates) expect(await inked(both, left, top, 80, 20)).toBe(true);
  expect(await inked(both, 152, 68, 120, 13)).toBe(true);
  expect(await inked(alone, 152, 68, 120, 13)).toBe(false);
});

test("a report of a trade left open says so", () => {
  const { result } = data;
  const stats = { ...result.stats, open_trades: 1, open_pnl: 703.21 };
  const said = text(reportMarkdown({ ...data, result: { ...result, stats } }));
  expect(said).toContain("1 trade open at the end (+703.21)");
  expect(said).toContain("| open PnL | 703.21 |");
});

test("nothing that comes from a user stands in the page's markup as it was given", async () => {
  const page = await reportPage({ ...data, title: `<img src=x> ${HOSTILE}` }, 0);
  const has = (words: string) => page.includes(words);
  expect({ image: has("<img src"), script: has("<script>alert") }).toEqual({ image: false, script: false });
  expect(page.match(/<script/g)?.length).toBe(4);
  expect(has("Apache License") && has("Permission is hereby granted, free of charge")).toBe(true);
});

test("a finished run is written in every format that is asked for, over what was there", async () => {
  await using box = new Sandbox(stint.source);
  const { lines } = await box.run(["backtest", "run"]);
  const { stats } = lines.at(-1) as { stats: { trades: number; equity_final: number } };
  const asked = ["--html", "run.html", "--png", "run.png", "--csv", "tables", "--md", "run.md"];
  const { code, lines: told } = await box.run(["backtest", "report", ...asked]);
  expect(code).toBe(0);
  expect(told.map(({ type, format, file }) => [type, format, file])).toEqual([
    ["report", "html", join(box.work, "run.html")],
    ["report", "png", join(box.work, "run.png")],
    ["report", "csv", join(box.work, "tables")],
    ["report", "md", join(box.work, "run.md")],
  ]);
  const read = (name: string) => readFileSync(join(box.work, name), "utf8");
  expect([...csvRecords(read("tables/trades.csv"))].length).toBe(stats.trades);
  const equity = [...csvRecords(read("tables/equity.csv"))];
  expect(Number(equity.at(-1)?.text("equity"))).toBe(stats.equity_final);
  expect(read("run.html")).toStartWith("<!doctype html>");
  expect(read("run.md")).toContain(`| final equity | ${stats.equity_final.toFixed(2)} |`);

  const again = await box.run(["backtest", "report", "--csv", "tables", "--md", "-"]);
  expect({ code: again.code, head: again.out.split("\n", 1)[0]?.slice(0, 2) }).toEqual({
    code: 0,
    head: '{"',
  });
  expect((await box.run(["backtest", "report", "--csv", "run.md"])).code).toBe(74);
});
