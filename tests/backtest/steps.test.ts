/** A run is stopped, looked at and let go, data-driven and by the clock. Expected bars are those of the reference run. */
import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Options } from "../../src/kernel/command.ts";
import type { Line } from "../support/sandbox.ts";
import { readReference, referenceTrades } from "./core/reference.ts";
import { Hosting } from "./hosting.ts";
import { writeStrategy } from "./strategies.ts";

const HOUR = 3_600_000;
const REFERENCE = {
  param: { fast: "15", slow: "40" },
  commission: { fixed: 0, rate: 1e-4, perUnit: 0 },
  finalize: true,
};
const trades = referenceTrades(readReference("sma_15_40_flip"));
const exitBar = (trade: number) => trades[trade]?.exitBar ?? Number.NaN;
const entryBar = (trade: number) => trades[trade]?.entryBar ?? Number.NaN;
const bar = (status: Line) => Number(status["bar"]);

/** Bars of an hour come every 10 s, as far as a test is concerned: never by themselves. */
const SLOWLY = HOUR / 10_000;
/** Every quarter of a ms. */
const FAST = HOUR / 0.25;

/** A thread that keeps the machine busy, until it is disposed. */
function busy(): Disposable {
  const worker = new Worker(URL.createObjectURL(new Blob(["for (;;) Math.random();"])));
  return { [Symbol.dispose]: () => worker.terminate() };
}

/** So much of it as a clock can go through a few times in a test. */
const SHORT = { ...REFERENCE, to: Date.UTC(2017, 5, 1) };
let hash = "";
let shortHash = "";
beforeAll(async () => {
  await using host = new Hosting();
  hash = String((await host.run(REFERENCE))["hash"]);
  shortHash = String((await host.run(SHORT))["hash"]);
});

const paused = ({ state }: Line) => state === "paused";

describe.each([
  ["data-driven", {}],
  ["by the clock", { speed: SLOWLY }],
] as [string, Options][])("%s", (_mode, manner) => {
  test("a step's answer is the bar after it, whatever else the machine does", async () => {
    using _one = busy();
    using _other = busy();
    await using host = new Hosting();
    host.begin({ ...REFERENCE, ...manner, paused: true });
    await host.reached(paused);
    for (let at = 1; at <= 25; at++) expect(bar(await host.step())).toBe(at);
    expect(bar(await host.step(25))).toBe(50);
    expect(await host.status()).toMatchObject({ state: "paused", bar: 50 });
  });

  test("a step to the next trade ends after the bar that filled one", async () => {
    await using host = new Hosting();
    host.begin({ ...REFERENCE, ...manner, paused: true });
    await host.reached(paused);
    for (const trade of [0, 1, 2]) expect(bar(await host.step("trade"))).toBe(entryBar(trade) + 1);
    const { symbols } = (await host.inspect()) as {
      symbols?: { bar: number; trades: { entryBar: number }[] }[];
    };
    expect(symbols?.[0]).toMatchObject({ bar: entryBar(2), trades: [{ entryBar: entryBar(2) }] });
  });

  test("clients that step at the same moment go one after another, to a trade and by number", async () => {
    await using host = new Hosting();
    host.begin({ ...REFERENCE, ...manner, paused: true });
    await host.reached(paused);
    const answers = await Promise.all([host.step(5), host.step(5), host.step("trade"), host.step(3)]);
    expect(answers.map(bar)).toEqual([5, 10, entryBar(0) + 1, entryBar(0) + 4]);
  });

  test("what stands behind a bar is shown while it is paused, and only then", async () => {
    await using host = new Hosting();
    const strategy = `${host.home.path}/${writeStrategy(host.home.path, "everything")}`;
    host.begin({ strategy, ...manner, paused: true });
    await host.reached(paused);
    await host.step(200);
    const inspected = (await host.inspect()) as unknown as { bar: number; symbols: Line[] };
    expect(inspected.bar).toBe(200);
    expect(inspected.symbols[0]).toMatchObject({
      symbol: "EURUSD",
      bar: 199,
      indicators: { fast: expect.any(Number), range: expect.any(Number), trend: expect.any(Number) },
      state: { known: 1, fills: expect.any(Number) },
    });
  });

  test("a pause on a pause and a resume of one that runs change nothing", async () => {
    await using host = new Hosting();
    host.begin({ ...REFERENCE, ...manner, paused: true, ...("speed" in manner ? {} : { pace: 50 }) });
    await host.reached(paused);
    expect((await host.pause())["state"]).toBe("paused");
    expect((await host.resume())["state"]).toBe("running");
    expect((await host.resume())["state"]).toBe("running");
    const { system_manager } = (await host.pause()) as unknown as { system_manager: { transitions: Line[] } };
    expect(system_manager.transitions.map(({ from, to }) => `${from} ${to}`)).toEqual([
      "stopped running",
      "running paused",
      "paused running",
      "running paused",
    ]);
    expect(host.step(0)).rejects.toThrow("bars must be a whole number above 0, not '0'");
  });
});

