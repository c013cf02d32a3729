/**
 * What a strategy file is made of. A strategy is the default export of a TypeScript file:
 *
 * ```ts
 * import type { Sma, Strategy } from "./stint.d.ts";
 *
 * export default {
 *   params: { fast: 10, slow: 20 },
 *   init({ params, sma }) {
 *     return { indicators: { fast: sma(params.fast), slow: sma(params.slow) } };
 *   },
 *   onBar(ctx) {
 *     const { fast, slow } = ctx.indicators;
 *     if (ctx.crossesAbove(fast, slow)) ctx.buy({ size: 1000 });
 *     else if (ctx.crossesBelow(fast, slow)) ctx.position.close();
 *   },
 * } satisfies Strategy<{ fast: number; slow: number }, { fast: Sma; slow: Sma }>;
 * ```
 *
 * A run can be stopped at any bar and go on later in another process. What a strategy remembers from bar to bar
 * therefore lives in `ctx.state` (plain data), never in variables of the file.
 */
export interface Strategy<
  P extends Params = Params,
  I extends Indicators = Indicators,
  S extends object = Record<string, unknown>,
> {
  /** Shown in lists; the file's name if left out. */
  readonly name?: string;
  /** The parameters and their defaults; a run may set these and no others. */
  readonly params?: Readonly<P>;
  /** Called once before the first bar: declares the indicators and makes the first state. */
  init(setup: Setup<P>): Declared<I, S>;
  /** Called at each bar from the first at which every indicator had a value on the bar before. Not async. */
  onBar(ctx: Context<P, I, S>): void;
}

/** Parameters by name. */
export type Params = Record<string, number>;

/** Indicators by the name the strategy gives them. */
export type Indicators = Record<string, Sma>;

/** What `init` is given. */
export interface Setup<P extends Params = Params> {
  /** The parameters of this run. */
  readonly params: Readonly<P>;
  /** Declares a simple moving average of the last `length` closes (a whole number of bars, at least 1). */
  sma(length: number): Sma;
}

/** What `init` returns. */
export interface Declared<I extends Indicators = Indicators, S extends object = Record<string, unknown>> {
  /** The declared indicators, found again as `ctx.indicators`. */
  readonly indicators?: I;
  /** What the strategy remembers, found again as `ctx.state`: numbers, strings, booleans, arrays, plain objects. */
  readonly state?: S;
}

/** A simple moving average of closes. Its sum is exact: it doesn't drift, however long the run. */
export interface Sma {
  /** The number of bars it averages. */
  readonly length: number;
  /** Its value at this bar, in price. */
  readonly value: number;
  /** Its value at the bar before, in price. */
  readonly previous: number;
}

/** An open trade. */
export interface Trade {
  /** Units held: positive is long, negative short. */
  readonly size: number;
  /** The bar it was entered on. */
  readonly entryBar: number;
  /** The price paid or received, spread included. */
  readonly entryPrice: number;
}

/** The sum of the open trades. */
export interface Position {
  /** Units held: positive is long, negative short, 0 is flat. */
  readonly size: number;
  readonly isLong: boolean;
  readonly isShort: boolean;
  /** Profit of the open trades at this bar's close, in the account's currency, before the commission of leaving. */
  readonly profit: number;
  /** Places an order for each open trade that closes it, worked before any other order. */
  close(): void;
}

/** The size of an order. */
export interface OrderOptions {
  /**
   * Between 0 and 1: that fraction of the equity still available. 1 and above: units, whole.
   * Left out: everything available.
   */
  readonly size?: number;
}

/**
 * What a strategy sees at a bar: this bar and those before it. `ago` counts bars back from this one (0). Asking
 * for a bar of the future or one before the first is an error that ends the run.
 */
export interface Context<
  P extends Params = Params,
  I extends Indicators = Indicators,
  S extends object = Record<string, unknown>,
> {
  /** This bar's number, from 0. */
  readonly index: number;
  /** When this bar opened, in UTC milliseconds since 1970. */
  readonly time: number;
  timeAt(ago: number): number;
  open(ago?: number): number;
  high(ago?: number): number;
  low(ago?: number): number;
  close(ago?: number): number;
  volume(ago?: number): number;

  readonly params: Readonly<P>;
  readonly indicators: I;
  /** What the strategy remembers; kept in every checkpoint. */
  readonly state: S;

  /** `a` was below `b` on the bar before and is above it now; equal on either bar is no cross. */
  crossesAbove(a: Sma, b: Sma): boolean;
  /** `a` was above `b` on the bar before and is below it now; equal on either bar is no cross. */
  crossesBelow(a: Sma, b: Sma): boolean;

  readonly position: Position;
  /** The open trades, oldest first. */
  readonly trades: readonly Trade[];
  /** Cash and open trades at this bar's close. */
  readonly equity: number;
  /** The account without the profit of open trades. */
  readonly cash: number;

  /** Places a market order to buy; it fills at the next bar's open (trade on close: at this bar's close). */
  buy(order?: OrderOptions): void;
  /** Places a market order to sell, as {@link Context.buy}. */
  sell(order?: OrderOptions): void;
}
