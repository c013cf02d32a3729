import type { Bars } from "../core/bars.ts";
import type { ClosedTrade } from "../core/broker.ts";
import type { Settings } from "../core/engine.ts";
import type { Statistics } from "../core/statistics.ts";
import type { Params } from "../core/strategy.ts";

/**
 * What the host's thread and the engine's say to each other. The engine never yields while it works bars, so what the
 * host wants of it stands in the control block, a shared Int32Array: the engine's own {@link LIMIT} and {@link NEXT},
 * and these.
 */

/** Goes up whenever the host has changed something: what a parked engine waits on. */
export const SEQUENCE = 2;
/** 1 while the host wants a snapshot at the next park; the engine takes it back to 0. */
export const WANT_SNAPSHOT = 3;
/** 1 while the engine is parked. */
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
  /** Where to go on from: an encoded EngineState and the trades closed by then. */
  from?: { state: string; trades: readonly ClosedTrade[] };
};

/** A snapshot between two bars: the encoded EngineState, the trades closed since the last one, and those open. */
export type Snapshot = {
  next: number;
  state: string;
  trades: readonly ClosedTrade[];
  open: readonly { size: number; entryPrice: number; entryBar: number }[];
};

/** What a failure is: the strategy's, the run's settings', or a bug of ours. */
export type Failure = { kind: "strategy" | "usage" | "bug"; message: string; stack?: string };

/** Messages from the engine's worker. */
export type Said =
  | { type: "ready"; name: string; params: Params; warmup: number }
  | { type: "log"; text: string }
  | { type: "parked"; snapshot: Snapshot }
  | { type: "done"; snapshot: Snapshot; outcome: "end" | "bust"; statistics: Statistics; hash: string }
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
