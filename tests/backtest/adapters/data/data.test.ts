import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { type LoadedBars, loadBars } from "../../../../src/backtest/adapters/data/bars.ts";
import { check, convert, sample } from "../../../../src/backtest/adapters/data/data.ts";
import { writeOut } from "../../../../src/backtest/adapters/files.ts";
import type { Bars } from "../../../../src/backtest/core/bars.ts";
import { type DataSource, plainSource } from "../../../../src/backtest/core/data/data-source.ts";
import { ZstdFrames } from "../../../../src/backtest/core/data/zstd-frames.ts";
import { Expected } from "../../../../src/kernel/errors.ts";
import { makeBars } from "../../../bench/bars.ts";
import { Folder } from "../../../support/folder.ts";
import { inProcess } from "../../../support/in-process.ts";

const folder = new Folder();
const cacheHome = process.env["XDG_CACHE_HOME"];
const here = process.cwd();
beforeAll(() => {
  process.env["XDG_CACHE_HOME"] = folder.file("cache");
  process.chdir(folder.path);
});
afterAll(() => {
  process.chdir(here);
  if (cacheHome === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = cacheHome;
  folder[Symbol.dispose]();
});

function load(name: string, how: Partial<DataSource> = {}, range: { from?: number; to?: number } = {}) {
  const source = { ...plainSource({ file: folder.file(name) }), ...how };
  return loadBars({ source, name, progress: new Float64Array(1), ...range })(new AbortController().signal);
}

/** What a file that can't be loaded is said to be. */
async function refusal(
  name: string,
  content: string | Uint8Array,
  how: Partial<DataSource> = {},
): Promise<string> {
  writeFileSync(folder.file(name), content);
  try {
    await load(name, how);
  } catch (error) {
    if (error instanceof Expected) return `${error.exit} ${error.message}`;
    throw error;
  }
  return "loaded";
}

const columns = ({ time, open, high, low, close, volume }: Bars): number[][] =>
  [time, open, high, low, close, volume].map((column) => [...column]);

const START = Date.UTC(2018, 0, 1);
const MINUTE = 60_000;
const made = makeBars(3_000);
const time = Array.from(made.time, (_, i) => START + i * MINUTE);
const rows = time.map((_, i) =>
  [made.open, made.high, made.low, made.close, made.volume].map((column) => column[i]),
);
const wanted = [time, ...[0, 1, 2, 3, 4].map((k) => rows.map((row) => row[k] as number))];
const written = (text: (at: number) => string) =>
  `time,open,high,low,close,volume\n${time.map((at, i) => `${text(at)},${rows[i]?.join(",")}\n`).join("")}`;
const iso = (at: number) => new Date(at).toISOString().slice(0, 19).replace("T", " ");
const csv = written(iso);
const ndjson = time.map((at, i) => `${JSON.stringify([at, ...(rows[i] ?? [])])}\n`).join("");

describe("a file is loaded", () => {
  const objects = time.map((t, i) => {
    const [o, h, l, c, v] = rows[i] ?? [];
    return `${JSON.stringify({ symbol: "X", t, o: String(o), h, l, c, v })}\n`;
  });
  test.each<[string, string | Uint8Array, string | null]>([
    ["CSV", csv, null],
    ["CSV packed with gzip", gzipSync(csv), "gzip"],
    [
      "CSV in two parts, each packed with gzip",
      Buffer.concat([gzipSync(csv.slice(0, 9999)), gzipSync(csv.slice(9999))]),
      "gzip",
    ],
    ["CSV packed with zstd", zstdCompressSync(csv), "zstd"],
    [
      "CSV newest first",
      csv.split("\n").slice(0, 1).concat(csv.trimEnd().split("\n").slice(1).reverse()).join("\n"),
      null,
    ],
    ["NDJSON of arrays", ndjson, null],
    ["NDJSON of objects", objects.join(""), null],
    ["NDJSON packed with zstd", zstdCompressSync(ndjson), "zstd"],
    [
      "dates with the month first, that only a 13th tells",
      written((at) => iso(at + 11 * 86_400_000).replace(/(\d{4})-(\d\d)-(\d\d)/, "$2/$3/$1")),
      null,
    ],
  ])("%s", async (what, content, packed) => {
    writeFileSync(folder.file("bars"), content);
    const loaded = await load("bars");
    const moved = what.startsWith("dates") ? 11 * 86_400_000 : 0;
    expect(columns(loaded.bars)).toEqual([time.map((at) => at + moved), ...wanted.slice(1)]);
    expect(loaded.hash).toBe(createHash("sha256").update(content).digest("hex"));
    expect(loaded.dialect.packed as string | null).toBe(packed);
    expect(loaded.bars.time.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(loaded.bars.decimals).toBe(4);
    await loaded[Symbol.asyncDispose]();
  });

  const prices = (names: string): ColumnSource[] =>
    [...names].map((name, k) => ({ name, data: Float64Array.from(wanted[k + 1] ?? []), type: "DOUBLE" }));
  const timestamp = (unit: "MILLIS" | "MICROS" | "NANOS", isAdjustedToUTC: boolean) => [
    { name: "root", num_children: 2 },
    {
      name: "time",
      type: "INT64" as const,
      repetition_type: "REQUIRED" as const,
      logical_type: { type: "TIMESTAMP" as const, unit, isAdjustedToUTC },
    },
  ];
  test.each<[string, ColumnSource, object]>([
    ["of dates", { name: "Date", data: time.map((at) => new Date(at)) }, {}],
    ["of whole seconds", { name: "timestamp", data: time.map((at) => BigInt(at / 1000)), type: "INT64" }, {}],
    [
      "of nanoseconds, in groups of rows",
      { name: "t", data: time.map((at) => BigInt(at) * 1_000_000n), type: "INT64" },
      { rowGroupSize: 700 },
    ],
    [
      "of texts, not packed",
      { name: "__index_level_0__", data: time.map(iso), type: "STRING" },
      { codec: "UNCOMPRESSED" },
    ],
  ])("Parquet %s", async (_, column, options) => {
    const extra: ColumnSource = { name: "note", data: time.map(() => "x"), type: "STRING" };
    const buffer = parquetWriteBuffer({ columnData: [extra, column, ...prices("ohlcv")], ...options });
    writeFileSync(folder.file("bars.parquet"), new Uint8Array(buffer));
    const { bars, dialect } = await load("bars.parquet");
    expect(columns(bars)).toEqual(wanted);
    expect(dialect.format).toBe("parquet");
    expect(dialect.columns.slice(0, 3).map(({ holds }) => holds)).toEqual([null, "time", "open"]);
  });

  test("Parquet whose timestamps are of no zone, in the one that is said", async () => {
    const [root, element] = timestamp("MICROS", false);
    const names = ["open", "high", "low", "close"];
    const schema = [
      { ...root, name: "root", num_children: 5 },
      { ...element, name: "time" },
      ...names.map((name) => ({ name, type: "DOUBLE" as const, repetition_type: "REQUIRED" as const })),
    ];
    const columnData = [
      { name: "time", data: time.map((at) => BigInt(at) * 1000n) },
      ...names.map((name, k) => ({ name, data: Float64Array.from(wanted[k + 1] ?? []) })),
    ];
    writeFileSync(folder.file("naive.parquet"), new Uint8Array(parquetWriteBuffer({ columnData, schema })));
    expect((await load("naive.parquet")).bars.time[0]).toBe(START);
    expect((await load("naive.parquet", { timezone: "America/New_York" })).bars.time[0]).toBe(
      START + 5 * 60 * MINUTE,
    );
  });

  test("in part: from a time on, and before another", async () => {
    writeFileSync(folder.file("bars"), csv);
    const from = START + 10 * MINUTE;
    const { bars } = await load("bars", {}, { from, to: from + 3 * MINUTE });
    expect([...bars.time]).toEqual([0, 1, 2].map((k) => from + k * MINUTE));
    await expect(load("bars", {}, { from: START + 1e9 })).rejects.toThrow(
      "bars can't be read: no bars in the range asked for; the last is at 2018-01-03 01:59",
    );
  });

  test("a sample by its name, the made one always the same", async () => {
    const named = (name: string) =>
      loadBars({ source: plainSource({ sample: name }), name, progress: new Float64Array(1) })(
        new AbortController().signal,
      );
    expect((await named("EURUSD")).bars.length).toBe(5_000);
    expect((await named("BTCUSD")).bars.length).toBe(156);
    const [first, second] = [await named("MINUTE"), await named("MINUTE")];
    expect(first.bars.length).toBe(5_000);
    expect(second.hash).toBe(first.hash);
    expect(named("GOLD")).rejects.toThrow("there is no sample GOLD");
  });
});

describe("a file that can't be loaded is told with its row:", () => {
  test.each<[string, string | Uint8Array, string]>([
    [
      "a word for a price",
      csv.replace(/(2018-01-01 00:02:00),[^,]+/, "$1,abc"),
      '74 bad:4: open is not a number: "abc"',
    ],
    ["gzip cut short", gzipSync(csv).subarray(0, -40), "74 bad:ROW: gzip: it is cut short"],
    ["zstd cut short", zstdCompressSync(csv).subarray(0, -1), "74 bad:ROW: zstd: it is cut short"],
    [
      "something after zstd",
      Buffer.concat([zstdCompressSync(csv), Buffer.from("more")]),
      "74 bad:ROW: zstd: it isn't zstd all through",
    ],
    ["brotli", brotliCompressSync(csv), "74 bad:1: it is no text, and no packed file or Parquet either"],
    [
      "Parquet cut short",
      "PAR1abcdefghijkl",
      "74 bad:1: Parquet that can't be read: parquet file invalid (footer != PAR1)",
    ],
    [
      "an array of all bars",
      JSON.stringify([[START, 1, 1, 1, 1]]),
      "74 bad:1: one JSON array of all bars; each bar must be a line of its own",
    ],
    ["JSON that isn't", `${ndjson.split("\n")[0]}\n[1,2`, "74 bad:2: not JSON: [1,2"],
    [
      "null for a price",
      `${ndjson.split("\n")[0]}\n[1614764800,1,1,null,1,1]`,
      "74 bad:2: low is not a number: null",
    ],
    [
      "a day or a month first",
      "Date,Open,High,Low,Close\n01/02/2018,1,1,1,1\n02/03/2018,1,1,1,1\n",
      "74 bad can't be read: its dates may have the day or the month first, and both fit; write them as 2018-01-31",
    ],
    [
      "days that neither way are",
      "Date,Open,High,Low,Close\n01/02/2018,1,1,1,1\n13/13/2018,1,1,1,1\n",
      '74 bad:3: not a time: "13/13/2018" (as 2017-04-19 09:00:00, in UTC)',
    ],
  ])("%s", async (_, content, message) => {
    expect((await refusal("bad", content)).replace(/:\d{3,}:/, ":ROW:")).toBe(message);
  });

  test("NaN in Parquet", async () => {
    const data = (value: number) => [1, 1, value, 1].map(Number);
    const columnData = [
      { name: "time", data: [0, 1, 2, 3].map((k) => new Date(START + k * MINUTE)) },
      ...["open", "high", "low", "close"].map((name) => ({
        name,
        data: data(name === "close" ? Number.NaN : 1),
        type: "DOUBLE" as const,
      })),
    ];
    expect(await refusal("bad", new Uint8Array(parquetWriteBuffer({ columnData })))).toBe(
      "74 bad:3: close is not a number: NaN",
    );
  });

  test("a folder, and nothing at all", async () => {
    mkdirSync(folder.file("folder"));
    expect(load("folder")).rejects.toThrow("folder can't be read: it is a folder, not a file");
    expect(load("nothing")).rejects.toThrow("nothing can't be read: there is no such file");
  });
});

describe("parsed bars are kept", () => {
  // A column that isn't read makes the file large enough to be worth it.
  const kept = () => folder.file("cache/stint/bars");
  const files = () => readdirSync(kept()).map((name) => join(kept(), name));
  const path = () => folder.file("large");
  let fresh: LoadedBars;

  beforeAll(async () => {
    const lines = csv.trimEnd().split("\n");
    writeFileSync(
      path(),
      lines.map((line, k) => `${line},${k === 0 ? "note" : "x".repeat(1_400)}\n`).join(""),
    );
    fresh = await load("large");
  });

  test("where only their user can read them, and not beside the file", async () => {
    const [file = ""] = files();
    expect(files().length).toBe(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(kept()).mode & 0o777).toBe(0o700);
    expect(file).toContain(fresh.hash);
  });

  test("and found again: the same bits, dialect and hash, and used later than the others", async () => {
    const [file = ""] = files();
    utimesSync(file, 1_000, 1_000);
    const again = await load("large");
    expect(columns(again.bars)).toEqual(columns(fresh.bars));
    expect([again.hash, again.dialect, again.bars.decimals]).toEqual([
      fresh.hash,
      fresh.dialect,
      fresh.bars.decimals,
    ]);
    expect(statSync(file).mtimeMs).toBeGreaterThan(1_000_000);
    const part = await load("large", {}, { from: START + MINUTE, to: START + 3 * MINUTE });
    expect([...part.bars.time]).toEqual([START + MINUTE, START + 2 * MINUTE]);
  });

  test("apart for each way of reading", async () => {
    const other = await load("large", { timezone: "America/New_York" });
    expect(other.bars.time[0]).toBe(START + 5 * 60 * MINUTE);
    expect(files().length).toBe(2);
  });

  test("and read anew when a byte of what was kept has changed, or the end is missing", async () => {
    for (const damage of [
      (bytes: Buffer) => (bytes[bytes.length >> 1] = ((bytes[bytes.length >> 1] as number) + 1) & 255),
      (bytes: Buffer) => bytes.fill(0, 20, 30),
      (bytes: Buffer) => bytes.fill(0, 0, 1),
    ]) {
      for (const file of files()) {
        const bytes = readFileSync(file);
        damage(bytes);
        writeFileSync(file, bytes);
      }
      expect(columns((await load("large")).bars)).toEqual(columns(fresh.bars));
    }
    for (const file of files()) writeFileSync(file, readFileSync(file).subarray(0, -8));
    expect(columns((await load("large")).bars)).toEqual(columns(fresh.bars));
  });

  test("and a cache that can't be used is told, and is no reason not to go on", async () => {
    writeFileSync(folder.file("file"), "");
    process.env["XDG_CACHE_HOME"] = folder.file("file");
    const loaded = await load("large");
    process.env["XDG_CACHE_HOME"] = folder.file("cache");
    expect(loaded.bars.length).toBe(3_000);
    expect(loaded.uncached).toContain("can't be made");
    expect(fresh.uncached).toBeNull();
  });
});

describe("data check", () => {
  const run = async (content: string | Uint8Array, options = {}) => {
    writeFileSync(folder.file("checked.csv"), content);
    return inProcess((context) => check(context, "checked.csv", options));
  };

  test("says how a good file is read, and what is odd about it", async () => {
    const lines = csv.trimEnd().split("\n");
    const odd = lines.filter((_, k) => k < 100 || k > 160);
    odd[50] = (odd[50] as string).replace(/,\d+$/, ",0");
    const cells = (odd[60] as string).split(",");
    odd[60] = [cells[0], cells[1], "900", cells[3], "800", cells[5]].join(",");
    const { code, lines: out } = await run(odd.join("\n"));
    expect(code).toBe(0);
    expect(out).toMatchObject([
      {
        type: "data",
        file: "checked.csv",
        usable: true,
        dialect: { format: "csv", time: "YYYY-MM-DD HH:MM:SS" },
        bars: 2_939,
        first: START,
        timeframe: "1m",
        gaps: 1,
        longest_gap: { after: START + 98 * MINUTE, ms: 62 * MINUTE },
        zero_volume: 1,
        spikes: 2,
        first_spike: START + 59 * MINUTE,
        faults: {},
      },
    ]);
  });

  test("counts the rows that can't be used, and says no", async () => {
    const lines = csv.trimEnd().split("\n").slice(0, 20);
    const bad = [
      ...lines,
      lines[19],
      lines[5],
      "2018-01-01 02:00:00,1,1,2,1,1",
      "2018-01-01 03:00:00,1,1,0,1,1",
      "2018-01-01 04:00:00,1,1,1,1,1",
    ];
    const { code, lines: out } = await run(bad.join("\n"));
    expect(code).toBe(1);
    expect(out[0]).toMatchObject({
      usable: false,
      bars: 20,
      faults: {
        doubled: { count: 1, row: 21 },
        out_of_order: { count: 1, row: 22 },
        high_below_low: { count: 1, row: 23, message: "high 1 is below low 2" },
        no_price: { count: 1, row: 24, message: "low is 0; a price is above 0" },
      },
    });
  });

  // Rows as Yahoo's files have for holidays, and pandas'.
  test.each(["null,null,null,null,null", "NaN,NaN,NaN,NaN,NaN", ",,,,", "1,1,1,1,"])(
    "counts rows without a value apart: %s",
    async (cells) => {
      const lines = csv.trimEnd().split("\n").slice(0, 20);
      const missing = { count: 2, row: 21, message: `${cells[0] === "1" ? "volume" : "open"} is missing` };
      const rows = [`2018-01-01 02:00:00,${cells}`, `2018-01-01 03:00:00,${cells}`];
      const { code, lines: out } = await run([...lines, ...rows].join("\n"));
      expect([code, out[0]?.["bars"], out[0]?.["faults"]]).toEqual([1, 19, { missing }]);
    },
  );

  test("counts them in NDJSON and Parquet too", async () => {
    const faults = async (content: string | Uint8Array) => (await run(content)).lines[0]?.["faults"];
    const missing = { count: 1, row: 2, message: "low is missing" };
    expect(await faults("[1514764800,1,1,1,1,1]\n[1514764860,1,1,null,1,1]\n")).toEqual({ missing });
    const columnData = [
      { name: "time", data: [START, START + MINUTE].map((at) => new Date(at)) },
      ...["open", "high", "low", "close"].map((name) => ({
        name,
        data: [1, name === "low" ? Number.NaN : 1],
        type: "DOUBLE" as const,
      })),
    ];
    expect(await faults(new Uint8Array(parquetWriteBuffer({ columnData })))).toEqual({ missing });
  });

  test("says how to name columns that it doesn't know, with the file's own names", async () => {
    const german =
      "Wert;Datum;Eröffnung;Hoch;Tief;Schluss;Stück\nDAX;22.01.2018;12897,69;12936,23;12745,15;12871,39;9\n";
    const hint = async (content: string, options = {}) => (await run(content, options)).lines[0]?.["hint"];
    const names = "time=Datum,open=Eröffnung,high=Hoch,low=Tief,close=Schluss,volume=Stück";
    expect(await hint(german)).toBe(`perhaps --columns ${names}`);
    const columns = Object.fromEntries(names.split(",").map((pair) => pair.split("=")));
    expect((await run(german, { columns })).code).toBe(0);
    expect(await hint("Date,Open,High,Low,My last,Volume\n2018-01-01,1,1,1,1,1\n")).toBe(
      "perhaps --columns 'close=My last'",
    );
    expect(await hint("Date,Open,High,Low\n2018-01-01,1,1,1\n")).toBeUndefined();
    const failed = load("checked.csv").catch((error: Expected) => error.hint);
    expect(await failed).toBe("stint backtest data check checked.csv");
    writeFileSync("german.csv", german);
    expect(await load("german.csv").catch((error: Expected) => error.hint)).toBe(
      `perhaps --columns ${names}`,
    );
  });

  test("says what is wrong with a file that can't be read", async () => {
    const { code, lines } = await run("time,open\n");
    expect(code).toBe(1);
    expect(lines[0]).toMatchObject({
      usable: false,
      problem: "row 1: no high column; the columns are time, open",
    });
    const missing = await inProcess((context) => check(context, "missing.csv", {}));
    expect([missing.code, missing.err]).toEqual([
      74,
      "stint: missing.csv can't be read: there is no such file\n",
    ]);
  });
});

describe("data convert", () => {
  test.each(["out.csv", "out.csv.gz", "out.ndjson.zst", "out.jsonl"])(
    "to %s and back gives the same bars",
    async (to) => {
      writeFileSync(folder.file("in.csv"), csv);
      const { code, lines } = await inProcess((context) => convert(context, "in.csv", to, {}));
      expect([code, lines[0]]).toEqual([
        0,
        { v: 1, type: "converted", from: "in.csv", to, bars: 3_000, timeframe: "1m" },
      ]);
      expect(columns((await load(to)).bars)).toEqual(wanted);
      expect(readdirSync(folder.path).filter((name) => name.startsWith("."))).toEqual([]);
    },
  );

  test("joins bars to longer ones", async () => {
    await inProcess((context) => convert(context, "in.csv", "hours.csv", { timeframe: "1h" }));
    const { bars } = await load("hours.csv");
    const first = (k: number) => (wanted[k] as number[]).slice(0, 60);
    expect(bars.length).toBe(50);
    expect(columns(bars).map((column) => column[0])).toEqual([
      START,
      first(1)[0],
      Math.max(...first(2)),
      Math.min(...first(3)),
      first(4)[59],
      first(5).reduce((sum, volume) => sum + volume, 0),
    ]);
    const finer = await inProcess((context) => convert(context, "hours.csv", "x.csv", { timeframe: "5m" }));
    expect([finer.code, existsSync("x.csv")]).toEqual([2, false]);
  });

  test("refuses what it can't write", async () => {
    const to = async (path: string) => {
      const { code, err } = await inProcess((context) => convert(context, "in.csv", path, {}));
      return `${code} ${err.split("\n")[0]}`;
    };
    expect(await to("out.parquet")).toBe("2 stint: Parquet is only read, not written");
    expect(await to("out.gz")).toBe("2 stint: out.gz doesn't say its format");
    expect(await to("nowhere/out.csv")).toBe("74 stint: nowhere/out.csv can't be written: ENOENT");
  });

  test("leaves the old file as it is where it can't go on", async () => {
    writeFileSync("kept.csv", "old");
    chmodSync("kept.csv", 0o640);
    writeFileSync(folder.file("broken.csv"), csv.replaceAll("00:59:00", "00:58:00"));
    const { code } = await inProcess((context) => convert(context, "broken.csv", "kept.csv", {}));
    expect([code, readFileSync("kept.csv", "utf8")]).toEqual([74, "old"]);
    await inProcess((context) => convert(context, "in.csv", "kept.csv", {}));
    expect(statSync("kept.csv").mode & 0o777).toBe(0o640);
  });

  test("replaces the file that is there, also behind a link", async () => {
    writeFileSync("there.csv", "old");
    symlinkSync("there.csv", "link.csv");
    await inProcess((context) => convert(context, "in.csv", "link.csv", {}));
    expect(lstatSync("link.csv").isSymbolicLink()).toBe(true);
    expect(columns((await load("there.csv")).bars)).toEqual(wanted);
  });

  test("writes for its user alone, as data sample and reports do", async () => {
    await inProcess((context) => convert(context, "in.csv", "own.csv", {}));
    writeOut("own.png", new Uint8Array(9));
    for (const file of ["own.csv", "own.png"]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

test("data sample lists samples with where they come from, and writes one", async () => {
  const listed = await inProcess((context) => sample(context, undefined));
  expect(listed.lines.map(({ name }) => name)).toEqual(["EURUSD", "BTCUSD", "MINUTE"]);
  for (const { source } of listed.lines) expect(source).toBeString();
  for (const name of ["eurusd", "BTCUSD", "MINUTE"]) {
    expect((await inProcess((context) => sample(context, name))).code).toBe(0);
    expect((await inProcess((context) => check(context, `${name.toUpperCase()}.csv`, {}))).code).toBe(0);
  }
  const again = await inProcess((context) => sample(context, "MINUTE"));
  expect([again.code, again.err.split("\n")[0]]).toEqual([1, "stint: MINUTE.csv exists already"]);
});

// The frames are those that the runtime's own encoder writes, and one to be skipped: RFC 8878, section 3.1.2.
test("zstd that is cut anywhere within a frame isn't whole", () => {
  const frame = (checksum: number) =>
    zstdCompressSync(Buffer.from(csv.repeat(2)), { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const parts = [frame(0), skippable, frame(1)];
  const bytes = Buffer.concat(parts);
  const whole = new Set(parts.map((_, k) => Buffer.concat(parts.slice(0, k + 1)).length));
  const frames = new ZstdFrames();
  const seen: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    expect(frames.feed(bytes.subarray(at, at + 1))).toBe(true);
    if (frames.complete) seen.push(at + 1);
  }
  expect(seen).toEqual([...whole]);
  const once = new ZstdFrames();
  expect([once.feed(bytes), once.complete]).toEqual([true, true]);
  expect(once.feed(Buffer.from("more"))).toBe(false);
});
