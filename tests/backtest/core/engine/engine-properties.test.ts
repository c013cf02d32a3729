// What holds of every run: several symbols with holes, derived bars, indicators, all costs, and a strategy that does anything.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Bars, closeDecimals } from "../../../../src/backtest/core/bars.ts";
import type { ClosedTrade } from "../../../../src/backtest/core/broker/account.ts";
import type { Instrument } from "../../../../src/backtest/core/broker/instrument.ts";
import { LIMIT, NEXT } from "../../../../src/backtest/core/engine/coordinator.ts";
import type { Engine, EngineOptions } from "../../../../src/backtest/core/engine/engine.ts";
import { firstAtLeast, timelineOf } from "../../../../src/backtest/core/engine/timeline.ts";
import type { Settings } from "../../../../src/backtest/core/run.ts";
import type { Context, OrderOptions, Strategy } from "../../../../src/backtest/core/strategy.ts";
import { random } from "../../../bench/bars.ts";
import { engineOf, plain, START, type Symbols } from "../run.ts";

const MINUTE = 60_000;
const MINUTES = 100;
const CASH = 10_000;
const seeds = fc.integer({ min: 1, max: 2 ** 31 });

const instruments: readonly Partial<Instrument>[] = [
  { tick: 0.01 },
  { lot: 0.01, currency: "EUR", conversion: 1.25 },
  { lot: 10, tick: 0.25 },
];

/** Bars of random minutes, that gap and range, of prices around 100 to the cent. */
function randomBars(next: () => number, share: number): Bars {
  const time = Array.from({ length: MINUTES }, (_, minute) => START + minute * MINUTE).filter(
    () => next() < share,
  );
  const cent = (price: number) => Math.max(1, Math.round(price * 100) / 100);
  let price = 100;
  const rows = time.map(() => {
    const open = cent(price * (1 + (next() - 0.5) * 0.02));
    const close = cent(open * (1 + (next() - 0.5) * 0.04));
    price = close;
    const high = Math.max(open, close, cent(Math.max(open, close) * (1 + next() * 0.01)));
    const low = Math.min(open, close, cent(Math.min(open, close) * (1 - next() * 0.01)));
    return [open, high, low, close, Math.floor(next() * 200)] as const;
  });
  const column = (at: 0 | 1 | 2 | 3 | 4) => Float64Array.from(rows, (row) => row[at]);
  const close = column(3);
  return {
    length: rows.length,
    time: Float64Array.from(time),
    open: column(0),
    high: column(1),
    low: column(2),
    close,
    volume: column(4),
    decimals: closeDecimals(close),
  };
}

/** The bars before a time, as they are read from a file that ends there. */
function before(bars: Bars, time: number): Bars {
  const length = firstAtLeast(bars.time, bars.length, time);
  const close = bars.close.slice(0, length);
  return {
    length,
    time: bars.time.slice(0, length),
    open: bars.open.slice(0, length),
    high: bars.high.slice(0, length),
    low: bars.low.slice(0, length),
    close,
    volume: bars.volume.slice(0, length),
    decimals: closeDecimals(close),
  };
}

function randomSettings(next: () => number): Settings {
  const sometimes = (value: number) => (next() < 0.5 ? value : 0);
  const slippages: readonly Settings["slippage"][] = [
    { kind: "none" },
    { kind: "fixed", amount: 0.05 },
    { kind: "rate", rate: 0.001 },
    { kind: "volume_share", impact: 0.1 },
  ];
  return {
    ...plain,
    cash: CASH,
    leverage: next() < 0.5 ? 1 : 10,
    maintenance: sometimes(0.5),
    commission: { fixed: sometimes(1), rate: sometimes(0.001), perUnit: sometimes(0.01) },
    spread: sometimes(0.001),
    slippage: slippages[Math.floor(next() * 4)] ?? { kind: "none" },
    volumeLimit: next() < 0.5 ? 1e9 : 0.5,
    borrow: sometimes(0.1),
    tradeOnClose: next() < 0.3,
    exclusiveOrders: next() < 0.2,
    hedging: next() < 0.3,
    finalize: next() < 0.5,
  };
}

