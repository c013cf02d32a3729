import type { Bars } from "../bars.ts";
import type { Fill, FillReason, Order, OrderChange, OrderOptions, Trade } from "../strategy.ts";
import type { BrokerSettings, ClosedTrade, OpenTrade, PendingOrder } from "./account.ts";
import { commissionOf, slip } from "./costs.ts";
import type { Instrument } from "./instrument.ts";
import { type HeldTrade, Listing, stopLossOf, takeProfitOf, type WaitingOrder } from "./listing.ts";
import {
  checkSides,
  type Exits,
  limitPrice,
  readChange,
  readExits,
  readFraction,
  readOrder,
  readSize,
  readUnits,
  stopPrice,
} from "./order-options.ts";
import { floorDivide, floorSteps, roundHalfEven } from "./steps.ts";

/** All that a broker needs to go on; plain data. The closed trades are kept apart and counted here. */
export type BrokerState = {
  readonly cash: number;
  readonly bust: boolean;
  /** Of each symbol the number of its newest bar, -1 before its first. */
  readonly newest: readonly number[];
  /** Oldest first within a symbol. */
  readonly trades: readonly OpenTrade[];
  /** In the order they are worked within a symbol. */
  readonly orders: readonly PendingOrder[];
  readonly nextId: number;
  readonly closedTrades: number;
  readonly dropped: number;
  readonly fillCount: number;
};

/** What is held of a symbol. */
type Holding = {
  /** Units, long less short. */
  readonly size: number;
  /** At the newest close, in the account's currency, before the commission of leaving. */
  readonly profit: number;
  /** The average price of what is held, 0 when nothing is. */
  readonly entryPrice: number;
};

/** What units cost at entry and again at exit, in the account's currency: a strategy's own rule. */
export type CommissionRule = (size: number, price: number, symbol: string) => number;

const YEAR = 365 * 86_400_000;
/** From this on {@link BrokerSettings.volumeLimit} is none. */
const NO_LIMIT = 1e9;
/** Nothing was filled: shared, so that a bar without fills costs nothing. */
const NOTHING: Fill[] = [];

/**
 * The account, its open trades and its order queues, one a symbol. The rules are in data/market/README.md, the costs in
 * account.ts. On a bar a queue is worked in this order:
 *
 * 1. closing orders, the one placed last first, at the open (trade on close: at the close of the bar before);
 * 2. stop-losses, then take-profits, of the newest trade first;
 * 3. the other orders as they were placed, each of which first reduces opposite trades, oldest first; only what remains
 *    opens a trade, if the margin carries it, else it is dropped;
 * 4. stop-losses and take-profits of trades opened at the market on this bar.
 */
export class Broker {
  readonly #settings: BrokerSettings;
  readonly #dayOf: (time: number) => number;
  readonly #commissionRule: CommissionRule | undefined;
  /** Whether shorts cost anything to hold, and whether there are margin calls: asked at every step. */
  readonly #borrows: boolean;
  readonly #calls: boolean;
  /** Whether {@link Broker.fills} are wanted: where nobody asks, a run with many trades makes much less garbage. */
  keepsFills = true;
  readonly #listings: Listing[] = [];
  readonly #closed: ClosedTrade[] = [];
  #fills: Fill[] = NOTHING;
  #fillCount = 0;
  #cash: number;
  #bust = false;
  #nextId = 1;
  #dropped = 0;
  /** Trades opened on the bar being worked whose exits act on it already. */
  #fresh: HeldTrade[] = [];
  /** What the volume of the bar being worked left of stop-losses. */
  #leftovers: WaitingOrder[] = [];

  /**
   * @param dayOf the trading day that a time (UTC ms) lies in, as a number: where `day` orders end
   * @param commission the strategy's own, instead of the settings'
   */
  constructor(settings: BrokerSettings, dayOf: (time: number) => number, commission?: CommissionRule) {
    this.#settings = settings;
    this.#dayOf = dayOf;
    this.#commissionRule = commission;
    this.#borrows = settings.borrow > 0;
    this.#calls = settings.maintenance > 0;
    this.#cash = settings.cash;
  }

  /** The account without the profit of open trades. */
  get cash(): number {
    return this.#cash;
  }

  /** Cash and all open trades at the newest closes. */
  get equity(): number {
    return this.#cash + this.#profit();
  }

