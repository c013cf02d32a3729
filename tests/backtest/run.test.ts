import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Line, Sandbox, stint, until } from "../support/sandbox.ts";
import { writeStrategy } from "./strategies.ts";

const REFERENCE = ["--param", "fast=15", "--param", "slow=40", "--commission", "0.0001", "--finalize"];
const last = (lines: Line[]): Line => lines.at(-1) ?? {};
const stats = (line: Line): Record<string, number> => line["stats"] as Record<string, number>;
const reference = (name: string): Record<string, number> =>
  JSON.parse(readFileSync(join(import.meta.dir, `reference/${name}.json`), "utf8")).stats;

test("a run without arguments is of the bundled sample, and its lines come in the promised order", async () => {
  await using box = new Sandbox(stint.source);
  const { code, lines, err } = await box.run(["backtest", "run"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(lines.every((line) => line["v"] === 1 && typeof line["type"] === "string")).toBe(true);
  expect(lines[0]).toMatchObject({ type: "session", kind: "backtest", profile: "default" });
  expect(lines.slice(1, -1).map((line) => line["type"])).toEqual(lines.slice(1, -1).map(() => "progress"));
  expect(lines.length).toBeGreaterThan(2);
  expect(last(lines)).toMatchObject({ type: "result", bust: false });
  expect(Object.keys(stats(last(lines)))).toEqual(
    `trades equity_final equity_peak return_pct return_ann_pct volatility_ann_pct cagr_pct sharpe sortino calmar
    max_drawdown_pct win_rate_pct profit_factor expectancy_pct sqn exposure_pct best_trade_pct worst_trade_pct
    avg_trade_pct buy_hold_return_pct`.split(/\s+/),
  );
  expect(String(last(lines)["hash"])).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  ["sma_15_40_flip", ["--param", "fast=15", "--param", "slow=40", "--commission", "0.0001", "--finalize"]],
  ["sma_15_40_flip_open", ["--param", "fast=15", "--param", "slow=40", "--commission", "0.0001"]],
  [
    "sma_15_40_exclusive",
    ["--param", "fast=15", "--param", "slow=40", "--commission", "1e-4", "--finalize", "--exclusive"],
  ],
  ["sma_7_33_on_close", ["--param", "fast=7", "--param", "slow=33", "--trade-on-close", "--finalize"]],
  [
    "sma_12_50_long",
    ["--strategy", "longOnly.ts", "--commission", "0.5+0.00001", "--spread", "5e-5", "--finalize"],
  ],
] as const)("the command line comes to the reference result %s", async (name, args) => {
  await using box = new Sandbox(stint.source);
  writeStrategy(box.work, "longOnly");
  const { lines } = await box.run(["backtest", "run", ...args]);
  const want = reference(name);
  for (const [ours, theirs] of [
    ["trades", "# Trades"],
    ["equity_final", "Equity Final [$]"],
    ["sharpe", "Sharpe Ratio"],
    ["max_drawdown_pct", "Max. Drawdown [%]"],
    ["profit_factor", "Profit Factor"],
    ["sqn", "SQN"],
  ] as const) {
    const difference = Math.abs((stats(last(lines))[ours] as number) / (want[theirs] as number) - 1);
    expect({ [ours]: difference < 1e-9 }).toEqual({ [ours]: true });
  }
});

test("paused, stepped, killed with kill -9 and resumed, a run comes to the same hash under the same id", async () => {
  await using box = new Sandbox(stint.source);
  const whole = last((await box.run(["backtest", "run", ...REFERENCE])).lines);
  const begun = last((await box.run(["backtest", "run", ...REFERENCE, "--pace", "3000", "--detach"])).lines);
  const id = String(begun["id"]);
  const status = async () => last((await box.run(["backtest", "status", id])).lines);
  await until(status, (state) => Number(state["bar"]) > 300);
  const paused = last((await box.run(["backtest", "pause"])).lines);
  expect(paused["state"]).toBe("paused");
  const stepped = last((await box.run(["backtest", "step", "25"])).lines);
  expect(Number(stepped["bar"]) - Number(paused["bar"])).toBe(25);
  expect(last((await box.run(["backtest", "pause", id])).lines)).toMatchObject({
    state: "paused",
    bar: stepped["bar"],
  });
  process.kill(Number(begun["pid"]), "SIGKILL");
  await until(status, (state) => state["state"] === "crashed");
  const listed = (await box.run(["sessions"])).lines.find((line) => line["id"] === id);
  expect(listed).toMatchObject({ type: "session", kind: "backtest", state: "crashed", pid: null });

  const resumed = await box.run(["backtest", "resume"]);
  expect(resumed.lines[0]).toMatchObject({ type: "session", id, restored: true });
  expect(last(resumed.lines)).toMatchObject({ type: "result", id, hash: whole["hash"] as string });
  expect(last(resumed.lines)["stats"]).toEqual(whole["stats"] as object);
  expect((await box.run(["backtest", "resume", id])).err).toContain("is finished");
});

test("killed at any moment while it works and writes checkpoints, a run comes to the same hash", async () => {
  await using box = new Sandbox(stint.source, { STINT_BACKTEST_CHECKPOINT_SECONDS: "0.1" });
  writeStrategy(box.work, "spin");
  const run = ["backtest", "run", "--strategy", writeStrategy(box.work, "slow")];
  const whole = await box.run(run);
  const hash = last(whole.lines)["hash"];
  expect(whole.code).toBe(0);
  let id = "";
  let kills = 0;
  for (let round = 0; round < 12; round++) {
    const child = box.start(id === "" ? run : ["backtest", "resume", id]);
    const reader = child.stdout.getReader();
    // Its first line says that it has begun; the moment after that is chance.
    const { value } = await reader.read();
    id ||= String(JSON.parse(new TextDecoder().decode(value).split("\n")[0] ?? "")["id"]);
    await Bun.sleep(60 + Math.random() * 180);
    child.kill("SIGKILL");
    reader.releaseLock();
    await child.exited;
    if (child.signalCode !== "SIGKILL") break;
    kills++;
  }
  expect(kills).toBeGreaterThan(2);
  const status = last((await box.run(["backtest", "status", id])).lines);
  const end = status["result"] ?? last((await box.run(["backtest", "resume", id])).lines);
  expect((end as Line)["hash"]).toBe(hash);
});

test("stopped by a signal, a run keeps its last bar and goes on from there", async () => {
  await using box = new Sandbox(stint.source);
  const child = box.start(["backtest", "run", ...REFERENCE, "--pace", "2000"]);
  const reader = child.stdout.getReader();
  await reader.read();
  await until(
    async () => last((await box.run(["backtest", "status"])).lines),
    (state) => Number(state["bar"]) > 200,
  );
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  const stopped = last((await box.run(["backtest", "status"])).lines);
  expect(stopped).toMatchObject({ state: "stopped", result: null });
  const whole = last((await box.run(["backtest", "run", ...REFERENCE])).lines);
  const resumed = await box.run(["backtest", "resume", String(stopped["session_id"])]);
  expect(last(resumed.lines)["hash"]).toBe(whole["hash"] as string);
  const first = resumed.lines.find((line) => line["type"] === "progress");
  expect(Number(first?.["bar"])).toBeGreaterThan(200);
});

test("several runs live side by side; commands ask which is meant", async () => {
  await using box = new Sandbox(stint.source);
  const ids: string[] = [];
  for (const _ of [1, 2]) {
    const { lines } = await box.run(["backtest", "run", "--paused", "--detach"]);
    ids.push(String(last(lines)["id"]));
  }
  const asked = await box.run(["backtest", "pause"]);
  expect(asked.code).toBe(2);
  expect(asked.err).toContain("several runs are live");
  for (const id of ids) expect((await box.run(["backtest", "stop", id.slice(-8)])).code).toBe(0);
  expect(await box.run(["backtest", "pause"])).toMatchObject({ code: 1 });
  const other = await box.run(["backtest", "status", "--profile", "other"]);
  expect(other.err).toContain("there is no such backtest in profile other");
});

test("clients that step, pause and resume at the same moment make one history", async () => {
  await using box = new Sandbox(stint.source, { STINT_BACKTEST_CHECKPOINT_SECONDS: "0.1" });
  const begun = await box.run(["backtest", "run", ...REFERENCE, "--paused", "--pace", "4000", "--detach"]);
  const id = String(last(begun.lines)["id"]);
  const bar = async () => Number(last((await box.run(["backtest", "status", id])).lines)["bar"]);
  const from = await bar();
  await Promise.all([1, 2, 3, 4].map(() => box.run(["backtest", "step", "5"])));
  expect(await bar()).toBe(from + 20);
  const words = ["resume", "pause", "resume", "pause", "resume"];
  const ran = await Promise.all(words.map((word) => box.run(["backtest", word, id])));
  expect(ran.map(({ code, err }) => ({ code, err }))).toEqual(words.map(() => ({ code: 0, err: "" })));
  await box.run(["backtest", "resume", id]);
  const end = await until(
    async () => last((await box.run(["backtest", "status", id])).lines),
    (status) => status["state"] === "stopped",
  );
  const whole = last((await box.run(["backtest", "run", ...REFERENCE])).lines);
  expect((end["result"] as Line)["hash"]).toBe(whole["hash"] as string);
  expect(box.log("backtest.default").filter(({ level }) => level === "error" || level === "warn")).toEqual(
    [],
  );
});

test("a second host can't take a live session", async () => {
  await using box = new Sandbox(stint.source);
  const { lines } = await box.run(["backtest", "run", "--paused", "--detach"]);
  const id = String(last(lines)["id"]);
  // resume of a live run only tells its host: to run against it, the seat itself is asked for.
  const resumed = await box.run(["backtest", "resume", id]);
  expect(last(resumed.lines)).toMatchObject({ session_id: id });
  await until(
    async () => last((await box.run(["backtest", "status", id])).lines),
    (state) => state["result"] != null,
  );
});

test("a resumed run whose data or strategy has changed is refused, and says which", async () => {
  await using box = new Sandbox(stint.source);
  const data = join(box.work, "data.csv");
  writeFileSync(data, readFileSync(join(import.meta.dir, "../../src/backtest/sample/EURUSD.csv")));
  writeStrategy(box.work, "spin");
  writeStrategy(box.work, "slow");
  const begun = await box.run([
    "backtest",
    "run",
    "--data",
    "data.csv",
    "--strategy",
    "slow.ts",
    "--paused",
    "--detach",
  ]);
  const id = String(last(begun.lines)["id"]);
  await box.run(["backtest", "step", "10"]);
  await box.run(["backtest", "stop"]);

  const text = readFileSync(join(box.work, "spin.ts"), "utf8");
  writeFileSync(join(box.work, "spin.ts"), `${text}\n// edited`);
  const edited = await box.run(["backtest", "resume", id]);
  expect({ code: edited.code, err: edited.err.split("\n")[0] }).toEqual({
    code: 1,
    err: `stint: ${join(box.work, "spin.ts")} has changed since this run was begun`,
  });
  writeFileSync(join(box.work, "spin.ts"), text);

  const rows = readFileSync(data, "utf8");
  writeFileSync(data, rows.replace("1.07219", "1.07218"));
  const changed = await box.run(["backtest", "resume", id]);
  expect({ code: changed.code, err: changed.err.split("\n")[0] }).toEqual({
    code: 1,
    err: "stint: data.csv has changed since this run was begun",
  });
  writeFileSync(data, rows);
  expect((await box.run(["backtest", "resume", id])).code).toBe(0);
});

const header = "time,open,high,low,close\n";
test.each([
  ["a missing file", "none.csv", undefined, "none.csv can't be read: there is no such file"],
  ["an empty file", "empty.csv", "", "empty.csv:1: the file is empty"],
  ["a wrong column", "columns.csv", "time,open,high,low,last\n", "columns.csv:1: no close column"],
  [
    "a bad number",
    "number.csv",
    `${header}2020-01-01,1,2,1,1\n2020-01-02,1,x,1,1\n`,
    'number.csv:3: high is not a number: "x"',
  ],
  ["NaN", "nan.csv", `${header}2020-01-01,1,NaN,1,1\n`, 'nan.csv:2: high is not a number: "NaN"'],
  [
    "times out of order",
    "order.csv",
    `${header}2020-01-02,1,2,1,1\n2020-01-01,1,2,1,1\n`,
    "order.csv:3: the time 2020-01-01 00:00 is before",
  ],
  [
    "a doubled time",
    "twice.csv",
    `${header}2020-01-02,1,2,1,1\n2020-01-02,1,2,1,1\n`,
    "twice.csv:3: the time 2020-01-02 00:00 is that of the bar before",
  ],
  ["high below low", "range.csv", `${header}2020-01-02,1,1,2,1\n`, "range.csv:2: high 1 is below low 2"],
])(
  "%s is one clear line with file and row, and leaves nothing behind",
  async (_what, file, content, error) => {
    await using box = new Sandbox(stint.source);
    if (content !== undefined) writeFileSync(join(box.work, file), content);
    const { code, out, err } = await box.run(["backtest", "run", "--data", file]);
    expect({ code, out }).toEqual({ code: 74, out: "" });
    expect(err.trimEnd().split("\n")).toEqual([expect.stringContaining(`stint: ${error}`)]);
    expect((await box.run(["sessions"])).out).toBe("");
  },
);

test.each([
  ["throws", 78, "strategy throws.ts: boom (at bar 7, 2017-04-19 16:00)"],
  ["future", 78, "strategy future.ts: asked for a bar of the future"],
  ["unserialisable", 78, "strategy unserialisable.ts: ctx.state.deep[0].when is a Date"],
  ["noDefault", 78, "strategy noDefault.ts: it has no default export"],
  ["noOnBar", 78, "strategy noOnBar.ts: its default export has no onBar()"],
  ["syntax", 78, "strategy syntax.ts: it can't be loaded"],
] as const)("a strategy that %s ends with one clear line", async (name, code, error) => {
  await using box = new Sandbox(stint.source);
  const ran = await box.run(["backtest", "run", "--strategy", writeStrategy(box.work, name)]);
  expect({ code: ran.code, first: ran.err.split("\n")[0] }).toEqual({
    code,
    first: expect.stringContaining(`stint: ${error}`) as unknown as string,
  });
  expect(ran.err).not.toContain("internal error");
});

test("a strategy that fails after it began is remembered as failed, and can't be resumed", async () => {
  await using box = new Sandbox(stint.source);
  await box.run(["backtest", "run", "--strategy", writeStrategy(box.work, "throws")]);
  const status = last((await box.run(["backtest", "status"])).lines);
  expect(status).toMatchObject({ state: "stopped", failure: expect.stringContaining("boom") });
  const resumed = await box.run(["backtest", "resume", String(status["session_id"])]);
  expect({ code: resumed.code, err: resumed.err }).toEqual({
    code: 1,
    err: expect.stringContaining("failed: ") as unknown as string,
  });
});

test("a strategy that loops for ever is stopped all the same", async () => {
  await using box = new Sandbox(stint.source);
  const run = ["backtest", "run", "--strategy", writeStrategy(box.work, "endless"), "--detach"];
  const { lines } = await box.run(run);
  expect(await box.run(["backtest", "status"])).toMatchObject({ code: 0 });
  expect(await box.run(["backtest", "stop", String(last(lines)["id"])])).toMatchObject({ code: 0 });
  expect(box.processes()).toEqual([]);
});

test("a strategy file that never ends loading is stopped all the same", async () => {
  await using box = new Sandbox(stint.source);
  const child = box.start(["backtest", "run", "--strategy", writeStrategy(box.work, "endlessLoad")]);
  await until(
    async () => (await box.run(["sessions"])).lines,
    (lines) => lines.length === 1,
  );
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});

test("what a strategy prints goes to the log, not into the data", async () => {
  await using box = new Sandbox(stint.source);
  const { code, lines } = await box.run(["backtest", "run", "--strategy", writeStrategy(box.work, "talks")]);
  expect(code).toBe(0);
  expect(last(lines)["type"]).toBe("result");
  const said = box.log("backtest.default").filter((line) => line["component"] === "strategy");
  expect(said.map((line) => line["text"])).toEqual(["from the file", "bar { index: 1 }"]);
});

test.each([
  [["--param", "slow=abc"], 2, "--param: must be NAME=NUMBER"],
  [["--param", "nope=1"], 2, 'no parameter "nope"'],
  [["--cash", "-5"], 2, "--cash: must be a number above 0"],
  [["--commission", "a+b"], 2, "--commission: must be a RATE below 1 or FIXED+RATE"],
  [["--spread", "2"], 2, "--spread: must be at least 0 and below 1"],
  [["--from", "2018-02-30"], 2, "isn't a time"],
  [["--from", "2018-01-02", "--to", "2018-01-01"], 2, "--from must come before --to"],
  [["--strategy", "nope"], 2, "there is no strategy 'nope'"],
  [["--strategy", "nope.ts"], 74, "strategy nope.ts can't be read: there is no such file"],
  [["--frm", "x"], 2, "unknown option '--frm'"],
] as const)("bad arguments are refused: %p", async (args, code, error) => {
  await using box = new Sandbox(stint.source);
  const ran = await box.run(["backtest", "run", ...args]);
  expect({ code: ran.code, out: ran.out }).toEqual({ code, out: "" });
  expect(ran.err).toContain(error);
});

test("settings come from flags, then the environment, then files", async () => {
  await using box = new Sandbox(stint.source);
  writeFileSync(join(box.work, "stint.yaml"), "backtest:\n  cash: 2000\n");
  const peak = async (args: string[], env: Record<string, string> = {}) =>
    stats(last((await box.run(["backtest", "run", "--from", "2018-02-07", ...args], { env })).lines))[
      "equity_peak"
    ];
  expect(await peak([])).toBe(2000);
  expect(await peak([], { STINT_BACKTEST_CASH: "3000" })).toBe(3000);
  expect(await peak(["--cash", "4000"], { STINT_BACKTEST_CASH: "3000" })).toBe(4000);
});

test("a range of the data is run by --from and --to", async () => {
  await using box = new Sandbox(stint.source);
  const { lines } = await box.run(["backtest", "run", "--from", "2017-06-01", "--to", "2017-06-02T12:00"]);
  expect(lines.findLast((line) => line["type"] === "progress")).toMatchObject({
    bars: 36,
    time: Date.parse("2017-06-02T11:00Z"),
  });
});

test("init writes a strategy with its types that runs as it is and type-checks", async () => {
  await using box = new Sandbox(stint.source);
  expect((await box.run(["backtest", "init", "mine"])).code).toBe(0);
  expect((await box.run(["backtest", "init", "mine"])).err).toContain("mine.ts exists already");
  expect((await box.run(["backtest", "init", "../x"])).code).toBe(2);
  const ran = await box.run(["backtest", "run", "--strategy", "mine.ts"]);
  expect(last(ran.lines)["type"]).toBe("result");
  const options = [
    "--noEmit",
    "--strict",
    "--allowImportingTsExtensions",
    "--target",
    "esnext",
    "--module",
    "preserve",
  ];
  const tsc = join(import.meta.dir, "../../node_modules/.bin/tsc");
  const checked = Bun.spawnSync([tsc, ...options, "--types", "", "mine.ts"], { cwd: box.work });
  expect(checked.stdout.toString()).toBe("");
});

test("the report of a finished run repeats its result, and draws it as a PNG", async () => {
  await using box = new Sandbox(stint.source);
  const { lines } = await box.run(["backtest", "run", ...REFERENCE]);
  expect((await box.run(["backtest", "report"])).lines).toEqual([last(lines)]);
  const drawn = await box.run(["backtest", "report", "--png", "equity.png"]);
  expect(last(drawn.lines)["file"]).toBe(join(box.work, "equity.png"));
  expect(readFileSync(join(box.work, "equity.png")).subarray(1, 4).toString()).toBe("PNG");
  expect((await box.run(["backtest", "report", "--png", "none/equity.png"])).code).toBe(74);
});

test("watch on a pipe gives a line for each state until the run is over", async () => {
  await using box = new Sandbox(stint.source);
  await box.run(["backtest", "run", "--paused", "--detach"]);
  const watching = box.start(["backtest", "watch"]);
  const seen = watching.stdout.text();
  await until(() => box.log("backtest.default").length > 0);
  await box.run(["backtest", "step", "3"]);
  await box.run(["backtest", "resume"]);
  expect(await watching.exited).toBe(0);
  const states = (await seen)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line)["state"]);
  expect(states[0]).toBe("paused");
  expect(states).toContain("running");
});

