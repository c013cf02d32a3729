import { findSession } from "../../../kernel/checkpoint.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { every } from "../../../kernel/every.ts";
import { generation } from "../../../kernel/generation.ts";
import type { Activity, Host } from "../../../kernel/host.ts";
import type { Part } from "../../../kernel/stack.ts";
import type { Bars } from "../../core/bars.ts";
import type { EngineSymbol, Plan } from "../../core/engine/engine.ts";
import { FeedOrder } from "../../core/engine/live-feed.ts";
import { StreamSubscription, SUBSCRIPTION_WORDS } from "../../core/engine/subscription.ts";
import { GrowingBars } from "../../core/growing-bars.ts";
import type { Run } from "../../core/run.ts";
import type { Inspected, RunState } from "../../core/run-state.ts";
import { guessTimeframe } from "../../core/time/timeframe.ts";
import { opened, strategyFailure } from "../engine/engine.ts";
import { type Begin, type LiveEvent, monotonic, type Said, type Snapshot } from "../engine/protocol.ts";
import { WorkerThread } from "../engine/worker-thread.ts";
import { LOAD_MS, loadSymbol, mustBeTheSame } from "../market.ts";
import { RunRecord } from "../record.ts";
import { keepFailure, NOTHING_YET, nameOf, type RunRequest, withParams, workedOf } from "../run.ts";
import {
  type ArrivedBar,
  addRun,
  type Restored,
  readBars,
  restore,
  setMeasured,
  setRun,
  symbolNames,
} from "../runs/journal.ts";
import { getSystemManager } from "../system-manager.ts";
import { type OpenFeed, readFedBar } from "./feed.ts";

/** A run on a feed: the same engine and strategy, bar by bar as they come, with a paper broker. */

/** The first message to a live engine's worker. */
export type LiveBegin = Omit<Begin, "control" | "clocked" | "breakpoints"> & {
  /** Of the subscription that the feed publishes to. */
  readonly words: Int32Array;
  /** When the run was begun, UTC ms: what the strategy's file and its `init` take for now. */
  readonly now: number;
};

/** What it is told later. */
export type LiveWord =
  | {
      readonly type: "bars";
      readonly bars: readonly ArrivedBar[] /** ms of {@link monotonic} */;
      readonly received: number;
    }
  | { readonly type: "snapshot" | "inspect" | "finish" };

/** A line on stdout. */
type Line = { readonly type: string } & Record<string, unknown>;

export type LiveRequest = RunRequest & {
  readonly feed: Part<OpenFeed>;
  emit(line: Line): void;
};

const TELL_MS = 250;
/** A strategy file may import a lot. */
const STRATEGY_MS = 20_000;
/** So many bars at most are on their way to the engine; the feed is left to wait then. */
const MOST_BEHIND = 4_096;

/** Opens a live run. */
export async function openLive(host: Host, request: LiveRequest): Promise<Activity<object>> {
  const live = new Live(host, request);
  await live.open();
  return live.activity();
}

class Live {
  readonly #host: Host;
  readonly #request: LiveRequest;
  readonly #system = getSystemManager();
  readonly #subscription: StreamSubscription;
  readonly #words = new Int32Array(new SharedArrayBuffer(SUBSCRIPTION_WORDS * 4));
  #run: Run;
  #timeframe = "1m";
  #symbols: readonly EngineSymbol[] = [];
  #bars: readonly GrowingBars[] = [];
  /** How many bars the feed has brought, before this host too: each is a step. */
  #arrived = 0;
  /** Whether it is to end: what still comes isn't worked. */
  #leaving = false;
  #plan: Plan = { time: new Float64Array(0), equity: new Float64Array(0), length: 0 };
  #from: Restored | undefined;
  #record: RunRecord | undefined;
  #order = new FeedOrder(new Map());
  #thread: LiveThread | undefined;
  #wake: (() => void) | undefined;
  #badLines = 0;
  #startedAt = 0;

  constructor(host: Host, request: LiveRequest) {
    this.#host = host;
    this.#request = request;
    this.#run = request.run;
    this.#subscription = new StreamSubscription("feed → processor", "live", null, this.#words);
  }

