/**
 * What a strategy file is made of. A strategy is the default export of a TypeScript file:
 *
 * ```ts
 * import type { Line, Strategy } from "./stint.d.ts";
 *
 * export default {
 *   params: { fast: { default: 10, min: 2, integer: true }, slow: 30 },
 *   init({ params, sma }) {
 *     return { indicators: { fast: sma(params.fast), slow: sma(params.slow) } };
 *   },
 *   onBar(ctx) {
 *     const { fast, slow } = ctx.indicators;
 *     if (ctx.crossesAbove(fast, slow)) ctx.buy({ size: 0.5, sl: ctx.close() * 0.98 });
 *     else if (ctx.crossesBelow(fast, slow)) ctx.position.close();
 *   },
 * } satisfies Strategy<{ fast: number; slow: number }, { fast: Line; slow: Line }>;
 * ```
 *
 * A run of several symbols has one account and works the strategy on each of them: `init` is called once for a symbol,
 * and the indicators and the state are that symbol's own; `ctx.of("BTCUSD")` shows another one.
 *
 * A run can be stopped at any bar and go on later in another process. What a strategy remembers from bar to bar
 * therefore lives in `ctx.state` (plain data), never in variables of the file. `Date` is the time of the bar, and
 * `Math.random` is seeded and kept in the checkpoints.
 */
export interface Strategy<
  P extends Params = Params,
  I extends Indicators = Indicators,
  S extends object = Record<string, unknown>,
> {
  /** Shown in lists; the file's name if left out. */
  readonly name?: string;
  /** The parameters and their defaults; a run may set these and no others. */
  readonly params?: { readonly [K in keyof P]: ParamSpec<P[K]> };
  /** Called once for each symbol before its first bar: declares the indicators and makes the first state. */
  init(setup: Setup<P>): Declared<I, S>;
  /** Called at each bar from the first at which every indicator had a value on the bar before. Not async. */
  onBar?(ctx: Context<P, I, S>): void;
  /** Called before `onBar` when a derived bar has come to its right edge: it is `bar`'s newest now. */
  onDerivedBar?(ctx: Context<P, I, S>, bar: DerivedBars): void;
  /** Called before `onBar` for each fill of this symbol's orders on this bar. */
  onFill?(ctx: Context<P, I, S>, fill: Fill): void;
  /** Called once after the last bar, before what is open is closed (`finalize`). No order can be placed any more. */
  onEnd?(ctx: Context<P, I, S>): void;
  /**
   * What `size` units (never negative) at a price cost at entry, and again at exit, in the account's currency: instead of
   * the run's commission. It must depend on nothing but its arguments.
   */
  commission?(size: number, price: number, symbol: string): number;
}

/** Parameters by name. */
export type Params = Record<string, ParamValue>;
export type ParamValue = number | boolean | string;

/** A parameter: its default, or that with what it may be. */
export type ParamSpec<T extends ParamValue = ParamValue> =
  | T
  | {
      readonly default: T;
      /** For numbers. */
      readonly min?: number;
      readonly max?: number;
      /** Whether only whole numbers will do. */
      readonly integer?: boolean;
      /** The values it may have, when there are few. */
      readonly choices?: readonly T[];
      readonly help?: string;
    };

/** What `init` declares, by the name that the strategy gives it. */
export type Indicators = Record<string, Indicator>;
export type Indicator = Line | Macd | Bollinger | Adx | Stochastic | Donchian | DerivedBars;

/** A price column that an indicator is taken of. */
export type Column = "open" | "high" | "low" | "close" | "volume";

/**
 * What can be declared of a series of bars. Lengths are whole numbers of bars. How each is computed and seeded, and from
 * which bar on it has a value, is in stint's README; the values are TA-Lib's.
 */
