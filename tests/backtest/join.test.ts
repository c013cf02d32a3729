/** A symbol joins a run under way. */
import { expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replay } from "../../src/backtest/adapters/replay.ts";
import { storedRun } from "../../src/backtest/adapters/runs/find.ts";
import type { Line } from "../support/sandbox.ts";
import { Hosting } from "./hosting.ts";
import { writeStrategy } from "./strategies.ts";

const paused = ({ state }: Line) => state === "paused";
const sample = new URL("../../src/backtest/sample/EURUSD.csv", import.meta.url).pathname;

/** The hash that the newest run comes to when it is worked from its first bar, uninterrupted. */
async function again(host: Hosting): Promise<string> {
  let hash = "";
  await host.do(async (context) => {
    hash = (await replay(await storedRun(context, undefined, () => true))).result.hash;
    return 0;
  });
  return hash;
}

test.each([
  ["data-driven", {}],
  ["by the clock", { speed: 3_600_000 / 0.25 }],
])(
  "%s it joins at the next step, warm, and the run is that of one that knew it from then on",
  async (_how, manner) => {
    await using host = new Hosting();
    const folder = host.home.path;
    const other = join(folder, "other.csv");
    copyFileSync(sample, other);
    const strategy = join(folder, writeStrategy(folder, "everything"));
    const to = Date.UTC(2017, 6, 1);
    host.begin({ strategy, to, ...manner, paused: true });
    await host.reached(paused);
    await host.step(321);
    const { time } = await host.status();
    const joined = await host.add("OTHER", other);
    expect(joined).toMatchObject({ type: "joined", symbol: "OTHER", joined: Number(time) + 3_600_000 });
    const { symbols } = (await host.inspect()) as unknown as { symbols: Line[] };
    // It stands at the bar before the one it joins at, and its indicators have a value there.
    expect(symbols[1]).toMatchObject({ symbol: "OTHER", bar: 320, state: { known: 2, fills: 0 } });
    const [first, second] = symbols.map(({ indicators }) => (indicators as Line)["fast"]);
    expect(second).toBe(first as number);
    expect(await host.step(1)).toMatchObject({ bar: 322, symbols: ["EURUSD", "OTHER"] });
    await host.resume();
    const { lines } = await host.ended();
    expect(lines.at(-1)).toMatchObject({ type: "result" });
    expect(await again(host)).toBe(String(lines.at(-1)?.["hash"]));
  },
);

test("while it runs, several join, each once, and stopped right after it, it is resumed with them", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const other = join(folder, "other.csv");
  copyFileSync(sample, other);
  const strategy = join(folder, writeStrategy(folder, "everything"));
  host.begin({ strategy, pace: 400 });
  await host.reached((status) => Number(status["bar"]) > 20);
  await Promise.all([host.add("B", other), host.add("C", other, { lot: 10 })]);
  await expect(host.add("C", other)).rejects.toThrow("the run has C already");
  await host.stop();
  expect((await host.ended()).lines.at(-1)).toMatchObject({ type: "stopped" });
  host.resumeStored({ pace: 1e6 });
  const { lines } = await host.ended();
  expect((await host.status())["symbol"]).toBe("EURUSD B C");
  expect(await again(host)).toBe(String(lines.at(-1)?.["hash"]));
});

test("what can't join is refused, and the run goes on as if it had not been asked", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  host.begin({ paused: true });
  await host.reached(paused);
  await host.step(50);
  await expect(host.add("X", join(folder, "none.csv"))).rejects.toThrow("there is no such file");
  await expect(
    host.add("X", file("bad.csv", "time,open,high,low,close\n2017-05-01,1,2,1,x\n")),
  ).rejects.toThrow("bad.csv:2: close is not a number");
  const days = Array.from({ length: 30 }, (_, i) => `${Date.UTC(2017, 4, 1 + i)},1,1,1,1`).join("\n");
  await expect(host.add("X", file("days.csv", `time,open,high,low,close\n${days}\n`))).rejects.toThrow(
    "days.csv has bars of 1d, of which 1h can't be made",
  );
  expect(await host.status()).toMatchObject({ state: "paused", bar: 50, symbols: ["EURUSD"] });
  await host.step(4950);
  await expect(host.add("X", sample)).rejects.toThrow(
    /to its end|stopping|no backtest is live|doesn't answer/,
  );
  const { lines } = await host.ended();
  expect(lines.at(-1)?.["hash"]).toBe((await host.run({}))["hash"]);
});

test("bars that are finer than the run's are joined to its length, here and when it is resumed", async () => {
  await using host = new Hosting();
  const folder = host.home.path;
  const halves = Array.from({ length: 4000 }, (_, i) => {
    const price = 1 + (i % 11) / 100;
    return `${new Date(Date.UTC(2017, 3, 19) + i * 1_800_000).toISOString()},${price},${price},${price},${price}`;
  });
  const file = join(folder, "halves.csv");
  writeFileSync(file, `time,open,high,low,close\n${halves.join("\n")}\n`);
  const strategy = join(folder, writeStrategy(folder, "everything"));
  host.begin({ strategy, paused: true });
  await host.reached(paused);
  await host.step(100);
  expect(await host.add("HALVES", file)).toMatchObject({ bars: 2000 });
  await host.terminate();
  host.resumeStored();
  const { lines } = await host.ended();
  expect(await again(host)).toBe(String(lines.at(-1)?.["hash"]));
});
