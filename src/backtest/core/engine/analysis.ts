import type { Broker } from "../broker/broker.ts";
import type { Strategy } from "../strategy.ts";
import { formatTime } from "../time/calendar.ts";
import { type BarContext, moveContext } from "./context.ts";
import type { DerivedStream, Stream } from "./stream.ts";
import type { Follower, StreamSubscription } from "./subscription.ts";
import { type Sampling, StageTiming } from "./timing.ts";

/** What a strategy did wrong, and at which bar. The message names the bar. */
export class StrategyError extends Error {
  /** The bar's index, or null when it happened before the first bar. */
  readonly bar: number | null;
  /** When that bar opened, UTC milliseconds since 1970. */
  readonly time: number | null;

  constructor(message: string, at: { bar: number; time: number } | null, cause?: unknown) {
    super(at ? `${message} (at bar ${at.bar}, ${formatTime(at.time)})` : message, { cause });
    this.name = "StrategyError";
    this.bar = at?.bar ?? null;
    this.time = at?.time ?? null;
  }
}

/** What the analysis works with. `time` and `equity` are columns of the steps, and may be replaced by longer ones. */
export type Analysed = {
  readonly streams: readonly Stream[];
  readonly contexts: readonly BarContext[];
  readonly broker: Broker;
  readonly strategy: Strategy;
  readonly sampling: Sampling;
};

/** Works a step: first the broker on the orders of the bars before, then the strategy, symbol after symbol. */
export class AnalysisEngine implements Follower {
  readonly timing = new StageTiming();
  readonly #streams: readonly Stream[];
  readonly #contexts: readonly BarContext[];
  readonly #broker: Broker;
  readonly #strategy: Strategy;
  readonly #sampling: Sampling;
  #time: Float64Array;
  #equity: Float64Array;
  #incoming: StreamSubscription | undefined;
  #peak: number;
  #bars = 0;
  #fills = 0;
  /** Whether the account went bust. */
  bust = false;
  /** Whether anything was filled in the newest step. */
  filled = false;

  constructor(
    { streams, contexts, broker, strategy, sampling }: Analysed,
    time: Float64Array,
    equity: Float64Array,
  ) {
    this.#streams = streams;
    this.#contexts = contexts;
    this.#broker = broker;
    this.#strategy = strategy;
    this.#sampling = sampling;
    this.#time = time;
    this.#equity = equity;
    this.#peak = broker.cash;
  }

  /** Says what it follows. */
  follow(incoming: StreamSubscription): void {
    this.#incoming = incoming;
  }

  /** Other columns of the steps, equal in what is worked already. */
  replan(time: Float64Array, equity: Float64Array): void {
    this.#time = time;
    this.#equity = equity;
  }

  /** How far equity is below its peak, as a fraction of that. */
  get drawdown(): number {
    return 1 - this.#broker.equity / this.#peak;
  }

  /** How many trades were closed. */
  get trades(): number {
    return this.#broker.closed.length;
  }

  /** Bars worked, of all symbols. */
  get bars(): number {
    return this.#bars;
  }

  /** Takes up a run: how many bars of it are done, and the highest equity of them. */
  goOn(bars: number, peak: number): void {
    this.#bars = bars;
    this.#peak = Math.max(this.#peak, peak);
    this.#fills = this.#broker.fillCount;
  }