export interface Series {
  /** Simple moving average. Its sums are exact: it doesn't drift, and two of them cross exactly. */
  sma(length: number, of?: Column): Line;
  /** Exponential moving average, 2 / (length + 1), seeded with the simple average of the first `length` values. */
  ema(length: number, of?: Column): Line;
  /** Linearly weighted moving average: the newest value has the weight `length`. Its sums are exact. */
  wma(length: number, of?: Column): Line;
  /** Wilder's relative strength index, 0 … 100. */
  rsi(length?: number, of?: Column): Line;
  macd(fast?: number, slow?: number, signal?: number): Macd;
  /** Bands of `deviations` population standard deviations around the simple average. */
  bollinger(length?: number, deviations?: number): Bollinger;
  /** Wilder's average true range, in price. */
  atr(length?: number): Line;
  /** Wilder's directional movement. */
  adx(length?: number): Adx;
  /** The slow stochastic oscillator, 0 … 100. */
  stochastic(k?: number, smooth?: number, d?: number): Stochastic;
  /** The highest high and the lowest low of `length` bars, this one included. */
  donchian(length?: number): Donchian;
  /** Volume-weighted average of the typical price since the session's day began. */
  vwap(): Line;
  /** On-balance volume. */
  obv(): Line;
  /** Commodity channel index. */
  cci(length?: number): Line;
  /** Rate of change over `length` bars, in per cent. */
  roc(length?: number, of?: Column): Line;
  /** Population standard deviation. */
  stddev(length?: number, of?: Column): Line;
}

/** One value a bar. NaN before it has one; a strategy is called only once all have. */
export interface Line {
  /** At this bar. */
  readonly value: number;
  /** At the bar before. */
  readonly previous: number;
}
export interface Macd {
  readonly macd: Line;
  readonly signal: Line;
  readonly histogram: Line;
}
export interface Bollinger {
  readonly upper: Line;
  readonly middle: Line;
  readonly lower: Line;
}
export interface Adx extends Line {
  readonly plus: Line;
  readonly minus: Line;
}
export interface Stochastic {
  readonly k: Line;
  readonly d: Line;
}
export interface Donchian {
  readonly upper: Line;
  readonly middle: Line;
  readonly lower: Line;
}

/**
 * Bars made of the symbol's own, of a longer timeframe. One is seen only once it has come to its right edge: on the
 * first of the symbol's bars stamped at or after that. `ago` 0 is the newest of them.
 */
export interface DerivedBars extends Series {
  /** As it was asked for: `4h`, `1d`. */
  readonly timeframe: string;
  /** How many have come to their edge. */
  readonly length: number;
  /** When the bar opened: its left edge, UTC ms. */
  time(ago?: number): number;
  open(ago?: number): number;
  high(ago?: number): number;
  low(ago?: number): number;
  close(ago?: number): number;
  volume(ago?: number): number;
}

/** What `init` is given. Indicators declared on it are of the symbol's own bars. */
export interface Setup<P extends Params = Params> extends Series {
  /** The parameters of this run. */
  readonly params: Readonly<P>;
  /** The symbol that this is for, and all of the run. */
  readonly symbol: string;
  readonly symbols: readonly string[];
  /** The length of a bar: `1h`. */
  readonly timeframe: string;
  /** Derives bars of a longer timeframe: 5m … 1d. Indicators of them are declared on what it gives. */
  bars(timeframe: string): DerivedBars;
}

/** What `init` returns. */
export interface Declared<I extends Indicators = Indicators, S extends object = Record<string, unknown>> {
  /** The declared indicators and derived bars, found again as `ctx.indicators`. */
  readonly indicators?: I;
  /** What the strategy remembers, found again as `ctx.state`: numbers, strings, booleans, arrays, plain objects. */
  readonly state?: S;
}

/** An open trade. */
export interface Trade {
  readonly id: number;
  readonly symbol: string;
  /** Units held: positive is long, negative short. */
  readonly size: number;
  /** The symbol's bar it was entered on. */
  readonly entryBar: number;
  /** UTC ms. */
  readonly entryTime: number;
  /** The price paid or received, spread and slippage included. */
  readonly entryPrice: number;
  /** Where it is to be left at a loss or with a profit. */
  readonly sl: number | null;
  readonly tp: number | null;
  /** How far the stop-loss follows the best price since the entry, in price. */
  readonly trail: number | null;
  readonly tag: string | null;
}

/** The sum of a symbol's open trades. */
export interface Position {
  /** Units held: positive is long, negative short, 0 is flat. */
  readonly size: number;
  readonly isLong: boolean;
  readonly isShort: boolean;
  /** Profit of the open trades at this bar's close, in the account's currency, before the commission of leaving. */
  readonly profit: number;
  /** Places an order for each open trade that closes it (or this fraction of it), worked before any other order. */
  close(fraction?: number): void;
}

