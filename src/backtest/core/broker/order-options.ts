import type { OrderChange, OrderOptions } from "../strategy.ts";
import type { PendingOrder } from "./account.ts";
import type { Instrument } from "./instrument.ts";
import { ceilSteps, floorSteps, fromSteps } from "./steps.ts";

/** Where a trade is to be left; what isn't there stays as it is, null takes it away. */
export type Exits = {
  readonly sl?: number | null;
  readonly tp?: number | null;
  readonly trail?: number | null;
};

/** The size of an order that names none: everything, less the least step so that it counts as a fraction. */
const EVERYTHING = 1 - Number.EPSILON;

/**
 * Reads what a strategy hands over: passed over in silence, a mistake in it would buy everything.
 * @param direction 1 to buy, -1 to sell
 * @param market what a market order would pay or get by the newest close
 * @param symbol its number
 * @returns the order, of no day
 * @throws RangeError for what isn't an order
 */
export function readOrder(
  options: OrderOptions,
  direction: 1 | -1,
  market: number,
  instrument: Instrument,
  id: number,
  symbol: number,
): PendingOrder {
  const { size, units, tif = "gtc", tag = null } = known(options, "an order", ORDER_KEYS);
  if (size !== undefined && units !== undefined) throw new RangeError("an order has size or units, not both");
  if (options.sl !== undefined && options.trail !== undefined) {
    throw new RangeError("an order has sl or trail, not both");
  }
  if (!TIMES_IN_FORCE.includes(tif)) throw new RangeError(`tif must be gtc, day or ioc, not ${tif}`);
  if (tag !== null && typeof tag !== "string") throw new RangeError("tag must be a text");
  const order: PendingOrder = {
    id,
    symbol,
    size: direction * (units === undefined ? readSize(size) : readUnits(units, instrument)),
    fraction: units === undefined && (size === undefined || size < 1),
    limit: limitPrice(price("limit", options.limit), direction, instrument),
    stop: stopPrice(price("stop", options.stop), direction, instrument),
    sl: stopPrice(price("sl", options.sl), direction === 1 ? -1 : 1, instrument),
    tp: limitPrice(price("tp", options.tp), direction === 1 ? -1 : 1, instrument),
    trail: price("trail", options.trail),
    tif,
    day: null,
    trade: null,
    why: "order",
    tag,
  };
  checkSides(order, market);
  return order;
}

/** @throws RangeError unless the stop-loss of an order to buy is below its price and its take-profit above; or the opposite */
export function checkSides(
  { size, limit, stop, sl, tp }: Pick<PendingOrder, "size" | "limit" | "stop" | "sl" | "tp">,
  market: number,
): void {
  const entry = limit ?? stop ?? market;
  const low = size > 0 ? sl : tp;
  const high = size > 0 ? tp : sl;
  if ((low === null || low < entry) && (high === null || entry < high)) return;
  const order =
    size > 0 ? `sl (${sl}) < price (${entry}) < tp (${tp})` : `tp (${tp}) < price (${entry}) < sl (${sl})`;
  throw new RangeError(`an order to ${size > 0 ? "buy" : "sell"} needs ${order}`);
}

/** @throws RangeError for what isn't a change of an order */
export function readChange(change: OrderChange): OrderChange {
  const { limit, stop } = known(change, "a change of an order", CHANGE_KEYS);
  price("limit", limit);
  price("stop", stop);
  return change;
}

/** @throws RangeError for what says no exits */
export function readExits(exits: Exits): Exits {
  const { sl, tp, trail } = known(exits, "the exits of a trade", EXIT_KEYS);
  for (const [name, value] of Object.entries({ sl, tp, trail })) price(name, value ?? undefined);
  if (typeof sl === "number" && typeof trail === "number")
    throw new RangeError("a trade has sl or trail, not both");
  return exits;
}

/** Below 1 it is a fraction. @throws RangeError for what is neither that nor whole units */
export function readSize(size: number = EVERYTHING): number {
  if (Number.isSafeInteger(size) && size >= 1) return size;
  if (typeof size === "number" && size > 0 && size < 1) return size;
  throw new RangeError(`size must be a fraction between 0 and 1 or whole units, not ${String(size)}`);
}

/** @throws RangeError for what isn't a number of units */
export function readUnits(units: number, { lot }: Instrument): number {
  if (typeof units === "number" && units > 0 && units / lot <= Number.MAX_SAFE_INTEGER) return units;
  throw new RangeError(`units must be a number above 0, not ${String(units)}`);
}

/** @throws RangeError for a fraction of a trade that isn't one */
export function readFraction(fraction: number): number {
  if (typeof fraction === "number" && fraction > 0 && fraction <= 1) return fraction;
  throw new RangeError(`the fraction to close must be above 0 and at most 1, not ${String(fraction)}`);
}

/** A limit on the instrument's ticks: never a worse price than asked for. */
export function limitPrice(price: number | null, direction: 1 | -1, { tick }: Instrument): number | null {
  return price === null || tick === 0 ? price : (direction === 1 ? floorTo : ceilTo)(price, tick);
}

/** A stop on the instrument's ticks: never reached sooner than asked for. */
export function stopPrice(price: number | null, direction: 1 | -1, { tick }: Instrument): number | null {
  return price === null || tick === 0 ? price : (direction === 1 ? ceilTo : floorTo)(price, tick);
}

const floorTo = (price: number, tick: number): number => fromSteps(floorSteps(price, tick), tick);
const ceilTo = (price: number, tick: number): number => fromSteps(ceilSteps(price, tick), tick);

const ORDER_KEYS = ["size", "units", "limit", "stop", "sl", "tp", "trail", "tif", "tag"];
const CHANGE_KEYS = ["limit", "stop", "size"];
const EXIT_KEYS = ["sl", "tp", "trail"];
const TIMES_IN_FORCE: readonly string[] = ["gtc", "day", "ioc"];

function known<T extends object>(options: T, what: string, keys: readonly string[]): T {
  if (typeof options !== "object" || options === null) {
    throw new RangeError(`${what} is { ${keys.join(", ")} }, not ${String(options)}`);
  }
  // No list of its keys is made: strategies place orders by the million.
  for (const name in options) {
    if (!keys.includes(name)) throw new RangeError(`${what} has no ${name}: it has ${keys.join(", ")}`);
  }
  return options;
}

function price(name: string, value: number | undefined): number | null {
  if (value === undefined) return null;
  if (typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new RangeError(`${name} must be a price above 0, not ${String(value)}`);
}
