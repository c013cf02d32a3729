import { z } from "zod";
import { Exit, Expected } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import { shownPath } from "../../kernel/paths.ts";
import type { Part } from "../../kernel/stack.ts";
import { BREAKPOINTS, parseBreakpoint } from "../core/engine/breakpoint.ts";
import type { EngineSymbol, Plan } from "../core/engine/engine.ts";
import { LATENESS_WORDS } from "../core/engine/lateness.ts";
import {
  StreamSubscription,
  SUBSCRIPTION_WORDS,
  type SubscriptionCounts,
} from "../core/engine/subscription.ts";
import type { Breakpoint, Run, RunSymbol } from "../core/run.ts";
import type { Lag, PerformanceMetrics, RunState } from "../core/run-state.ts";
import type { Params } from "../core/strategy.ts";
import type { LoadedBars } from "./data/bars.ts";
import { type ClockThread, clockThread } from "./engine/clock.ts";
import { Drive } from "./engine/drive.ts";
import { type EngineThread, engine } from "./engine/engine.ts";
import { type Begin, type Clocked, CONTROL_WORDS, NO_LIMIT } from "./engine/protocol.ts";
import {
  apart,
  dataName,
  engineSymbol,
  LOAD_MS,
  loadMarket,
  loadSymbol,
  type Market,
  planOf,
} from "./market.ts";
import { RunRecord } from "./record.ts";
import {
  addRun,
  type Manner,
  type Restored,
  restore,
  setFailure,
  setManner,
  setMeasured,
  setRun,
  symbolNames,
} from "./runs/journal.ts";
import { getSystemManager } from "./system-manager.ts";

/** How often clients are told how far it is, in ms. */
const TELL_MS = 250;
/** How finely a paced run is let go on, in ms. */
const PACE_MS = 20;
/** A strategy file may import a lot. */
const ENGINE_MS = 30_000;
/** When each of the newest steps was published: more than an engine can be behind without anybody caring how much. */
const STAMPS = 4_096;

/** What a host is to run. */
export type RunRequest = {
  readonly run: Run;
  /** Whether the session exists and goes on from its newest checkpoint. */
  readonly restored: boolean;
  readonly manner: Manner;
  /** Seconds between checkpoints. */
  readonly checkpointSeconds: number;
  /** Called once its data and its strategy are loaded: from here on it runs. */
  began(): void;
  /** Called with what is odd about it, for people. */
  warn(text: string): void;
  /** Called at most every quarter of a second while it loads and runs, and when it comes to rest. */
  told(state: RunState): void;
};

/** Before its data is open. */
export const NOTHING_YET: ReturnType<RunRecord["view"]> = {
  bar: 0,
  bars: 0,
  time: null,
  equity: null,
  return_pct: null,
  max_drawdown_pct: 0,
  position: null,
  positions: [],
  open_trades: [],
  trades: 0,
  win_rate_pct: null,
  profit_factor: null,
  last_trades: [],
  log: [],
  bars_per_second: 0,
  checkpoint_at: null,
  result: null,
  equity_curve: [],
  drawdown_curve: [],
  candles: [],
};

/** What a run's strategy is called in errors: the name of a built-in one, else the file's path. */
export const nameOf = ({ strategy: { source } }: Run): string =>
  "builtin" in source ? source.builtin : shownPath(source.file);

/** Records the parameters as the strategy took them, its defaults among them: what the run is of. @returns the run with them */
export async function withParams({ store, session }: Host, run: Run, params: Readonly<Params>): Promise<Run> {
  const whole = { ...run, params: { ...params } };
  await store.write((db) => setRun(db, session, whole));
  return whole;
}

/** Records what a run can't go on after, when it is its own fault. */
export async function keepFailure({ store, session, log }: Host, error: unknown): Promise<void> {
  if (!(error instanceof Expected)) return;
  await store
    .write((db) => setFailure(db, session, error.message))
    .catch((failed: unknown) => log.warn("the failure wasn't recorded", { error: failed }));
}

/** Opens what outlives a pause of a run (its bars) and says what it is made of (its engine, its clock). */
export async function openRun(host: Host, request: RunRequest): Promise<Activity<object>> {
  const running = new Running(host, request);
  await running.open();
  return running.activity();
}

