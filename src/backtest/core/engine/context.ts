import type { Bars } from "../bars.ts";
import type { Broker } from "../broker/broker.ts";
import { crossesAbove, crossesBelow } from "../indicators/series.ts";
import type {
  Context,
  Indicators,
  Line,
  Order,
  OrderChange,
  OrderOptions,
  Params,
  Position,
  Trade,
} from "../strategy.ts";
import type { Stream } from "./stream.ts";

/** Where what a strategy says and draws goes. Times are UTC ms. */
export interface Sink {
  log(symbol: string, time: number, text: string): void;
  plot(symbol: string, time: number, name: string, value: number, pane: "price" | "own"): void;
  /** An order was placed, taken back or changed. */
  order(event: OrderEvent): void;
}

/** What a strategy did with an order. */
export type OrderEvent = {
  readonly what: "placed" | "cancelled" | "modified";
  readonly order: number;
  readonly symbol: string;
  readonly time: number;
  readonly side?: "buy" | "sell";
  readonly options?: OrderOptions | OrderChange;
  /** Of an order that closes a trade: what it is to it, and which. */
  readonly role?: "close" | "sl" | "tp";
  readonly trade?: number;
};

/** What stands behind the contexts of a run; a strategy can't reach it. */
export type ContextSource = {
  readonly broker: Broker;
  readonly sink: Sink;
  /** The contexts of all symbols, by their names. */
  readonly contexts: ReadonlyMap<string, BarContext>;
  /** When the bar being worked opened, UTC ms. */
  now(): number;
  /** Whether the last bar is done, and orders mean nothing any more. */
  ended: boolean;
};

/** What `init` gave for a symbol. */
export type DeclaredFor = {
  readonly params: Readonly<Params>;
  readonly indicators: Indicators;
  readonly state: Record<string, unknown>;
  /** Before this time, UTC ms, nobody knows of the symbol. */
  readonly since: number;
};

/** Moves a context to a bar. Not a method: a strategy must not be able to. */
export let moveContext: (context: BarContext, index: number) => void;

/** A line of ctx.log is cut here: it is to be read. */
const LONGEST_LOG = 2_000;

/** What a strategy is given at each bar of a symbol: one object, moved along by {@link moveContext}. */
export class BarContext implements Context {
  readonly symbol: string;
  readonly params: Readonly<Params>;
  readonly indicators: Indicators;
  readonly position: Position;
  readonly #number: number;
  readonly #since: number;
  readonly #bars: Bars;
  readonly #source: ContextSource;
  readonly #broker: Broker;
  #state: Record<string, unknown>;
  #index = -1;

  constructor(stream: Stream, source: ContextSource, { params, indicators, state, since }: DeclaredFor) {
    this.symbol = stream.instrument.symbol;
    this.#number = stream.number;
    this.#bars = stream.bars;
    this.#source = source;
    this.#broker = source.broker;
    this.params = params;
    // What a strategy would put here would be gone after a resume: ctx.state is for that.
    this.indicators = Object.freeze({ ...indicators });
    this.#state = state;
    this.#since = since;
    this.position = new OpenPosition(source, stream.number);
    Object.freeze(this);
  }

  get state(): Record<string, unknown> {
    return this.#state;
  }

  set state(state: Record<string, unknown>) {
    this.#state = state;
  }

  get index(): number {
    return this.#index;
  }

  get time(): number {
    return this.#bars.time[this.#index] as number;
  }

  get trades(): readonly Trade[] {
    return this.#broker.trades(this.#number);
  }

  get orders(): readonly Order[] {
    return this.#broker.orders(this.#number);
  }

  get equity(): number {
    return this.#broker.equity;
  }

  get cash(): number {
    return this.#broker.cash;
  }

  get margin(): number {
    return this.#broker.available;
  }