  /** The margin that is left for new trades; it carries {@link BrokerSettings.leverage} times its amount. */
  get available(): number {
    let used = 0;
    for (const listing of this.#listings)
      if (listing.trades.length > 0) used += listing.margin(this.#settings.leverage);
    return Math.max(0, this.#cash + this.#profit() - used);
  }

  /** Whether the account has come to nothing: it is over. */
  get bust(): boolean {
    return this.#bust;
  }

  /** Orders that the account could not carry, or that came to less than one lot. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How often anything was filled. */
  get fillCount(): number {
    return this.#fillCount;
  }

  /** The fills of the step being worked. */
  get fills(): readonly Fill[] {
    for (const fill of this.#fills) Object.freeze(fill);
    return this.#fills;
  }

  /** The trades that ended, in the order they did; only ever appended to. */
  get closed(): readonly ClosedTrade[] {
    return this.#closed;
  }

  /** @returns the symbol's number, from 0 */
  add(instrument: Instrument, bars: Bars): number {
    const number = this.#listings.length;
    this.#listings.push(
      new Listing(number, instrument, bars, (symbol) => this.#listed(symbol, instrument.symbol)),
    );
    return number;
  }

  /** Bar `index` of a symbol is the newest; to be called for all symbols of a step before any is worked. */
  mark(symbol: number, index: number): void {
    (this.#listings[symbol] as Listing).mark(index);
    if (this.#fills !== NOTHING) this.#fills = NOTHING;
  }

  /** Works a symbol's queue on its bar `index`. */
  work(symbol: number, index: number): void {
    const listing = this.#listings[symbol] as Listing;
    if (listing.orders.length > 0 || listing.guarded) this.#work(listing, index);
  }

  /**
   * After all symbols of a step: takes the cost of shorts, calls for margin, ends an account that has come to nothing.
   * @param time of the step, UTC ms
   * @returns the equity at the newest closes, 0 once bust
   */
  settle(time: number): number {
    if (this.#borrows) this.#payBorrow(time);
    const equity = this.#cash + this.#profit();
    if (equity <= 0) return this.#goBust();
    if (this.#calls) this.#callForMargin(equity);
    return equity;
  }

  /**
   * Places an order.
   * @param direction 1 to buy, -1 to sell
   * @returns its id
   * @throws RangeError for what isn't an order
   */
  order(symbol: number, direction: 1 | -1, options: OrderOptions = {}): number {
    const listing = this.#listings[symbol] as Listing;
    if (listing.newest < 0) throw new RangeError(`${listing.instrument.symbol} has no bar yet`);
    const market = this.#spread(direction, listing.close);
    const id = this.#nextId;
    const order: WaitingOrder = readOrder(options, direction, market, listing.instrument, id, symbol);
    this.#nextId++;
    if (this.#settings.exclusiveOrders) {
      listing.orders = listing.orders.filter(({ why }) => why === "margin");
      this.closeAll(symbol);
    }
    if (order.tif === "day") order.day = this.#dayOf(listing.bars.time[listing.newest] as number);
    listing.orders.push(order);
    listing.changed();
    return id;
  }

  /** Takes back an order that waits. @returns false when it doesn't any more, or is a margin call's */
  cancel(id: number): boolean {
    for (const listing of this.#listings) {
      const order = listing.orders.find((waiting) => waiting.id === id);
      if (order) {
        if (order.why === "margin") return false;
        listing.orders = listing.orders.filter((waiting) => waiting !== order);
        listing.changed();
        return true;
      }
    }
    const [trade, role] = this.#guardOf(id);
    return trade !== undefined && this.protect(trade.id, { [role]: null });
  }

  /**
   * Changes an order that waits. Of a stop-loss only the stop can be changed (it stops following the price), of a
   * take-profit only the limit, of a closing order nothing.
   * @returns false when it doesn't wait any more
   * @throws RangeError for what can't be
   */
  modify(id: number, change: OrderChange): boolean {
    const { limit, stop, size } = readChange(change);
    const refuse = (what: string, value: number | undefined) => {
      if (value !== undefined) throw new RangeError(`this order has no ${what} to change`);
    };
    const [trade, role] = this.#guardOf(id);
    if (trade) {
      refuse("size", size);
      refuse(role === "sl" ? "limit" : "stop", role === "sl" ? limit : stop);
      const price = role === "sl" ? stop : limit;
      return price === undefined || this.protect(trade.id, { [role]: price });
    }
    for (const listing of this.#listings) {
      const order = listing.orders.find((waiting) => waiting.id === id);
      if (order) {
        if (order.trade !== null) {
          refuse("limit", limit);
          refuse("stop", stop);
          refuse("size", size);
        } else {
          this.#change(listing, order, change);
        }
        return true;
      }
    }
    return false;
  }

  /**
   * Sets or (null) takes away where an open trade is left. A stop-loss that follows the price is one that `trail` set:
   * setting `sl` ends that, `trail: null` leaves the stop-loss where it is.
   * @returns false when the trade isn't open any more
   */
  protect(id: number, exits: Exits): boolean {
    const { sl, tp, trail } = readExits(exits);
    for (const listing of this.#listings) {
      const trade = listing.trades.find((open) => open.id === id);
      if (trade) {
        const exit = trade.size > 0 ? -1 : 1;
        if (tp !== undefined) trade.tp = limitPrice(tp, exit, listing.instrument);
        if (sl !== undefined) {
          trade.sl = stopPrice(sl, exit, listing.instrument);
          trade.trail = null;
        }
        if (trail === null) trade.trail = null;
        else if (trail !== undefined) {
          listing.follow(trade, listing.newest);
          trade.trail = trail;
          trade.sl = trailingStop(listing, trade, trail);
        }
        listing.changed();
        return true;
      }
    }
    return false;
  }

  /** Queues an order that closes an open trade, or this fraction of it. @returns false when it isn't open any more */
  closeTrade(id: number, fraction = 1): boolean {
    readFraction(fraction);
    for (const listing of this.#listings) {
      const trade = listing.trades.find((open) => open.id === id);
      if (trade) {
        this.#queueClose(listing, trade, fraction, "close");
        return true;
      }
    }
    return false;
  }

  /** Queues a closing order for each of a symbol's open trades, each in front of all others. */
  closeAll(symbol: number, fraction = 1): void {
    readFraction(fraction);
    const listing = this.#listings[symbol] as Listing;
    for (const trade of listing.trades) this.#queueClose(listing, trade, fraction, "close");
  }

  /** A symbol's open trades, oldest first. */
  trades(symbol: number): readonly Trade[] {
    return (this.#listings[symbol] as Listing).shownTrades;
  }

  /** A symbol's orders that wait, in the order they are worked. */
  orders(symbol: number): readonly Order[] {
    return (this.#listings[symbol] as Listing).shownOrders;
  }

  /** What is held of a symbol: the same object each time, it reads what is held when it is asked. */
  position(symbol: number): Holding {
    return this.#listings[symbol] as Listing;
  }

  /** The profit of a symbol's open trades at its newest close, before the commission of leaving. */
  profit(symbol: number): number {
    return (this.#listings[symbol] as Listing).profit;
  }

  /**
   * After the last bar: closes what is open on each symbol's newest bar once more, at its open (trade on close: at the
   * close before it), oldest first. Volume doesn't limit it, and no other order is worked.
   * @returns the last equity
   */
  finalize(): number {
    for (const listing of this.#listings) {
      if (listing.trades.length === 0) continue;
      const { newest, bars } = listing;
      const onClose = this.#settings.tradeOnClose && newest > 0;
      const bar = onClose ? newest - 1 : newest;
      const price = (onClose ? bars.close : bars.open)[bar] as number;
      for (const trade of [...listing.trades]) {
        const lots = listing.lots(Math.abs(trade.size));
        const exit = this.#slipped(listing, trade.size > 0 ? -1 : 1, price, lots, bar);
        this.#end(listing, trade, lots, exit, bar, newest, this.#nextId++, "end", trade.tag);
      }
      listing.orders = listing.orders.filter(({ trade }) => trade === null);
    }
    const equity = this.equity;
    return equity <= 0 ? this.#goBust() : equity;
  }

  snapshot(): BrokerState {
    return {
      cash: this.#cash,
      bust: this.#bust,
      newest: this.#listings.map(({ newest }) => newest),
      trades: this.#listings.flatMap(({ trades }) => trades.map((trade) => ({ ...trade }))),
      orders: this.#listings.flatMap(({ orders }) => orders.map((order) => ({ ...order }))),
      nextId: this.#nextId,
      closedTrades: this.#closed.length,
      dropped: this.#dropped,
      fillCount: this.#fillCount,
    };
  }

  /**
   * Goes on from a snapshot, the symbols having been added as they were then; others may have come after them.
   * @param closed the closed trades so far; those after the state's count are left out
   * @throws RangeError if there are fewer than the state counts, or fewer symbols
   */
  restore(state: BrokerState, closed: readonly ClosedTrade[]): void {
    if (closed.length < state.closedTrades) {
      throw new RangeError(
        `the state counts ${state.closedTrades} closed trades, given are ${closed.length}`,
      );
    }
    if (state.newest.length > this.#listings.length) {
      throw new RangeError(
        `the state has ${state.newest.length} symbols, added are ${this.#listings.length}`,
      );
    }
    this.#cash = state.cash;
    this.#bust = state.bust;
    this.#nextId = state.nextId;
    this.#dropped = state.dropped;
    this.#fillCount = state.fillCount;
    this.#fills = NOTHING;
    for (const [symbol, listing] of this.#listings.entries()) {
      const newest = state.newest[symbol] ?? -1;
      if (newest >= 0) listing.mark(newest);
      listing.trades = state.trades.filter((trade) => trade.symbol === symbol).map((trade) => ({ ...trade }));
      listing.orders = state.orders.filter((order) => order.symbol === symbol).map((order) => ({ ...order }));
      listing.changed();
    }
    this.#closed.length = 0;
    for (const trade of closed.slice(0, state.closedTrades)) this.#closed.push(trade);
  }

  #listed(symbol: string, wantedBy: string): Listing {
    const listing = this.#listings.find(({ instrument }) => instrument.symbol === symbol);
    if (listing) return listing;
    throw new RangeError(`${wantedBy} is converted by ${symbol}, which isn't in the run`);
  }

  /** The profit of all open trades. */
  #profit(): number {
    const listings = this.#listings;
    let profit = 0;
    for (let at = 0; at < listings.length; at++) {
      const listing = listings[at] as Listing;
      if (listing.trades.length > 0) profit += listing.profit;
    }
    return profit;
  }

  #work(listing: Listing, index: number): void {
    const queue = listing.orders;
    let at = 0;
    let kept = 0;
    for (; at < queue.length && (queue[at] as WaitingOrder).trade !== null; at++) {
      const order = queue[at] as WaitingOrder;
      if (this.#workClose(listing, order, index)) queue[kept++] = order;
    }
    if (listing.guarded) this.#workExits(listing, listing.trades, index);
    for (; at < queue.length; at++) {
      const order = queue[at] as WaitingOrder;
      if (this.#workOrder(listing, order, index)) queue[kept++] = order;
    }
    if (kept < queue.length) {
      queue.length = kept;
      listing.changed();
    }
    if (this.#fresh.length > 0) {
      const fresh = this.#fresh;
      this.#fresh = [];
      this.#workExits(listing, fresh, index);
    }
    if (this.#leftovers.length > 0) {
      queue.unshift(...this.#leftovers);
      this.#leftovers = [];
      listing.changed();
    }
    if (listing.guarded) this.#trail(listing, index);
  }

  /** Works an order that closes a trade. @returns whether some of it still waits */
  #workClose(listing: Listing, order: WaitingOrder, index: number): boolean {
    const trade = listing.trades.find(({ id }) => id === order.trade);
    if (!trade) return false;
    const { tradeOnClose } = this.#settings;
    const bar = tradeOnClose ? index - 1 : index;
    const price = (tradeOnClose ? listing.bars.close : listing.bars.open)[bar] as number;
    const wanted = Math.min(listing.lots(Math.abs(order.size)), listing.lots(Math.abs(trade.size)));
    const lots = Math.min(wanted, this.#capacity(listing, bar));
    if (lots === 0) return true;
    const direction = order.size > 0 ? 1 : -1;
    const exit = this.#slipped(listing, direction, price, lots, bar);
    this.#end(listing, trade, lots, exit, bar, index - 1, order.id, order.why, order.tag);
    if (lots === wanted) return false;
    order.size = direction * listing.units(wanted - lots);
    return true;
  }

  /** Works the stop-losses, then the take-profits of trades, of the newest first. */
  #workExits(listing: Listing, trades: readonly HeldTrade[], index: number): void {
    for (let at = trades.length - 1; at >= 0; at--)
      this.#workStopLoss(listing, trades[at] as HeldTrade, index);
    for (let at = trades.length - 1; at >= 0; at--)
      this.#workTakeProfit(listing, trades[at] as HeldTrade, index);
  }

  #workStopLoss(listing: Listing, trade: HeldTrade, index: number): void {
    const { sl, size } = trade;
    const { open, high, low } = listing.bars;
    if (sl === null || (size > 0 ? (low[index] as number) > sl : (high[index] as number) < sl)) return;
    if (!listing.trades.includes(trade)) return; // ended on this bar already
    const why = trade.trail === null ? "sl" : "trail";
    const price = size > 0 ? Math.min(open[index] as number, sl) : Math.max(open[index] as number, sl);
    const direction = size > 0 ? -1 : 1;
    const wanted = listing.lots(Math.abs(size));
    const lots = Math.min(wanted, this.#capacity(listing, index));
    const id = stopLossOf(trade);
    if (lots > 0) {
      const exit = this.#slipped(listing, direction, price, lots, index);
      this.#end(listing, trade, lots, exit, index, index - 1, id, why, trade.tag);
    }
    if (lots === wanted) return;
    // Its stop was reached: what the bar's volume left of it is a market order now, and the take-profit is off.
    const left = this.#closing(trade, direction * listing.units(wanted - lots), id, why);
    this.#leftovers.push(left);
    trade.sl = trade.tp = trade.trail = null;
    listing.changed();
  }

  #workTakeProfit(listing: Listing, trade: HeldTrade, index: number): void {
    const { tp, size } = trade;
    const { open, high, low } = listing.bars;
    if (tp === null || (size > 0 ? (high[index] as number) < tp : (low[index] as number) > tp)) return;
    if (!listing.trades.includes(trade)) return;
    const price = size > 0 ? Math.max(open[index] as number, tp) : Math.min(open[index] as number, tp);
    const lots = Math.min(listing.lots(Math.abs(size)), this.#capacity(listing, index));
    if (lots === 0) return;
    this.#end(listing, trade, lots, price, index, index - 1, takeProfitOf(trade), "tp", trade.tag);
  }

  /** Moves the stop-losses that follow the price, now that bar `index` is over. */
  #trail(listing: Listing, index: number): void {
    for (const trade of listing.trades) {
      if (trade.trail === null) continue;
      listing.follow(trade, index);
      const stop = trailingStop(listing, trade, trade.trail);
      if (trade.sl !== null && (trade.size > 0 ? stop <= trade.sl : stop >= trade.sl)) continue;
      trade.sl = stop;
      listing.changed();
    }
  }

  /** Works an order that isn't a trade's own. @returns whether it, or what is left of it, still waits */
  #workOrder(listing: Listing, order: WaitingOrder, index: number): boolean {
    const { bars } = listing;
    const { stop, limit } = order;
    const market = stop === null && limit === null;
    const bar = market && this.#settings.tradeOnClose ? index - 1 : index;
    if (order.day !== null && this.#dayOf(bars.time[bar] as number) !== order.day) return false;
    const price = this.#reach(listing, order, index);
    if (Number.isNaN(price)) return order.tif !== "ioc";

    const direction = order.size > 0 ? 1 : -1;
    const capacity = this.#capacity(listing, bar);
    const wanted = this.#lotsOf(listing, order, price, bar, capacity);
    if (wanted === 0) return this.#drop();
    const lots = Math.min(wanted, capacity);
    if (lots === 0) return order.tif !== "ioc";
    const filled = limit === null ? this.#slipped(listing, direction, price, lots, bar) : price;
    const unitCost = this.#unitCost(listing, order, filled);
    const left = this.#settings.hedging
      ? lots
      : this.#reduceOpposite(listing, order, lots, filled, bar, index);
    if (left > 0) {
      // A price that slipped to nothing, or that no conversion is known for, is none to enter at.
      const cost = left * (unitCost * listing.instrument.lot);
      if (!(filled > 0 && cost <= this.available * this.#settings.leverage)) return this.#drop();
      const trade = this.#open(listing, order, left, filled, bar, market ? index - 1 : index);
      if (market || (limit === null && this.#onlyProfits(listing, trade, index))) this.#fresh.push(trade);
    }
    if (lots === wanted) return false;
    order.fraction = false;
    order.size = direction * listing.units(wanted - lots);
    listing.changed();
    return order.tif !== "ioc";
  }

  /** The price that an order gets on a bar before it slips; NaN if the bar doesn't reach it. A stop that is reached is off. */
  #reach(listing: Listing, order: WaitingOrder, index: number): number {
    const { bars } = listing;
    const { stop, limit } = order;
    const buy = order.size > 0;
    const open = bars.open[index] as number;
    const high = bars.high[index] as number;
    const low = bars.low[index] as number;
    if (stop !== null) {
      if (buy ? high < stop : low > stop) return Number.NaN;
      order.stop = null;
      listing.changed();
    }
    if (limit !== null) {
      if (buy ? low > limit : high < limit) return Number.NaN;
      // Which came first within the bar isn't known: taken for the limit, which didn't count then.
      if (stop !== null && (buy ? limit <= stop : limit >= stop)) return Number.NaN;
      return buy ? Math.min(stop ?? open, limit) : Math.max(stop ?? open, limit);
    }
    if (stop !== null) return buy ? Math.max(open, stop) : Math.min(open, stop);
    return this.#settings.tradeOnClose ? (bars.close[index - 1] as number) : open;
  }

  /** The lots that an order is for, before the bar's volume limits it. */
  #lotsOf(listing: Listing, order: WaitingOrder, price: number, bar: number, capacity: number): number {
    const { lot } = listing.instrument;
    if (!order.fraction) return floorSteps(Math.abs(order.size), lot);
    const direction = order.size > 0 ? 1 : -1;
    const funds = this.available * this.#settings.leverage * Math.abs(order.size);
    const affordable = (at: number) => floorDivide(funds, this.#unitCost(listing, order, at) * lot);
    if (order.limit !== null) return affordable(price) || 0;
    // By how much it slips may depend on the size, and the size on that: the second is never more than the first.
    const most = affordable(this.#slipped(listing, direction, price, 0, bar)) || 0;
    if (this.#settings.slippage.kind !== "volume_share") return most;
    return affordable(this.#slipped(listing, direction, price, Math.min(most, capacity), bar)) || 0;
  }

  /** What a unit costs by the rule of sizes: the commission of the order as asked for, spread over what was asked for. */
  #unitCost(listing: Listing, order: WaitingOrder, price: number): number {
    const rate = listing.rate();
    const asked = Math.abs(order.size);
    const adjusted = this.#spread(order.size > 0 ? 1 : -1, price);
    return adjusted * rate + this.#commission(listing, asked, price, rate) / asked;
  }

  /** Ends or reduces the trades opposite to an order, oldest first. @returns the lots left over */
  #reduceOpposite(
    listing: Listing,
    order: WaitingOrder,
    lots: number,
    price: number,
    bar: number,
    index: number,
  ): number {
    let left = lots;
    if (listing.trades.length === 0) return left;
    for (const trade of [...listing.trades]) {
      if (left === 0) break;
      if (trade.size > 0 === order.size > 0) continue;
      const part = Math.min(left, listing.lots(Math.abs(trade.size)));
      this.#end(listing, trade, part, price, bar, index - 1, order.id, "order", order.tag);
      left -= part;
    }
    return left;
  }

  /** Opens a trade. @param seen the last bar whose extremes came before it */
  #open(
    listing: Listing,
    order: WaitingOrder,
    lots: number,
    price: number,
    bar: number,
    seen: number,
  ): HeldTrade {
    const direction = order.size > 0 ? 1 : -1;
    const entryPrice = this.#spread(direction, price);
    const size = direction * listing.units(lots);
    const rate = listing.rate();
    const commission = this.#commission(listing, Math.abs(size), entryPrice, rate);
    this.#cash -= commission;
    const entryTime = listing.bars.time[bar] as number;
    const trade: HeldTrade = {
      id: this.#nextId,
      symbol: listing.number,
      size,
      entryBar: bar,
      entryTime,
      entryPrice,
      entryRate: rate,
      sl: order.sl,
      tp: order.tp,
      trail: order.trail,
      tag: order.tag,
      borrow: 0,
      paidUntil: entryTime,
      highest: entryPrice,
      lowest: entryPrice,
      seen,
    };
    this.#nextId += 3; // its own and those of its two exits
    if (trade.trail !== null) trade.sl = trailingStop(listing, trade, trade.trail);
    listing.trades.push(trade);
    listing.changed();
    this.#filled(listing, order.id, trade.id, size, entryPrice, commission, bar, "order", order.tag);
    return trade;
  }

  /** Whether a trade entered by a stop reaches its take-profit on that bar, which its stop-loss is not in. */
  #onlyProfits({ bars }: Listing, { size, sl, tp }: HeldTrade, index: number): boolean {
    if (tp === null) return false;
    const high = bars.high[index] as number;
    const low = bars.low[index] as number;
    return size > 0 ? tp <= high && (sl === null || sl < low) : tp >= low && (sl === null || sl > high);
  }

  /**
   * Ends a trade, or so many lots of it.
   * @param through the last bar during all of which it was held
   */
  #end(
    listing: Listing,
    trade: HeldTrade,
    lots: number,
    exitPrice: number,
    exitBar: number,
    through: number,
    order: number,
    why: FillReason,
    tag: string | null,
  ): void {
    const held = listing.lots(Math.abs(trade.size));
    const whole = lots === held;
    const direction = trade.size > 0 ? 1 : -1;
    const size = whole ? trade.size : direction * listing.units(lots);
    const { symbol, entryBar, entryTime, entryPrice, entryRate } = trade;
    const exitTime = listing.bars.time[exitBar] as number;
    const rate = listing.rate();
    if (this.#settings.borrow > 0) this.#payFor(trade, exitTime, exitPrice * rate);
    const borrow = whole ? trade.borrow : trade.borrow * (lots / held);
    listing.follow(trade, through);

    const gross = size * (exitPrice - entryPrice) * rate;
    const exitCommission = this.#commission(listing, Math.abs(size), exitPrice, rate);
    this.#cash += gross - exitCommission;
    // Part of a trade counts the whole fixed commission of entering, as the reference does.
    const commission = exitCommission + this.#commission(listing, Math.abs(size), entryPrice, entryRate);
    const entryValue = Math.abs(size) * entryPrice * entryRate;
    const best = Math.max(trade.highest, exitPrice) / entryPrice - 1;
    const worst = Math.min(trade.lowest, exitPrice) / entryPrice - 1;
    this.#closed.push({
      symbol,
      size,
      entryBar,
      exitBar,
      entryTime,
      exitTime,
      entryPrice,
      exitPrice,
      // Plus 0: a short trade that breaks even would come to −0, which the store's columns don't tell from 0.
      pnl: gross - commission - borrow + 0,
      commission,
      borrow,
      returnFraction:
        direction * (exitPrice / entryPrice - 1) * (rate / entryRate) -
        (commission + borrow) / entryValue +
        0,
      mae: (direction > 0 ? worst : -best) + 0,
      mfe: (direction > 0 ? best : -worst) + 0,
      why,
      tag: trade.tag,
    });
    if (whole) {
      listing.trades = listing.trades.filter((open) => open !== trade);
    } else {
      trade.size = direction * listing.units(held - lots);
      trade.borrow -= borrow;
    }
    listing.changed();
    this.#filled(listing, order, trade.id, -size, exitPrice, exitCommission, exitBar, why, tag);
  }

  #filled(
    { instrument, bars }: Listing,
    order: number,
    trade: number,
    size: number,
    price: number,
    commission: number,
    bar: number,
    why: FillReason,
    tag: string | null,
  ): void {
    this.#fillCount++;
    if (!this.keepsFills) return;
    if (this.#fills === NOTHING) this.#fills = [];
    const time = bars.time[bar] as number;
    const { symbol } = instrument;
    this.#fills.push({ order, trade, symbol, size, price, commission, bar, time, why, tag });
  }

  #queueClose(listing: Listing, trade: HeldTrade, fraction: number, why: FillReason): void {
    const lots = Math.max(1, roundHalfEven(listing.lots(Math.abs(trade.size)) * fraction));
    const size = (trade.size > 0 ? -1 : 1) * listing.units(lots);
    listing.orders.unshift(this.#closing(trade, size, this.#nextId++, why));
    listing.changed();
  }

  #closing({ symbol, id: trade, tag }: HeldTrade, size: number, id: number, why: FillReason): WaitingOrder {
    // Field by field: spreading costs as much as all the rest of placing and filling an order.
    return {
      id,
      symbol,
      size,
      fraction: false,
      limit: null,
      stop: null,
      sl: null,
      tp: null,
      trail: null,
      tif: "gtc",
      day: null,
      trade,
      why,
      tag,
    };
  }

  #change(listing: Listing, order: WaitingOrder, { limit, stop, size }: OrderChange): void {
    const { instrument } = listing;
    const direction = order.size > 0 ? 1 : -1;
    const changed: WaitingOrder = { ...order };
    if (limit !== undefined) changed.limit = limitPrice(limit, direction, instrument);
    if (stop !== undefined) changed.stop = stopPrice(stop, direction, instrument);
    if (size !== undefined) {
      // An order of units is changed to units, whatever their number.
      changed.size = direction * (order.fraction ? readSize(size) : readUnits(size, instrument));
      changed.fraction = order.fraction && size < 1;
    }
    if (limit !== undefined || stop !== undefined)
      checkSides(changed, this.#spread(direction, listing.close));
    Object.assign(order, changed);
    listing.changed();
  }

  /** The trade that a stop-loss or take-profit of this id guards. */
  #guardOf(id: number): [HeldTrade | undefined, "sl" | "tp"] {
    for (const { trades } of this.#listings) {
      for (const trade of trades) {
        if (trade.sl !== null && stopLossOf(trade) === id) return [trade, "sl"];
        if (trade.tp !== null && takeProfitOf(trade) === id) return [trade, "tp"];
      }
    }
    return [undefined, "sl"];
  }

  #drop(): false {
    this.#dropped++;
    return false;
  }

  /** What an entry pays or gets for a price. */
  #spread(direction: 1 | -1, price: number): number {
    const { spread } = this.#settings;
    return price * (direction > 0 ? 1 + spread : 1 - spread);
  }

  /** The most lots that one order gets of a bar. */
  #capacity({ bars, instrument }: Listing, bar: number): number {
    const { volumeLimit } = this.#settings;
    if (volumeLimit >= NO_LIMIT) return Number.POSITIVE_INFINITY;
    return Math.floor(((bars.volume[bar] as number) * volumeLimit) / instrument.lot);
  }

  #slipped(listing: Listing, direction: 1 | -1, price: number, lots: number, bar: number): number {
    const { slippage } = this.#settings;
    if (slippage.kind !== "volume_share") return slip(slippage, direction, price, 0);
    const volume = listing.bars.volume[bar] as number;
    const share = lots === 0 ? 0 : Math.min(1, listing.units(lots) / volume);
    return slip(slippage, direction, price, share);
  }

  #commission({ instrument }: Listing, size: number, price: number, rate: number): number {
    if (this.#commissionRule === undefined) return commissionOf(this.#settings.commission, size, price, rate);
    const commission = this.#commissionRule(size, price, instrument.symbol);
    if (Number.isFinite(commission)) return commission;
    throw new RangeError(`commission must come to an amount, not ${String(commission)}`);
  }

  /** Takes what short trades cost since they were last paid for, by their value at the newest close. */
  #payBorrow(time: number): void {
    for (const listing of this.#listings) {
      if (listing.trades.length === 0) continue;
      const price = listing.close * listing.rate();
      for (const trade of listing.trades) this.#payFor(trade, time, price);
    }
  }

  /** @param price in the account's currency */
  #payFor(trade: HeldTrade, time: number, price: number): void {
    const since = time - trade.paidUntil;
    if (trade.size > 0 || since <= 0) return;
    const cost = -trade.size * price * this.#settings.borrow * (since / YEAR);
    trade.paidUntil = time;
    trade.borrow += cost;
    this.#cash -= cost;
  }

  /** Takes back all that waits and queues closing orders, when the equity doesn't carry the open trades any more. */
  #callForMargin(equity: number): void {
    const { leverage, maintenance } = this.#settings;
    let used = 0;
    for (const listing of this.#listings) if (listing.trades.length > 0) used += listing.margin(leverage);
    if (equity >= maintenance * used) return;
    for (const listing of this.#listings) {
      listing.orders = listing.orders.filter(({ why }) => why === "margin");
      const called = new Set(listing.orders.map(({ trade }) => trade));
      for (const trade of listing.trades) {
        if (!called.has(trade.id)) this.#queueClose(listing, trade, 1, "margin");
      }
      listing.changed();
    }
  }

  /** Closes everything at the newest closes. */
  #goBust(): 0 {
    for (const listing of this.#listings) {
      const { newest, close } = listing;
      for (const trade of [...listing.trades]) {
        const lots = listing.lots(Math.abs(trade.size));
        this.#end(listing, trade, lots, close, newest, newest, this.#nextId++, "bust", trade.tag);
      }
      listing.orders = [];
      listing.changed();
    }
    this.#cash = 0;
    this.#bust = true;
    return 0;
  }
}

/** Where a stop-loss at a distance from the best price since the entry lies. */
function trailingStop(
  { instrument }: Listing,
  { size, highest, lowest }: HeldTrade,
  distance: number,
): number {
  const stop = size > 0 ? highest - distance : lowest + distance;
  return stopPrice(stop, size > 0 ? -1 : 1, instrument) as number;
}