  take(step: number): void {
    const sampling = this.#sampling;
    if (sampling.on) {
      const began = sampling.now();
      this.#work(step);
      this.timing.add(sampling.now() - began - sampling.reading);
    } else this.#work(step);
    (this.#incoming as StreamSubscription).reset();
  }

  #work(step: number): void {
    const streams = this.#streams;
    // Most runs have one symbol, and on a path of its own its bars take a fifth less.
    if (streams.length !== 1) {
      this.#workAll(step);
      return;
    }
    const stream = streams[0] as Stream;
    const broker = this.#broker;
    const { index } = stream;
    this.#bars++;
    broker.mark(0, index);
    moveContext(this.#contexts[0] as BarContext, index);
    broker.work(0, index);
    if (this.#settle(step) && stream.warmup >= 0 && index > stream.warmup) this.#call(stream, 0);
    this.#fills = broker.fillCount;
  }

  #workAll(step: number): void {
    const streams = this.#streams;
    const broker = this.#broker;
    for (let k = 0; k < streams.length; k++) {
      const stream = streams[k] as Stream;
      if (!stream.has) continue;
      this.#bars++;
      broker.mark(k, stream.index);
      moveContext(this.#contexts[k] as BarContext, stream.index);
    }
    for (let k = 0; k < streams.length; k++) {
      const stream = streams[k] as Stream;
      if (stream.has) broker.work(k, stream.index);
    }
    if (!this.#settle(step)) return;
    for (let k = 0; k < streams.length; k++) {
      const stream = streams[k] as Stream;
      // The first bar at which all had a value is the last of the warm-up: crosses need the bar before.
      if (stream.has && stream.warmup >= 0 && stream.index > stream.warmup) this.#call(stream, k);
    }
    this.#fills = broker.fillCount;
  }

  /** Values the account after a step. @returns false when it is bust */
  #settle(step: number): boolean {
    const broker = this.#broker;
    const equity = broker.settle(this.#time[step] as number);
    this.#equity[step] = equity;
    this.filled = broker.fillCount !== this.#fills;
    if (equity > this.#peak) this.#peak = equity;
    this.bust = equity <= 0;
    return equity > 0;
  }

  #call(stream: Stream, number: number): void {
    const ctx = this.#contexts[number] as BarContext;
    const strategy = this.#strategy;
    if (this.filled && strategy.onFill) this.#tellFills(stream, ctx);
    if (stream.derived.length > 0 && strategy.onDerivedBar) this.#tellDerived(stream, ctx);
    if (strategy.onBar === undefined) return;
    let result: unknown;
    try {
      result = strategy.onBar(ctx);
    } catch (cause) {
      throw this.#error(cause, stream);
    }
    if (result !== undefined) this.#refuse("onBar", result, stream);
  }

  #tellFills(stream: Stream, ctx: BarContext): void {
    for (const fill of this.#broker.fills) {
      if (fill.symbol === stream.instrument.symbol)
        this.#tell("onFill", stream, () => this.#strategy.onFill?.(ctx, fill));
    }
  }

  #tellDerived(stream: Stream, ctx: BarContext): void {
    for (const { fresh, shown } of stream.derived as readonly DerivedStream[]) {
      if (fresh) this.#tell("onDerivedBar", stream, () => this.#strategy.onDerivedBar?.(ctx, shown));
    }
  }

  /** The last word of the strategy on each symbol that it was called for. */
  end(): void {
    for (const [number, stream] of this.#streams.entries()) {
      const ctx = this.#contexts[number] as BarContext;
      if (stream.index >= 0) this.#tell("onEnd", stream, () => this.#strategy.onEnd?.(ctx));
    }
  }

  #tell(name: string, stream: Stream, call: () => unknown): void {
    let result: unknown;
    try {
      result = call();
    } catch (cause) {
      throw this.#error(cause, stream);
    }
    this.#refuse(name, result, stream);
  }

  /** An async one would place its orders at some later bar. */
  #refuse(name: string, result: unknown, stream: Stream): void {
    if (typeof result !== "object" || result === null || !("then" in result)) return;
    // Its rejection is told by the error thrown here; unheard, it would be a second, unhandled one.
    if (result instanceof Promise) result.catch(() => {});
    throw this.#error(new Error(`${name} returned a promise: it must not be async`), stream);
  }

  /** What the strategy did wrong at a symbol's newest bar. */
  fault(symbol: string, cause: unknown): StrategyError {
    return this.#error(cause, this.#streams.find(({ instrument }) => instrument.symbol === symbol) as Stream);
  }

  #error(cause: unknown, { bars, index, instrument }: Stream): StrategyError {
    const what = cause instanceof Error ? cause.message : String(cause);
    const message = this.#streams.length === 1 ? what : `${instrument.symbol}: ${what}`;
    return new StrategyError(message, { bar: index, time: bars.time[index] as number }, cause);
  }
}