function randomOrder(next: () => number, direction: 1 | -1, price: number): OrderOptions {
  const near = (away: number) => price * (1 + away * (0.002 + next() * 0.02));
  const kind = next();
  const limit = kind < 0.3 ? near(-direction) : undefined;
  const stop = kind > 0.7 ? near(direction) : undefined;
  const entry = limit ?? stop ?? price;
  const exits = next();
  return {
    ...(next() < 0.6 ? { size: 0.05 + next() * 0.4 } : { units: 10 + next() * 20 }),
    ...(limit === undefined ? {} : { limit }),
    ...(stop === undefined ? {} : { stop }),
    ...(exits < 0.3 ? { sl: entry * (1 - direction * 0.02) } : exits < 0.6 ? { trail: price * 0.02 } : {}),
    ...(next() < 0.4 ? { tp: entry * (1 + direction * 0.03) } : {}),
    tif: (["gtc", "gtc", "day", "ioc"] as const)[Math.floor(next() * 4)] ?? "gtc",
  };
}

/** What the strategy is given for `Math.random`: the engine's own, which its checkpoints keep. */
type Dice = { next: () => number };

type Seen = { calls: number; digest: number };

/** Does all there is to do, by its dice and by what it sees; what it sees goes into its state and its log. */
const busy = (dice: Dice): Strategy<Record<string, never>, never, Seen> => ({
  init({ sma, ema, rsi, vwap, macd, bars }) {
    const fives = bars("5m");
    const quarters = bars("15m");
    const lines = { fast: sma(3), slow: ema(5), rsi: rsi(4), vwap: vwap(), macd: macd(2, 4, 2).macd };
    const derived = {
      fives,
      five: fives.sma(2),
      bands: fives.bollinger(2).upper,
      quarters,
      quarter: quarters.ema(1),
    };
    return { indicators: { ...lines, ...derived } as never, state: { calls: 0, digest: 0 } };
  },
  onFill: (ctx, { size, price, commission, bar }) => note(ctx, "fill", [size, price, commission, bar]),
  onDerivedBar: (ctx, bar) =>
    note(ctx, bar.timeframe, [bar.length, bar.time(), bar.open(), bar.high(), bar.low(), bar.close()]),
  onBar(ctx) {
    note(ctx, "bar", [ctx.index, ctx.equity, ctx.cash, ctx.margin, ctx.position.profit, ...linesIn(ctx)]);
    const next = dice.next;
    const { symbol, position } = ctx;
    const direction = next() < 0.5 ? 1 : -1;
    const place = (options: OrderOptions) => (direction === 1 ? ctx.buy(options) : ctx.sell(options));
    if (next() < 0.35) place(randomOrder(next, direction, ctx.close()));
    const [trade] = ctx.trades;
    if (trade && next() < 0.1) ctx.closeTrade(trade.id, next() < 0.5 ? 1 : 0.5);
    if (trade && next() < 0.1)
      ctx.protect(trade.id, { tp: ctx.close() * (trade.size > 0 ? 1.02 : 0.98), sl: null });
    if (trade && next() < 0.1) ctx.protect(trade.id, { trail: ctx.close() * 0.015 });
    if (next() < 0.05) position.close(0.5);
    const [order] = ctx.orders;
    if (order && next() < 0.05) ctx.cancel(order.id);
    if (order?.role === "order" && next() < 0.1) ctx.modify(order.id, { size: 20 });
    if (symbol === "S1" && next() < 0.2) {
      const other = seenOf(ctx, "S0");
      if (other) note(ctx, "other", [other.index, other.time, other.close(), other.position.size]);
    }
  },
  onEnd: (ctx) => note(ctx, "end", [ctx.equity, ctx.position.size]),
});

/** Another symbol, if the run has come to a bar of it. */
function seenOf(ctx: Context<Record<string, never>, never, Seen>, symbol: string) {
  try {
    return ctx.of(symbol);
  } catch {
    return undefined;
  }
}

