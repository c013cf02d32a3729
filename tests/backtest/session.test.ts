/** Session files that come with stint, run as they are. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox, stint } from "../support/sandbox.ts";

const root = join(import.meta.dir, "../..");

test("the example, averages of bars derived from others, comes to the reference result G3_eurusd_4h_sma", async () => {
  await using box = new Sandbox(stint.source);
  const { code, err, lines } = await box.run([
    "backtest",
    "run",
    join(root, "examples/backtest/four-hours.yaml"),
  ]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const stats = lines.at(-1)?.["stats"] as Record<string, number>;
  const expected = JSON.parse(
    readFileSync(join(import.meta.dir, "reference/G3_eurusd_4h_sma.json"), "utf8"),
  ).stats;
  for (const [ours, theirs] of [
    ["trades", "# Trades"],
    ["equity_final", "Equity Final [$]"],
    ["equity_peak", "Equity Peak [$]"],
    ["sharpe", "Sharpe Ratio"],
    ["max_drawdown_pct", "Max. Drawdown [%]"],
    ["sqn", "SQN"],
  ] as const) {
    expect({ [ours]: Math.abs((stats[ours] as number) / expected[theirs] - 1) < 1e-9 }).toEqual({
      [ours]: true,
    });
  }
});

test("what init writes runs as it is, and says what stands in the file's way", async () => {
  await using box = new Sandbox(stint.source);
  const made = await box.run(["backtest", "init", "mine"]);
  expect(made.lines.map(({ path }) => path)).toEqual(
    ["mine.ts", "mine.yaml", "stint.d.ts"].map((name) => join(box.work, name)),
  );
  const { code, lines } = await box.run(["backtest", "run", "mine.yaml"]);
  expect(code).toBe(0);
  const result = lines.at(-1) as { type: string; stats: Record<string, number> };
  expect(result.type).toBe("result");
  expect(result.stats["trades"]).toBeGreaterThan(10);
  expect((await box.run(["backtest", "run", "mine.yaml", "--param", "fast=1"])).err).toContain(
    "parameter 'fast' must be a whole number from 2 to 200, not '1'",
  );
  expect((await box.run(["backtest", "init", "mine.ts"])).err).toContain("mine.ts exists already");
  expect((await box.run(["backtest", "init", "stint"])).code).toBe(2);
});
