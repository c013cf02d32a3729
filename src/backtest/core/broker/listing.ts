import type { Bars } from "../bars.ts";
import type { Order, Trade } from "../strategy.ts";
import type { OpenTrade, PendingOrder } from "./account.ts";
import type { Instrument } from "./instrument.ts";
import { fromSteps, stepsIn } from "./steps.ts";

export type HeldTrade = { -readonly [K in keyof OpenTrade]: OpenTrade[K] };
export type WaitingOrder = { -readonly [K in keyof PendingOrder]: PendingOrder[K] };

/**
 * A symbol in the account: its bars up to the newest, its open trades and the orders that wait. The broker changes it by
 * its rules and then calls {@link Listing.changed}.
 */
export class Listing {
  readonly number: number;
  readonly instrument: Instrument;
  readonly bars: Bars;
  /** The number of the newest bar, -1 before the first, and its close. */
  newest = -1;
  close = Number.NaN;
  /** Oldest first. */
  trades: HeldTrade[] = [];
  /** In the order they are worked: closing orders stand at the front. */
  orders: WaitingOrder[] = [];
  /** Whether any trade has a stop-loss or a take-profit. */
  guarded = false;
  /** The open trade when there is one alone, and the currency's worth is a number. */
  #single: HeldTrade | null = null;
  /** What the currency is worth when no symbol says so. */
  readonly #constantRate: number;
  readonly #listed: (symbol: string) => Listing;
  #rateOf: Listing | undefined;
  // Made when a strategy asks, and kept until something changes: what it holds is never changed.
  #shownTrades: readonly Trade[] | undefined;
  #shownOrders: readonly Order[] | undefined;

  /** @param listed the listing of a symbol that this one's currency is converted by */
  constructor(number: number, instrument: Instrument, bars: Bars, listed: (symbol: string) => Listing) {
    this.number = number;
    this.instrument = instrument;
    this.bars = bars;
    this.#constantRate = typeof instrument.conversion === "number" ? instrument.conversion : Number.NaN;
    this.#listed = listed;
  }

  /** What one unit of the prices' currency is worth in the account's; NaN as long as no bar says so. */
  rate(): number {
    const { conversion } = this.instrument;
    if (typeof conversion === "number") return this.#constantRate;
    this.#rateOf ??= this.#listed(conversion.symbol);
    return conversion.inverse ? 1 / this.#rateOf.close : this.#rateOf.close;
  }

  /** Moves to a bar. */
  mark(index: number): void {
    this.newest = index;
    this.close = this.bars.close[index] as number;
  }

  /** Units held, long less short. */
  get size(): number {
    const { trades } = this;
    let size = 0;
    for (let at = 0; at < trades.length; at++) size += (trades[at] as HeldTrade).size;
    return trades.length > 1 ? this.units(this.lots(size)) : size;
  }

  /** The profit of the open trades at the newest close, in the account's currency, before the commission of leaving. */
  get profit(): number {
    const { trades, close } = this;
    // The usual case, and asked for at every bar.
    const single = this.#single;
    if (single !== null) return single.size * (close - single.entryPrice) * this.#constantRate;
    const rate = this.rate();
    let profit = 0;
    // By index: at every bar of a run, the protocol of for…of costs a tenth of all the time there is.
    for (let at = 0; at < trades.length; at++) {
      const { size, entryPrice } = trades[at] as HeldTrade;
      profit += size * (close - entryPrice) * rate;
    }
    return profit;
  }

  /** The price at which what is held was entered, on average; 0 when nothing is. */
  get entryPrice(): number {
    const { size, trades } = this;
    if (size === 0) return 0;
    if (trades.length === 1) return (trades[0] as HeldTrade).entryPrice;
    return trades.reduce((sum, trade) => sum + trade.size * trade.entryPrice, 0) / size;
  }

