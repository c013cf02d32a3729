import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bars } from "../../src/backtest/core/bars.ts";
import { CsvParser } from "../../src/backtest/core/data/csv.ts";
import { formatTime } from "../../src/backtest/core/time/calendar.ts";

/** The bars that the benches and load tests work on: one a minute from 2020-01-01, a seeded random walk near 100. */
export const BARS = 1_000_000;

export const START = 1_577_836_800_000; // 2020-01-01 UTC
const DECIMALS = 4;

/** Seeded numbers in [0, 1) (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same bars as columns, always the same bits. @param start when the first opened, UTC ms */
export function makeBars(length = BARS, seed = 12345, start = START): Bars {
  const next = random(seed);
  const gauss = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const round = (price: number) => Math.round(price * 10 ** DECIMALS) / 10 ** DECIMALS;
  const column = () => new Float64Array(length);
  const bars = {
    length,
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    decimals: DECIMALS,
  };
  let price = 100;
  for (let i = 0; i < length; i++) {
    const open = round(price);
    const close = round(Math.min(400, Math.max(25, price * Math.exp(0.0006 * gauss()))));
    bars.time[i] = start + i * 60_000;
    bars.open[i] = open;
    bars.high[i] = round(Math.max(open, close) * (1 + 0.0003 * next()));
    bars.low[i] = round(Math.min(open, close) * (1 - 0.0003 * next()));
    bars.close[i] = close;
    bars.volume[i] = 1 + Math.floor(next() * 5000);
    price = close * Math.exp(0.0001 * gauss());
  }
  return bars;
}

/** The bars as a CSV file (56 MB for a million), made once in a private folder; its path. */
export function barsFile(length = BARS): string {
  const folder = join(tmpdir(), `stint-bench-${process.getuid?.() ?? "user"}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `bars-${length}.csv`);
  if (existsSync(path)) return path;
  const half = `${path}.${process.pid}`;
  const file = openSync(half, "wx", 0o600);
  const { time, open, high, low, close, volume } = makeBars(length);
  let text = "time,open,high,low,close,volume\n";
  for (let i = 0; i < length; i++) {
    text += `${formatTime(time[i] as number)}:00,${open[i]},${high[i]},${low[i]},${close[i]},${volume[i]}\n`;
    if (i % 20_000 === 19_999 || i === length - 1) {
      writeSync(file, text);
      text = "";
    }
  }
  closeSync(file);
  renameSync(half, path);
  return path;
}

/** Reads a CSV file the way the program does: in pieces, into shared memory. */
export function readBars(path: string): Bars {
  const file = openSync(path, "r");
  const parser = new CsvParser({
    totalBytes: statSync(path).size,
    allocate: (bytes) => new SharedArrayBuffer(bytes),
  });
  const piece = new Uint8Array(1 << 20);
  for (;;) {
    const bytes = readSync(file, piece);
    if (bytes === 0) break;
    parser.feed(piece.subarray(0, bytes));
  }
  closeSync(file);
  return parser.finish();
}
