/** A run's host is killed as nothing can handle, again and again, and the run comes to what it would have come to. */
import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import * as remote from "../../src/backtest/adapters/remote.ts";
import { replay } from "../../src/backtest/adapters/replay.ts";
import { storedRun } from "../../src/backtest/adapters/runs/find.ts";
import { Hosting } from "../backtest/hosting.ts";
import { writeStrategy } from "../backtest/strategies.ts";
import { inProcess } from "../support/in-process.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

const KILLS = 50;
/** Slow enough to be killed so often before its end. */
const PACE = "250";
const DIRS = ["DATA", "STATE", "CONFIG", "CACHE"].map((name) => `XDG_${name}_HOME`).concat("XDG_RUNTIME_DIR");

/** Hosts are processes of their own; their clients, and what is asked of the store, are here. */
test("killed 50 times while it starts, loads, runs, stands, steps, stops or is joined: always the same hash", async () => {
  await using box = new Sandbox(stint.executable, { STINT_BACKTEST_CHECKPOINT_SECONDS: "0.1" });
  await using here = new Hosting(Object.fromEntries(DIRS.map((name) => [name, box.env[name] ?? ""])));
  const strategy = join(box.work, writeStrategy(box.work, "everything"));
  const sample = new URL("../../src/backtest/sample/EURUSD.csv", import.meta.url).pathname;
  const files = ["a.csv", "b.csv", "c.csv"].map((name) => join(box.work, name));
  for (const file of files) copyFileSync(sample, file);
  const [a = "", b = "", c = ""] = files;
  const two = { data: [`A=${a}`, `B=${b}`], strategy, finalize: true };
  const whole = await here.run(two);

  type Client = typeof remote.status;
  const ask = (id: string, client: Client) =>
    here.do((context) => client(context, id)).catch(() => undefined);
  const command =
    (name: string): Client =>
    (context, id) =>
      remote.command(context, name, id);
  const step: Client = (context, id) => remote.step(context, { bars: "7", toTrade: false, id });
  const acts: readonly Client[] = [command("pause"), step, remote.inspect, command("resume"), remote.stop];
  let kills = 0;
  /** Kills a run's hosts, one after another. @param join called when one is up, and not always waited for */
  const killed = async (id: string, join?: () => Promise<unknown>) => {
    for (let round = 0; kills < KILLS; round++) {
      const host = box.start([
        "backtest",
        "resume",
        id,
        "--pace",
        PACE,
        ...(round % 5 === 4 ? ["--paused"] : []),
      ]);
      const out = host.stdout.getReader();
      if (round % 3 === 0) await Bun.sleep(Math.random() * 400);
      else {
        await out.read();
        // What of it is done when the blow comes is chance.
        if (join) await Promise.race([join(), Bun.sleep(Math.random() * 400)]);
        for (const act of acts) if (Math.random() < 0.4) void ask(id, act);
        await Bun.sleep(Math.random() * 100);
      }
      host.kill("SIGKILL");
      await host.exited;
      out.releaseLock();
      // One that was stopped had ended before.
      if (host.signalCode === "SIGKILL") kills++;
    }
  };
  const begin = async (symbols: readonly string[]) => {
    const data = symbols.flatMap((symbol) => ["--data", symbol]);
    const run = ["backtest", "run", ...data, "--strategy", strategy, "--finalize", "--paused", "--detach"];
    const { lines, err } = await box.run(run);
    if (lines.length === 0) throw new Error(err);
    process.kill(Number(lines.at(-1)?.["pid"]), "SIGKILL");
    return String(lines.at(-1)?.["id"]);
  };
  const known = await Promise.all([begin(two.data), begin(two.data)]);
  const growing = await Promise.all([begin([`A=${a}`]), begin([`A=${a}`])]);
  const joins = (id: string) => {
    const left = [
      { symbol: "B", data: b },
      { symbol: "C", data: c },
    ];
    return async () => {
      const [next] = left;
      if (!next) return;
      const { symbol, data } = next;
      const { code, err } = await inProcess((context) => remote.add(context, symbol, { data, id }));
      // The host may have been killed before it could answer.
      if (code === 0 || err.includes(`has ${symbol} already`)) left.shift();
    };
  };
  await Promise.all([...known.map((id) => killed(id)), ...growing.map((id) => killed(id, joins(id)))]);

  const ends = await Promise.all(
    [...known, ...growing].map(async (id) => {
      const resumed = await box.run(["backtest", "resume", id, "--pace", "1000000"]);
      return { id, hash: resumed.lines.at(-1)?.["hash"] ?? resumed.err };
    }),
  );
  for (const { hash } of ends.slice(0, 2)) expect(hash).toBe(whole["hash"] as string);
  let joined = 0;
  for (const { id, hash } of ends.slice(2)) {
    // What has joined, and when, was chance: it is worked again as it came to be.
    await here.do(async (context) => {
      const stored = await storedRun(context, id, () => true);
      joined += stored.run.symbols.length - 1;
      expect((await replay(stored)).result.hash).toBe(String(hash));
      return 0;
    });
  }
  expect(joined).toBeGreaterThan(0);
  expect(box.processes()).toEqual([]);
}, 60_000);
