import { Engine, type Plan } from "../../core/engine/engine.ts";
import { LagMeter } from "../../core/engine/lag.ts";
import { resolveParams } from "../../core/engine/parameters.ts";
import { GrowingBars } from "../../core/growing-bars.ts";
import type { Params, Strategy } from "../../core/strategy.ts";
import { parseTimeframe } from "../../core/time/timeframe.ts";
import { calendarOf } from "../../core/time/trading-calendar.ts";
import { type LiveEvent, monotonic, type Said } from "../engine/protocol.ts";
import {
  failureOf,
  given,
  inspected,
  loadStrategy,
  nameOfStrategy,
  prepareThread,
  resultOf,
  startNumbers,
  Witness,
} from "../engine/strategy-thread.ts";
import type { LiveBegin, LiveWord } from "./live.ts";

/** The thread that runs an engine on a feed: each message is worked when it comes, so it is never ahead of the market. */

const say = (said: Said): void => postMessage(said);

/** Steps that there is room for at first; it doubles. */
const FIRST_STEPS = 1_024;
const STAMPS = 4_096;

class LiveWorking {
  readonly #begin: LiveBegin;
  readonly #bars: readonly GrowingBars[];
  readonly #stamps = new Float64Array(STAMPS);
  readonly #lag = new LagMeter(monotonic, this.#stamps);
  readonly #engine: Engine;
  readonly #name: string;
  readonly #witness: Witness;
  #plan: Plan;
  #events: LiveEvent[] = [];
  /** Of the orders that wait, those that close trades. */
  #exits = new Set<number>();
  #fills = 0;
  #over = false;

