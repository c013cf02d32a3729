/** A run on a feed: the same strategies, bar by bar as they come. */
import { expect, test } from "bun:test";
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replay } from "../../src/backtest/adapters/replay.ts";
import { storedRun } from "../../src/backtest/adapters/runs/find.ts";
import type { Line } from "../support/sandbox.ts";
import { Sandbox, stint, until } from "../support/sandbox.ts";
import { Hosting } from "./hosting.ts";
import { writeStrategy } from "./strategies.ts";

const sample = new URL("../../src/backtest/sample/EURUSD.csv", import.meta.url).pathname;

/** The first bars of the sample, as a feed brings them. */
function fedBars(count: number, symbol?: string): string[] {
  return readFileSync(sample, "utf8")
    .split("\n")
    .slice(1, count + 1)
    .map((row) => {
      const [time = "", open, high, low, close, volume] = row.split(",");
      const prices = { open: Number(open), high: Number(high), low: Number(low), close: Number(close) };
      const at = `${time.replace(" ", "T")}Z`;
      return JSON.stringify({ ...(symbol ? { symbol } : {}), time: at, ...prices, volume: Number(volume) });
    });
}
const write = (file: string, lines: readonly string[]) => {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  return file;
};
const of = (lines: readonly Line[], type: string) => lines.filter((line) => line["type"] === type);
const END = Date.UTC(2017, 5, 1);

async function again(host: Hosting): Promise<string> {
  let hash = "";
  await host.do(async (context) => {
    hash = (await replay(await storedRun(context, undefined, () => true))).result.hash;
    return 0;
  });
  return hash;
}

test("the same strategy on the same bars comes to the same trades as in a backtest, and says each order, fill and line", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const strategy = join(folder, writeStrategy(folder, "everything"));
  // What a strategy takes for the time before the first bar is now, live, and the first bar's in a backtest.
  const param = { dated: "false" };
  const whole = await host.run({ strategy, param, to: END });
  const bars = Number((await host.status())["bar"]);
  const file = write(join(folder, "feed.ndjson"), fedBars(bars));
  host.begin({ mode: "live", symbol: "EURUSD", feed: `cat ${file}`, strategy, param, timeframe: "1h" });
  const { lines, code } = await host.ended();
  expect(code).toBe(0);
  expect(lines.at(-1)).toMatchObject({
    type: "result",
    hash: whole["hash"],
    stats: { trades: expect.any(Number) },
  });
  const orders = of(lines, "order");
  const fills = of(lines, "fill");
  expect(orders.length).toBeGreaterThan(20);
  expect(of(lines, "log").length).toBeGreaterThan(0);
  // A fill of an order that was placed comes after it, on a later bar; exits belong to a trade, not to an order of one's own.
  const placed = new Map(
    orders.filter(({ what }) => what === "placed").map((order) => [order["order"], order]),
  );
  for (const fill of fills) {
    const order = placed.get(fill["order"]);
    if (!order) continue;
    expect(lines.indexOf(order)).toBeLessThan(lines.indexOf(fill));
    expect(Number(order["time"])).toBeLessThan(Number(fill["time"]));
  }
  const times = [...orders, ...fills].map(({ time }) => Number(time));
  expect(Math.max(...times)).toBeLessThan(END);
  expect(await again(host)).toBe(String(whole["hash"]));
});

test("bars that are late, doubled, out of order or none are counted, and only the new ones are worked", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const [a = "", b = "", c = "", d = ""] = fedBars(4, "A");
  const [e = "", f = ""] = fedBars(4, "B").slice(1);
  // B's bar of the second hour comes after A's of the third: late. A's first comes again: out of order.
  const lines = [a, b, b, c, e, a, "nonsense", '{"symbol":"C"}', f, d, d.replace('"A"', '"Z"'), ""];
  const file = write(join(folder, "feed.ndjson"), lines);
  const session = join(folder, "live.yaml");
  const strategy = join(folder, writeStrategy(folder, "says"));
  writeFileSync(session, "version: 1\nmode: live\ntimeframe: 1h\nsymbols: { A: {}, B: {} }\n");
  host.begin({ feed: `cat ${file}`, strategy }, session);
  const ended = await host.ended();
  expect({ code: ended.code, last: ended.lines.at(-1)?.["type"] }).toEqual({ code: 0, last: "result" });
  expect((await host.status())["feed"]).toEqual({
    received: 11,
    late: 1,
    doubled: 1,
    out_of_order: 1,
    refused: 3,
  });
  expect(of(ended.lines, "log").map(({ text }) => text)).toEqual(["A 1", "A 2", "B 1", "A 3"]);
  expect(host.log.warnings.filter((text) => text.includes("a line isn't a bar"))).toHaveLength(1);
});

