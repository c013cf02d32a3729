import type { Bars } from "./bars.ts";
import type { Broker } from "./broker.ts";
import { formatTime } from "./calendar.ts";
import { type BarContext, moveContext } from "./context.ts";
import type { Strategy } from "./strategy.ts";

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

/** Works a bar: first the broker on the orders of the bar before, then the strategy. */
export class Analysis {
  readonly #bars: Bars;
  readonly #broker: Broker;
  readonly #equity: Float64Array;
  readonly #strategy: Strategy;
  readonly #context: BarContext;

  constructor(bars: Bars, broker: Broker, equity: Float64Array, strategy: Strategy, context: BarContext) {
    this.#bars = bars;
    this.#broker = broker;
    this.#equity = equity;
    this.#strategy = strategy;
    this.#context = context;
  }

  /** @returns false if the account went bust, and the run with it. @throws StrategyError */
  work(index: number): boolean {
    const equity = this.#broker.work(index);
    this.#equity[index] = equity;
    if (equity <= 0) return false;
    moveContext(this.#context, index);
    let result: unknown;
    try {
      result = this.#strategy.onBar(this.#context);
    } catch (cause) {
      throw this.#error(cause instanceof Error ? cause.message : String(cause), index, cause);
    }
    if (result !== undefined) this.#refuse(result, index);
    return true;
  }

  /** An async onBar would place its orders at some later bar. */
  #refuse(result: unknown, index: number): void {
    if (typeof result !== "object" || result === null || !("then" in result)) return;
    // Its rejection is told by the error thrown here; unheard, it would be a second, unhandled one.
    if (result instanceof Promise) result.catch(() => {});
    throw this.#error("onBar returned a promise: it must not be async", index, undefined);
  }

  #error(message: string, bar: number, cause: unknown): StrategyError {
    return new StrategyError(message, { bar, time: this.#bars.time[bar] as number }, cause);
  }
}
