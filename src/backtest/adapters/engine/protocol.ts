import type { ClosedTrade } from "../../core/broker/account.ts";
import type { OrderEvent } from "../../core/engine/context.ts";
import type { EngineMetrics, EngineSymbol, Plan } from "../../core/engine/engine.ts";
import type { Breakpoint, Settings, StrategySource } from "../../core/run.ts";
import type { Inspected, Result } from "../../core/run-state.ts";
import type { Fill, Params, ParamValue, Trade } from "../../core/strategy.ts";
import type { Hours } from "../../core/time/timeframe.ts";

/**
 * What the host's thread and the engine's say to each other. The engine never yields while it works bars, so what the
 * host wants of it stands in the control block, a shared Int32Array: the engine's own {@link LIMIT} and {@link NEXT},
 * and these.
 */

/** Goes up whenever something has changed for the engine: what a parked one waits on. */
export const SEQUENCE = 2;
/** In {@link WANT}, which the engine takes back to 0, beside {@link LOOK}: that, and the state to go on from, which may be large. */
export const SNAPSHOT = 2;
/** In {@link WANT}: that it takes the message that was posted to it, a {@link Question}. */
export const HEAR = 3;
/** 1 while the engine is parked; what the bench of the pause watches. */
export const PARKED = 4;
/** 1 from when the engine came to a breakpoint until the host lets it go on. */
export const HELD = 5;
/** 1 while the clock publishes without waiting: a step by hand isn't to wait for its time. */
export const HURRY = 6;
/** 1 while the gate is shut: the clock publishes nothing but what is hurried. */
export const SHUT = 7;
export const CONTROL_WORDS = 8;

/** {@link LIMIT} of an engine that nothing holds. */
export const NO_LIMIT = 2 ** 31 - 1;

/** What a clock and an engine share. */
export type Clocked = {
  /** Of the subscription between them. */
  readonly words: Int32Array;
  /** When each step was published, ms of {@link monotonic}, by its number modulo the length. */
  readonly stamps: Float64Array;
  /** How late, as core/lateness.ts counts. */
  readonly lateness: Int32Array;
};

/**
 * ms of a clock that never jumps and that all threads of the process share: performance.now() counts from each thread's own
 * start, which lies as far from the others' as the wall clock said when they began.
 */
export const monotonic = (): number => performance.timeOrigin + performance.now();

/** The first message to the engine's worker. */
export type Begin = {
  readonly symbols: readonly EngineSymbol[];
  readonly plan: Plan;
  readonly timeframe: string;
  readonly timezone: string;
  readonly hours: Hours | null;
  readonly control: Int32Array;
  readonly clocked: Clocked | null;
  readonly strategy: StrategySource;
  /** As given: texts and values. */
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly settings: Settings;
  readonly seed: number;
  readonly breakpoints: readonly Breakpoint[];
  readonly benchmark: number | null;
  /** The zone of the days that statistics are taken of. */
  readonly dataTimezone: string;
  /** Where to go on from, and the trades closed by then. */
  readonly from?: { readonly state: SavedState; readonly trades: readonly ClosedTrade[] };
  /** Whether indicators, plots and log lines of all bars are wanted at the end. */
  readonly recording?: boolean;
};

/** What a parked engine can be told; each is answered. */
export type Question =
  | { readonly type: "inspect" }
  | { readonly type: "breakpoints"; readonly breakpoints: readonly Breakpoint[] }
  | { readonly type: "join"; readonly symbol: EngineSymbol; readonly plan: Plan };

/** An EngineState, encoded: the strategy's part apart, so that an error names the path its author knows. */
export type SavedState = { readonly engine: string; readonly strategy: string };

/** A line of ctx.log. */
export type LogLine = { readonly time: number; readonly symbol: string; readonly text: string };

/** How a run stands between two steps: what has come since the last one, and the state if asked for. */
export type Snapshot = {
  readonly next: number;
  readonly trades: readonly ClosedTrade[];
  readonly open: readonly Trade[];
  readonly log: readonly LogLine[];
  readonly metrics: EngineMetrics;
  readonly lag: {
    readonly bars: number;
    readonly ms: number;
    readonly max_bars: number;
    readonly max_ms: number;
  } | null;
  readonly state?: SavedState;
};

/** What a failure is: the strategy's, the run's settings', or a bug of ours. */
export type Failure = {
  readonly kind: "strategy" | "usage" | "bug";
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
};

/** Series that a recording engine keeps: a value for each bar of the symbol, NaN where there is none. */
export type RecordedLine = { readonly symbol: number; readonly name: string; readonly values: Float64Array };
/** What ctx.plot drew: columns of equal length. */
export type RecordedPlot = {
  readonly symbol: string;
  readonly name: string;
  readonly pane: "price" | "own";
  readonly time: Float64Array;
  readonly values: Float64Array;
};
export type Recorded = {
  readonly lines: readonly RecordedLine[];
  readonly plots: readonly RecordedPlot[];
  readonly log: readonly LogLine[];
  /** Of each symbol, the index of the first bar at which all that was declared had a value. */
  readonly warmups: readonly number[];
};

/** Messages from the engine's worker. */
export type Said =
  | { readonly type: "ready"; readonly name: string; readonly params: Params }
  | { readonly type: "log"; readonly text: string }
  | { readonly type: "parked"; readonly snapshot: Snapshot }
  | { readonly type: "answer"; readonly inspected: readonly Inspected[] }
  | { readonly type: "hit"; readonly breakpoint: Breakpoint }
  | {
      readonly type: "done";
      readonly snapshot: Snapshot;
      readonly result: Result;
      readonly recorded?: Recorded;
    }
  | { readonly type: "failed"; readonly failure: Failure }
  // Live alone: what bars brought.
  | {
      readonly type: "worked";
      readonly events: readonly LiveEvent[];
      readonly snapshot: Snapshot;
      /** Of the steps that were worked. */
      readonly equity: Float64Array;
    };

/** What a live strategy did. */
export type LiveEvent =
  | { readonly type: "order"; readonly event: OrderEvent }
  | { readonly type: "fill"; readonly fill: Fill }
  | { readonly type: "log"; readonly line: LogLine };
