import { relative } from "node:path";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { generation } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import type { ClosedTrade } from "../core/broker.ts";
import { Curve } from "../core/curve.ts";
import type { Result, RunState } from "../core/run-state.ts";
import { loadBars } from "./bars.ts";
import { type EngineThread, engine, type Finished } from "./engine.ts";
import { addRun, type Reach, type Run, restore, saveCheckpoint, setFailure, setResult } from "./journal.ts";
import { NO_LIMIT, type Snapshot } from "./protocol.ts";

/** Points of the curves that clients are shown. */
const CURVE_POINTS = 480;
const LAST_TRADES = 8;
/** How often clients are told how far it is, in ms. */
const TELL_MS = 250;
/** How finely a paced run is let go on, in ms. */
const PACE_MS = 20;
/** A file of tens of gigabytes takes minutes. */
const LOAD_MS = 3_600_000;

/** How a run is run; none of it changes a bit of what it comes to. */
export type Manner = {
  /** Seconds between checkpoints. */
  checkpointSeconds: number;
  /** Bars a second at most. */
  pace?: number;
};

/** A run inside its host. */
export type RunActivity = {
  activity: Activity<object>;
  /** The state as clients see it. */
  state(): RunState;
};

/**
 * Opens what outlives a pause of a run (its bars) and says what it is made of (its engine).
 * @param request.restored whether the session exists and goes on from its newest checkpoint
 * @param request.told called at most every quarter of a second while it runs, and when it comes to rest
 */