test("the same source runs the sample under Deno, to the same bits", async () => {
  await using deno = new Sandbox(stint.deno);
  await using bun = new Sandbox(stint.source);
  const [there, here] = await Promise.all([
    deno.run(["backtest", "run", ...REFERENCE]),
    bun.run(["backtest", "run", ...REFERENCE]),
  ]);
  expect({ code: there.code, err: there.err }).toEqual({ code: 0, err: "" });
  expect(last(there.lines)["hash"]).toBe(last(here.lines)["hash"] as string);
  expect((await deno.run(["sessions"])).lines).toHaveLength(1);
});

/** Runs it whole, and stopped at a bar and resumed: the two hashes. */
async function bothHashes(box: Sandbox, args: string[], bars: number): Promise<unknown[]> {
  const whole = last((await box.run(["backtest", "run", ...args])).lines)["hash"];
  await box.run(["backtest", "run", ...args, "--paused", "--detach"]);
  await box.run(["backtest", "step", String(bars)]);
  await box.run(["backtest", "stop"]);
  const resumed = last((await box.run(["backtest", "resume"])).lines)["hash"];
  return [whole, resumed];
}

test("short trades that break even don't change the hash of a resumed run", async () => {
  await using box = new Sandbox(stint.source);
  const rows = Array.from({ length: 300 }, (_, i) => `${1_577_836_800 + i * 60},1,1,1,1`);
  writeFileSync(join(box.work, "flat.csv"), `${header}${rows.join("\n")}\n`);
  const args = ["--data", "flat.csv", "--strategy", writeStrategy(box.work, "flip")];
  const [whole, resumed] = await bothHashes(box, args, 100);
  expect(resumed).toBe(whole);
});

