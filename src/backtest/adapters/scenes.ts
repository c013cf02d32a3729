import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../kernel/clock.ts";
import { expectThat, inMs, type Scene, type SceneStage } from "../../kernel/scene.ts";

/** The scenes of `stint demo` that show what a backtest can be put through. */

type Line = Record<string, unknown>;

const RUN = [
  "backtest",
  "run",
  "--param",
  "fast=15",
  "--param",
  "slow=40",
  "--commission",
  "0.0001",
  "--finalize",
];
/** Final equity of the reference run with these settings. */
const REFERENCE_EQUITY = 9180.06396962001;

async function uninterrupted(stage: SceneStage): Promise<{ line: Line; ms: number }> {
  return stage.ask(...RUN);
}

/** Begins a slow run in the background and waits until it is under way. */
async function underWay(stage: SceneStage): Promise<{ id: string; pid: number }> {
  const { line } = await stage.ask(...RUN, "--pace", "4000", "--detach");
  const id = String(line["id"]);
  for (;;) {
    const { line: state } = await stage.ask("backtest", "status", id);
    expectThat(state["state"] === "running" || state["state"] === "starting", `the run is ${state["state"]}`);
    if (Number(state["bar"]) > 500) return { id, pid: Number(line["pid"]) };
    await systemClock.sleep(20);
  }
}

/** Kills the host as nothing can handle, and checks that the store says so. */
async function killed(stage: SceneStage, { id, pid }: { id: string; pid: number }): Promise<void> {
  process.kill(pid, "SIGKILL");
  const { lines } = await stage.run("sessions");
  const state = lines.find((line) => line["id"] === id)?.["state"];
  expectThat(state === "crashed", `after kill -9 the session is called ${state}`);
}

async function sameBits(stage: SceneStage, id: string): Promise<{ hash: string; ms: number }> {
  const whole = await uninterrupted(stage);
  // It was begun slowly to be caught; the rest of it needn't be.
  const restored = await stage.ask("backtest", "resume", id, "--pace", "0");
  const hash = String(restored.line["hash"]);
  expectThat(
    hash === whole.line["hash"],
    `${hash} isn't the hash of the uninterrupted run, ${whole.line["hash"]}`,
  );
  return { hash: hash.slice(0, 12), ms: restored.ms };
}

