import type { FillReason, Order, Trade } from "../strategy.ts";

/** What the broker's rules are of, and what it keeps. Amounts are in the account's currency, rates are fractions. */

/** What an order costs at entry and again at exit: `fixed + |size| * perUnit + |size| * price * rate`. */
export type Commission = { readonly fixed: number; readonly rate: number; readonly perUnit: number };

/**
 * By how much a market or stop order fills worse than its price: not at all, by an amount of price, by a fraction of it,
 * or by `impact * share²` of it, where `share` is the part of the bar's volume that it takes (zipline's model).
 */
export type Slippage =
  | { readonly kind: "none" }
  | { readonly kind: "fixed"; readonly amount: number }
  | { readonly kind: "rate"; readonly rate: number }
  | { readonly kind: "volume_share"; readonly impact: number };

/** How orders are filled and what they cost. */
export type BrokerSettings = {
  readonly cash: number;
  /** What can be held for each unit of margin: 1 is no leverage, 50 is a margin of 0.02. */
  readonly leverage: number;
  /**
   * Below this fraction of what the open trades take as margin, the account gets a margin call: at the next bar all
   * trades are closed. 0: never, as the reference has it; then only an equity of 0 ends it.
   */
  readonly maintenance: number;
  readonly commission: Commission;
  /** Entries pay `price * (1 + spread)` to buy and get `price * (1 - spread)` to sell; exits are unadjusted. */
  readonly spread: number;
  readonly slippage: Slippage;
  /** The most that one order takes of a bar's volume; what is left waits for the next bar. 1e9 and more: no limit. */
  readonly volumeLimit: number;
  /** What holding a short trade costs a year of 365 days, of its value at each close. */
  readonly borrow: number;
  /** Market orders fill at the close of the bar they are placed on instead of the next open. */
  readonly tradeOnClose: boolean;
  /** Each new order cancels what is pending but brackets, and closes what is open. */
  readonly exclusiveOrders: boolean;
  /** Opposite orders open trades of their own instead of reducing those that are open. */
  readonly hedging: boolean;
};

/** The costs and rules of the reference's plainest case. */
export const plainSettings = (cash: number): BrokerSettings => ({
  cash,
  leverage: 1,
  maintenance: 0,
  commission: { fixed: 0, rate: 0, perUnit: 0 },
  spread: 0,
  slippage: { kind: "none" },
  volumeLimit: 1e9,
  borrow: 0,
  tradeOnClose: false,
  exclusiveOrders: false,
  hedging: false,
});

/** A trade that has ended, or the part of one that was closed. */
export type ClosedTrade = {
  readonly symbol: number;
  /** Units, positive long, negative short. */
  readonly size: number;
  readonly entryBar: number;
  readonly exitBar: number;
  /** When those bars open, UTC ms; NaN in the rows of the first version's store. */
  readonly entryTime: number;
  readonly exitTime: number;
  readonly entryPrice: number;
  readonly exitPrice: number;
  /** `size * (exitPrice - entryPrice) - commission - borrow`, in the account's currency. */
  readonly pnl: number;
  /** Of entry and exit together. */
  readonly commission: number;
  /** What it cost to hold. */
  readonly borrow: number;
  /** The fraction won or lost, net of costs, of what the entry cost. */
  readonly returnFraction: number;
  /** The furthest that the price went against it and for it while it was held, of the entry's price: ≤ 0 and ≥ 0. */
  readonly mae: number;
  readonly mfe: number;
  readonly why: FillReason;
  readonly tag: string | null;
};

/** An open trade as the broker keeps it: plain data. Its stop-loss is the order `id + 1`, its take-profit `id + 2`. */
export type OpenTrade = Omit<Trade, "symbol"> & {
  readonly symbol: number;
  /** What one unit of the price's currency was worth in the account's when it was entered. */
  readonly entryRate: number;
  /** Borrow paid so far, and the time (UTC ms) up to which it is. */
  readonly borrow: number;
  readonly paidUntil: number;
  /** The extremes of price since the entry, up to the bar `seen`: brought up to date only when somebody asks. */
  readonly highest: number;
  readonly lowest: number;
  readonly seen: number;
};

/** An order as the broker keeps it: plain data. Stop-losses and take-profits of open trades are kept with those. */
export type PendingOrder = {
  readonly id: number;
  readonly symbol: number;
  /** Signed: of what is available if `fraction`, else units; less what is filled. */
  readonly size: number;
  readonly fraction: boolean;
  readonly limit: number | null;
  readonly stop: number | null;
  readonly sl: number | null;
  readonly tp: number | null;
  readonly trail: number | null;
  readonly tif: Order["tif"];
  /** The trading day it was placed on, of a `day` order. */
  readonly day: number | null;
  /** The trade that it closes. */
  readonly trade: number | null;
  readonly why: FillReason;
  readonly tag: string | null;
};
