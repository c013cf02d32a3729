import { expect, test } from "bun:test";
import { renderToString } from "ink";
import { BacktestBody, type View } from "../../src/backtest/tui.tsx";
import { pty } from "../support/pty.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

const view: View = {
  session_id: "0",
  state: "paused",
  strategy: "sma-cross",
  symbol: "EURUSD",
  loaded: 1,
  bar: 612_331,
  bars: 1_000_000,
  time: Date.UTC(2017, 10, 2, 14),
  equity: 11_204.53,
  return_pct: 12.0453,
  max_drawdown_pct: -9.83,
  position: { size: 8583, entry_price: 1.1639 },
  trades: 133,
  last_trades: [
    {
      size: -8610,
      entry_bar: 1,
      exit_bar: 2,
      entry_price: 1.16117,
      exit_price: 1.16377,
      pnl: -22.386,
    },
  ],
  bars_per_second: 18_200_000,
  checkpoint_at: null,
  result: null,
  equity_curve: [10_000, 10_500, 11_204.53],
  drawdown_curve: [0, -9.83, -4.1],
};
const frame = (of: View) => renderToString(<BacktestBody view={of} />, { columns: 80 });

test("the body shows progress, equity, drawdown, position, speed and the last trades", () => {
  const shown = frame(view);
  expect(shown).toContain("612,331 of 1,000,000");
  expect(shown).toContain("11,204.53  +12.0 %");
  expect(shown).toContain("−4.1 % (max −9.8 %)");
  expect(shown).toContain("long 8,583 @ 1.16390");
  expect(shown).toContain("18.2 M bars/s");
  expect(shown).toMatch(/short\s+8,610 @ 1\.16117 → 1\.16377\s+−22\.39/);
});

test("while the data is loading there is a share, and no number that isn't known", () => {
  expect(frame({ session_id: "0", state: "starting", symbol: "BIG", loaded: 0.42 })).toContain(
    "loading BIG 42 %",
  );
});

test("without a position it says flat", () => {
  expect(frame({ ...view, position: null })).toMatch(/position\s+flat/);
});

test("from source too, a run is stepped from the keyboard, and a command that is refused says why", async () => {
  await using box = new Sandbox(stint.source);
  const args = ["backtest", "run", "--paused", "--pace", "50"];
  await using terminal = pty([...box.command, ...args], { cwd: box.work, env: box.env });
  await terminal.until("paused");
  terminal.press(".");
  await terminal.until("21 of 5,000");
  terminal.press("space");
  await terminal.until("running");
  const refused = await box.run(["backtest", "step"]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain("only a paused run can step");
  await using watching = pty([...box.command, "backtest", "watch"], { cwd: box.work, env: box.env });
  await watching.until("running");
  watching.press("space");
  await terminal.until("paused");
  watching.press("x");
  expect(await terminal.exited).toBe(0);
  expect(await watching.exited).toBe(0);
});