function linesIn({ indicators }: Context<Record<string, never>, never, Seen>): number[] {
  const lines: { value?: number; previous?: number }[] = Object.values(indicators);
  return lines.flatMap(({ value, previous }) => (value === undefined ? [] : [value, previous as number]));
}

function note(
  ctx: Context<Record<string, never>, never, Seen>,
  what: string,
  numbers: readonly number[],
): void {
  ctx.state.calls++;
  for (const number of numbers) ctx.state.digest = (ctx.state.digest * 31 + number) % 1e6;
  ctx.log(`${what} ${numbers.join(" ")} ${ctx.state.digest}`);
}

/** A run that follows from its seed. */
type Case = {
  readonly symbols: Symbols;
  readonly settings: Settings;
};

function caseOf(seed: number): Case {
  const next = random(seed);
  const symbols = instruments.map((instrument) => ({
    bars: randomBars(next, 0.5 + next() * 0.5),
    instrument,
  }));
  return { symbols, settings: randomSettings(next) };
}

type Driven = {
  readonly engine: Engine;
  readonly equity: Float64Array;
  readonly time: Float64Array;
  /** What the strategy said: when, and what. */
  readonly said: { readonly time: number; readonly text: string }[];
};

function drive({ symbols, settings }: Case, more: Partial<EngineOptions> = {}): Driven {
  const said: Driven["said"] = [];
  const dice: Dice = { next: () => 0 };
  const sink = {
    log: (symbol: string, time: number, text: string) => void said.push({ time, text: `${symbol} ${text}` }),
    plot() {},
    order() {},
  };
  const strategy = busy(dice) as unknown as Strategy;
  const made = engineOf(symbols, strategy, settings, {}, { sink, ...more });
  dice.next = () => made.engine.random.next();
  return { ...made, said };
}

/** All that a run came to. */
const outcome = ({ engine, equity, said }: Driven) => ({
  equity: [...equity],
  trades: [...engine.closedTrades],
  state: engine.snapshot(),
  said,
});

function finished(driven: Driven): Driven {
  driven.engine.advance(null);
  driven.engine.finish();
  return driven;
}

const controlAt = (limit: number): Int32Array => Int32Array.of(limit, 0, 0, 0);

