import { Exit, Expected } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import { shownPath } from "../../kernel/paths.ts";
import type { Part } from "../../kernel/stack.ts";
import type { RunState } from "../core/run-state.ts";
import { loadBars } from "./bars.ts";
import { Drive } from "./drive.ts";
import { type EngineThread, engine } from "./engine.ts";
import { addRun, type Run, restore, setDataHash, setFailure } from "./journal.ts";
import { NO_LIMIT } from "./protocol.ts";
import { RunRecord } from "./record.ts";

/** How often clients are told how far it is, in ms. */
const TELL_MS = 250;
/** How finely a paced run is let go on, in ms. */
const PACE_MS = 20;
/** A file of tens of gigabytes takes minutes. */
const LOAD_MS = 3_600_000;
/** A strategy file may import a lot. */
const ENGINE_MS = 30_000;

/** How a run is run; none of it changes a bit of what it comes to. */
export type Manner = {
  /** Seconds between checkpoints. */
  checkpointSeconds: number;
  /** Bars a second at most. */
  pace?: number;
};

/** What a host is to run. */
export type RunRequest = {
  run: Run;
  /** Whether the session exists and goes on from its newest checkpoint. */
  restored: boolean;
  /** Where its data is. */
  dataPath: string;
  manner: Manner;
  /** Called once its data and its strategy are loaded: from here on it runs. */
  began(): void;
  /** Called at most every quarter of a second while it loads and runs, and when it comes to rest. */
  told(state: RunState): void;
};

/** Before its data is open. */
const NOTHING_YET: ReturnType<RunRecord["view"]> = {
  bar: 0,
  bars: 0,
  time: null,
  equity: null,
  return_pct: null,
  max_drawdown_pct: 0,
  position: null,
  trades: 0,
  last_trades: [],
  bars_per_second: 0,
  checkpoint_at: null,
  result: null,
  equity_curve: [],
  drawdown_curve: [],
};

/** Opens what outlives a pause of a run (its bars) and says what it is made of (its engine). */
export async function openRun(host: Host, request: RunRequest): Promise<Activity<object>> {
  const { run, manner, restored } = request;
  const { clock, store, log, session } = host;
  const loading = new Float64Array(new SharedArrayBuffer(8));
  let record: RunRecord | undefined;
  let thread: EngineThread | undefined;
  const state = (): RunState => ({
    strategy: thread?.name ?? nameOf(run),
    params: { ...(thread?.params ?? run.params) },
    symbol: run.data.symbol,
    loaded: loading[0] ?? 0,
    ...(record?.view() ?? NOTHING_YET),
  });
  const tell = () => {
    record?.measure();
    request.told(state());
    host.changed();
  };
  host.show(() => ({ ...state() }));

  // Before its data: a run that is killed while it loads can be resumed too.
  if (!restored) await store.write((db) => addRun(db, session, host.profile, run));
  const { bars, hash } = await openBars(host, request, loading, tell);
  const equity = new Float64Array(new SharedArrayBuffer(bars.length * 8));
  const from = restored ? await store.write((db) => restore(db, session, equity)) : undefined;
  await store.write((db) => setDataHash(db, session, { ...run, data: { ...run.data, hash } }));
  const kept = new RunRecord(host, run, bars, equity, from);
  record = kept;
  const drive = new Drive((snapshot) => kept.keep(snapshot), manner.pace === undefined ? NO_LIMIT : 0);

  const timers = {
    async progress() {
      if (!drive.moving) return;
      await drive.look();
      tell();
    },
    async checkpoints() {
      if (!drive.moving) return;
      await drive.snapshot();
      await kept.save("CHECKPOINT");
    },
  };
  const worker: Part<EngineThread> = engine(
    {
      bars,
      equity,
      strategy: run.strategy.source,
      params: run.params,
      settings: run.settings,
      ...(from ? { from: { state: from.state, trades: from.trades } } : {}),
    },
    nameOf(run),
    (text) => log.for("strategy").info(text),
  );

  return {
    generation: generation<object>()
      .timers(async (open) => {
        await open("progress", every(TELL_MS, timers.progress, log));
        await open("checkpoints", every(manner.checkpointSeconds * 1000, timers.checkpoints, log));
        const { pace } = manner;
        if (pace !== undefined) await open("pace", every(PACE_MS, pacing(pace, drive, kept, clock), log));
        return {};
      })
      .workers(async (open) => {
        const opened = await open("engine", worker, { openMs: ENGINE_MS });
        thread = opened;
        drive.attach(opened);
        opened.finished.then(
          (done) => {
            kept.finish(done);
            host.end();
          },
          async (error: unknown) => {
            if (error instanceof Expected) {
              await store
                .write((db) => setFailure(db, session, error.message))
                .catch((failed: unknown) => log.warn("the failure wasn't recorded", { error: failed }));
            }
            thread = undefined;
            host.end(error);
          },
        );
        request.began();
        return {};
      }),
    given: {},
    park: { park: (signal) => drive.hold(signal), unpark: () => drive.release() },
    async reached(reached) {
      if (reached === "paused") await kept.save("PAUSED");
      if (reached === "stopping") await kept.save(kept.finished ? "FINISHED" : "STOPPED");
      if (reached !== "running" && thread) tell();
    },
    commands: {
      async step(args) {
        const count = Number((args as { bars?: unknown } | null)?.bars ?? 1);
        if (!Number.isSafeInteger(count) || count < 1) {
          throw new Expected(Exit.usage, "bars must be a whole number above 0");
        }
        if (!drive.held) throw new Expected(Exit.no, "only a paused run can step", "stint backtest pause");
        const whole = await drive.step(count);
        if (!kept.finished) await kept.save("PAUSED");
        tell();
        if (!whole) throw new Expected(Exit.no, `the step was cut short at bar ${kept.next}`);
      },
    },
  };
}

/** The part that holds the bars, told of while it loads. @throws Expected 1 when they aren't those the run began with */
async function openBars(host: Host, request: RunRequest, progress: Float64Array, tell: () => void) {
  const { run, restored, dataPath } = request;
  const name = run.data.path === null ? run.data.symbol : shownPath(run.data.path);
  const { from, to } = run;
  const range = { ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) };
  const telling = setInterval(tell, TELL_MS);
  const part = loadBars({ path: dataPath, name, progress, ...range });
  const loaded = await host.stack
    .open("state", "bars", part, { openMs: LOAD_MS })
    .finally(() => clearInterval(telling));
  if (restored && run.data.hash !== "" && loaded.hash !== run.data.hash) {
    const hint = "run it anew: stint backtest run";
    throw new Expected(Exit.no, `${name} has changed since this run was begun`, hint);
  }
  return loaded;
}

/** Moves the limit of a paced run along with time. What it could have worked while it was held isn't made up for. */
function pacing(pace: number, drive: Drive, record: RunRecord, clock: Host["clock"]): () => Promise<void> {
  let at = clock.monotonic();
  let limit = record.next;
  return async () => {
    const now = clock.monotonic();
    limit = drive.held ? record.next : limit + (pace * (now - at)) / 1000;
    at = now;
    drive.limit(Math.floor(limit));
  };
}

/** What a run's strategy is called in errors: the name of a built-in one, else the file's path. */
const nameOf = ({ strategy: { source } }: Run): string =>
  "builtin" in source ? source.builtin : shownPath(source.file);
