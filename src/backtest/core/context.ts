import type { Bars } from "./bars.ts";
import type { Broker } from "./broker.ts";
import { sumOf } from "./indicators.ts";
import type { Context, Indicators, OrderOptions, Params, Position, Sma, Trade } from "./strategy.ts";

/** What stands behind a context; a strategy can't reach it. */
export type ContextSource = {
  readonly bars: Bars;
  readonly broker: Broker;
  readonly equity: Float64Array;
};

/** Moves a context to a bar. Not a method: a strategy must not be able to. */
export let moveContext: (context: BarContext, index: number) => void;

/** What a strategy is given at each bar: one object, moved along by {@link moveContext}. */
export class BarContext implements Context {
  readonly params: Readonly<Params>;
  readonly indicators: Indicators;
  state: Record<string, unknown>;
  readonly position: Position;
  readonly #bars: Bars;
  readonly #broker: Broker;
  readonly #equity: Float64Array;
  #index = 0;

  constructor(
    { bars, broker, equity }: ContextSource,
    params: Readonly<Params>,
    indicators: Indicators,
    state: Record<string, unknown>,
  ) {
    this.#bars = bars;
    this.#broker = broker;
    this.#equity = equity;
    this.params = params;
    this.indicators = indicators;
    this.state = state;
    this.position = new OpenPosition(broker, () => this.close());
    // What a strategy would put here would be gone after a resume: ctx.state is for that.
    Object.preventExtensions(this);
  }

  get index(): number {
    return this.#index;
  }

  get time(): number {
    return this.#bars.time[this.#index] as number;
  }

  get trades(): readonly Trade[] {
    return this.#broker.trades;
  }

  get equity(): number {
    return this.#equity[this.#index] as number;
  }

  get cash(): number {
    return this.#broker.cash;
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

  crossesAbove(a: Sma, b: Sma): boolean {
    return sumOf(a).crossesAbove(sumOf(b));
  }

  crossesBelow(a: Sma, b: Sma): boolean {
    return sumOf(b).crossesAbove(sumOf(a));
  }

  buy(order?: OrderOptions): void {
    this.#broker.order(1, sizeOf(order));
  }

  sell(order?: OrderOptions): void {
    this.#broker.order(-1, sizeOf(order));
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

/** The size an order names. @throws RangeError for what isn't an order: passed over in silence it would buy everything */
function sizeOf(order: OrderOptions | undefined): number | undefined {
  if (order === undefined) return undefined;
  if (typeof order !== "object" || order === null)
    throw new RangeError(`an order is { size }, not ${String(order)}`);
  const unknown = Object.keys(order).find((name) => name !== "size");
  if (unknown !== undefined) throw new RangeError(`an order has no ${unknown}: it has size`);
  return order.size;
}

class OpenPosition implements Position {
  readonly #broker: Broker;
  readonly #price: () => number;

  constructor(broker: Broker, price: () => number) {
    this.#broker = broker;
    this.#price = price;
  }

  get size(): number {
    let size = 0;
    for (const trade of this.#broker.trades) size += trade.size;
    return size;
  }

  get isLong(): boolean {
    return this.size > 0;
  }

  get isShort(): boolean {
    return this.size < 0;
  }

  get profit(): number {
    return this.#broker.profit(this.#price());
  }

  close(): void {
    this.#broker.closeAll();
  }
}
