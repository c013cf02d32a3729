import type { Bars } from "../bars.ts";
import type { ClosedTrade } from "../broker/account.ts";
import { Broker, type BrokerState, type CommissionRule } from "../broker/broker.ts";
import type { Instrument } from "../broker/instrument.ts";
import { linesOf, seriesOn } from "../indicators/series.ts";
import type { Streaming } from "../indicators/streaming.ts";
import type { Breakpoint, Settings } from "../run.ts";
import type { Inspected, Timing } from "../run-state.ts";
import type { Declared, Fill, Order, Params, Series, Strategy, Trade } from "../strategy.ts";
import { Derived, derivedBars, isDerived } from "../time/derived.ts";
import { isMadeOf, parseTimeframe } from "../time/timeframe.ts";
import type { TradingCalendar } from "../time/trading-calendar.ts";
import { AnalysisEngine, StrategyError } from "./analysis.ts";
import { BarContext, type ContextSource, moveContext, type Sink } from "./context.ts";
import { SessionCoordinator, type Stop } from "./coordinator.ts";
import type { LagMeter } from "./lag.ts";
import { DataProcessor } from "./processor.ts";
import { Random } from "./random.ts";
import { type DerivedStream, Stream } from "./stream.ts";
import { StreamSubscription, type SubscriptionCounts, type SubscriptionMode } from "./subscription.ts";
import { Sampling } from "./timing.ts";

/**
 * Goes up when the same bars, settings and strategy would come to other bits than before: a run isn't resumed by an
 * engine of another version.
 */
export const ENGINE_VERSION = 2;

/** A symbol of an engine. */
export type EngineSymbol = {
  readonly instrument: Instrument;
  readonly bars: Bars;
  /** Its bars before this time (UTC ms) only warm its indicators; −Infinity for one that is there from the start. */
  readonly joined: number;
  /** Whether it joined a run under way, in which nobody knew of it before. */
  readonly added?: boolean;
};

/** The steps of a run and what equity is at each. Both at least `length` long, often on shared memory. */
export type Plan = {
  readonly time: Float64Array;
  readonly equity: Float64Array;
  readonly length: number;
};

/** What an engine is made of. */
export type EngineOptions = {
  readonly symbols: readonly EngineSymbol[];
  readonly plan: Plan;
  /** The length of a bar, as it is told to the strategy. */
  readonly timeframe: string;
  readonly calendar: TradingCalendar;
  readonly settings: Settings;
  readonly strategy: Strategy;
  /** All of the strategy's parameters, as `resolveParams` gives them. */
  readonly params: Readonly<Params>;
  readonly seed: number;
  readonly mode?: SubscriptionMode;
  /** By the clock: what the publishing thread counts in. */
  readonly words?: Int32Array;
  /** ms of a monotonic clock, by which stages are timed; left out, nothing is. */
  readonly now?: () => number;
  readonly sink?: Sink;
  /** By the clock and live: how far it is behind is counted here. */
  readonly lag?: LagMeter;
  /** Shown each bar of each symbol once its indicators stand at it. */
  readonly watch?: Watch;
};

/** Who looks on at each bar. */
export interface Watch {
  bar(stream: Stream, context: BarContext): void;
}

/**
 * All that an engine needs to go on from a step boundary, with the same bars, settings, strategy and params: plain
 * data. The closed trades and the equity are rows that only grow; they are kept apart and counted here. Indicators and
 * derived bars have nothing here: they are worked again over the bars up to there.
 */
export type EngineState = {
  /** The next step to be worked; the equity of those before it is done. */
  readonly next: number;
  readonly bust: boolean;
  readonly broker: BrokerState;
  /** Of `Math.random`. */
  readonly random: readonly number[];
  /** The strategy's own state, by symbol. */
  readonly strategy: Readonly<Record<string, Record<string, unknown>>>;
};

/** What an engine has done, beside what it came to. */
export type EngineMetrics = {
  readonly bars: number;
  readonly processor: Timing | null;
  readonly analysis: Timing | null;
  readonly subscriptions: readonly SubscriptionCounts[];
};

const silent: Sink = { log() {}, plot() {}, order() {} };