describe("whatever the bars, the costs and the strategy", () => {
  test("the runs have something to them", () => {
    let trades = 0;
    let fills = 0;
    const words = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const driven = finished(drive(caseOf(seed)));
      trades += driven.engine.closedTrades.length;
      fills += driven.engine.fillCount;
      for (const { text } of driven.said) words.add(text.split(" ")[1] as string);
      for (const { why } of driven.engine.closedTrades) words.add(why);
    }
    expect(trades).toBeGreaterThan(400);
    expect(fills).toBeGreaterThan(800);
    expect([...words]).toEqual(
      expect.arrayContaining([
        "bar",
        "fill",
        "5m",
        "15m",
        "other",
        "end",
        "order",
        "close",
        "sl",
        "tp",
        "trail",
      ]),
    );
  });

  test("cutting the future off changes nothing before the cut", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: MINUTES }), (seed, minute) => {
        const { symbols, settings: costs } = caseOf(seed);
        const settings = { ...costs, finalize: false };
        const whole = drive({ symbols, settings });
        whole.engine.advance(null);
        const end = START + minute * MINUTE;
        const short = drive({
          symbols: symbols.map((symbol) => ({ ...symbol, bars: before(symbol.bars, end) })),
          settings,
        });
        short.engine.advance(null);
        const steps = firstAtLeast(whole.time, whole.time.length, end);
        expect([...short.equity]).toEqual([...whole.equity.subarray(0, steps)]);
        expect(short.said).toEqual(whole.said.filter(({ time }) => time < end));
        const { closedTrades } = short.engine;
        expect(closedTrades).toEqual(whole.engine.closedTrades.slice(0, closedTrades.length));
      }),
      { numRuns: 60 },
    );
  });

  test("stopped at any step and restored in another process, a run ends with the same bits", () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 0, max: 1, noNaN: true }), (seed, share) => {
        const asked = caseOf(seed);
        const whole = outcome(finished(drive(asked)));
        const first = drive(asked);
        first.engine.advance(controlAt(Math.floor(share * first.time.length)));
        const state = structuredClone(first.engine.snapshot());
        const closed: ClosedTrade[] = structuredClone([...first.engine.closedTrades]);
        const done = first.equity.slice(0, state.next);
        const said = [...first.said];
        // What the first engine goes on to do must not matter.
        first.engine.advance(null);

        const second = drive(asked);
        second.equity.set(done);
        second.engine.restore(state, closed);
        expect(second.engine.snapshot()).toEqual(state);
        expect(second.engine.next).toBe(state.next);
        finished(second);
        expect(outcome({ ...second, said: [...said, ...second.said] })).toEqual(whole);
        expect(second.engine.metrics.bars).toBe(first.engine.metrics.bars);
      }),
      { numRuns: 60 },
    );
  });

  test("a small run restored at every single step ends with the same bits", () => {
    const asked = caseOf(77);
    const whole = outcome(finished(drive(asked)));
    const first = drive(asked);
    for (let step = 0; step <= first.time.length; step++) {
      first.engine.advance(controlAt(step));
      const second = drive(asked);
      second.equity.set(first.equity.subarray(0, step));
      second.engine.restore(structuredClone(first.engine.snapshot()), first.engine.closedTrades);
      second.said.push(...first.said);
      expect(outcome(finished(second))).toEqual(whole);
    }
  });

  test("paused and resumed anywhere, a run ends as if it never had been", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const asked = caseOf(seed);
        const next = random(seed);
        const paused = drive(asked);
        const control = new Int32Array(new SharedArrayBuffer(16));
        while (paused.engine.advance(control) === "limit") {
          expect(control[NEXT]).toBe(paused.engine.next);
          control[LIMIT] = paused.engine.next + Math.floor(next() * 12);
        }
        paused.engine.finish();
        expect(outcome(paused)).toEqual(outcome(finished(drive(asked))));
      }),
      { numRuns: 40 },
    );
  });

  test("every bar is worked once, at its time, and bars of one time in the order of the symbols", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.option(fc.integer({ min: 0, max: MINUTES }), { nil: undefined }),
        (seed, minute) => {
          const { symbols, settings } = caseOf(seed);
          const joined = minute === undefined ? undefined : START + minute * MINUTE;
          const given = symbols.map((symbol, at) =>
            at === 2 && joined !== undefined ? { ...symbol, joined } : symbol,
          );
          const worked: [time: number, symbol: number, index: number][] = [];
          const watch: EngineOptions["watch"] = {
            bar: ({ bars, index, number }) => void worked.push([bars.time[index] as number, number, index]),
          };
          // No strategy trades here: nothing goes bust.
          const { engine } = engineOf(given, { init: () => ({}) }, settings, {}, { watch });
          engine.advance(null);
          const wanted = given.flatMap(({ bars }, symbol) =>
            Array.from(bars.time, (time, index): [number, number, number] => [time, symbol, index]),
          );
          const seen = wanted.filter(
            ([time, symbol]) => symbol !== 2 || joined === undefined || time >= joined,
          );
          expect(worked).toEqual(seen.toSorted(([a, s], [b, t]) => a - b || s - t));
          expect(engine.metrics.bars).toBe(seen.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("equity is the money less what was bought, paid and borrowed, and what that is worth, to the cent at each step", () => {
    let filled = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const { symbols, settings } = caseOf(seed);
        const { engine, equity, time } = drive({ symbols, settings });
        const worth = instruments.map(({ conversion }) => (conversion as number | undefined) ?? 1);
        const units = [0, 0, 0];
        let money = CASH;
        for (let step = 0; step < time.length; step++) {
          if (engine.advance(controlAt(step + 1)) === "bust") return;
          for (const { symbol, size, price, commission } of engine.fills) {
            const number = Number(symbol.slice(1));
            units[number] = (units[number] as number) + size;
            money -= size * price * (worth[number] as number) + commission;
            filled++;
          }
          const { trades, newest } = engine.snapshot().broker;
          const borrowed = [...trades, ...engine.closedTrades].reduce((sum, { borrow }) => sum + borrow, 0);
          const held = newest.map((index, number) => {
            const close = index < 0 ? 0 : (symbols[number]?.bars.close[index] as number);
            return (units[number] as number) * close * (worth[number] as number);
          });
          const sum = held.reduce((a, b) => a + b, money - borrowed);
          expect(Math.abs(sum - (equity[step] as number))).toBeLessThan(0.005);
        }
      }),
      { numRuns: 40 },
    );
    expect(filled).toBeGreaterThan(500);
  });

  test("symbols that are traded by themselves, on an account that carries all, come to the same trades in any order", () => {
    // Sizes are units, the dice are each symbol's own, and no trade is called for or slips by another's.
    const alone: Strategy = {
      init: ({ sma, bars }) => ({ indicators: { line: sma(3), fives: bars("5m") } }),
      onBar(ctx) {
        const next = random(Math.floor(ctx.close() * 100) + ctx.index);
        const direction = next() < 0.5 ? 1 : -1;
        const { size: _, ...order } = { ...randomOrder(next, direction, ctx.close()), units: 20 };
        if (next() < 0.5) direction === 1 ? ctx.buy(order) : ctx.sell(order);
        if (next() < 0.1) ctx.position.close();
      },
    };
    let traded = 0;
    fc.assert(
      fc.property(seeds, fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 }), (seed, order) => {
        const { symbols, settings } = caseOf(seed);
        const named = symbols.map((symbol, at) => ({
          ...symbol,
          instrument: { ...symbol.instrument, symbol: `S${at}` },
        }));
        const rich = { ...settings, cash: 1e9, finalize: true };
        const tradesOf = (places: readonly number[]) => {
          const { engine } = engineOf(
            places.map((at) => named[at] as Symbols[number]),
            alone,
            rich,
          );
          engine.advance(null);
          engine.finish();
          return places.map((symbol, place) => ({
            symbol,
            trades: engine.closedTrades
              .filter((trade) => trade.symbol === place)
              .map((trade) => ({ ...trade, symbol })),
          }));
        };
        const usual = tradesOf([0, 1, 2]);
        traded += usual.reduce((sum, { trades }) => sum + trades.length, 0);
        expect(tradesOf(order).toSorted((a, b) => a.symbol - b.symbol)).toEqual(usual);
      }),
      { numRuns: 30 },
    );
    expect(traded).toBeGreaterThan(500);
  });
});