test("the list of trades that a strategy remembers is that of the bar it was read on, resumed or not", async () => {
  await using box = new Sandbox(stint.source);
  const [whole, resumed] = await bothHashes(
    box,
    ["--strategy", writeStrategy(box.work, "remembersTrades")],
    40,
  );
  expect(resumed).toBe(whole);
});

test.each(["--trade-on-close", "--exclusive", "--finalize"])(
  "a run with %s is resumed to the same hash",
  async (option) => {
    await using box = new Sandbox(stint.source);
    const [whole, resumed] = await bothHashes(box, [option, "--spread", "0.0001"], 1234);
    expect(resumed).toBe(whole);
  },
);

test.each([
  ["shares", "ctx.state.all[0] is the same object as ctx.state.now"],
  ["exits", "strategy exits.ts: it ended its own thread"],
  ["stopLoss", "an order has no sl: it has size"],
  ["bareNumber", "an order is { size }, not 10"],
  ["ownField", "strategy ownField.ts: "],
] as const)("a strategy that %s is refused, not resumed to something else", async (name, error) => {
  await using box = new Sandbox(stint.source);
  const ran = await box.run(["backtest", "run", "--strategy", writeStrategy(box.work, name)]);
  expect({ code: ran.code, err: ran.err }).toEqual({
    code: 78,
    err: expect.stringContaining(error) as unknown as string,
  });
});

