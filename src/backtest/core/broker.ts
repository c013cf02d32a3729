import type { Bars } from "./bars.ts";
import type { Commission } from "./commission.ts";
import type { Trade } from "./strategy.ts";

/**
 * How orders are filled and what they cost. The rules here are those of `Broker`; amounts are in the account's
 * currency, rates are fractions.
 */
export type BrokerSettings = {
  readonly cash: number;
  /** Paid at entry and again at exit: `fixed + |size| * price * rate`. */
  readonly commission: Commission;
  /** Entries pay `price * (1 + spread)` to buy and get `price * (1 - spread)` to sell; exits are unadjusted. */
  readonly spread: number;
  /** Orders fill at the close of the bar they are placed on instead of the next open. */
  readonly tradeOnClose: boolean;
  /** Each new order cancels what is pending and closes what is open. */
  readonly exclusiveOrders: boolean;
};

/** A trade that has ended. */
export type ClosedTrade = {
  /** Units, positive long, negative short. */
  readonly size: number;
  readonly entryBar: number;
  readonly exitBar: number;
  readonly entryPrice: number;
  readonly exitPrice: number;
  /** `size * (exitPrice - entryPrice) - commission`. */
  readonly pnl: number;
  /** Of entry and exit together. */
  readonly commission: number;
  /** The fraction won or lost, net of commission, of what the entry cost. */
  readonly returnFraction: number;
};

type OpenTrade = Trade & { readonly id: number };

type Order = {
  /** Signed: a fraction of what is available when |size| < 1, whole units otherwise. Unused by a closing order. */
  readonly size: number;
  /** The id of the trade that this order closes, or null. */
  readonly closes: number | null;
};

/** All that a broker needs to go on; plain data. The closed trades are kept apart and counted here. */
export type BrokerState = {
  readonly cash: number;
  readonly trades: readonly OpenTrade[];
  readonly orders: readonly Order[];
  readonly nextId: number;
  readonly closedTrades: number;
  readonly droppedOrders: number;
};

/** The size of an order that names none: everything, less the least step so that it counts as a fraction. */
const EVERYTHING = 1 - Number.EPSILON;

/** What can be bought for each unit of margin. Margin accounts come with the complete engine. */
const LEVERAGE = 1;

/**
 * The account, its open trades and its order queue. The rules are in data/market/README.md; in the order of work:
 *
 * - An order is worked on the bar after the one it was placed on, at its open (trade on close: at the close of the
 *   bar it was placed on, with that bar's index).
 * - Closing orders stand at the front of the queue. Other orders first reduce opposite trades, oldest first; only
 *   what remains opens a trade, if the margin carries it, else it is cancelled.
 */
export class Broker {
  readonly #settings: BrokerSettings;
  readonly #open: Float64Array;
  readonly #close: Float64Array;
  readonly #closed: ClosedTrade[] = [];
  #cash: number;
  // Trades and their list are replaced, never changed: strategies hold them.
  #trades: readonly OpenTrade[] = [];
  /** The list as strategies are given it. Apart from the other: going through a frozen array is slow. */
  #shown: readonly Trade[] | undefined;
  #orders: Order[] = [];
  #nextId = 0;
  #dropped = 0;

  constructor(settings: BrokerSettings, bars: Bars) {
    this.#settings = settings;
    this.#open = bars.open;
    this.#close = bars.close;
    this.#cash = settings.cash;
  }

  get cash(): number {
    return this.#cash;
  }

  /** Orders that the account could not carry, or that came to less than one unit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The open trades, oldest first. */
  get trades(): readonly Trade[] {
    this.#shown ??= Object.freeze([...this.#trades]);
    return this.#shown;
  }

  /** The trades that ended, in the order they did; only ever appended to. */
  get closed(): readonly ClosedTrade[] {
    return this.#closed;
  }