export const scenes: readonly Scene[] = [
  {
    title: "5,000 hourly bars of EURUSD, averages 15 and 40, commission 0.0001: the reference result",
    async play(stage) {
      const { line, ms: took } = await uninterrupted(stage);
      const { equity_final, trades } = line["stats"] as { equity_final: number; trades: number };
      expectThat(
        Math.abs(equity_final - REFERENCE_EQUITY) < 1e-9 * REFERENCE_EQUITY,
        `final equity is ${equity_final}`,
      );
      const words = `${trades} trades, final equity ${equity_final.toFixed(2)}, whole process ${inMs(took)}`;
      return { words, measured: { trades, equity_final, process_ms: took } };
    },
  },
  {
    title: "paused, stepped, killed with kill -9, resumed under the same id: the same bits",
    async play(stage) {
      const run = await underWay(stage);
      const paused = await stage.ask("backtest", "pause", run.id);
      expectThat(paused.line["state"] === "paused", `after pause it is ${paused.line["state"]}`);
      const stepped = await stage.ask("backtest", "step", "100", "--id", run.id);
      const steps = Number(stepped.line["bar"]) - Number(paused.line["bar"]);
      expectThat(steps === 100, `step 100 worked ${steps} bars`);
      await killed(stage, run);
      const same = await sameBits(stage, run.id);
      const words = `paused at bar ${paused.line["bar"]} (command ${inMs(paused.ms)}), killed, resumed in ${inMs(same.ms)}, hash ${same.hash}…`;
      return { words, measured: { pause_command_ms: paused.ms, resume_ms: same.ms, hash: same.hash } };
    },
  },
  {
    title: "killed with kill -9 while it runs: the same bits",
    async play(stage) {
      const run = await underWay(stage);
      await killed(stage, run);
      const same = await sameBits(stage, run.id);
      return {
        words: `resumed in ${inMs(same.ms)}, hash ${same.hash}…`,
        measured: { resume_ms: same.ms, hash: same.hash },
      };
    },
  },
  {
    title: "paused by itself after its third trade, looked at from within, stepped to the next one",
    async play(stage) {
      const { line } = await stage.ask(...RUN, "--pause-at", "trade 3", "--detach");
      const id = String(line["id"]);
      const status = async () => (await stage.ask("backtest", "status", id)).line;
      let state = await status();
      while (state["state"] !== "paused") {
        await systemClock.sleep(20);
        state = await status();
      }
      expectThat(state["trades"] === 3, `it paused after ${state["trades"]} trades`);
      const inspected = await stage.ask("backtest", "inspect", id);
      const [shown] = inspected.line["symbols"] as { bar: number; position: { size: number } }[];
      expectThat(Number(shown?.bar) === Number(state["bar"]) - 1, `inspect shows bar ${shown?.bar}`);
      const stepped = await stage.ask("backtest", "step", "--to-trade", "--id", id);
      expectThat(stepped.line["trades"] === 4, `after the step there are ${stepped.line["trades"]} trades`);
      await stage.ask("backtest", "stop", id);
      return {
        words: `at bar ${state["bar"]} it holds ${shown?.position.size} units; the next trade is at bar ${stepped.line["bar"]}`,
        measured: { inspect_ms: inspected.ms, step_ms: stepped.ms },
      };
    },
  },
  {
    title: "by the clock, an hour of bars in 5 ms: on schedule, and the same bits",
    async play(stage) {
      const { line } = await stage.ask(...RUN, "--speed", "720000", "--to", "2017-05-19");
      const { line: status } = await stage.ask("backtest", "status");
      const driven = await stage.ask(...RUN, "--to", "2017-05-19");
      expectThat(line["hash"] === driven.line["hash"], "by the clock it comes to another hash");
      const { late_p99_ms: late } = status["lag"] as { late_p99_ms: number };
      const [published] = status["subscriptions"] as { signals: number; overruns: number }[];
      return {
        words: `${published?.signals} bars, ${published?.overruns} overruns, 99 % at most ${inMs(late)} late`,
        measured: { bars: published?.signals ?? 0, late_p99_ms: late },
      };
    },
  },
  {
    title: "stopped: seven stages in order, a last checkpoint, and it can go on",
    async play(stage) {
      const run = await underWay(stage);
      const stopped = await stage.ask("backtest", "stop", run.id);
      const log = readFileSync(join(stage.folder, "state", "stint", "backtest.default.log"), "utf8");
      const stages = log.split("\n").flatMap((line) => {
        if (!line.includes(`"pid":${run.pid},`)) return [];
        return /shutdown (\d)\/7/.exec(line)?.[1] ?? [];
      });
      expectThat(stages.join("") === "1234567", `the stages were ${stages.join(", ")}`);
      const same = await sameBits(stage, run.id);
      return {
        words: `stopped in ${inMs(stopped.ms)}, went on to hash ${same.hash}…`,
        measured: { stop_ms: stopped.ms, hash: same.hash },
      };
    },
  },
  {
    title: "a picture of the result",
    async play(stage) {
      await uninterrupted(stage);
      const { line, ms: took } = await stage.ask("backtest", "report", "--png", "equity.png");
      const bytes = readFileSync(String(line["file"]));
      expectThat(bytes.subarray(1, 4).toString() === "PNG", "it isn't a PNG");
      return {
        words: `${Math.round(bytes.length / 1000)} kB of PNG in ${inMs(took)}`,
        measured: { bytes: bytes.length, picture_ms: took },
      };
    },
  },
];