/** What an order is. All left out: a market order for everything available. */
export interface OrderOptions {
  /** Between 0 and 1: that fraction of the margin still available. 1 and above: units, whole. */
  readonly size?: number;
  /** So many units, rounded down to the lot: for instruments of less than one unit. Instead of `size`. */
  readonly units?: number;
  /** The price to fill at or better. */
  readonly limit?: number;
  /** The price from which it becomes a market order, or with `limit` a limit order. */
  readonly stop?: number;
  /** Where the trade that it opens is left at a loss, and with a profit: one cancels the other. */
  readonly sl?: number;
  readonly tp?: number;
  /** A stop-loss that follows the best price since the entry at this distance, in price. Instead of `sl`. */
  readonly trail?: number;
  /** Good till cancelled, for the trading day, or immediate (what the next bar doesn't fill is cancelled). */
  readonly tif?: "gtc" | "day" | "ioc";
  /** A word of yours: trades and fills have it. */
  readonly tag?: string;
}

/** An order that waits. */
export interface Order {
  readonly id: number;
  readonly symbol: string;
  readonly side: "buy" | "sell";
  /** As asked for, signed: a fraction (|size| < 1 and not `units`) or units; less what is filled. */
  readonly size: number;
  readonly limit: number | null;
  readonly stop: number | null;
  readonly tif: "gtc" | "day" | "ioc";
  /** The trade that it closes. */
  readonly trade: number | null;
  /** What it is to that trade. */
  readonly role: "order" | "close" | "sl" | "tp";
  readonly tag: string | null;
}

/** What of an order can be changed while it waits. */
export interface OrderChange {
  readonly limit?: number;
  readonly stop?: number;
  readonly size?: number;
}

/** An order, or a part of one, that was filled. */
export interface Fill {
  readonly order: number;
  readonly trade: number;
  readonly symbol: string;
  /** Units, signed: positive bought, negative sold. */
  readonly size: number;
  readonly price: number;
  readonly commission: number;
  readonly bar: number;
  /** When that bar opened, UTC ms. */
  readonly time: number;
  readonly why: FillReason;
  readonly tag: string | null;
}
/** Why units were bought or sold: an order, a close, a stop-loss and the like, a margin call, the end of the run. */
export type FillReason = "order" | "close" | "sl" | "tp" | "trail" | "margin" | "bust" | "end";

/**
 * What a strategy sees at a bar: this bar and those before it. `ago` counts bars back from this one (0). Asking
 * for a bar of the future or one before the first is an error that ends the run.
 */
export interface Context<
  P extends Params = Params,
  I extends Indicators = Indicators,
  S extends object = Record<string, unknown>,
> {
  readonly symbol: string;
  /** This bar's number among the symbol's, from 0. */
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
  /** What the strategy remembers of this symbol; kept in every checkpoint. */
  readonly state: S;
  /** Another symbol of the run, at its newest bar. Throws when there is none, or no bar of it yet. */
  of(symbol: string): Context<P, I, S>;

  /** `a` was below `b` on the bar before and is above it now; equal on either bar is no cross. */
  crossesAbove(a: Line, b: Line | number): boolean;
  /** `a` was above `b` on the bar before and is below it now; equal on either bar is no cross. */
  crossesBelow(a: Line, b: Line | number): boolean;

  readonly position: Position;
  /** The symbol's open trades, oldest first. */
  readonly trades: readonly Trade[];
  /** The symbol's orders that wait, in the order they are worked. */
  readonly orders: readonly Order[];
  /** Cash and all open trades at this bar's close. */
  readonly equity: number;
  /** The account without the profit of open trades. */
  readonly cash: number;
  /** What new trades can take: equity less what the open ones take, at the leverage. */
  readonly margin: number;

  /** Places an order to buy. A market order fills at the next bar's open (trade on close: at this bar's close). @returns its id */
  buy(order?: OrderOptions): number;
  /** Places an order to sell, as {@link Context.buy}. @returns its id */
  sell(order?: OrderOptions): number;
  /** Takes back an order that waits. @returns false when it doesn't any more */
  cancel(order: number): boolean;
  /** Changes an order that waits. @returns false when it doesn't any more */
  modify(order: number, change: OrderChange): boolean;
  /** Sets or (null) takes away where an open trade is left. @returns false when it isn't open any more */
  protect(trade: number, exits: { sl?: number | null; tp?: number | null; trail?: number | null }): boolean;
  /** Closes an open trade, or this fraction of it, as {@link Position.close}. @returns false when it isn't open any more */
  closeTrade(trade: number, fraction?: number): boolean;

  /** Says something, shown beside the run and in its report. */
  log(text: string): void;
  /** Draws a value at this bar in the report, on the chart of prices or in a pane of its own. */
  plot(name: string, value: number, pane?: "price" | "own"): void;
}
