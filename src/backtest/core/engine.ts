import { Analysis, StrategyError } from "./analysis.ts";
import type { Bars } from "./bars.ts";
import { Broker, type BrokerSettings, type BrokerState, type ClosedTrade } from "./broker.ts";
import { BarContext } from "./context.ts";
import { Coordinator, type Stop } from "./coordinator.ts";
import { resolveParams } from "./parameters.ts";
import { Processor } from "./processor.ts";
import type { Declared, Params, Strategy } from "./strategy.ts";

/**
 * Goes up when the same bars, settings and strategy would come to other bits than before: a run isn't resumed by an
 * engine of another version.
 */
export const ENGINE_VERSION = 1;

/** The rules of a run. */
export type Settings = BrokerSettings & {
  /** At the end, close what is open at the last bar's open, so that it counts among the trades. */
  readonly finalize: boolean;
};

/** What an engine is made of. */
export type EngineOptions = {
  readonly bars: Bars;
  readonly settings: Settings;
  readonly strategy: Strategy;
  /** Parameters set over the strategy's defaults. */
  readonly params?: Readonly<Params>;
  /** Filled with the account's equity at each bar's close; at least as long as the bars, often shared memory. */
  readonly equity: Float64Array;
};

/**
 * All that an engine needs to go on from a bar boundary, with the same bars, settings, strategy and params: plain
 * data. The closed trades and the equity are rows that only grow; they are kept apart and counted here.
 */
export type EngineState = {
  /** The next bar to be worked; the equity of those before it is done. */
  readonly next: number;
  readonly bust: boolean;
  readonly broker: BrokerState;
  /** The strategy's own state. */
  readonly strategy: Record<string, unknown>;
};

/**
 * A backtest: bar after bar the coordinator advances time, the processor moves the indicators and the analysis runs
 * the broker and the strategy, synchronously. It never looks at a clock, so the same input gives the same bits.
 *
 * An engine that has thrown can't go on; restore a new one.
 */
export class Engine {
  /** The index of the first bar at which every declared indicator has a value; the run starts one bar later. */
  readonly warmup: number;
  readonly #length: number;
  readonly #settings: Settings;
  readonly #equity: Float64Array;
  readonly #processor: Processor;
  readonly #broker: Broker;
  readonly #coordinator: Coordinator;
  readonly #context: BarContext;

  /**
   * Calls the strategy's `init` and fills the equity before the first bar worked.
   * @throws ParameterError for params that the strategy doesn't have.
   * @throws StrategyError when `init` fails.
   */
  constructor({ bars, settings, strategy, params = {}, equity }: EngineOptions) {
    if (equity.length < bars.length) {
      throw new RangeError(`equity holds ${equity.length} values for ${bars.length} bars`);
    }
    const resolved = resolveParams(strategy.params ?? {}, params);
    this.#length = bars.length;
    this.#settings = settings;
    this.#equity = equity;
    this.#processor = new Processor(bars);
    this.#broker = new Broker(settings, bars);
    const { indicators = {}, state = {} } = declare(strategy, resolved, this.#processor);
    this.warmup = this.#processor.warmup;
    const start = Math.min(1 + this.warmup, bars.length);
    this.#context = new BarContext({ bars, broker: this.#broker, equity }, resolved, indicators, state);
    const analysis = new Analysis(bars, this.#broker, equity, strategy, this.#context);
    this.#coordinator = new Coordinator(bars.length, start, this.#processor, analysis);
    this.#seek(start);
    // No order can fill on the first bar worked, so its equity, which stands for those before it, is the cash.
    equity.fill(settings.cash, 0, start);
  }

  /** The next bar to be worked. */
  get next(): number {
    return this.#coordinator.next;
  }

  /** The trades closed so far; only ever appended to. */
  get closedTrades(): readonly ClosedTrade[] {
    return this.#broker.closed;
  }

  /** Orders so far that were dropped: too large for the account, or less than one unit. */
  get droppedOrders(): number {
    return this.#broker.dropped;
  }

  /**
   * Works bars until the gate's limit ({@link LIMIT}), the last bar or bust.
   * @param control the control block, or null for no gate.
   * @throws StrategyError
   */
  advance(control: Int32Array | null): Stop {
    return this.#coordinator.advance(control);
  }

  /** Call once `advance` has returned "end" or "bust": closes open trades if the settings say so, completes the equity. */
  finish(): void {
    const { next, bust } = this.#coordinator;
    if (bust) this.#equity.fill(0, next, this.#length);
    else if (this.#settings.finalize && this.warmup + 1 < this.#length) {
      this.#equity[this.#length - 1] = this.#broker.finalize(this.#length - 1);
    }
  }

  /** The state between two bars. The strategy's part is its live object: encode or copy it before advancing. */
  snapshot(): EngineState {
    const { next, bust } = this.#coordinator;
    return { next, bust, broker: this.#broker.snapshot(), strategy: this.#context.state };
  }

  /**
   * Goes on from a snapshot: the equity array must hold what it held then, up to `state.next`.
   * @param closed the closed trades of then; any after the state's count are left out.
   */
  restore(state: EngineState, closed: readonly ClosedTrade[]): void {
    this.#broker.restore(state.broker, closed);
    this.#context.state = state.strategy;
    this.#coordinator.moveTo(state.next, state.bust);
    this.#seek(state.next);
  }

  /** The indicators stand at the bar before the next one; with no such bar after the warm-up there is nothing to do. */
  #seek(next: number): void {
    if (next > this.warmup && next <= this.#length) this.#processor.seek(next - 1);
  }
}

function declare(strategy: Strategy, params: Readonly<Params>, processor: Processor): Declared {
  let open = true;
  try {
    const declared: unknown = strategy.init({
      params,
      sma(length) {
        if (!open) throw new Error("indicators are declared in init, not later");
        return processor.sma(length);
      },
    });
    if (typeof declared === "object" && declared !== null && !("then" in declared)) return declared;
  } catch (cause) {
    throw new StrategyError(`init: ${cause instanceof Error ? cause.message : String(cause)}`, null, cause);
  } finally {
    open = false;
  }
  throw new StrategyError("init must return { indicators, state }, and not be async", null);
}