test("a file that a strategy requires is part of it", async () => {
  await using box = new Sandbox(stint.source);
  writeFileSync(join(box.work, "size.cjs"), "exports.size = 10;");
  const args = ["--strategy", writeStrategy(box.work, "requires")];
  await box.run(["backtest", "run", ...args, "--paused", "--detach"]);
  await box.run(["backtest", "stop"]);
  writeFileSync(join(box.work, "size.cjs"), "exports.size = 20;");
  const resumed = await box.run(["backtest", "resume"]);
  expect({ code: resumed.code, err: resumed.err }).toEqual({
    code: 1,
    err: expect.stringContaining("size.cjs has changed") as unknown as string,
  });
});

test("killed while its data is still being read, a run is resumed from the beginning", async () => {
  await using box = new Sandbox(stint.source);
  const data = join(box.work, "pipe.csv");
  expect(Bun.spawnSync(["mkfifo", data]).exitCode).toBe(0);
  const child = box.start(["backtest", "run", "--data", "pipe.csv"]);
  const session = await until(async () => (await box.run(["sessions"])).lines[0]);
  child.kill("SIGKILL");
  await child.exited;
  Bun.spawnSync(["rm", data]);
  writeFileSync(data, readFileSync(join(import.meta.dir, "../../src/backtest/sample/EURUSD.csv")));
  const resumed = await box.run(["backtest", "resume", String(session?.["id"])]);
  expect(resumed.code).toBe(0);
  expect(last(resumed.lines)["hash"]).toBe(
    last((await box.run(["backtest", "run"])).lines)["hash"] as string,
  );
});

