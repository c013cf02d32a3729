import type { Bars } from "../core/bars.ts";
import type { ClosedTrade } from "../core/broker.ts";
import type { Settings } from "../core/engine.ts";
import type { Result } from "../core/run-state.ts";
import type { Params } from "../core/strategy.ts";

/**
 * What the host's thread and the engine's say to each other. The engine never yields while it works bars, so what the
 * host wants of it stands in the control block, a shared Int32Array: the engine's own {@link LIMIT} and {@link NEXT},
 * and these.
 */

/** Goes up whenever the host has changed something: what a parked engine waits on. */
export const SEQUENCE = 2;
/** What the host wants at the next park: {@link LOOK} or {@link SNAPSHOT}; the engine takes it back to 0. */
export const WANT = 3;
/** How far it is and what it holds. */
export const LOOK = 1;
/** That, and the state to go on from, which may be large. */
export const SNAPSHOT = 2;
/** 1 while the engine is parked; what the bench of the pause watches. */
export const PARKED = 4;
export const CONTROL_WORDS = 8;

/** {@link LIMIT} of an engine that nothing holds. */
export const NO_LIMIT = 2 ** 31 - 1;

/** A strategy as it is found: built in, or a file on the disk. */
export type StrategySource = { builtin: string } | { file: string };

/** The first and only message to the engine's worker. */
export type Begin = {
  bars: Bars;
  equity: Float64Array;
  control: Int32Array;
  strategy: StrategySource;
  params: Params;
  settings: Settings;
  /** Where to go on from, and the trades closed by then. */
  from?: { state: SavedState; trades: readonly ClosedTrade[] };
};

/** An EngineState, encoded: the strategy's part apart, so that an error names the path its author knows. */
export type SavedState = { engine: string; strategy: string };

/** How a run stands between two bars: the trades closed since the last one, those open, and the state if asked for. */
export type Snapshot = {
  next: number;
  trades: readonly ClosedTrade[];
  open: readonly { size: number; entryPrice: number; entryBar: number }[];
  state?: SavedState;
};

/** What a failure is: the strategy's, the run's settings', or a bug of ours. */
export type Failure = { kind: "strategy" | "usage" | "bug"; message: string; stack?: string };

/** Messages from the engine's worker. */
export type Said =
  | { type: "ready"; name: string; params: Params; warmup: number }
  | { type: "log"; text: string }
  | { type: "parked"; snapshot: Snapshot }
  | { type: "done"; snapshot: Snapshot; result: Result }
  | { type: "failed"; failure: Failure };

/** What the worker that reads a data file is asked. Times in ms. */
export type Load = {
  path: string;
  from?: number;
  to?: number;
  /** One element, on shared memory: the share of the file that is read, 0 … 1. */
  progress: Float64Array;
};

/** What it answers: the bars on shared memory and the SHA-256 of the file. */
export type Loaded =
  | { type: "loaded"; bars: Bars; hash: string }
  | { type: "failed"; message: string; row?: number; code?: string };