  async open(): Promise<void> {
    const { restored } = this.#request;
    const { store, session, profile } = this.#host;
    this.#host.show(() => ({ ...this.#state() }));
    if (!restored) await store.write((db) => addRun(db, session, profile, this.#run));
    this.#startedAt = await store.write((db) => findSession(db, session)?.started_at ?? 0);
    const histories = await this.#histories();
    const guessed = histories.map((history) => (history ? guessTimeframe(history) : null));
    this.#timeframe = this.#run.timeframe ?? guessed.find((text) => text !== null) ?? "1m";
    // Guessed once: what it is resumed with has more bars to guess by.
    this.#run = { ...this.#run, timeframe: this.#timeframe };
    await store.write((db) => setRun(db, session, this.#run));
    const arrived = restored ? await this.#restore() : [];
    this.#bars = histories.map((history) => new GrowingBars(history));
    this.#symbols = this.#run.symbols.map(({ instrument }, at) => {
      const { bars } = this.#bars[at] as GrowingBars;
      const first = arrived.find(({ symbol }) => symbol === at);
      // With no bar of the feed yet, all there is only warms.
      return { instrument, bars, joined: first?.time ?? Number.POSITIVE_INFINITY };
    });
    for (const bar of arrived) this.#bars[bar.symbol]?.push(bar);
    this.#order = new FeedOrder(
      new Map(
        this.#symbols.map(({ instrument, bars }) => [
          instrument.symbol,
          bars.time[bars.length - 1] ?? Number.NEGATIVE_INFINITY,
        ]),
      ),
    );
    const { cash } = this.#run.settings;
    this.#record = new RunRecord(this.#host, cash, this.#symbols, this.#plan, this.#from);
  }

  /** Takes up the state and the equity of the newest checkpoint. @returns the bars up to there */
  async #restore(): Promise<readonly ArrivedBar[]> {
    const { store, session } = this.#host;
    const { from, arrived, equity } = await store.write((db) => {
      const equity = new Float64Array(readBars(db, session).length);
      const from = restore(db, session, equity);
      return { from, arrived: readBars(db, session), equity };
    });
    const { length } = arrived;
    if (length !== (from?.next ?? 0)) {
      throw new Expected(Exit.no, "its bars aren't all in the store", "run it anew: stint backtest run");
    }
    this.#from = from;
    this.#arrived = length;
    this.#plan = {
      time: Float64Array.from(arrived, ({ time }) => time),
      equity: equity.slice(0, length),
      length,
    };
    return arrived;
  }

  activity(): Activity<object> {
    const { log } = this.#host;
    const { feed, checkpointSeconds } = this.#request;
    return {
      generation: generation<object>()
        .sources(async (open) => ({ feed: await open("feed", feed) }))
        .timers(async (open, { feed }) => {
          await open(
            "progress",
            every(TELL_MS, async () => this.#tell(), log),
          );
          await open(
            "checkpoints",
            every(checkpointSeconds * 1000, () => this.#checkpoint("CHECKPOINT"), log),
          );
          return { feed };
        })
        .workers(async (open, { feed }) => {
          this.#thread = await open("engine", this.#enginePart(), { openMs: STRATEGY_MS + 5_000 });
          this.#run = await withParams(this.#host, this.#run, this.#thread.params);
          const { mode, timezone } = this.#run;
          this.#system.start({ coordinator: neverShut, mode, timezone });
          // Disposed before the engine: of what it has told there is then a checkpoint.
          await open("last checkpoint", async () => ({ [Symbol.asyncDispose]: () => this.#leave() }));
          this.#request.began();
          this.#pump(feed).catch((error: unknown) => this.#host.end(error));
          return {};
        }),
      given: {},
      reached: (reached) => this.#reached(reached),
      commands: {
        pause: async () => this.#refusePause(),
        toggle: async () => this.#refusePause(),
        resume: async () => ({ said: "a live run isn't paused: there is nothing to resume" }),
        step: async () => {
          throw new Expected(Exit.no, "a live run can't step: it goes with its feed");
        },
        add: async () => {
          throw new Expected(Exit.no, "nothing can join a live run", "name all its symbols at the start");
        },
        inspect: async () => ({ symbols: await this.#live.inspect() }),
      },
    };
  }

  get #live(): LiveThread {
    if (!this.#thread) throw new Expected(Exit.again, "the run isn't ready", "try again in a moment");
    return this.#thread;
  }

  get #kept(): RunRecord {
    if (!this.#record) throw new Error("the run isn't open");
    return this.#record;
  }

  #refusePause(): { said: string } {
    this.#system.pause();
    this.#host.log.for("run").info("asked to pause: a live run goes on");
    return { said: "a live run isn't paused: the market doesn't wait" };
  }

  /**
   * The bars that only warm: those of the symbols' files.
   * @throws Expected 1 when one isn't what it was, 74 when it can't be read
   */
  async #histories(): Promise<(Bars | undefined)[]> {
    const histories: (Bars | undefined)[] = [];
    const symbols = [];
    for (const symbol of this.#run.symbols) {
      if (symbol.source === null) {
        histories.push(undefined);
        symbols.push(symbol);
        continue;
      }
      const loaded = await loadSymbol(
        this.#run,
        symbol,
        (part) =>
          this.#host.stack.open("state", `bars ${symbol.instrument.symbol}`, part, { openMs: LOAD_MS }),
        () => {},
      );
      if (this.#request.restored) mustBeTheSame(symbol, loaded.symbol.hash);
      histories.push(loaded.bars);
      symbols.push(loaded.symbol);
    }
    this.#run = { ...this.#run, symbols };
    return histories;
  }

  #enginePart(): Part<LiveThread> {
    const from = this.#from;
    const begin: LiveBegin = {
      ...workedOf(this.#run),
      symbols: this.#symbols,
      plan: this.#plan,
      timeframe: this.#timeframe,
      words: this.#words,
      now: this.#startedAt,
      ...(from ? { from: { state: from.state, trades: from.trades } } : {}),
    };
    const log = this.#host.log.for("strategy");
    return liveThread(begin, {
      name: nameOf(this.#run),
      print: (text) => log.info(text),
      worked: (said) => this.#worked(said),
      done: (said) => this.#done(said),
      failed: (error) => this.#failed(error),
    });
  }

  /** Gives the engine each bar that is to be worked, until the feed ends. */
  async #pump(feed: OpenFeed): Promise<void> {
    const { symbols } = this.#run;
    const only = symbols.length === 1 ? symbols[0]?.instrument.symbol : undefined;
    for await (const line of feed.lines()) {
      if (this.#leaving) return;
      if (line.trim() === "") continue;
      const received = monotonic();
      const bar = readFedBar(line, only);
      if (typeof bar === "string") {
        this.#refuse(line, bar);
        continue;
      }
      const why = this.#order.take(bar);
      if (why !== null) {
        this.#request.emit({ type: "refused", why, symbol: bar.symbol, time: bar.time });
        continue;
      }
      const at = symbols.findIndex(({ instrument }) => instrument.symbol === bar.symbol);
      const arrived = { ...bar, symbol: at };
      this.#arrive(arrived);
      this.#subscription.publish(0);
      this.#live.tell({ type: "bars", bars: [arrived], received });
      if (this.#subscription.behind > MOST_BEHIND) await this.#caughtUp();
    }
    if (!this.#leaving) this.#live.tell({ type: "finish" });
  }

  #arrive(bar: ArrivedBar): void {
    this.#bars[bar.symbol]?.push(bar);
    this.#kept.arrive(bar);
    const { time, equity, length } = this.#plan;
    if (this.#arrived === time.length) {
      const room = Math.max(1_024, time.length * 2);
      this.#plan = { time: new Float64Array(room), equity: new Float64Array(room), length };
      this.#plan.time.set(time);
      this.#plan.equity.set(equity);
    }
    this.#plan.time[this.#arrived++] = bar.time;
  }

  /** Resolves when the engine has worked something. */
  #caughtUp(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #refuse(line: string, why: string): void {
    this.#order.refuse();
    this.#request.emit({ type: "refused", why, line: line.slice(0, 200) });
    // The first is told of; a feed that brings nothing else would fill the log.
    if (this.#badLines++ === 0)
      this.#host.log.for("feed").warn(`a line isn't a bar: ${why}`, { line: line.slice(0, 200) });
  }

  #worked({ events, snapshot, equity }: Extract<Said, { type: "worked" }>): void {
    this.#wake?.();
    this.#wake = undefined;
    const { next } = snapshot;
    this.#plan.equity.set(equity, next - equity.length);
    this.#plan = { ...this.#plan, length: next };
    this.#kept.replan(this.#symbols, this.#plan);
    this.#kept.keep(snapshot);
    for (const event of events) this.#request.emit(lineOf(event));
  }

  #done(said: Extract<Said, { type: "done" }>): void {
    this.#kept.finish(said);
    this.#host.end();
  }

  async #failed(error: Error): Promise<void> {
    await keepFailure(this.#host, error);
    this.#thread = undefined;
    this.#host.end(error);
  }

  async #checkpoint(type: string): Promise<void> {
    const snapshot = await this.#thread?.snapshot();
    if (!snapshot) return;
    this.#kept.keep(snapshot);
    await this.#kept.save(type);
  }

  /** The last checkpoint of one that ends before its feed. */
  async #leave(): Promise<void> {
    this.#leaving = true;
    await this.#checkpoint("STOPPED");
  }

  async #reached(reached: "running" | "paused" | "stopping"): Promise<void> {
    if (reached !== "stopping") return;
    if (!this.#system.isStopped()) this.#system.stop();
    if (this.#kept.finished) await this.#kept.save("FINISHED");
    const { store, session } = this.#host;
    await store.write((db) => setMeasured(db, session, this.#state()));
    this.#tell();
  }

  #tell(): void {
    this.#record?.measure();
    this.#request.told(this.#state());
    this.#host.changed();
  }

  #state(): RunState {
    const record = this.#record?.view() ?? NOTHING_YET;
    const { symbols, params } = this.#run;
    const snapshot: Snapshot | undefined = this.#record?.last;
    const { running, paused } = this.#system.durations();
    const metrics = snapshot?.metrics;
    const { bars = 0, barsBefore = 0 } = this.#record ?? {};
    const [, toAnalysis] = metrics?.subscriptions ?? [];
    return {
      strategy: this.#thread?.name ?? nameOf(this.#run),
      params: { ...(this.#thread?.params ?? params) },
      symbols: symbols.map(({ instrument }) => instrument.symbol),
      symbol: symbolNames(this.#run),
      mode: "live",
      speed: 1,
      timeframe: this.#timeframe,
      loaded: 1,
      ...record,
      breakpoints: [],
      system_manager: this.#system.getState(),
      performance_metrics: {
        session_duration: running / 1000,
        paused_duration: paused / 1000,
        bars_processed: bars,
        processor_timing: metrics?.processor ?? null,
        analysis_timing: metrics?.analysis ?? null,
        bars_per_second: running > 0 ? ((bars - barsBefore) / running) * 1000 : 0,
      },
      subscriptions: [this.#subscription.counts, ...(toAnalysis ? [toAnalysis] : [])],
      lag: snapshot?.lag ? { ...snapshot.lag, late_p99_ms: null, late_max_ms: null } : null,
      feed: this.#order.counts,
    };
  }
}

/** The market doesn't wait: there is no gate. */
const neverShut = { pauseBacktest() {}, resumeBacktest() {}, isPaused: () => false };

function lineOf(event: LiveEvent): Line {
  if (event.type === "log") return { type: "log", ...event.line };
  if (event.type === "fill") return { type: "fill", ...event.fill };
  const { options, ...facts } = event.event;
  return { type: "order", ...facts, ...options };
}

/** A live engine in a thread of its own. */
export interface LiveThread extends AsyncDisposable {
  readonly name: string;
  readonly params: RunState["params"];
  tell(word: LiveWord): void;
  /** Undefined once it is over. */
  snapshot(): Promise<Snapshot | undefined>;
  inspect(): Promise<readonly Inspected[]>;
}

export type LiveTold = {
  readonly name: string;
  print(text: string): void;
  worked(said: Extract<Said, { type: "worked" }>): void;
  done(said: Extract<Said, { type: "done" }>): void;
  failed(error: Error): void;
};

/** The part that runs one; it rejects with what kept it from beginning. */
export const liveThread =
  (begin: LiveBegin, told: LiveTold): Part<LiveThread> =>
  async (signal) => {
    const ready = Promise.withResolvers<Extract<Said, { type: "ready" }>>();
    let over = false;
    const snapshots: ((snapshot: Snapshot | undefined) => void)[] = [];
    const answers: ((inspected: readonly Inspected[]) => void)[] = [];
    const end = () => {
      over = true;
      for (const give of snapshots.splice(0)) give(undefined);
      for (const give of answers.splice(0)) give([]);
    };
    const fail = (error: Error) => {
      ready.reject(error);
      if (!over) told.failed(error);
      end();
    };
    let isReady = false;
    const thread = new WorkerThread<LiveBegin | LiveWord, Said>(
      new Worker(new URL("./live.worker.ts", import.meta.url).href, { type: "module" }),
      (said) => {
        switch (said.type) {
          case "ready":
            isReady = true;
            return ready.resolve(said);
          case "log":
            return told.print(said.text);
          case "parked":
            return snapshots.shift()?.(said.snapshot);
          case "answer":
            return answers.shift()?.(said.inspected);
          case "worked":
            return told.worked(said);
          case "done":
            end();
            return told.done(said);
          case "failed": {
            const error = strategyFailure(told.name, begin.strategy, said.failure);
            // Before it is ready, whoever opens it hears of it.
            if (!isReady) over = true;
            return fail(error);
          }
        }
      },
      (error) => fail(new Expected(Exit.config, `strategy ${told.name}: ${error.message}`)),
    );
    thread.post(begin);
    const { name, params } = await opened(thread, ready, signal, told.name);
    return {
      name,
      params,
      tell: (word) => thread.post(word),
      snapshot() {
        if (over) return Promise.resolve(undefined);
        const { promise, resolve } = Promise.withResolvers<Snapshot | undefined>();
        snapshots.push(resolve);
        thread.post({ type: "snapshot" });
        return promise;
      },
      inspect() {
        if (over) return Promise.resolve([]);
        const { promise, resolve } = Promise.withResolvers<readonly Inspected[]>();
        answers.push(resolve);
        thread.post({ type: "inspect" });
        return promise;
      },
      [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
    };
  };