/**
 * A backtest: step after step the coordinator advances time, the processor moves derived bars and indicators, and the
 * analysis runs the broker and the strategy, synchronously. It never looks at a clock but to time its stages, so the same
 * input gives the same bits.
 *
 * An engine that has thrown can't go on; restore a new one.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #streams: Stream[] = [];
  readonly #contexts: BarContext[] = [];
  readonly #byName = new Map<string, BarContext>();
  readonly #source: ContextSource & { contexts: Map<string, BarContext> };
  readonly #broker: Broker;
  readonly #analysis: AnalysisEngine;
  readonly #processor: DataProcessor;
  readonly #coordinator: SessionCoordinator;
  readonly #subscriptions: readonly StreamSubscription[];
  readonly #symbols: EngineSymbol[];
  #random: Random;
  #plan: Plan;

  /**
   * Calls the strategy's `init` for each symbol.
   * @throws StrategyError when `init` fails
   */
  constructor(options: EngineOptions) {
    const { symbols, plan, settings, strategy, calendar, mode = "data-driven", words, now } = options;
    if (plan.equity.length < plan.length) {
      throw new RangeError(`equity holds ${plan.equity.length} values for ${plan.length} steps`);
    }
    this.#options = options;
    this.#plan = plan;
    this.#random = new Random(options.seed);
    this.#broker = new Broker(settings, (time) => calendar.dayOf(time), this.#commissionOf(strategy));
    this.#broker.keepsFills = strategy.onFill !== undefined || mode === "live";
    this.#source = {
      broker: this.#broker,
      sink: options.sink ?? silent,
      contexts: this.#byName,
      now: () => this.now,
      ended: false,
    };
    const sampling = new Sampling(now, mode !== "data-driven");
    const streams = this.#streams;
    const shared = { streams, sampling };
    const analysed = { ...shared, contexts: this.#contexts, broker: this.#broker, strategy };
    this.#analysis = new AnalysisEngine(analysed, plan.time, plan.equity);
    const toAnalysis = new StreamSubscription("processor → analysis", "data-driven", this.#analysis);
    this.#analysis.follow(toAnalysis);
    this.#processor = new DataProcessor(streams, sampling, toAnalysis);
    const toProcessor = new StreamSubscription("coordinator → processor", mode, this.#processor, words);
    this.#processor.follow(toProcessor);
    this.#subscriptions = [toProcessor, toAnalysis];
    const { lag = null, watch } = options;
    const contexts = this.#contexts;
    const seen = watch
      ? () => {
          for (const [k, stream] of streams.entries()) {
            if (stream.has) watch.bar(stream, contexts[k] as BarContext);
          }
        }
      : null;
    // Data-driven nothing is published that is behind.
    const late = mode === "data-driven" ? null : lag;
    const coordinated = { ...shared, analysis: this.#analysis, toProcessor, lag: late, seen };
    this.#coordinator = new SessionCoordinator(coordinated, plan.time, plan.length);
    this.#symbols = [...symbols];
    for (const symbol of symbols) this.#add(symbol);
  }

  /** The next step to be worked. */
  get next(): number {
    return this.#coordinator.next;
  }

  /** The random numbers of the strategy. */
  get random(): Random {
    return this.#random;
  }

  /** When the bar being worked, or the newest, opened, UTC ms: what a strategy takes for now. Before, the first step's. */
  get now(): number {
    const { time, length } = this.#plan;
    return length === 0 ? 0 : (time[Math.max(0, this.next - 1)] as number);
  }

  /** The trades closed so far; only ever appended to. */
  get closedTrades(): readonly ClosedTrade[] {
    return this.#broker.closed;
  }

  /** The trades open now, of all symbols. */
  get openTrades(): readonly Trade[] {
    return this.#streams.flatMap(({ number }) => this.#broker.trades(number));
  }

  /** The orders that wait, of all symbols. */
  get waitingOrders(): readonly Order[] {
    return this.#streams.flatMap(({ number }) => this.#broker.orders(number));
  }

  /** How often anything was filled so far, and what was in the newest step. */
  get fillCount(): number {
    return this.#broker.fillCount;
  }

  get fills(): readonly Fill[] {
    return this.#broker.fills;
  }

  /** Whether the clock has published the next step. */
  get published(): boolean {
    return this.#coordinator.published;
  }

  /** Orders so far that were dropped: too large for the account, or less than one lot. */
  get droppedOrders(): number {
    return this.#broker.dropped;
  }

  /** For each symbol, the index of the first of its bars at which every declared indicator had a value; −1 before. */
  get warmups(): readonly number[] {
    return this.#streams.map(({ warmup }) => warmup);
  }

  get metrics(): EngineMetrics {
    return {
      bars: this.#analysis.bars,
      processor: this.#processor.timing.timing,
      analysis: this.#analysis.timing.timing,
      subscriptions: this.#subscriptions.map((one) => one.countsWithin(this.#coordinator.workedMs)),
    };
  }

  /** The breakpoint at which it stopped last. */
  get hit(): Breakpoint | undefined {
    return this.#coordinator.hit;
  }

  /** Where it stops by itself; each once. */
  set breakpoints(breakpoints: readonly Breakpoint[]) {
    this.#coordinator.breakpoints = breakpoints;
  }

  /**
   * Works steps until the gate's limit ({@link LIMIT}), a breakpoint, the last bar or bust.
   * @param control the control block, or null for no gate.
   * @throws StrategyError
   */
  advance(control: Int32Array | null): Stop {
    return this.#coordinator.advance(control);
  }

  /**
   * Adds a symbol to a run under way: its bars before `joined` warm its indicators.
   * @param plan the steps from here on, equal to those so far in what is worked already
   */
  join(symbol: EngineSymbol, plan: Plan): void {
    this.#symbols.push(symbol);
    this.#add(symbol);
    this.replan(plan);
  }

  /** Longer or other columns of the steps: a symbol joined, or live bars came. */
  replan(plan: Plan): void {
    this.#plan = plan;
    this.#analysis.replan(plan.time, plan.equity);
    this.#coordinator.replan(plan.time, plan.length);
  }

  /**
   * Call once `advance` has returned "end" or "bust": the strategy's last word, open trades closed if the settings say
   * so, the equity completed.
   * @returns whether the account is bust, which closing may bring about
   * @throws StrategyError
   */
  finish(): boolean {
    const { next, bust } = this.#coordinator;
    const { equity, length } = this.#plan;
    this.#source.ended = true;
    if (bust) equity.fill(0, next, length);
    this.#analysis.end();
    const began = this.#streams.some(({ warmup, index }) => warmup >= 0 && index > warmup);
    if (!bust && this.#options.settings.finalize && began) equity[length - 1] = this.#broker.finalize();
    return bust || this.#broker.bust;
  }

  /** The state between two steps. The strategy's part is its live objects: encode or copy it before advancing. */
  snapshot(): EngineState {
    const { next, bust } = this.#coordinator;
    const strategy = Object.fromEntries(this.#contexts.map(({ symbol, state }) => [symbol, state]));
    return { next, bust, broker: this.#broker.snapshot(), random: this.#random.state(), strategy };
  }

  /**
   * Goes on from a snapshot: the equity must hold what it held then, up to `state.next`.
   * @param closed the closed trades of then; any after the state's count are left out.
   */
  restore(state: EngineState, closed: readonly ClosedTrade[]): void {
    const { time, equity } = this.#plan;
    let bars = 0;
    for (const [k, stream] of this.#streams.entries()) {
      for (let step = 0; step < state.next; step++) {
        stream.advance(time[step] as number);
        if (!stream.has) continue;
        stream.update(stream.index);
        bars++;
      }
      if (stream.index >= 0) {
        this.#broker.mark(k, stream.index);
        moveContext(this.#contexts[k] as BarContext, stream.index);
      }
    }
    this.#broker.restore(state.broker, closed);
    this.#random = Random.from(state.random);
    for (const context of this.#contexts) context.state = state.strategy[context.symbol] ?? context.state;
    this.#coordinator.moveTo(state.next, state.bust);
    let peak = 0;
    for (let step = 0; step < state.next; step++) peak = Math.max(peak, equity[step] as number);
    this.#analysis.goOn(bars, peak);
  }

  /** What stands behind the newest bar of each symbol. The strategy's state is its live object. */
  inspect(): Inspected[] {
    return this.#streams.map((stream, k) => {
      const { bars, index, instrument } = stream;
      const context = this.#contexts[k] as BarContext;
      const at = (column: Float64Array) => (index < 0 ? null : (column[index] as number));
      const { size } = this.#broker.position(k);
      return {
        symbol: instrument.symbol,
        bar: index < 0 ? null : index,
        time: at(bars.time),
        open: at(bars.open),
        high: at(bars.high),
        low: at(bars.low),
        close: at(bars.close),
        indicators: valuesOf(context),
        position: { size, profit: index < 0 ? 0 : this.#broker.profit(k) },
        trades: this.#broker.trades(k),
        orders: this.#broker.orders(k),
        state: context.state,
      };
    });
  }

  #add({ instrument, bars, joined, added = false }: EngineSymbol): void {
    const number = this.#broker.add(instrument, bars);
    const stream = new Stream(number, instrument, bars, joined);
    const { params, strategy } = this.#options;
    const { indicators = {}, state = {} } = this.#declare(strategy, stream);
    stream.declared();
    const since = added ? joined : Number.NEGATIVE_INFINITY;
    const context = new BarContext(stream, this.#source, { params, indicators, state, since });
    this.#streams.push(stream);
    this.#contexts.push(context);
    this.#byName.set(instrument.symbol, context);
    for (let index = 0; index < stream.joinedAt; index++) stream.update(index);
    stream.index = stream.joinedAt - 1;
    if (stream.index >= 0) {
      this.#broker.mark(number, stream.index);
      moveContext(context, stream.index);
    }
  }

  /** The strategy's own commission, if it has one: what is wrong with it is the strategy's fault, wherever it is asked. */
  #commissionOf(strategy: Strategy): CommissionRule | undefined {
    if (strategy.commission === undefined) return undefined;
    return (size, price, symbol) => {
      try {
        const amount = strategy.commission?.(size, price, symbol);
        if (typeof amount === "number" && Number.isFinite(amount)) return amount;
        throw new RangeError(`commission must come to an amount, not ${String(amount)}`);
      } catch (cause) {
        throw this.#analysis.fault(symbol, cause);
      }
    };
  }

  #declare(strategy: Strategy, stream: Stream): Declared {
    const { calendar, timeframe, params } = this.#options;
    const known = this.#symbols.filter(({ added }, number) => !added || number <= stream.number);
    const dayOf = (time: number) => calendar.dayOf(time);
    const { bars, instrument } = stream;
    const at = this.#symbols.length > 1 ? `${instrument.symbol}: ` : "";
    let open = true;
    const whileOpen = (streaming: Streaming[]) => (added: Streaming) => {
      if (!open) throw new Error("indicators are declared in init, not later");
      streaming.push(added);
    };
    const derive = (length: string) => {
      if (!open) throw new Error("derived bars are declared in init, not later");
      const parsed = parseTimeframe(length);
      if (parsed === undefined) throw new RangeError(`'${length}' isn't a timeframe: 5m, 4h, 1d`);
      const own = parseTimeframe(timeframe);
      if (own && !isMadeOf(parsed, own))
        throw new RangeError(`bars of ${length} can't be made of bars of ${timeframe}`);
      const derived = new Derived(bars, parsed, calendar);
      const streaming: Streaming[] = [];
      const series = seriesOn(bars, whileOpen(streaming), dayOf);
      const shown = derivedBars(derived, series);
      const made: DerivedStream = { derived, shown, streaming, fresh: false };
      stream.derived.push(made);
      return shown;
    };
    const series: Series = seriesOn(bars, whileOpen(stream.streaming), dayOf);
    const setup = {
      ...series,
      params,
      symbol: instrument.symbol,
      symbols: known.map((symbol) => symbol.instrument.symbol),
      timeframe,
      bars: derive,
    };
    try {
      const declared: unknown = strategy.init(setup);
      if (typeof declared === "object" && declared !== null && !("then" in declared))
        return checked(declared);
    } catch (cause) {
      throw new StrategyError(
        `${at}init: ${cause instanceof Error ? cause.message : String(cause)}`,
        null,
        cause,
      );
    } finally {
      open = false;
    }
    throw new StrategyError(`${at}init must return { indicators, state }, and not be async`, null);
  }
}

/** @throws RangeError for an indicator that is none: its `value`, say, which would never change */
function checked(declared: Declared): Declared {
  for (const [name, indicator] of Object.entries(declared.indicators ?? {})) {
    const isOne = typeof indicator === "object" && indicator !== null;
    if (!isOne || (linesOf(indicator).length === 0 && !isDerived(indicator))) {
      throw new RangeError(`indicators.${name} is no indicator: it is what sma() and the like give`);
    }
  }
  return declared;
}

/** The newest value of each line that a strategy declared. */
function valuesOf({ indicators }: BarContext): Record<string, number | null> {
  const values: Record<string, number | null> = {};
  for (const [name, indicator] of Object.entries(indicators)) {
    for (const [line, { value }] of linesOf(indicator)) {
      values[line === "" ? name : `${name}.${line}`] = Number.isNaN(value) ? null : value;
    }
  }
  return values;
}