test("a pause is answered and not done, a step refused, inspect shows it as it runs", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const file = write(join(folder, "feed.ndjson"), fedBars(50));
  host.begin({ mode: "live", symbol: "EURUSD", feed: `tail -f -n +1 ${file}`, timeframe: "1h" });
  await host.reached((status) => status["bar"] === 50);
  expect(await host.pause()).toMatchObject({ state: "running", bar: 50 });
  await expect(host.step()).rejects.toThrow("a live run can't step");
  await expect(host.add("X", sample)).rejects.toThrow("nothing can join a live run");
  appendFileSync(file, `${fedBars(51).at(-1)}\n`);
  const status = await host.reached(({ bar }) => bar === 51);
  expect(status).toMatchObject({
    mode: "live",
    system_manager: { _state: "running", _mode: "live" },
    lag: { bars: 0 },
    subscriptions: [{ mode: "live", signals: 51, resets: 51 }, { signals: 51 }],
    performance_metrics: { bars_processed: 51, paused_duration: 0 },
  });
  const { symbols } = (await host.inspect()) as unknown as { symbols: Line[] };
  expect(symbols[0]).toMatchObject({ symbol: "EURUSD", bar: 50 });
  await host.stop();
  expect((await host.ended()).lines.at(-1)).toMatchObject({ type: "stopped", bar: 51 });
});

test("stopped between any two bars, it goes on from what it has told, and bars that come again are doubles", async () => {
  await using host = new Hosting({ STINT_BACKTEST_CHECKPOINT_SECONDS: "0.1" });
  const folder = host.home.path;
  const strategy = join(folder, writeStrategy(folder, "everything"));
  const bars = fedBars(600);
  const param = { dated: "false" };
  const whole = write(join(folder, "whole.ndjson"), bars);
  host.begin({ mode: "live", symbol: "EURUSD", feed: `cat ${whole}`, strategy, param, timeframe: "1h" });
  const wanted = await host.ended();
  const orders = of(wanted.lines, "order").length;

  const part = (count: number) => write(join(folder, `${count}.ndjson`), bars.slice(0, count));
  host.begin({
    mode: "live",
    symbol: "EURUSD",
    feed: `tail -f -n +1 ${part(150)}`,
    strategy,
    param,
    timeframe: "1h",
  });
  const { session_id } = await host.reached(({ bar }) => bar === 150);
  const stopped = await host.terminate();
  // What was told before the stop isn't told again.
  let told = of(stopped.lines, "order").length;
  host.resumeStored({ feed: `tail -f -n +1 ${part(400)}` }, String(session_id));
  await host.reached(({ bar }) => bar === 400);
  expect((await host.status())["feed"]).toMatchObject({ doubled: 1, out_of_order: 149 });
  told += of((await host.terminate()).lines, "order").length;
  host.resumeStored({ feed: `cat ${whole}` }, String(session_id));
  const ended = await host.ended();
  told += of(ended.lines, "order").length;
  expect(ended.lines.at(-1)?.["hash"]).toBe(wanted.lines.at(-1)?.["hash"]);
  expect(told).toBe(orders);
  expect(await again(host)).toBe(String(wanted.lines.at(-1)?.["hash"]));
  await expect(host.stop()).rejects.toThrow("no backtest is live");
});

test("several symbols go on, and are worked again, in the order in which their bars came", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const strategy = join(folder, writeStrategy(folder, "everything"));
  const [a, b] = [fedBars(300, "A"), fedBars(300, "B")];
  // B's bars come in bunches, so that many are late.
  const lines = a.flatMap((bar, i) => [bar, ...(i % 4 === 3 ? b.slice(i - 3, i + 1) : [])]);
  const session = join(folder, "live.yaml");
  writeFileSync(session, "version: 1\nmode: live\ntimeframe: 1h\nsymbols: { A: {}, B: {} }\n");
  const whole = write(join(folder, "whole.ndjson"), lines);
  host.begin({ feed: `cat ${whole}`, strategy }, session);
  const hash = (await host.ended()).lines.at(-1)?.["hash"];
  expect((await host.status())["feed"]).toMatchObject({ received: 600, late: 225 });
  expect(await again(host)).toBe(String(hash));
  const part = write(join(folder, "part.ndjson"), lines.slice(0, 333));
  host.begin({ feed: `tail -f -n +1 ${part}`, strategy }, session);
  const { session_id } = await host.reached(({ bar }) => bar === 333);
  await host.terminate();
  const rest = write(join(folder, "rest.ndjson"), lines.slice(333));
  host.resumeStored({ feed: `cat ${rest}` }, String(session_id));
  const resumed = String((await host.ended()).lines.at(-1)?.["hash"]);
  expect((await host.status())["result"]).toMatchObject({ steps: 600, bars: 600 });
  expect(await again(host)).toBe(resumed);
});

test("bars of a file warm its indicators and aren't traded; a file that has changed is refused", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const bars = fedBars(120);
  const history = join(folder, "history.csv");
  writeFileSync(history, readFileSync(sample, "utf8").split("\n").slice(0, 101).join("\n"));
  const strategy = join(folder, writeStrategy(folder, "says"));
  const live = { mode: "live", data: [`EURUSD=${history}`], strategy };
  const file = write(join(folder, "feed.ndjson"), bars.slice(98));
  host.begin({ ...live, feed: `tail -f -n +1 ${file}` });
  const status = await host.reached(({ bar }) => bar === 20);
  // Two of the feed's were in the file already.
  expect(status["feed"]).toMatchObject({ received: 22, doubled: 1, out_of_order: 1, late: 0 });
  const { session_id } = status;
  const { lines } = await host.terminate();
  expect(of(lines, "log").map(({ text }) => text)).toEqual(
    Array.from({ length: 20 }, (_, i) => `EURUSD ${100 + i}`),
  );
  appendFileSync(history, "\n2030-01-01,1,1,1,1,1\n");
  host.resumeStored({ feed: `cat ${file}` }, String(session_id));
  const refused = await host.ended();
  expect({ code: refused.code, err: refused.err }).toEqual({
    code: 1,
    err: expect.stringContaining("history.csv has changed since this run was begun") as unknown as string,
  });
});