export async function openRun(
  host: Host,
  request: {
    run: Run;
    restored: boolean;
    dataPath: string;
    manner: Manner;
    /** Called once its data and its strategy are loaded: from here on there is something to show. */
    began(): void;
    told(state: RunState): void;
  },
): Promise<RunActivity> {
  const { run, manner } = request;
  const { clock, store, log } = host;
  const name = run.data.path === null ? run.data.symbol : shortPath(run.data.path);
  const loading = new Float64Array(new SharedArrayBuffer(8));
  const range = {
    ...(run.from === null ? {} : { from: run.from }),
    ...(run.to === null ? {} : { to: run.to }),
  };
  const load = loadBars({ path: request.dataPath, name, progress: loading, ...range });
  const { bars, hash } = await host.stack.open("state", "bars", load, { openMs: LOAD_MS });
  if (request.restored && hash !== run.data.hash) {
    throw new Expected(
      Exit.no,
      `${name} has changed since this run was begun`,
      "run it anew: stint backtest run",
    );
  }
  const begun: Run = { ...run, data: { ...run.data, hash } };
  const equity = new Float64Array(new SharedArrayBuffer(bars.length * 8));
  const from = request.restored ? await store.write((db) => restore(db, host.session, equity)) : undefined;
  if (!request.restored) await store.write((db) => addRun(db, host.session, host.profile, begun));

  const curve = new Curve(bars.length, CURVE_POINTS);
  /** How far the rows of the store reach. */
  let reach: Reach = from?.reach ?? { trades: 0, bars: 0 };
  /** The newest snapshot, and the trades closed since the store's last row. */
  let last: Snapshot | undefined;
  let unsaved: ClosedTrade[] = [];
  const recent: ClosedTrade[] = from?.trades.slice(-LAST_TRADES) ?? [];
  let trades = from?.trades.length ?? 0;
  let thread: EngineThread | undefined;
  let finished: Finished | undefined;
  let failed = false;
  let result: Result | null = null;
  let checkpointAt: number | null = null;
  let held = true;
  let allowed = manner.pace === undefined ? NO_LIMIT : 0;
  let taking: Promise<void> | undefined;
  let saving: Promise<void> = Promise.resolve();
  let stepping: Promise<void> = Promise.resolve();
  const speed = { bar: from?.next ?? 0, at: clock.monotonic(), perSecond: 0 };

  function keep(snapshot: Snapshot): void {
    last = snapshot;
    trades += snapshot.trades.length;
    // One by one: a spread of a hundred thousand arguments overflows the stack.
    for (const trade of snapshot.trades) unsaved.push(trade);
    recent.push(...snapshot.trades.slice(-LAST_TRADES));
    recent.splice(0, recent.length - LAST_TRADES);
    curve.extend(equity, snapshot.next);
  }

  /** Brings the snapshot up to the next bar, or the one before `limit`; joins one that is on its way. */
  async function take(limit = 0, aborted?: AbortSignal): Promise<void> {
    const current = thread;
    if (!current || finished) return;
    if (taking && limit === 0) current.hold();
    taking ??= current
      .snapshotAt(limit)
      .then((snapshot) => snapshot && keep(snapshot))
      .finally(() => {
        taking = undefined;
        if (!held) current.allow(allowed);
      });
    const { promise, resolve } = Promise.withResolvers<void>();
    const giveUp = () => resolve();
    aborted?.addEventListener("abort", giveUp, { once: true });
    if (aborted?.aborted) giveUp();
    await Promise.race([taking, promise]).finally(() => aborted?.removeEventListener("abort", giveUp));
  }

  /** Writes a checkpoint of the newest snapshot. One after another: each adds to the rows of the one before. */
  function save(type: string): Promise<void> {
    const saved = saving.then(() => write(type));
    saving = saved.catch(() => {});
    return saved;
  }

  async function write(type: string): Promise<void> {
    const snapshot = last;
    if (!snapshot) return;
    const batch = unsaved;
    unsaved = [];
    const upTo = finished ? bars.length : snapshot.next;
    const entry = {
      session: host.session,
      type,
      snapshot: { ...snapshot, trades: batch },
      equity,
      since: reach,
      upTo,
    };
    try {
      reach = await store.write((db) => {
        const reached = saveCheckpoint(db, entry, clock);
        if (result) setResult(db, host.session, result);
        return reached;
      });
      checkpointAt = clock.wall();
    } catch (error) {
      unsaved = [...batch, ...unsaved];
      throw error;
    }
  }

  async function step(count: number): Promise<void> {
    if (!held || !thread) throw new Expected(Exit.no, "only a paused run can step", "stint backtest pause");
    await take(Math.min(NO_LIMIT, (last?.next ?? thread.next) + count));
    if (!finished) await save("PAUSED");
    tell();
  }

  function state(): RunState {
    const next = finished ? bars.length : (last?.next ?? from?.next ?? 0);
    const value = next > 0 ? (equity[next - 1] ?? null) : null;
    const size = last?.open.reduce((sum, trade) => sum + trade.size, 0) ?? 0;
    const entry = last?.open.reduce((sum, trade) => sum + trade.size * trade.entryPrice, 0) ?? 0;
    return {
      strategy: thread?.name ?? nameOf(run),
      params: { ...(thread?.params ?? run.params) },
      symbol: run.data.symbol,
      loaded: loading[0] ?? 0,
      bar: next,
      bars: bars.length,
      time: next > 0 ? (bars.time[next - 1] ?? null) : null,
      equity: value,
      return_pct: value === null ? null : (value / run.settings.cash - 1) * 100,
      max_drawdown_pct: curve.maxDrawdown,
      position: size === 0 ? null : { size, entry_price: entry / size },
      trades,
      last_trades: recent,
      bars_per_second: speed.perSecond,
      checkpoint_at: checkpointAt,
      result,
      equity_curve: curve.equity,
      drawdown_curve: curve.drawdown,
    };
  }

  function tell(): void {
    const now = clock.monotonic();
    const bar = last?.next ?? speed.bar;
    if (now > speed.at) speed.perSecond = Math.max(0, ((bar - speed.bar) / (now - speed.at)) * 1000);
    Object.assign(speed, { bar, at: now });
    request.told(state());
    host.changed();
  }

  /** A part that does something every so often; one that is late is not made up for. */
  const every = (ms: number, work: () => Promise<void>) => async () => {
    let busy = false;
    const timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      try {
        await work();
      } catch (error) {
        log.warn(message(error), { error });
      }
      busy = false;
    }, ms);
    return {
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
      },
    };
  };

  const open = generation<object>()
    .timers(async (open) => {
      await open(
        "progress",
        every(TELL_MS, async () => {
          if (held) return;
          await take();
          tell();
        }),
      );
      await open(
        "checkpoints",
        every(manner.checkpointSeconds * 1000, async () => {
          if (held) return;
          await take();
          await save("CHECKPOINT");
        }),
      );
      const { pace } = manner;
      if (pace !== undefined) {
        let at = clock.monotonic();
        let fraction = from?.next ?? 0;
        await open(
          "pace",
          every(PACE_MS, async () => {
            const now = clock.monotonic();
            // What it could have worked while it was held isn't made up for.
            fraction = held ? (last?.next ?? fraction) : fraction + (pace * (now - at)) / 1000;
            at = now;
            allowed = Math.max(allowed, Math.floor(fraction));
            if (!held && !taking) thread?.allow(allowed);
          }),
        );
      }
      return {};
    })
    .workers(async (open) => {
      const begin = {
        bars,
        equity,
        strategy: run.strategy.source,
        params: run.params,
        settings: run.settings,
        ...(from ? { from: { state: from.state, trades: from.trades } } : {}),
      };
      const strategyLog = log.for("strategy");
      const opened = await open(
        "engine",
        engine(begin, nameOf(run), (text) => strategyLog.info(text)),
        { openMs: 30_000 },
      );
      thread = opened;
      request.began();
      opened.finished.then(
        (done) => {
          finished = done;
          keep(done.snapshot);
          curve.extend(equity, bars.length);
          result = {
            statistics: done.statistics,
            hash: done.hash,
            bust: done.outcome === "bust",
            bars: bars.length,
          };
          host.end();
        },
        async (error: unknown) => {
          failed = true;
          if (error instanceof Expected) {
            await store.write((db) => setFailure(db, host.session, message(error))).catch(() => undefined);
          }
          host.end(error);
        },
      );
      return {};
    });

  const activity: Activity<object> = {
    generation: open,
    given: {},
    park: {
      async park(signal) {
        held = true;
        await take(0, signal);
      },
      async unpark() {
        held = false;
        thread?.allow(allowed);
      },
    },
    async reached(reached) {
      if (reached === "paused") await save("PAUSED");
      if (reached === "stopping") await save(finished ? "FINISHED" : "STOPPED");
      if (reached !== "running" && thread && !failed) tell();
    },
    state: () => ({ ...state() }),
    commands: {
      async step(args) {
        const bars = Number((args as { bars?: unknown } | null)?.bars ?? 1);
        if (!Number.isSafeInteger(bars) || bars < 1)
          throw new Expected(Exit.usage, "bars must be a whole number above 0");
        // Two clients that step at once step twice.
        const stepped = stepping.then(() => step(bars));
        stepping = stepped.catch(() => {});
        await stepped;
      },
    },
  };
  return { activity, state };
}

/** What a run's strategy is called in errors: the name of a built-in one, else the file's path. */
const nameOf = ({ strategy: { source } }: Run): string =>
  "builtin" in source ? source.builtin : shortPath(source.file);

/** A path as one would type it here. */
function shortPath(path: string): string {
  const from = relative(process.cwd(), path);
  return from.startsWith("..") ? path : from || path;
}
