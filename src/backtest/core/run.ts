import type { BrokerSettings } from "./broker/account.ts";
import type { Instrument } from "./broker/instrument.ts";
import type { DataSource } from "./data/data-source.ts";
import type { Params } from "./strategy.ts";
import type { Hours } from "./time/timeframe.ts";

/** The rules of a run. */
export type Settings = BrokerSettings & {
  /** At the end, close what is open at the last bar's open, so that it counts among the trades. */
  readonly finalize: boolean;
};

/** A strategy as it is found: built in, or a file on the disk. */
export type StrategySource = { readonly builtin: string } | { readonly file: string };

/** A symbol of a run. */
export type RunSymbol = {
  readonly instrument: Instrument;
  /** Null for a live feed. */
  readonly source: DataSource | null;
  /** SHA-256 of the file; "" until it has been read. */
  readonly hash: string;
  /** The time (UTC ms) at which it joined a run under way: its earlier bars only warm its indicators. Null: the start. */
  readonly joined: number | null;
};

export type Mode = "backtest" | "live";

/**
 * What a run is of, kept so that it can be restored: together with the files it names, this decides every bit of it.
 * Plain JSON. Hashes are SHA-256.
 */
export type Run = {
  readonly strategy: { readonly source: StrategySource; readonly files: Readonly<Record<string, string>> };
  /** {@link ENGINE_VERSION} of the engine that works it. */
  readonly engine: number;
  readonly params: Params;
  readonly mode: Mode;
  /** At least one; the order is that in which they are worked at the same time. */
  readonly symbols: readonly RunSymbol[];
  /** The length of a bar; null: that of the data. Finer data is joined to it. */
  readonly timeframe: string | null;
  /** Bars from and before these times, UTC ms. */
  readonly from: number | null;
  readonly to: number | null;
  /** The IANA zone of trading days and derived bars. */
  readonly timezone: string;
  /** The hours of trading; null: around the clock. */
  readonly hours: Hours | null;
  readonly settings: Settings;
  /** Of `Math.random` in the strategy. */
  readonly seed: number;
  /** The symbol that the result is compared with, beside buy & hold of its own; one of the run's. */
  readonly benchmark: string | null;
};

/** How fast a run goes; none of it changes a bit of what it comes to. 0: as fast as it can; 60: an hour a minute. */
export type Speed = number;

/** Where a run that goes on stops by itself. */
export type Breakpoint =
  /** Before the first bar at or after this time, UTC ms. */
  | { readonly kind: "time"; readonly at: number }
  /** After the bar on which this many trades have been closed. */
  | { readonly kind: "trades"; readonly count: number }
  /** After the bar on which equity is this fraction below its peak. */
  | { readonly kind: "drawdown"; readonly fraction: number }
  /** After the next bar on which anything is filled. */
  | { readonly kind: "fill" };