  /**
   * Works the queue on bar `index`.
   * @returns the equity at its close. At 0 or below the account is bust: everything is closed and 0 returned.
   */
  work(index: number): number {
    if (this.#orders.length > 0) this.#workQueue(index);
    if (this.#trades.length === 0 && this.#cash > 0) return this.#cash;
    const close = this.#close[index] as number;
    const equity = this.#cash + this.profit(close);
    if (equity > 0) return equity;
    for (const trade of this.#trades) this.#end(trade, close, index);
    this.#orders = [];
    this.#cash = 0;
    return 0;
  }

  /** The profit of the open trades at a price, before the commission of leaving. */
  profit(price: number): number {
    const trades = this.#trades;
    let profit = 0;
    // By index: at every bar of a run, the protocol of for…of costs a tenth of all the time there is.
    for (let at = 0; at < trades.length; at++) {
      const { size, entryPrice } = trades[at] as OpenTrade;
      profit += size * (price - entryPrice);
    }
    return profit;
  }

  /**
   * Queues a market order.
   * @param direction 1 to buy, -1 to sell.
   * @param size a fraction of what is available below 1, whole units from 1, everything if left out.
   * @throws RangeError for any other size.
   */
  order(direction: 1 | -1, size = EVERYTHING): void {
    if (!(size > 0 && (size < 1 || Number.isSafeInteger(size)))) {
      throw new RangeError(`size must be a fraction between 0 and 1 or whole units, not ${size}`);
    }
    if (this.#settings.exclusiveOrders) {
      this.#orders = [];
      this.closeAll();
    }
    this.#orders.push({ size: direction * size, closes: null });
  }

  /** Queues a closing order for each open trade, each in front of all others. */
  closeAll(): void {
    for (const { id } of this.#trades) this.#orders.unshift({ size: 0, closes: id });
  }

  /** After the last bar: queues closing orders so that the oldest trade ends first, and works that bar once more. */
  finalize(last: number): number {
    for (const { id } of this.#trades.toReversed()) this.#orders.unshift({ size: 0, closes: id });
    return this.work(last);
  }

  snapshot(): BrokerState {
    return {
      cash: this.#cash,
      trades: this.#trades.map((trade) => ({ ...trade })),
      orders: this.#orders.map((order) => ({ ...order })),
      nextId: this.#nextId,
      closedTrades: this.#closed.length,
      droppedOrders: this.#dropped,
    };
  }

  /**
   * @param closed the closed trades so far; those after the state's count are left out.
   * @throws RangeError if there are fewer than the state counts.
   */
  restore(state: BrokerState, closed: readonly ClosedTrade[]): void {
    if (closed.length < state.closedTrades) {
      throw new RangeError(
        `the state counts ${state.closedTrades} closed trades, given are ${closed.length}`,
      );
    }
    this.#cash = state.cash;
    this.#setTrades(state.trades.map((trade) => Object.freeze({ ...trade })));
    this.#orders = state.orders.map((order) => ({ ...order }));
    this.#nextId = state.nextId;
    this.#dropped = state.droppedOrders;
    this.#closed.length = 0;
    for (const trade of closed.slice(0, state.closedTrades)) this.#closed.push(trade);
  }

  #workQueue(index: number): void {
    const bar = this.#settings.tradeOnClose ? index - 1 : index;
    const price = (this.#settings.tradeOnClose ? this.#close[bar] : this.#open[bar]) as number;
    const queue = this.#orders;
    this.#orders = [];
    for (const order of queue) {
      if (order.closes === null) {
        this.#fill(order.size, price, bar, this.#close[index] as number);
      } else {
        // The trade may have ended since by another order.
        const trade = this.#trades.find(({ id }) => id === order.closes);
        if (trade) this.#end(trade, price, bar);
      }
    }
  }

  #fill(wanted: number, price: number, bar: number, close: number): void {
    const { spread } = this.#settings;
    const adjusted = price * (wanted > 0 ? 1 + spread : 1 - spread);
    const unitCost = adjusted + this.#commission(wanted, price) / Math.abs(wanted);
    let size = wanted;
    if (Math.abs(wanted) < 1) {
      const units = floorDivide(this.#available(close) * LEVERAGE * Math.abs(wanted), unitCost);
      if (units === 0) {
        this.#dropped++;
        return;
      }
      size = wanted > 0 ? units : -units;
    }
    size = this.#reduceOpposite(size, price, bar);
    if (size === 0) return;
    if (Math.abs(size) * unitCost > this.#available(close) * LEVERAGE) {
      this.#dropped++;
      return;
    }
    this.#cash -= this.#commission(size, adjusted);
    const trade = Object.freeze({ id: this.#nextId++, size, entryBar: bar, entryPrice: adjusted });
    this.#setTrades([...this.#trades, trade]);
  }

  /** Ends or reduces the trades opposite to an order of `size` units, oldest first; returns the units left over. */
  #reduceOpposite(size: number, price: number, bar: number): number {
    let left = size;
    for (const trade of this.#trades) {
      if (left === 0) break;
      if (trade.size > 0 === left > 0) continue; // same side
      if (Math.abs(left) >= Math.abs(trade.size)) {
        left += trade.size;
        this.#end(trade, price, bar);
      } else {
        const reduced = Object.freeze({ ...trade, size: trade.size + left });
        this.#setTrades(this.#trades.map((open) => (open === trade ? reduced : open)));
        this.#book(trade, -left, price, bar);
        left = 0;
      }
    }
    return left;
  }

  #setTrades(trades: OpenTrade[]): void {
    this.#trades = trades;
    this.#shown = undefined;
  }

  #end(trade: OpenTrade, price: number, bar: number): void {
    this.#setTrades(this.#trades.filter((open) => open !== trade));
    this.#book(trade, trade.size, price, bar);
  }

  /** Books the end of `size` units of a trade. */
  #book(trade: OpenTrade, size: number, exitPrice: number, exitBar: number): void {
    const { entryBar, entryPrice } = trade;
    const gross = size * (exitPrice - entryPrice);
    const exitCommission = this.#commission(size, exitPrice);
    this.#cash += gross - exitCommission;
    // Part of a trade counts the whole fixed commission of entering, as the reference does.
    const commission = exitCommission + this.#commission(size, entryPrice);
    this.#closed.push({
      size,
      entryBar,
      exitBar,
      entryPrice,
      exitPrice,
      // Plus 0: a short trade that breaks even would come to −0, which the store's columns don't tell from 0.
      pnl: gross - commission + 0,
      commission,
      returnFraction:
        Math.sign(size) * (exitPrice / entryPrice - 1) - commission / (Math.abs(size) * entryPrice) + 0,
    });
  }

  #commission(size: number, price: number): number {
    const { fixed, rate } = this.#settings.commission;
    return fixed + Math.abs(size) * price * rate;
  }

  /** The margin still available, with open trades valued at `close`: that of the bar being filled, per the rules. */
  #available(close: number): number {
    let used = 0;
    for (const { size } of this.#trades) used += (Math.abs(size) * close) / LEVERAGE;
    return Math.max(0, this.#cash + this.profit(close) - used);
  }
}

/** `floor(a / b)` of the exact quotient: `Math.floor(a / b)` is one too many when the quotient rounds up to a whole. */
function floorDivide(a: number, b: number): number {
  return Math.round((a - (a % b)) / b);
}
