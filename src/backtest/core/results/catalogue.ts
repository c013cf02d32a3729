/** A finished run, as one is chosen from a list. */
export type RunEntry = {
  readonly id: string;
  /** UTC ms, and the local offset then, in minutes. */
  readonly started_at: number;
  readonly utc_offset_min: number;
  readonly strategy: string;
  readonly params: Readonly<Record<string, number | boolean | string>>;
  /** Its symbols in one word. */
  readonly symbol: string;
  readonly return_pct: number | null;
  /** 0 or negative. */
  readonly max_drawdown_pct: number | null;
  readonly sharpe: number | null;
  readonly trades: number;
};

/** The finished runs of a profile. */
export interface Catalogue {
  /** Newest first. */
  list(): Promise<readonly RunEntry[]>;
  /** The equity curve of one, in as many points as can be looked at: each the last equity of its part of the steps. */
  equity(id: string): Promise<readonly number[]>;
}
