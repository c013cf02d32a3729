/** A run by the clock: when bars are published, what is late, and what waits. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Line } from "../support/sandbox.ts";
import { Hosting } from "./hosting.ts";
import { writeStrategy } from "./strategies.ts";

const HOUR = 3_600_000;
/** The speed at which an hour's bars come every so many ms. */
const every = (ms: number) => HOUR / ms;
const paused = ({ state }: Line) => state === "paused";

type Status = {
  performance_metrics: { session_duration: number; paused_duration: number; bars_processed: number };
  subscriptions: { mode: string; signals: number; resets: number; overruns: number }[];
  lag: { bars: number; ms: number; max_bars: number; late_p99_ms: number; late_max_ms: number } | null;
};
const timed = (status: Line) => status as unknown as Status;
const published = (status: Line) => timed(status).subscriptions?.[0]?.signals ?? 0;

/** So many bars of an hour from a Monday on, prices going up and down. */
function hours(folder: string, bars: number): string {
  const file = join(folder, "hours.csv");
  const rows = Array.from({ length: bars }, (_, i) => {
    const price = 100 + (i % 7);
    return `${new Date(Date.UTC(2024, 0, 1) + i * HOUR).toISOString()},${price},${price + 1},${price - 1},${price}`;
  });
  writeFileSync(file, `time,open,high,low,close\n${rows.join("\n")}\n`);
  return file;
}

test("bars published while one is being worked are overruns, exactly so many, and all are worked", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const data = [hours(folder, 12)];
  const strategy = join(folder, writeStrategy(folder, "waits"));
  host.begin({ data, strategy, speed: every(40) });
  // The first two were published to an engine that was idle; the second one is held until all are published.
  const held = timed(await host.reached((status) => published(status) === 12));
  expect(held.subscriptions[0]).toMatchObject({ mode: "clock-driven", resets: 1, overruns: 10 });
  writeFileSync(join(folder, "open"), "");
  const { lines } = await host.ended();
  const { subscriptions, lag, performance_metrics } = timed(await host.status());
  expect(subscriptions.map(({ signals, resets, overruns }) => ({ signals, resets, overruns }))).toEqual([
    { signals: 12, resets: 12, overruns: 10 },
    { signals: 12, resets: 12, overruns: 0 },
  ]);
  expect(lag).toMatchObject({ bars: 0, max_bars: 10 });
  expect(performance_metrics.bars_processed).toBe(12);
  // Data-driven it comes to the same, nothing is late, and nothing is measured to be.
  expect((await host.run({ data, strategy }))["hash"]).toBe(lines.at(-1)?.["hash"]);
  const driven = timed(await host.status());
  expect(driven.lag).toBeNull();
  expect(driven.subscriptions.map(({ mode, overruns }) => ({ mode, overruns }))).toEqual([
    { mode: "data-driven", overruns: 0 },
    { mode: "data-driven", overruns: 0 },
  ]);
});

test("a strategy that is quick is never overrun, and its bars come on schedule", async () => {
  await using host = new Hosting();
  await host.run({ data: [hours(host.home.path, 12)], speed: every(50), param: { fast: "2", slow: "3" } });
  const { subscriptions, lag, performance_metrics } = timed(await host.status());
  expect(subscriptions[0]).toMatchObject({ signals: 12, overruns: 0 });
  // The first is due when its hour is over.
  expect(performance_metrics.session_duration).toBeGreaterThanOrEqual(0.6);
  expect(performance_metrics.session_duration).toBeLessThan(0.63);
  expect(lag).toMatchObject({ bars: 0, max_bars: 0 });
  expect(lag?.late_max_ms).toBeLessThan(30);
});

test("where the market is shut nobody waits: a weekend is as long as a bar", async () => {
  await using host = new Hosting();
  // From Friday's last bars to Monday's first, of the sample.
  const range = { from: Date.UTC(2017, 3, 21, 15), to: Date.UTC(2017, 3, 24, 3) };
  host.begin({ ...range, speed: every(30), param: { fast: "2", slow: "3" } });
  const bars = Number((await host.ended()).lines.findLast(({ type }) => type === "progress")?.["bars"]);
  expect(bars).toBeGreaterThan(5);
  expect(bars).toBeLessThan(20);
  const { session_duration } = timed(await host.status()).performance_metrics;
  expect(session_duration).toBeGreaterThanOrEqual(bars * 0.03);
  // The 49 hours would take as many bars' time; a busy machine takes some of its own.
  expect(session_duration).toBeLessThan((bars + 49 / 2) * 0.03);
});

test("a pause stops publication at once, and what was waited for a bar isn't waited again", async () => {
  await using host = new Hosting();
  host.begin({ data: [hours(host.home.path, 100)], speed: every(600), param: { fast: "2", slow: "3" } });
  await host.reached((status) => published(status) === 2);
  await Bun.sleep(350);
  const before = performance.now();
  expect(await host.pause()).toMatchObject({ state: "paused", bar: 2 });
  await Bun.sleep(700);
  expect(published(await host.status())).toBe(2);
  const resumed = performance.now();
  await host.resume();
  await host.reached((status) => published(status) === 3);
  // Of the 600 ms at least 350 had gone by: it is nearer to the rest of them than to all.
  expect(performance.now() - resumed).toBeLessThan((250 + 600) / 2);
  const { paused_duration, session_duration } = timed(await host.status()).performance_metrics;
  expect(Math.abs(paused_duration - (resumed - before) / 1000)).toBeLessThan(0.05 * paused_duration);
  expect(session_duration).toBeLessThan(3 * 0.6 + 0.1);
});

test("durations are those of an outside clock, and leave pauses out", async () => {
  await using host = new Hosting();
  const began = performance.now();
  host.begin({ data: [hours(host.home.path, 1000)], speed: every(20), paused: true });
  await host.reached(paused);
  const let_go = performance.now();
  await host.resume();
  await host.reached((status) => published(status) >= 30);
  const held = performance.now();
  await host.pause();
  await Bun.sleep(400);
  const asked = performance.now();
  const { performance_metrics } = timed(await host.status());
  const near = (seconds: number, ms: number) => Math.abs(seconds * 1000 - ms) < 0.05 * ms;
  expect(near(performance_metrics.session_duration, held - let_go)).toBe(true);
  const stood = performance_metrics.paused_duration * 1000;
  expect(stood).toBeGreaterThan(asked - held - 30);
  expect(stood).toBeLessThan(asked - held + (let_go - began));
});

test("bars that a joined symbol adds are published too, though the clock had come to its end", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const short = hours(folder, 6);
  const strategy = join(folder, writeStrategy(folder, "waits"));
  host.begin({ data: [short], symbol: "A", strategy, speed: every(20) });
  await host.reached((status) => published(status) === 6);
  const longer = join(folder, "longer.csv");
  writeFileSync(longer, await Bun.file(hours(folder, 30)).text());
  const pausing = host.pause();
  await host.reached(({ pending }) => pending === "pausing");
  writeFileSync(join(folder, "open"), "");
  expect(await pausing).toMatchObject({ state: "paused", bar: 2, bars: 6 });
  expect(await host.add("B", longer)).toMatchObject({ symbol: "B", joined: Date.UTC(2024, 0, 1, 2) });
  await host.resume();
  await host.ended();
  const status = await host.status();
  expect(status["result"]).toMatchObject({ steps: 30, bars: 6 + 28 });
  expect(timed(status).subscriptions[0]).toMatchObject({ signals: 30, resets: 30 });
});
