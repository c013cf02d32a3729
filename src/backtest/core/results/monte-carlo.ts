import { Random } from "../engine/random.ts";

/**
 * What a run might have come to with its trades in another order. Each trade counts as the part of the account that it won
 * or lost, so that an order is a product of the same factors: its end is the same, its way there isn't.
 */

/**
 * `shuffle`: each trade once, in a random order. `bootstrap`: as many trades drawn at random, each as often as it comes, so
 * that the end differs too.
 */
export type MonteCarloMethod = "shuffle" | "bootstrap";

/** Shares of the simulations that lie below each of {@link Quantiles}. */
const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;
/** The values that 5, 25, 50, 75 and 95 % of the simulations lie below, interpolated between two where it falls there. */
export type Quantiles<T> = {
  readonly p5: T;
  readonly p25: T;
  readonly p50: T;
  readonly p75: T;
  readonly p95: T;
};

export type MonteCarlo = {
  readonly method: MonteCarloMethod;
  readonly simulations: number;
  readonly seed: number;
  readonly trades: number;
  /** After how many trades the bands are taken: from 0 to all of them, at most {@link POINTS} + 1 numbers. */
  readonly after: readonly number[];
  /** Equity there. Each column is of its own: no simulation runs along a band. */
  readonly bands: Quantiles<readonly number[]>;
  readonly final: Quantiles<number>;
  /** 0 or negative, so that 5 % of the simulations fell deeper than `p5`. */
  readonly max_drawdown_pct: Quantiles<number>;
  /** The share of simulations that ended with less than they began with. */
  readonly loss_probability: number;
  /** The share that at any time had lost `ruin_pct` of what they began with. */
  readonly ruin_probability: number;
  readonly ruin_pct: number;
};

/** Bands are looked at, so no more points of them than a chart has. */
const POINTS = 200;

/**
 * @param pnl of the trades in the order they were closed, in the account's currency
 * @param options.cash at the start @param options.ruin the fraction of it that is ruin to lose (default: a half)
 * @returns undefined without trades or simulations
 */
export function monteCarlo(
  pnl: ArrayLike<number>,
  options: {
    readonly cash: number;
    readonly simulations: number;
    readonly seed: number;
    readonly method?: MonteCarloMethod;
    readonly ruin?: number;
  },
): MonteCarlo | undefined {
  const { cash, simulations, seed, method = "shuffle", ruin = 0.5 } = options;
  const trades = pnl.length;
  if (trades === 0 || simulations === 0) return undefined;
  const factors = factorsOf(pnl, cash);
  const random = new Random(seed);
  const points = Math.min(trades, POINTS);
  const after = Array.from({ length: points + 1 }, (_, point) => Math.round((point * trades) / points));
  // A row of all simulations for each point.
  const equity = new Float64Array(after.length * simulations).fill(cash, 0, simulations);
  const falls = new Float64Array(simulations);
  const ruined = cash * (1 - ruin);
  let losses = 0;
  let ruins = 0;
  for (let n = 0; n < simulations; n++) {
    if (method === "shuffle") shuffle(factors, random);
    let value = cash;
    let peak = cash;
    let lowest = cash;
    let fall = 0;
    let point = 1;
    for (let k = 0; k < trades; k++) {
      value *= factors[method === "shuffle" ? k : random.below(trades)] as number;
      if (value > peak) peak = value;
      else if (1 - value / peak > fall) fall = 1 - value / peak;
      if (value < lowest) lowest = value;
      if (k + 1 === after[point]) equity[point++ * simulations + n] = value;
    }
    falls[n] = -fall * 100;
    if (value < cash) losses++;
    if (lowest <= ruined) ruins++;
  }
  const rows = after.map((_, point) => {
    const row = equity.subarray(point * simulations, (point + 1) * simulations).sort();
    return QUANTILES.map((share) => quantile(row, share));
  });
  const [p5 = [], p25 = [], p50 = [], p75 = [], p95 = []] = QUANTILES.map((_, q) =>
    rows.map((row) => row[q] as number),
  );
  return {
    method,
    simulations,
    seed,
    trades,
    after,
    bands: { p5, p25, p50, p75, p95 },
    final: quantiles(equity.subarray(points * simulations)),
    max_drawdown_pct: quantiles(falls.sort()),
    loss_probability: losses / simulations,
    ruin_probability: ruins / simulations,
    ruin_pct: ruin * 100,
  };
}

/** What each trade multiplied the account by; nothing is left to lose once it is lost. */
function factorsOf(pnl: ArrayLike<number>, cash: number): Float64Array {
  const factors = new Float64Array(pnl.length);
  let balance = cash;
  for (let k = 0; k < factors.length; k++) {
    const won = pnl[k] as number;
    factors[k] = balance > 0 ? Math.max(0, 1 + won / balance) : 1;
    balance += won;
  }
  return factors;
}

/** Fisher and Yates. */
function shuffle(values: Float64Array, random: Random): void {
  for (let k = values.length - 1; k > 0; k--) {
    const other = random.below(k + 1);
    const value = values[k] as number;
    values[k] = values[other] as number;
    values[other] = value;
  }
}

function quantiles(sorted: Float64Array): Quantiles<number> {
  const [p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0] = QUANTILES.map((share) => quantile(sorted, share));
  return { p5, p25, p50, p75, p95 };
}

/** The definition 7 of Hyndman and Fan, numpy's. */
function quantile(sorted: Float64Array, share: number): number {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - below);
}