  constructor(begin: LiveBegin, strategy: Strategy, params: Readonly<Params>) {
    this.#begin = begin;
    const { symbols, settings, timeframe, seed, words, from, strategy: source, plan, recording } = begin;
    const witness = new Witness(recording);
    this.#witness = witness;
    this.#name = nameOfStrategy(strategy, source);
    this.#bars = symbols.map(({ bars }) => new GrowingBars(bars));
    const room = Math.max(FIRST_STEPS, plan.length * 2);
    const time = new Float64Array(room);
    const equity = new Float64Array(room);
    time.set(plan.time.subarray(0, plan.length));
    equity.set(plan.equity.subarray(0, plan.length));
    this.#plan = { time, equity, length: plan.length };
    this.#engine = new Engine({
      symbols: symbols.map((symbol, at) => ({ ...symbol, bars: (this.#bars[at] as GrowingBars).bars })),
      plan: this.#plan,
      settings,
      strategy,
      params,
      timeframe,
      seed,
      calendar: calendarOf(begin, parseTimeframe(timeframe) ?? null, begin.dataTimezone),
      mode: "live",
      words,
      lag: this.#lag,
      now: monotonic,
      sink: {
        log: (symbol, time, text) => {
          const line = { symbol, time, text };
          this.#events.push({ type: "log", line });
          witness.log(line);
        },
        plot: (...plotted) => witness.plot(...plotted),
        order: (event) => this.#events.push({ type: "order", event }),
      },
      ...witness.watch,
    });
    given.now = () => this.#engine.now;
    given.random = () => this.#engine.random.next();
    witness.restore(this.#engine, from);
    this.#fills = this.#engine.fillCount;
    // Those were told by the host before.
    this.#exits = new Set(this.#waitingExits.map(({ id }) => id));
    say({ type: "ready", name: this.#name, params: { ...params } });
  }

  hear(word: LiveWord): void {
    if (this.#over) return;
    if (word.type === "bars") this.#work(word);
    else if (word.type === "finish") this.#finish();
    else if (word.type === "inspect") say({ type: "answer", inspected: inspected(this.#engine) });
    else say({ type: "parked", snapshot: this.#witness.snapshot(this.#engine, this.#lag, true) });
  }

  #work({ bars, received }: Extract<LiveWord, { type: "bars" }>): void {
    const first = this.#plan.length;
    for (const bar of bars) {
      this.#bars[bar.symbol]?.push(bar);
      this.#addStep(bar.time);
      this.#stamps[(this.#plan.length - 1) % STAMPS] = received;
      const before = this.#events.length;
      const stop = this.#engine.advance(null);
      this.#tellFills(before);
      this.#tellExits(bar.time);
      if (stop === "bust") {
        this.#tell(first);
        this.#finish();
        return;
      }
    }
    this.#tell(first);
  }

  /** The orders that close trades, which no strategy places by itself: its closes, stop-losses and take-profits. */
  #tellExits(time: number): void {
    const waiting = this.#waitingExits;
    for (const { id, symbol, side, role, trade, size, stop, limit } of waiting) {
      if (role === "order" || this.#exits.has(id)) continue;
      const options = {
        units: Math.abs(size),
        ...(stop === null ? {} : { stop }),
        ...(limit === null ? {} : { limit }),
      };
      const of = trade === null ? {} : { trade };
      const event = { what: "placed", order: id, symbol, time, side, role, ...of, options } as const;
      this.#events.push({ type: "order", event });
    }
    this.#exits = new Set(waiting.map(({ id }) => id));
  }

  get #waitingExits() {
    return this.#engine.waitingOrders.filter(({ role }) => role !== "order");
  }

  #addStep(at: number): void {
    const { length } = this.#plan;
    let { time, equity } = this.#plan;
    if (length === time.length) {
      const longer = [new Float64Array(length * 2), new Float64Array(length * 2)] as const;
      longer[0].set(time);
      longer[1].set(equity);
      [time, equity] = longer;
    }
    time[length] = at;
    this.#plan = { time, equity, length: length + 1 };
    this.#engine.replan(this.#plan);
  }

  /** @param at where they belong among the events: before what the strategy made of them */
  #tellFills(at: number): void {
    const { fillCount, fills } = this.#engine;
    if (fillCount === this.#fills) return;
    this.#events.splice(at, 0, ...fills.map((fill): LiveEvent => ({ type: "fill", fill })));
    this.#fills = fillCount;
  }

  /** @param first the first step whose equity isn't told yet */
  #tell(first: number): void {
    const { equity, length } = this.#plan;
    const events = this.#events;
    this.#events = [];
    const snapshot = this.#witness.snapshot(this.#engine, this.#lag, false);
    say({ type: "worked", events, snapshot, equity: equity.slice(first, length) });
  }

  #finish(): void {
    this.#over = true;
    const { symbols } = this.#begin;
    const grown = symbols.map((symbol, at) => ({ ...symbol, bars: (this.#bars[at] as GrowingBars).bars }));
    const before = this.#events.length;
    const result = resultOf(this.#engine, { symbols: grown, plan: this.#plan }, this.#begin);
    this.#tellFills(before);
    const { length } = this.#plan;
    if (length > 0) this.#tell(length - 1);
    say(this.#witness.done(this.#engine, this.#lag, result));
  }
}

async function begin(asked: LiveBegin): Promise<LiveWorking> {
  given.now = () => asked.now;
  given.random = startNumbers(asked.seed);
  const strategy = await loadStrategy(asked.strategy);
  const params = resolveParams(strategy.params ?? {}, asked.params);
  return new LiveWorking(asked, strategy, params);
}

prepareThread((text) => say({ type: "log", text }));
let working: Promise<LiveWorking> | undefined;
const failed = (error: unknown) => say({ type: "failed", failure: failureOf(error) });
addEventListener("message", (event) => {
  const { data } = event as MessageEvent<LiveBegin | LiveWord>;
  if (working === undefined) {
    working = begin(data as LiveBegin);
    working.catch(failed);
    return;
  }
  working.then((live) => live.hear(data as LiveWord)).catch(failed);
});