describe.each([
  ["data-driven", { pace: 4000 }],
  ["by the clock", { speed: FAST }],
] as [string, Options][])("let go, %s", (_mode, manner) => {
  test("it pauses by itself at a trade, a drawdown and a time, also when others have paused it before", async () => {
    await using host = new Hosting();
    const at = Date.UTC(2017, 7, 1, 12, 30);
    const pauseAt = [
      { kind: "trades", count: 3 },
      { kind: "drawdown", fraction: 0.05 },
      { kind: "time", at },
    ];
    host.begin({ ...REFERENCE, ...manner, paused: true, pauseAt });
    await host.reached(paused);
    await host.step(7);
    let third = await host.status();
    while (bar(third) < 60) {
      await host.resume();
      third = await host.pause();
    }
    if (bar(third) <= exitBar(2)) await host.resume();
    third = await host.reached(paused);
    expect({ bar: third["bar"], trades: third["trades"] }).toEqual({ bar: exitBar(2) + 1, trades: 3 });
    expect(third["breakpoints"]).toHaveLength(2);
    await host.resume();
    // Where equity was first 5 % below its peak, in sma_15_40_flip.equity.csv.
    expect(bar(await host.reached(paused))).toBe(1175 + 1);
    await host.resume();
    const noon = await host.reached(paused);
    expect(noon["time"]).toBe(Date.UTC(2017, 7, 1, 12));
    expect(noon["breakpoints"]).toEqual([]);
    await host.resume();
    expect((await host.ended()).lines.at(-1)?.["hash"]).toBe(hash);
  });

  test("a step that comes to a breakpoint ends there, and one more passes it", async () => {
    await using host = new Hosting();
    host.begin({ ...REFERENCE, ...manner, paused: true, pauseAt: [{ kind: "trades", count: 1 }] });
    await host.reached(paused);
    expect(bar(await host.step(1000))).toBe(exitBar(0) + 1);
    expect(bar(await host.step(1))).toBe(exitBar(0) + 2);
  });

  test("a resume cuts a step to a trade that never comes short, and nothing stops it after that", async () => {
    await using host = new Hosting();
    const folder = host.home.path;
    writeStrategy(folder, "spin");
    const quiet = { strategy: `${folder}/${writeStrategy(folder, "quiet")}`, to: SHORT.to };
    host.begin({ ...quiet, ...manner, paused: true });
    await host.reached(paused);
    const stepping = host.step("trade").catch((error: Error) => error.message);
    await host.reached((status) => bar(status) > 10);
    await host.resume();
    expect(await stepping).toContain("cut short");
    expect((await host.ended()).lines.at(-1)).toMatchObject({ type: "result" });
  });

  test("paused, stepped, looked at and let go at any moments by several clients, it comes to the same hash", async () => {
    const move = fc.oneof(
      fc.constant("pause"),
      fc.constant("resume"),
      fc.constant("inspect"),
      fc.constant("trade"),
      fc.constant("status"),
      fc.integer({ min: 1, max: 200 }),
    );
    const rounds = fc.array(fc.array(move, { minLength: 1, maxLength: 3 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(rounds, async (rounds) => {
        await using host = new Hosting({ STINT_BACKTEST_CHECKPOINT_SECONDS: "0.1" });
        host.begin({ ...SHORT, ...manner, paused: true });
        await host.reached(paused);
        const does = async (what: string | number) => {
          if (what === "pause") return host.pause();
          if (what === "resume") return host.resume();
          if (what === "inspect") return host.inspect();
          if (what === "status") return host.status();
          return host.step(what === "trade" ? "trade" : Number(what));
        };
        // One that runs refuses a step, one that has ended refuses all.
        for (const round of rounds) await Promise.allSettled(round.map(does));
        await host.resume().catch(() => {});
        expect((await host.ended()).lines.at(-1)?.["hash"]).toBe(shortHash);
        expect(host.log.warnings).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });
});