  of(symbol: string): BarContext {
    const { contexts } = this.#source;
    const now = this.#source.now();
    const other = contexts.get(symbol);
    if (other === undefined || other.#since > now) {
      const known = [...contexts.values()].filter((context) => context.#since <= now);
      const names = known.map((context) => context.symbol).join(", ");
      throw new RangeError(`the run has no symbol ${symbol}: it has ${names}`);
    }
    if (other.#index < 0) throw new RangeError(`${symbol} has no bar yet`);
    return other;
  }

  timeAt(ago: number): number {
    return this.#bars.time[this.#at(ago)] as number;
  }

  open(ago = 0): number {
    return this.#bars.open[this.#at(ago)] as number;
  }

  high(ago = 0): number {
    return this.#bars.high[this.#at(ago)] as number;
  }

  low(ago = 0): number {
    return this.#bars.low[this.#at(ago)] as number;
  }

  close(ago = 0): number {
    return this.#bars.close[this.#at(ago)] as number;
  }

  volume(ago = 0): number {
    return this.#bars.volume[this.#at(ago)] as number;
  }

  crossesAbove(a: Line, b: Line | number): boolean {
    return crossesAbove(a, b);
  }

  crossesBelow(a: Line, b: Line | number): boolean {
    return crossesBelow(a, b);
  }

  buy(order?: OrderOptions): number {
    return this.#order(1, order);
  }

  sell(order?: OrderOptions): number {
    return this.#order(-1, order);
  }

  cancel(order: number): boolean {
    const done = this.#broker.cancel(order);
    if (done) this.#tell({ what: "cancelled", order });
    return done;
  }

  modify(order: number, change: OrderChange): boolean {
    const done = this.#broker.modify(order, change);
    if (done) this.#tell({ what: "modified", order, options: change });
    return done;
  }

  protect(trade: number, exits: { sl?: number | null; tp?: number | null; trail?: number | null }): boolean {
    return this.#broker.protect(trade, exits);
  }

  closeTrade(trade: number, fraction?: number): boolean {
    refuseEnded(this.#source);
    return this.#broker.closeTrade(trade, fraction);
  }

  log(text: string): void {
    this.#source.sink.log(this.symbol, this.time, String(text).slice(0, LONGEST_LOG));
  }

  plot(name: string, value: number, pane: "price" | "own" = "own"): void {
    if (typeof name !== "string" || typeof value !== "number") {
      throw new TypeError("a plot is a name and a number: ctx.plot(name, value)");
    }
    if (pane !== "price" && pane !== "own") throw new RangeError(`a pane is "price" or "own", not ${pane}`);
    this.#source.sink.plot(this.symbol, this.time, name, value, pane);
  }

  #order(direction: 1 | -1, order: OrderOptions | undefined): number {
    refuseEnded(this.#source);
    const id = this.#broker.order(this.#number, direction, order);
    const side = direction === 1 ? "buy" : "sell";
    const placed = { what: "placed", order: id, symbol: this.symbol, time: this.time, side } as const;
    this.#source.sink.order(order === undefined ? placed : { ...placed, options: order });
    return id;
  }

  #tell(event: Pick<OrderEvent, "what" | "order" | "side" | "options">): void {
    this.#source.sink.order({ ...event, symbol: this.symbol, time: this.time });
  }

  #at(ago: number): number {
    const index = this.#index - ago;
    if (ago >= 0 && index >= 0 && Number.isInteger(index)) return index;
    if (ago < 0) throw new RangeError(`asked for a bar of the future: ${-ago} after this one`);
    if (index < 0)
      throw new RangeError(`asked for ${ago} bars ago, but only ${this.#index} bars came before this one`);
    throw new RangeError(`bars ago must be a whole number, not ${ago}`);
  }

  static {
    moveContext = (context, index) => {
      context.#index = index;
    };
  }
}

function refuseEnded({ ended }: ContextSource): void {
  if (ended) throw new Error("the run has ended: no order can be placed any more");
}

class OpenPosition implements Position {
  readonly #source: ContextSource;
  readonly #broker: Broker;
  readonly #symbol: number;

  constructor(source: ContextSource, symbol: number) {
    this.#source = source;
    this.#broker = source.broker;
    this.#symbol = symbol;
    Object.freeze(this);
  }

  get size(): number {
    return this.#broker.position(this.#symbol).size;
  }

  get isLong(): boolean {
    return this.size > 0;
  }

  get isShort(): boolean {
    return this.size < 0;
  }

  get profit(): number {
    return this.#broker.profit(this.#symbol);
  }

  close(fraction?: number): void {
    refuseEnded(this.#source);
    this.#broker.closeAll(this.#symbol, fraction);
  }
}
