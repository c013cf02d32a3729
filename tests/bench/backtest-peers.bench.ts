// The same SMA cross on the same bars by grademark (npm) and by pandas: bun tests/bench/backtest-peers.bench.ts
// pandas is measured where it is there: apt install python3-pandas
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { backtest as Backtest, IBar, IStrategy, ITrade } from "grademark";
import { LIMIT } from "../../src/backtest/core/engine/coordinator.ts";
import { smaCross } from "../../src/backtest/core/engine/strategies.ts";
import { BARS, makeBars } from "./bars.ts";
import { bareLoop, CASH, CROSS, engineOver, planOf, RATE } from "./engine.ts";

// It asks for chai, which it doesn't bring: that is one of ours.
const { backtest } = (await import("grademark")) as { backtest: typeof Backtest };
/** What it takes its bars in: a package of its own, of grademark's version. */
const { DataFrame } = createRequire(import.meta.resolve("grademark"))("data-forge") as {
  DataFrame: new <T>(rows: T[]) => Parameters<typeof Backtest<T & IBar, T & IBar, unknown, number>>[1];
};

const ROUNDS = 5;
const bars = makeBars();
const plan = planOf([bars]);
const control = new Int32Array(new SharedArrayBuffer(32));
control[LIMIT] = 2 ** 31 - 1;

type Found = { ms: number; trades: number; what: string };
const quickest = (work: () => { ms: number; trades: number }, rounds: number) => {
  const found = Array.from({ length: rounds }, work);
  return found.reduce((best, each) => (each.ms < best.ms ? each : best));
};

function timed<T>(work: () => T): { ms: number; value: T } {
  Bun.gc(true);
  const began = performance.now();
  const value = work();
  return { ms: performance.now() - began, value };
}

function stint(): { ms: number; trades: number } {
  const { ms, value } = timed(() => {
    const engine = engineOver([bars], smaCross, CROSS, { plan });
    engine.advance(control);
    engine.finish();
    return engine.closedTrades.length;
  });
  return { ms, trades: value };
}

/** Its averages are made before it is timed, in its favour. It has one position at a time and turns a bar later. */
type Averaged = IBar & { fast: number; slow: number };
function grademark(): { ms: number; trades: number } {
  const rows: Averaged[] = [];
  let fast = 0;
  let slow = 0;
  for (let i = 0; i < bars.length; i++) {
    const at = (column: Float64Array, bar = i) => column[bar] as number;
    fast += at(bars.close) - (i < CROSS.fast ? 0 : at(bars.close, i - CROSS.fast));
    slow += at(bars.close) - (i < CROSS.slow ? 0 : at(bars.close, i - CROSS.slow));
    if (i < CROSS.slow) continue;
    rows.push({
      time: new Date(at(bars.time)),
      open: at(bars.open),
      high: at(bars.high),
      low: at(bars.low),
      close: at(bars.close),
      volume: at(bars.volume),
      fast: fast / CROSS.fast,
      slow: slow / CROSS.slow,
    });
  }
  const series = new DataFrame<Averaged>(rows);
  const strategy: IStrategy<Averaged> = {
    entryRule: (enter, { bar }) => {
      // Its directions are an enum that it doesn't export.
      const direction = (bar.fast > bar.slow ? "long" : "short") as never;
      if (bar.fast !== bar.slow) enter({ direction });
    },
    exitRule: (exit, { bar, position }) => {
      if (String(position.direction) === "long" ? bar.fast < bar.slow : bar.fast > bar.slow) exit();
    },
  };
  const { ms, value } = timed((): ITrade[] => backtest(strategy, series));
  return { ms, trades: value.length };
}

/** Columns whole at a time: no broker, no orders, one unit long or short. Prints ms and turns. */
const PANDAS = `
import sys, time
import numpy, pandas
folder, fast, slow, rate, cash = sys.argv[1], *map(float, sys.argv[2:6])
bars = pandas.DataFrame({name: numpy.fromfile(f"{folder}/{name}") for name in ("open", "close")})
best = None
for _ in range(${ROUNDS}):
    began = time.perf_counter()
    a, b = bars.close.rolling(int(fast)).mean(), bars.close.rolling(int(slow)).mean()
    above = numpy.sign(a - b)
    cross = above.where((above * above.shift()) < 0)
    position = cross.ffill().shift().fillna(0)
    turned = position.diff().fillna(0)
    paid = (turned * bars.open + turned.abs() * bars.open * rate).cumsum()
    equity = cash - paid + position * bars.close
    ms = (time.perf_counter() - began) * 1000
    best = ms if best is None else min(best, ms)
print(best, int((turned != 0).sum()), equity.iloc[-1])
`;
function pandas(): { ms: number; trades: number; equity: number } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "stint-bench-"));
  try {
    for (const name of ["open", "close"] as const) writeFileSync(join(folder, name), bars[name]);
    const numbers = [CROSS.fast, CROSS.slow, RATE, CASH].map(String);
    const ran = Bun.spawnSync(["/usr/bin/python3", "-c", PANDAS, folder, ...numbers]);
    if (!ran.success) return undefined;
    const [ms = Number.NaN, trades = Number.NaN, equity = Number.NaN] = ran.stdout
      .toString()
      .split(" ")
      .map(Number);
    return { ms, trades, equity };
  } catch {
    return undefined; // There is no Python.
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const equity = new Float64Array(BARS).fill(0);
const bare = quickest(() => {
  const { ms, value } = timed(() => bareLoop(bars, equity));
  return { ms, trades: value };
}, 3 * ROUNDS);
const own = quickest(stint, 3 * ROUNDS);
const peers: Found[] = [
  { ...bare, what: "a bare loop: no broker, no orders" },
  { ...quickest(grademark, 2), what: "grademark 0.3.0: trades alone, no equity, no costs" },
];
const columns = pandas();
if (columns) {
  const error = Math.abs(columns.equity - (equity[BARS - 1] as number));
  if (!(error < 1e-3)) throw new Error(`pandas came to another equity: ${columns.equity}`);
  peers.push({ ...columns, what: "pandas: whole columns at a time, no broker, no orders" });
} else console.log("pandas isn't there: apt install python3-pandas");

console.log(`${BARS} bars, SMA ${CROSS.fast}/${CROSS.slow}; the best of some rounds`);
const line = ({ what, ms, trades }: Found) =>
  `${what.padEnd(56)} ${ms.toFixed(1).padStart(8)} ms ${(BARS / ms / 1000).toFixed(2).padStart(7)} M bars/s ${trades} trades`;
console.log(line({ ...own, what: "stint: full broker, equity at each bar" }));
for (const peer of peers)
  console.log(`${line(peer)}, stint is ${(peer.ms / own.ms).toPrecision(3)}× as fast`);