/** Arguments of `add`, from outside. */
const addArguments = z.object({
  instrument: z.object({
    symbol: z.string().min(1).max(32),
    tick: z.number().min(0),
    lot: z.number().positive(),
    currency: z.string().nullable(),
    conversion: z.union([z.number().positive(), z.object({ symbol: z.string(), inverse: z.boolean() })]),
  }),
  source: z.object({
    from: z.union([z.object({ file: z.string() }), z.object({ sample: z.string() })]),
    format: z.enum(["csv", "ndjson", "parquet"]).nullable(),
    columns: z.record(z.string(), z.string()).nullable(),
    timezone: z.string(),
    stamp: z.enum(["open", "close"]),
  }),
});

/** A backtest in this process. */
class Running {
  readonly #host: Host;
  readonly #request: RunRequest;
  readonly #system = getSystemManager();
  readonly #control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  readonly #clocked: Clocked | null;
  readonly #drive: Drive;
  #run: Run;
  #loaded = 0;
  #symbols: readonly EngineSymbol[] = [];
  #plan: Plan = { time: new Float64Array(0), equity: new Float64Array(0), length: 0 };
  #market: Market | undefined;
  #from: Restored | undefined;
  #record: RunRecord | undefined;
  #thread: EngineThread | undefined;
  #clock: ClockThread | undefined;
  #breakpoints: readonly Breakpoint[];
  #ending = false;
  /** Aborted when it is to end. */
  readonly #over = new AbortController();
  /** Whether it steps to the next fill: that is no breakpoint of the user's. */
  #toFill = false;
  #adding: Promise<unknown> = Promise.resolve();
  #stepping: Promise<unknown> = Promise.resolve();
  /** How long it has worked in steps by hand, in which it stays paused, ms. */
  #steppedMs = 0;