test.each([
  ["the newest checkpoint is", "(SELECT max(n) FROM checkpoint)", 1],
  ["all checkpoints are", "(SELECT max(n) - 2 FROM checkpoint)", 3],
])("when %s spoiled, a run goes on from before and comes to the same hash", async (_what, from, spoiled) => {
  await using box = new Sandbox(stint.source);
  const whole = last((await box.run(["backtest", "run"])).lines)["hash"];
  await box.run(["backtest", "run", "--paused", "--detach"]);
  for (const _ of [1, 2, 3]) await box.run(["backtest", "step", "400"]);
  await box.run(["backtest", "stop"]);
  const db = new Database(join(box.env["XDG_DATA_HOME"] ?? "", "stint/stint.db"));
  db.run(`UPDATE checkpoint SET state = replace(state, 'cash', 'c"sh') WHERE n >= ${from}`);
  expect(db.query("SELECT changes() AS n").get()).toEqual({ n: spoiled });
  db.close();
  const resumed = await box.run(["backtest", "resume"]);
  expect({ code: resumed.code, err: resumed.err }).toEqual({ code: 0, err: "" });
  expect(last(resumed.lines)["hash"]).toBe(whole as string);
});

test("an id that could be of several runs is refused", async () => {
  await using box = new Sandbox(stint.source);
  await box.run(["backtest", "run"]);
  const { lines } = await box.run(["backtest", "run"]);
  const id = String(last(lines)["id"]);
  expect(await box.run(["backtest", "status", id.slice(0, 4)])).toMatchObject({ code: 2 });
  expect(last((await box.run(["backtest", "status", id.slice(-8)])).lines)["session_id"]).toBe(id);
});