describe("a symbol that joins a run under way", () => {
  /** A run of two symbols that a third joins at a step, and the same one declared from the start. */
  const joinedAt = (seed: number, share: number) => {
    const { symbols, settings } = caseOf(seed);
    const early = symbols.slice(0, 2);
    const run = drive({ symbols: early, settings });
    const step = Math.min(run.time.length - 1, Math.floor(share * run.time.length));
    run.engine.advance(controlAt(step));
    const joined = run.time[step] as number;
    const declared = drive({ symbols: [...early, { ...(symbols[2] as Symbols[number]), joined }], settings });
    const { time } = declared;
    const equity = new Float64Array(time.length);
    equity.set(run.equity.subarray(0, step));
    const bars = symbols[2]?.bars as Bars;
    const instrument = { symbol: "S2", tick: 0.25, lot: 10, currency: null, conversion: 1 };
    const bust = run.engine.snapshot().bust;
    const added = { instrument, bars, joined, added: true };
    run.engine.join(added, { time, equity, length: time.length });
    // As a run is restored: made as it began, joined at once, though nobody knows of it yet.
    const plan = { time, equity: new Float64Array(time.length), length: time.length };
    const known = { ...drive({ symbols: early, settings }, { plan }), equity: plan.equity };
    known.engine.join(added, plan);
    return { run: { ...run, equity, time }, known, declared, joined, step, bars, bust };
  };
  const shares = fc.double({ min: 0, max: 1, noNaN: true });

  test("comes to the bits of a run that was declared with it", () => {
    let trades = 0;
    fc.assert(
      fc.property(seeds, shares, (seed, share) => {
        const { run, known, declared, bust } = joinedAt(seed, share);
        if (bust) return;
        const wanted = outcome(finished(declared));
        expect(outcome(finished(run))).toEqual(wanted);
        expect(outcome(finished(known))).toEqual(wanted);
        trades += wanted.trades.filter(({ symbol }) => symbol === 2).length;
      }),
      { numRuns: 50 },
    );
    expect(trades).toBeGreaterThan(50);
  });

  test("is warmed by its history, and nothing of its past is traded", () => {
    fc.assert(
      fc.property(seeds, shares, (seed, share) => {
        const { run, bars, joined, step, bust } = joinedAt(seed, share);
        if (bust) return;
        const history = firstAtLeast(bars.time, bars.length, joined);
        const known = drive({ symbols: [{ bars: before(bars, joined) }], settings: plain });
        known.engine.advance(null);
        // What would have warmed it had it been there alone has.
        expect(run.engine.warmups[2]).toBe(known.engine.warmups[0] as number);
        finished(run);
        const of2 = run.said.filter(({ text }) => text.startsWith("S2 "));
        if (
          run.engine.warmups[2] !== -1 &&
          bars.length > history &&
          known.engine.warmups[0] !== -1 &&
          !run.engine.snapshot().bust
        ) {
          expect(of2.find(({ text }) => text.startsWith("S2 bar"))?.text).toStartWith(`S2 bar ${history} `);
        }
        for (const { time } of of2) if (bars.length > history) expect(time).toBeGreaterThanOrEqual(joined);
        for (const { symbol, entryBar } of run.engine.closedTrades) {
          if (symbol === 2) expect(entryBar).toBeGreaterThanOrEqual(history);
        }
        expect(run.time[step]).toBeGreaterThanOrEqual(joined);
      }),
      { numRuns: 40 },
    );
  });

  test("isn't known to the others before, whether it was declared or joined", () => {
    const { symbols } = caseOf(5);
    const joined = START + 50 * MINUTE;
    const seen: [number, string][] = [];
    const strategy: Strategy = {
      init({ symbol, symbols }) {
        seen.push([0, `${symbol}: ${symbols.join(" ")}`]);
        return {};
      },
      onBar(ctx) {
        if (ctx.symbol !== "S0") return;
        try {
          seen.push([ctx.time, `${ctx.of("S2").time < ctx.time + 1}`]);
        } catch (error) {
          seen.push([ctx.time, (error as Error).message]);
        }
      },
    };
    const { engine } = engineOf(
      symbols.map((symbol, at) => (at === 2 ? { ...symbol, joined } : symbol)),
      strategy,
    );
    engine.advance(null);
    expect(seen.slice(0, 3).map(([, text]) => text)).toEqual(["S0: S0 S1", "S1: S0 S1", "S2: S0 S1 S2"]);
    const told = (from: number, to: number) =>
      new Set(seen.slice(3).flatMap(([time, text]) => (time >= from && time < to ? [text] : [])));
    expect(told(0, joined)).toEqual(new Set(["the run has no symbol S2: it has S0, S1"]));
    expect(told(joined, Number.POSITIVE_INFINITY)).toEqual(new Set(["true"]));
  });

  test("puts its bars among the steps from where it joined", () => {
    const { symbols } = caseOf(9);
    const joined = START + 30 * MINUTE;
    const all = symbols.map(({ bars }, at) => ({
      bars,
      joined: at === 2 ? joined : Number.NEGATIVE_INFINITY,
    }));
    const time = timelineOf(all);
    const early = timelineOf(all.slice(0, 2));
    const steps = firstAtLeast(time, time.length, joined);
    expect([...time.subarray(0, steps)]).toEqual([...early.subarray(0, steps)]);
  });
});