  constructor(host: Host, request: RunRequest) {
    this.#host = host;
    this.#request = request;
    this.#run = request.run;
    const { pace, speed, breakpoints } = request.manner;
    this.#breakpoints = breakpoints;
    this.#clocked =
      speed === 0
        ? null
        : {
            words: new Int32Array(new SharedArrayBuffer(SUBSCRIPTION_WORDS * 4)),
            stamps: new Float64Array(new SharedArrayBuffer(STAMPS * 8)),
            lateness: new Int32Array(new SharedArrayBuffer(LATENESS_WORDS * 4)),
          };
    this.#drive = new Drive(
      this.#control,
      (snapshot) => this.#record?.keep(snapshot),
      pace === null ? NO_LIMIT : 0,
    );
  }

  async open(): Promise<void> {
    const { restored } = this.#request;
    const { store, session, profile } = this.#host;
    this.#host.show(() => ({ ...this.#state() }));
    // Before its data: a run that is killed while it loads can be resumed too.
    if (!restored) await store.write((db) => addRun(db, session, profile, this.#run));
    const progress = (share: number) => {
      this.#loaded = share;
      this.#tell();
    };
    const open = (name: string, part: Part<LoadedBars>) =>
      this.#host.stack.open("state", name, part, { openMs: LOAD_MS });
    const market = await loadMarket(this.#run, open, progress, restored);
    this.#loaded = 1;
    this.#market = market;
    this.#run = market.run;
    this.#symbols = market.symbols;
    this.#plan = planOf(market.symbols);
    for (const text of apart(market.symbols)) this.#request.warn(text);
    const { equity } = this.#plan;
    this.#from = restored ? await store.write((db) => restore(db, session, equity)) : undefined;
    await store.write((db) => {
      setRun(db, session, this.#run);
      setManner(db, session, this.#request.manner);
    });
    const { cash } = this.#run.settings;
    this.#record = new RunRecord(this.#host, cash, this.#symbols, this.#plan, this.#from);
  }

  activity(): Activity<object> {
    const { log, clock } = this.#host;
    const { checkpointSeconds, manner } = this.#request;
    const { pace } = manner;
    const record = this.#kept;
    const drive = this.#drive;
    return {
      generation: generation<object>()
        .timers(async (open) => {
          await open(
            "progress",
            every(TELL_MS, () => this.#look(), log),
          );
          await open(
            "checkpoints",
            every(checkpointSeconds * 1000, () => this.#checkpoint(), log),
          );
          if (pace !== null) await open("pace", every(PACE_MS, pacing(pace, drive, record, clock), log));
          return {};
        })
        .workers(async (open) => {
          if (this.#clocked) this.#clock = await open("clock", this.#clockPart(this.#clocked));
          this.#thread = await open("engine", this.#enginePart(), { openMs: ENGINE_MS });
          drive.attach(this.#thread, this.#clock);
          this.#run = await withParams(this.#host, this.#run, this.#thread.params);
          this.#awaitEnd(this.#thread);
          this.#request.began();
          return {};
        }),
      given: {},
      park: { park: (signal) => this.#park(signal), unpark: () => this.#unpark() },
      ending: () => {
        this.#ending = true;
        this.#over.abort();
      },
      reached: (reached) => this.#reached(reached),
      commands: {
        // One after another: what one steps to isn't where another ends.
        step: (args) => {
          const stepped = this.#stepping.then(() => this.#step(args));
          this.#stepping = stepped.catch(() => {});
          return stepped;
        },
        inspect: () => this.#inspect(),
        "pause-at": (args) => this.#pauseAt(args),
        add: (args) => {
          const added = this.#adding.then(() => this.#add(args));
          this.#adding = added.catch(() => {});
          return added;
        },
      },
    };
  }

  get #kept(): RunRecord {
    if (!this.#record) throw new Error("the run isn't open");
    return this.#record;
  }

  /** The length of a bar, once the data is loaded. */
  get #timeframe(): string | null {
    return this.#market?.timeframe.text ?? this.#run.timeframe;
  }

  #mustBeReady(): void {
    if (!this.#thread) throw new Expected(Exit.again, "the run isn't ready", "try again in a moment");
  }

  #enginePart(): Part<EngineThread> {
    const run = this.#run;
    const { timeframe } = this.#market as Market;
    const from = this.#from;
    const begin: Begin = {
      ...workedOf(run),
      symbols: this.#symbols,
      plan: this.#plan,
      timeframe: timeframe.text,
      control: this.#control,
      clocked: this.#clocked,
      breakpoints: this.#breakpoints,
      ...(from ? { from: { state: from.state, trades: from.trades } } : {}),
    };
    const log = this.#host.log.for("strategy");
    return engine(begin, nameOf(run), {
      print: (text) => log.info(text),
      hit: (breakpoint) => this.#hit(breakpoint),
    });
  }

  #clockPart(clocked: Clocked): Part<ClockThread> {
    const { time, length } = this.#plan;
    const { timeframe } = this.#market as Market;
    const next = this.#from?.next ?? 0;
    const { speed } = this.#request.manner;
    const begin = { time, length, next, frameMs: timeframe.ms, speed, control: this.#control, clocked };
    return clockThread(begin, (error) => this.#host.end(error));
  }

  #awaitEnd(thread: EngineThread): void {
    const host = this.#host;
    thread.finished.then(
      (done) => {
        this.#kept.finish(done);
        host.end();
      },
      async (error: unknown) => {
        await keepFailure(host, error);
        this.#thread = undefined;
        host.end(error);
      },
    );
  }

  async #look(): Promise<void> {
    if (!this.#drive.moving) return;
    await this.#drive.look();
    this.#tell();
  }

  async #checkpoint(): Promise<void> {
    if (!this.#drive.moving) return;
    await this.#drive.snapshot();
    await this.#kept.save("CHECKPOINT");
  }

  async #park(signal: AbortSignal): Promise<void> {
    if (this.#system.isRunning()) {
      if (this.#ending) this.#system.stop();
      else this.#system.pause();
    }
    await this.#drive.still(signal);
  }

  #unpark(): void {
    if (this.#system.isPaused()) this.#system.resume();
    else this.#start(false);
  }

  #start(paused: boolean): void {
    const { mode, timezone } = this.#run;
    this.#system.start({ coordinator: this.#drive, mode, timezone, paused });
  }

  async #reached(reached: "running" | "paused" | "stopping"): Promise<void> {
    const record = this.#kept;
    if (reached === "paused") {
      if (this.#system.isStopped()) this.#start(true);
      await record.save("PAUSED");
    }
    if (reached === "stopping") {
      if (!this.#system.isStopped()) this.#system.stop();
      await record.save(record.finished ? "FINISHED" : "STOPPED");
      const { store, session } = this.#host;
      await store.write((db) => setMeasured(db, session, this.#state()));
    }
    if (reached !== "running" && this.#thread) this.#tell();
  }

  /** The engine has stopped at a breakpoint: the session is paused there. */
  #hit(breakpoint: Breakpoint): void {
    const drive = this.#drive;
    if (breakpoint.kind === "fill") {
      if (drive.isPaused()) drive.stopped();
      // The step to it was cut short by a resume: nobody wants it any more.
      else drive.resumeBacktest();
      return;
    }
    drive.stopped();
    this.#setBreakpoints(this.#breakpoints.filter((other) => !sameBreakpoint(other, breakpoint)));
    this.#host.log.for("run").info(`paused at a breakpoint: ${JSON.stringify(breakpoint)}`);
    this.#host.pause().catch((error: unknown) => this.#host.end(error));
  }

  /** Tells the engine where to stop, once it stands still and whatever it has come to is heard. */
  async #tellBreakpoints(): Promise<void> {
    await this.#drive.tellWhere(async () => ({
      type: "breakpoints",
      breakpoints: this.#toFill ? [...this.#breakpoints, { kind: "fill" }] : this.#breakpoints,
    }));
  }

  async #step(args: unknown): Promise<void> {
    const { bars = 1, to_trade = false } = (args ?? {}) as { bars?: unknown; to_trade?: unknown };
    const count = to_trade === true ? NO_LIMIT : Number(bars);
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new Expected(Exit.usage, "bars must be a whole number above 0");
    }
    this.#mustBeReady();
    const drive = this.#drive;
    if (!drive.isPaused()) throw new Expected(Exit.no, "only a paused run can step", "stint backtest pause");
    this.#toFill = to_trade === true;
    if (this.#toFill) await this.#tellBreakpoints();
    const began = this.#host.clock.monotonic();
    const whole = await drive.step(count);
    this.#steppedMs += this.#host.clock.monotonic() - began;
    const record = this.#kept;
    if (this.#toFill) {
      this.#toFill = false;
      await this.#tellBreakpoints();
    }
    if (!record.finished) await record.save("PAUSED");
    this.#tell();
    if (!whole) throw new Expected(Exit.no, `the step was cut short at bar ${record.next}`);
  }

  /** Other places at which it pauses by itself: a run that is resumed has those, too. */
  #setBreakpoints(breakpoints: readonly Breakpoint[]): void {
    this.#breakpoints = breakpoints;
    const { store, session, log } = this.#host;
    const manner = { ...this.#request.manner, breakpoints };
    store
      .write((db) => setManner(db, session, manner))
      .catch((error: unknown) => log.warn("the breakpoints weren't recorded", { error }));
  }

  /** One more place at which it pauses by itself. */
  async #pauseAt(args: unknown): Promise<object> {
    const { text } = (args ?? {}) as { text?: unknown };
    const breakpoint = typeof text === "string" ? parseBreakpoint(text) : undefined;
    if (!breakpoint) throw new Expected(Exit.usage, `'${text}' isn't where to pause`, BREAKPOINTS);
    this.#setBreakpoints([
      ...this.#breakpoints.filter((other) => !sameBreakpoint(other, breakpoint)),
      breakpoint,
    ]);
    await this.#tellBreakpoints();
    this.#tell();
    return { said: `it pauses at ${text}` };
  }

  async #inspect(): Promise<object> {
    this.#mustBeReady();
    if (!this.#drive.isPaused()) {
      throw new Expected(Exit.no, "only a paused run can be inspected", "stint backtest pause");
    }
    return { symbols: await this.#drive.inspect() };
  }

  /** Loads a symbol's bars, and has it join at the next step. */
  async #add(args: unknown): Promise<object> {
    this.#mustBeReady();
    const parsed = addArguments.safeParse(args);
    if (!parsed.success) throw new Expected(Exit.usage, "add needs a symbol and where its data is");
    const { instrument, source } = parsed.data;
    const name = instrument.symbol;
    if (this.#run.symbols.some((symbol) => symbol.instrument.symbol === name)) {
      throw new Expected(Exit.no, `the run has ${name} already`);
    }
    const asked: RunSymbol = { instrument, source, hash: "", joined: null };
    // Its bars have the length that the others have, also when nobody has said which.
    const run = { ...this.#run, timeframe: this.#timeframe };
    const open = (part: Part<LoadedBars>) => part(this.#over.signal);
    const loading = loadSymbol(run, asked, open, () => {});
    const { symbol, bars } = await loading.catch((error: unknown) => {
      throw this.#ending ? nothingJoins() : error;
    });
    let joined: RunSymbol | undefined;
    const { session, store } = this.#host;
    const told = await this.#drive.tellWhere(async (next) => {
      if (next >= this.#plan.length) return undefined;
      joined = { ...symbol, joined: this.#plan.time[next] as number };
      const added = engineSymbol(joined, bars);
      const symbols = [...this.#symbols, added];
      const plan = planOf(symbols);
      plan.equity.set(this.#plan.equity.subarray(0, next));
      const run = { ...this.#run, timeframe: this.#timeframe, symbols: [...this.#run.symbols, joined] };
      // Before the engine has it: a checkpoint that knows of it is never without it, and one that doesn't comes first.
      await store.write((db) => setRun(db, session, run));
      this.#run = run;
      this.#symbols = symbols;
      this.#plan = plan;
      this.#kept.replan(symbols, plan);
      this.#clock?.tell({ type: "plan", time: plan.time, length: plan.length });
      return { type: "join", symbol: added, plan };
    });
    if (!told || !joined) throw nothingJoins();
    await this.#drive.snapshot();
    await this.#kept.save("JOINED");
    this.#tell();
    return { symbol: name, joined: joined.joined, bars: bars.length, data: dataName(joined) };
  }

  #tell(): void {
    this.#record?.measure();
    this.#request.told(this.#state());
    this.#host.changed();
  }

  #state(): RunState {
    const record = this.#record?.view() ?? NOTHING_YET;
    const { mode, symbols, params } = this.#run;
    return {
      strategy: this.#thread?.name ?? nameOf(this.#run),
      params: { ...(this.#thread?.params ?? params) },
      symbols: symbols.map(({ instrument }) => instrument.symbol),
      symbol: symbolNames(this.#run),
      mode,
      speed: this.#request.manner.speed,
      timeframe: this.#timeframe,
      loaded: this.#loaded,
      ...record,
      breakpoints: this.#breakpoints,
      system_manager: this.#system.getState(),
      performance_metrics: this.#metrics(),
      subscriptions: this.#subscriptions(),
      lag: this.#lag(),
      feed: null,
    };
  }

  #metrics(): PerformanceMetrics {
    const { running, paused } = this.#system.durations();
    const metrics = this.#record?.last?.metrics;
    const { bars = 0, barsBefore = 0 } = this.#record ?? {};
    const worked = running + this.#steppedMs;
    return {
      session_duration: running / 1000,
      paused_duration: paused / 1000,
      bars_processed: bars,
      processor_timing: metrics?.processor ?? null,
      analysis_timing: metrics?.analysis ?? null,
      bars_per_second: worked > 0 ? ((bars - barsBefore) / worked) * 1000 : 0,
    };
  }

  /** What the clock publishes is counted in shared words: they are right also while a bar is being worked. */
  #subscriptions(): readonly SubscriptionCounts[] {
    const [first, ...rest] = this.#record?.last?.metrics.subscriptions ?? [];
    if (!this.#clocked) return first ? [first, ...rest] : [];
    const clocked = new StreamSubscription(
      "coordinator → processor",
      "clock-driven",
      null,
      this.#clocked.words,
    );
    return [clocked.counts, ...rest];
  }

  #lag(): Lag {
    const lag = this.#record?.last?.lag;
    if (!lag || !this.#clock) return null;
    const { p99, max } = this.#clock.lateness;
    return { ...lag, late_p99_ms: p99, late_max_ms: max };
  }
}

const nothingJoins = () => new Expected(Exit.no, "the run has come to its end: nothing can join it");

const sameBreakpoint = (a: Breakpoint, b: Breakpoint): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What an engine's thread is told of a run beside its market. */
export function workedOf(run: Run) {
  const { timezone, hours, strategy, params, settings, seed } = run;
  const benchmark = run.symbols.findIndex(({ instrument }) => instrument.symbol === run.benchmark);
  return {
    timezone,
    hours,
    strategy: strategy.source,
    params,
    settings,
    seed,
    benchmark: benchmark < 0 ? null : benchmark,
    dataTimezone: dataTimezone(run),
  };
}

/** The zone of the days that statistics are taken of: that of the first symbol's data. */
const dataTimezone = ({ symbols }: Run): string => symbols[0]?.source?.timezone ?? "UTC";

/** Moves the limit of a paced run along with time. What it could have worked while it was held isn't made up for. */
function pacing(pace: number, drive: Drive, record: RunRecord, clock: Host["clock"]): () => Promise<void> {
  let at = clock.monotonic();
  let limit = record.next;
  return async () => {
    const now = clock.monotonic();
    limit = drive.isPaused() ? record.next : limit + (pace * (now - at)) / 1000;
    at = now;
    drive.limit(Math.floor(limit));
  };
}