test("init leaves a stint.d.ts that isn't its own alone", async () => {
  await using box = new Sandbox(stint.source);
  writeFileSync(join(box.work, "stint.d.ts"), "mine");
  expect(await box.run(["backtest", "init", "a"])).toMatchObject({ code: 1 });
  expect(readFileSync(join(box.work, "stint.d.ts"), "utf8")).toBe("mine");
  expect(await Bun.file(join(box.work, "a.ts")).exists()).toBe(false);
});

test("a long step is seen on its way, and a resume cuts it short", async () => {
  await using box = new Sandbox(stint.source);
  writeStrategy(box.work, "spin");
  await box.run(["backtest", "run", "--strategy", writeStrategy(box.work, "slow"), "--paused", "--detach"]);
  const stepping = box.run(["backtest", "step", "4000"]);
  const bar = async () => Number(last((await box.run(["backtest", "status"])).lines)["bar"]);
  const first = await until(bar, (at) => at > 30);
  await until(bar, (at) => at > first);
  await box.run(["backtest", "resume"]);
  const { code, err } = await stepping;
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining("cut short") as unknown as string });
});

test("orders that the account can't carry are dropped and counted", async () => {
  await using box = new Sandbox(stint.source);
  const { lines } = await box.run(["backtest", "run", "--strategy", writeStrategy(box.work, "tooLarge")]);
  expect(last(lines)).toMatchObject({ type: "result", dropped_orders: 4 });
});

test("a strategy without a name is called as its file is", async () => {
  await using box = new Sandbox(stint.source);
  await box.run([
    "backtest",
    "run",
    "--strategy",
    writeStrategy(box.work, "tooLarge"),
    "--paused",
    "--detach",
  ]);
  expect(last((await box.run(["backtest", "status"])).lines)["strategy"]).toBe("tooLarge");
});
