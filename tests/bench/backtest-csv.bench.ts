// How much faster a bar file is read than by udsv, in one run: bun tests/bench/backtest-csv.bench.ts
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inferSchema, initParser } from "udsv";
import { loadBars } from "../../src/backtest/adapters/data/bars.ts";
import { plainSource } from "../../src/backtest/core/data/data-source.ts";
import { BARS, barsFile, readBars } from "./bars.ts";

const path = barsFile();
const rounds = 5;

/** udsv to the same columns: strings to numbers, times as fast as plain JavaScript has them. Nothing is checked. */
function udsv(): Float64Array[] {
  const text = readFileSync(path, "utf8");
  const rows = initParser(inferSchema(text)).stringArrs(text) as string[][];
  const columns = Array.from({ length: 6 }, () => new Float64Array(rows.length));
  const [time, ...numbers] = columns as [Float64Array, ...Float64Array[]];
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r] as string[];
    time[r] = Date.parse(`${(row[0] as string).replace(" ", "T")}Z`);
    for (let k = 0; k < 5; k++) (numbers[k] as Float64Array)[r] = +(row[k + 1] as string);
  }
  return columns;
}

/** udsv alone: typed columns as it makes them, times left as it infers them. */
function udsvTypedColumns(): unknown {
  const text = readFileSync(path, "utf8");
  return initParser(inferSchema(text)).typedCols(text);
}

function timed(work: () => unknown): number {
  Bun.gc(true);
  const start = performance.now();
  work();
  return performance.now() - start;
}

const ours: number[] = [];
const theirs: number[] = [];
const typed: number[] = [];
timed(() => readBars(path)); // warm-up, and the RSS of reading alone
const rss = process.memoryUsage().rss;
for (let k = 0; k < rounds; k++) {
  ours.push(timed(() => readBars(path)));
  theirs.push(timed(udsv));
  typed.push(timed(udsvTypedColumns));
}

const bars = readBars(path);
const reference = udsv();
const same = [bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume].every((column, k) =>
  column.every((value, i) => Object.is(value, reference[k]?.[i])),
);
if (bars.length !== BARS || !same) throw new Error("the columns differ from udsv's");

const [a, b, c] = [Math.min(...ours), Math.min(...theirs), Math.min(...typed)];
const rate = (ms: number) => `${ms.toFixed(0)} ms, ${(BARS / ms / 1000).toFixed(2)} M rows/s`;
console.log(
  `${BARS} rows, ${(statSync(path).size / 1e6).toFixed(1)} MB, best of ${rounds}; the columns are the same bits`,
);
console.log(`stint, checked     ${rate(a)}`);
console.log(`udsv to columns    ${rate(b)}`);
console.log(`udsv typedCols     ${rate(c)}`);
console.log(
  `ratio              ${(b / a).toFixed(2)}x udsv to columns, ${(c / a).toFixed(2)}x udsv typedCols (goal 2)`,
);
console.log(`RSS after reading  ${(rss / 2 ** 20).toFixed(0)} MB`);

// As a run loads it: in a thread, hashed, and from the second time on out of the cache.
const cache = mkdtempSync(join(tmpdir(), "stint-bench-cache-"));
process.env["XDG_CACHE_HOME"] = cache;
const loads: number[] = [];
for (let k = 0; k <= rounds; k++) {
  const request = { source: plainSource({ file: path }), name: path, progress: new Float64Array(1) };
  const start = performance.now();
  await using _loaded = await loadBars(request)(new AbortController().signal);
  loads.push(performance.now() - start);
}
rmSync(cache, { recursive: true });
const [first = 0, ...kept] = loads;
console.log(`loaded the first time, and kept  ${rate(first)}`);
console.log(`loaded from the cache            ${rate(Math.min(...kept))}`);