test.each([
  ["false", "the feed false failed: it ended with 1"],
  ["sh -c 'echo {}; kill -9 $$'", "the feed sh failed: it ended with SIGKILL"],
])("a feed that fails, %s, ends the run with 69, and it can be resumed", async (feed, error) => {
  await using host = new Hosting();
  const live = { mode: "live", symbol: "EURUSD", timeframe: "1h" };
  host.begin({ ...live, feed });
  const { code, err } = await host.ended();
  expect({ code, err }).toEqual({ code: 69, err: expect.stringContaining(error) as unknown as string });
  const file = write(join(host.home.path, "feed.ndjson"), fedBars(30));
  host.resumeStored({ feed: `cat ${file}` });
  expect((await host.ended()).lines.at(-1)).toMatchObject({ type: "result" });
});

test("a feed whose program isn't there begins nothing", async () => {
  await using host = new Hosting();
  host.begin({ mode: "live", symbol: "EURUSD", feed: "./no-such-feed" });
  const { code, out, err } = await host.ended();
  expect({ code, out }).toEqual({ code: 69, out: "" });
  expect(err).toContain("the feed ./no-such-feed can't be started: there is no such program");
  await expect(host.status()).rejects.toThrow("there is no such backtest");
});

test("a strategy that fails ends it, and the program of its feed with it", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const file = write(join(folder, "feed.ndjson"), fedBars(30));
  const pid = join(folder, "pid");
  const feed = `sh -c 'echo $$ > ${pid}; exec tail -f -n +1 ${file}'`;
  const strategy = join(folder, writeStrategy(folder, "throws"));
  host.begin({ mode: "live", symbol: "EURUSD", feed, strategy, timeframe: "1h" });
  const { code, err } = await host.ended();
  expect({ code, err }).toEqual({
    code: 78,
    err: expect.stringContaining("boom (at bar 7,") as unknown as string,
  });
  const number = Number(readFileSync(pid, "utf8"));
  expect(() => process.kill(number, 0)).toThrow("ESRCH");
  expect((await host.status())["failure"]).toContain("boom");
});

test("stdin is a feed: the lines come as its bars do, its end is the run's, and kill -9 takes nothing that was kept", async () => {
  await using box = new Sandbox(stint.source, { STINT_BACKTEST_CHECKPOINT_SECONDS: "0.1" });
  copyFileSync(sample, join(box.work, "data.csv"));
  const strategy = writeStrategy(box.work, "everything");
  const bars = fedBars(400);
  const live = [
    "backtest",
    "run",
    "--mode",
    "live",
    "--feed",
    "-",
    "--symbol",
    "EURUSD",
    "--timeframe",
    "1h",
  ];
  const args = [...live, "--strategy", strategy, "--param", "dated=false"];
  const start = (args: string[]) =>
    Bun.spawn([...box.command, ...args], {
      cwd: box.work,
      env: box.env,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
  const child = start(args);
  const out = child.stdout.text();
  child.stdin.write(
    bars
      .slice(0, 250)
      .map((line) => `${line}\n`)
      .join(""),
  );
  child.stdin.flush();
  // Until what it has worked is in a checkpoint.
  const id = await until(async () => {
    const [line] = (await box.run(["backtest", "status"])).lines;
    return line?.["bar"] === 250 && line["checkpoint_at"] !== null ? String(line["session_id"]) : undefined;
  });
  const [state] = (await box.run(["backtest", "status"])).lines;
  await until(
    async () =>
      Number((await box.run(["backtest", "status"])).lines[0]?.["checkpoint_at"]) >
      Number(state?.["checkpoint_at"]),
  );
  child.kill("SIGKILL");
  await child.exited;
  const before = of(
    (await out)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line),
    "order",
  );
  const refused = await box.run(["backtest", "resume", id ?? ""]);
  expect({ code: refused.code, err: refused.err }).toMatchObject({
    code: 2,
    err: expect.stringContaining("it needs its feed again") as unknown as string,
  });
  const resumed = await box.run(["backtest", "resume", id ?? "", "--feed", "-"], {
    input: `${bars.join("\n")}\n`,
  });
  expect(resumed.code).toBe(0);
  const whole = await box.run(args, { input: `${bars.join("\n")}\n` });
  expect(resumed.lines.at(-1)?.["hash"]).toBe(whole.lines.at(-1)?.["hash"] as string);
  expect(before.length + of(resumed.lines, "order").length).toBe(of(whole.lines, "order").length);
});