  /** What the open trades take as margin at the newest close, long and short alike, in the account's currency. */
  margin(leverage: number): number {
    const { trades, close } = this;
    const rate = this.rate();
    let margin = 0;
    for (let at = 0; at < trades.length; at++) {
      margin += (Math.abs((trades[at] as HeldTrade).size) * close * rate) / leverage;
    }
    return margin;
  }

  /** How many lots a size is, of whole ones, and the other way round. */
  lots(size: number): number {
    return stepsIn(size, this.instrument.lot);
  }
  units(lots: number): number {
    return fromSteps(lots, this.instrument.lot);
  }

  /** Brings a trade's extremes of price up to the end of bar `index`. */
  follow(trade: HeldTrade, index: number): void {
    const { high, low } = this.bars;
    for (let at = trade.seen + 1; at <= index; at++) {
      if ((high[at] as number) > trade.highest) trade.highest = high[at] as number;
      if ((low[at] as number) < trade.lowest) trade.lowest = low[at] as number;
    }
    if (index > trade.seen) trade.seen = index;
  }

  /** To be called after any change of its trades or orders. */
  changed(): void {
    const { trades } = this;
    this.#single = trades.length === 1 && !Number.isNaN(this.#constantRate) ? (trades[0] as HeldTrade) : null;
    this.guarded = false;
    for (let at = 0; at < trades.length; at++) {
      const { sl, tp } = trades[at] as HeldTrade;
      if (sl !== null || tp !== null) this.guarded = true;
    }
    this.#shownTrades = undefined;
    this.#shownOrders = undefined;
  }

  /** The open trades as strategies see them. */
  get shownTrades(): readonly Trade[] {
    this.#shownTrades ??= Object.freeze(this.trades.map((trade) => this.#shownTrade(trade)));
    return this.#shownTrades;
  }

  /** What waits as strategies see it, in the order it is worked. */
  get shownOrders(): readonly Order[] {
    this.#shownOrders ??= Object.freeze([
      ...this.orders.filter(({ trade }) => trade !== null).map((order) => this.#shownOrder(order)),
      ...this.trades.toReversed().flatMap((trade) => this.#exitOrder(trade, "sl", trade.sl)),
      ...this.trades.toReversed().flatMap((trade) => this.#exitOrder(trade, "tp", trade.tp)),
      ...this.orders.filter(({ trade }) => trade === null).map((order) => this.#shownOrder(order)),
    ]);
    return this.#shownOrders;
  }

  #shownTrade({ id, size, entryBar, entryTime, entryPrice, sl, tp, trail, tag }: OpenTrade): Trade {
    const { symbol } = this.instrument;
    return Object.freeze({ id, symbol, size, entryBar, entryTime, entryPrice, sl, tp, trail, tag });
  }

  #shownOrder({ id, size, limit, stop, tif, trade, tag }: PendingOrder): Order {
    const { symbol } = this.instrument;
    const side = size > 0 ? "buy" : "sell";
    const role = trade === null ? "order" : "close";
    return Object.freeze({ id, symbol, side, size, limit, stop, tif, trade, role, tag });
  }

  #exitOrder(trade: OpenTrade, role: "sl" | "tp", price: number | null): Order[] {
    if (price === null) return [];
    const order: Order = {
      id: role === "sl" ? stopLossOf(trade) : takeProfitOf(trade),
      symbol: this.instrument.symbol,
      side: trade.size > 0 ? "sell" : "buy",
      size: -trade.size,
      limit: role === "tp" ? price : null,
      stop: role === "sl" ? price : null,
      tif: "gtc",
      trade: trade.id,
      role,
      tag: trade.tag,
    };
    return [Object.freeze(order)];
  }
}

/** The ids of the orders that guard a trade. A trade takes three ids, so that these stay the same when they are moved. */
export const stopLossOf = (trade: OpenTrade): number => trade.id + 1;
export const takeProfitOf = (trade: OpenTrade): number => trade.id + 2;
