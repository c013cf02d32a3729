import { LIMIT, LOOK, WANT } from "../../core/engine/coordinator.ts";
import { Engine, type EngineSymbol, type Plan } from "../../core/engine/engine.ts";
import { LagMeter } from "../../core/engine/lag.ts";
import { resolveParams } from "../../core/engine/parameters.ts";
import type { Params, Strategy } from "../../core/strategy.ts";
import { parseTimeframe } from "../../core/time/timeframe.ts";
import { calendarOf } from "../../core/time/trading-calendar.ts";
import {
  type Begin,
  HEAR,
  HELD,
  monotonic,
  PARKED,
  type Question,
  type Said,
  SEQUENCE,
  SNAPSHOT,
} from "./protocol.ts";
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
} from "./strategy-thread.ts";

/** The thread that runs an engine. It never yields while it works: see protocol.ts for how it is spoken to. */

const say = (said: Said): void => postMessage(said);

/** A run in this thread. */
class Working {
  readonly #begin: Begin;
  readonly #name: string;
  readonly #witness: Witness;
  readonly #lag: LagMeter | undefined;
  readonly #engine: Engine;
  #plan: Plan;
  #symbols: Begin["symbols"];

  constructor(begin: Begin, strategy: Strategy, params: Readonly<Params>) {
    const { symbols, plan, settings, timeframe, seed, clocked, from, recording, strategy: source } = begin;
    this.#begin = begin;
    this.#plan = plan;
    this.#symbols = symbols;
    const witness = new Witness(recording);
    this.#witness = witness;
    this.#lag = clocked ? new LagMeter(monotonic, clocked.stamps) : undefined;
    this.#name = nameOfStrategy(strategy, source);
    this.#engine = new Engine({
      symbols: symbols.filter(({ added }) => !added),
      plan,
      settings,
      strategy,
      params,
      timeframe,
      seed,
      calendar: calendarOf(begin, parseTimeframe(timeframe) ?? null, begin.dataTimezone),
      mode: clocked ? "clock-driven" : "data-driven",
      ...(clocked ? { words: clocked.words } : {}),
      ...(this.#lag ? { lag: this.#lag } : {}),
      now: monotonic,
      sink: {
        log: (symbol, time, text) => witness.log({ symbol, time, text }),
        plot: (...plotted) => witness.plot(...plotted),
        order() {},
      },
      ...witness.watch,
    });
    this.#give();
    for (const symbol of symbols) if (symbol.added) this.#join(symbol);
    this.#engine.breakpoints = begin.breakpoints;
    witness.restore(this.#engine, from);
  }

  async run(params: Params): Promise<void> {
    const { control } = this.#begin;
    const engine = this.#engine;
    say({ type: "ready", name: this.#name, params });
    for (;;) {
      const stop = engine.advance(control);
      if (stop === "break" && engine.hit) {
        // Whatever the host lets go meanwhile, it stays here until the host has heard of it.
        Atomics.store(control, HELD, 1);
        say({ type: "hit", breakpoint: engine.hit });
      }
      if (stop === "end" || stop === "bust") return this.#finish();
      await this.#park();
    }
  }

  #finish(): void {
    const result = resultOf(this.#engine, { symbols: this.#symbols, plan: this.#plan }, this.#begin);
    say(this.#witness.done(this.#engine, this.#lag, result));
  }

  /** Stands still until the limit allows the next step, and gives what is wanted meanwhile. */
  async #park(): Promise<void> {
    const { control, clocked } = this.#begin;
    Atomics.store(control, PARKED, 1);
    for (;;) {
      // Read before the rest: a change that comes after this makes the wait return at once.
      const sequence = Atomics.load(control, SEQUENCE);
      // Before the limit, which the host sets first: what it wants, it wants of where that leads.
      const want = Atomics.load(control, WANT);
      const open = Atomics.load(control, LIMIT) > this.#engine.next && Atomics.load(control, HELD) === 0;
      // All but a look is wanted of where it stops, not of where it only waits for the clock.
      if (want !== 0 && (want === LOOK || !open)) {
        Atomics.store(control, WANT, 0);
        if (want === HEAR) await this.#hear();
        const snapshot = this.#witness.snapshot(this.#engine, this.#lag, want === SNAPSHOT);
        say({ type: "parked", snapshot });
      }
      if (open && (!clocked || this.#engine.published)) break;
      Atomics.wait(control, SEQUENCE, sequence);
    }
    Atomics.store(control, PARKED, 0);
  }

  async #hear(): Promise<void> {
    const question = await heard.take();
    switch (question.type) {
      case "inspect":
        return say({ type: "answer", inspected: inspected(this.#engine) });
      case "breakpoints":
        this.#engine.breakpoints = question.breakpoints;
        return;
      case "join":
        this.#plan = question.plan;
        this.#symbols = [...this.#symbols, question.symbol];
        return this.#join(question.symbol);
    }
  }

  /** Its `init` has a time and numbers of its own: in a run that is restored it is called at another moment. */
  #join(symbol: EngineSymbol): void {
    given.now = () => symbol.joined;
    given.random = startNumbers(this.#begin.seed);
    this.#engine.join(symbol, this.#plan);
    this.#give();
  }

  #give(): void {
    given.now = () => this.#engine.now;
    given.random = () => this.#engine.random.next();
  }
}

/** Messages after the first, in order. */
class Inbox {
  readonly #waiting: Question[] = [];
  #wanted: ((question: Question) => void) | undefined;

  put(question: Question): void {
    if (this.#wanted) this.#wanted(question);
    else this.#waiting.push(question);
    this.#wanted = undefined;
  }

  take(): Promise<Question> {
    const next = this.#waiting.shift();
    if (next) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }
}
const heard = new Inbox();

async function begin(asked: Begin): Promise<void> {
  // Before the first bar: the time it begins at, and numbers of the same seed.
  const { time, length } = asked.plan;
  const first = length === 0 ? 0 : (time[0] as number);
  given.now = () => first;
  given.random = startNumbers(asked.seed);
  const strategy = await loadStrategy(asked.strategy);
  const params = resolveParams(strategy.params ?? {}, asked.params);
  await new Working(asked, strategy, params).run({ ...params });
}

prepareThread((text) => say({ type: "log", text }));
let begun = false;
addEventListener("message", (event) => {
  const { data } = event as MessageEvent<Begin | Question>;
  if (begun) return heard.put(data as Question);
  begun = true;
  begin(data as Begin).catch((error: unknown) => say({ type: "failed", failure: failureOf(error) }));
});
