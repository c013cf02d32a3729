import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Random } from "../../../../src/backtest/core/engine/random.ts";
import { type MonteCarlo, monteCarlo } from "../../../../src/backtest/core/results/monte-carlo.ts";

describe("random numbers", () => {
  // The vector of rand_xoshiro's test of Xoshiro128StarStar, made with the authors' C code.
  test("are those of xoshiro128**", () => {
    const random = Random.from([1, 2, 3, 4]);
    expect(Array.from({ length: 10 }, () => random.next32())).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  // SplitMix64's outputs from 1234567, as the authors' C code gives them (Rosetta Code, "Pseudo-random numbers/Splitmix64").
  test("are seeded by SplitMix64", () => {
    const outputs = [6457827717110365317n, 3203168211198807973n];
    expect(new Random(1234567).state()).toEqual(
      outputs.flatMap((output) => [Number(output & 0xffffffffn), Number(output >> 32n)]),
    );
  });

  test("go on from a state as if they had never stopped", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(50), (seed, before) => {
        const random = new Random(seed);
        for (let n = 0; n < before; n++) random.next();
        const other = Random.from(JSON.parse(JSON.stringify(random.state())) as number[]);
        for (let n = 0; n < 5; n++) expect(other.next()).toBe(random.next());
      }),
    );
  });

  test("lie evenly between 0 and 1, and below a bound", () => {
    const random = new Random(7);
    const counts = new Array<number>(10).fill(0);
    for (let n = 0; n < 20_000; n++) {
      const value = random.next();
      expect(value >= 0 && value < 1).toBeTrue();
      const tenth = Math.floor(value * 10);
      counts[tenth] = (counts[tenth] ?? 0) + 1;
    }
    // 20,000 ± 5 standard deviations in ten bins.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(2000 * 0.9));
    for (const bound of [1, 3, 2 ** 32]) {
      const value = random.below(bound);
      expect(Number.isInteger(value) && value >= 0 && value < bound).toBeTrue();
    }
  });
});

/** The maximum drawdown, in per cent, of an account that wins and loses such parts of itself in this order. */
function fallOf(factors: readonly number[]): number {
  let [value, peak, fall] = [1, 1, 0];
  for (const factor of factors) {
    value *= factor;
    peak = Math.max(peak, value);
    fall = Math.max(fall, 1 - value / peak);
  }
  return -fall * 100;
}

function permutations(values: readonly number[]): number[][] {
  if (values.length < 2) return [[...values]];
  return values.flatMap((value, at) => permutations(values.toSpliced(at, 1)).map((rest) => [value, ...rest]));
}

const some = (result: MonteCarlo | undefined): MonteCarlo => {
  if (!result) throw new Error("there are trades");
  return result;
};

describe("Monte Carlo", () => {
  test("of a few trades finds the drawdowns of all their orders, each as likely", () => {
    // +10 %, −20 %, +50 % and −10 % of the account as it stood.
    const factors = [1.1, 0.8, 1.5, 0.9];
    let balance = 1000;
    const pnl = factors.map((factor) => {
      const won = balance * (factor - 1);
      balance += won;
      return won;
    });
    const falls = permutations(factors)
      .map(fallOf)
      .toSorted((a, b) => a - b);
    const found = some(monteCarlo(pnl, { cash: 1000, simulations: 20_000, seed: 3 }));
    const { p5, p25, p50, p75, p95 } = found.max_drawdown_pct;
    // Each of the 24 orders comes to some 833 simulations, so that a quantile is off by one order at most.
    for (const [at, quantile] of [p5, p25, p50, p75, p95].entries()) {
      const place = 23 * ([0.05, 0.25, 0.5, 0.75, 0.95][at] as number);
      expect(quantile).toBeGreaterThanOrEqual((falls[Math.max(0, Math.floor(place) - 1)] as number) - 1e-9);
      expect(quantile).toBeLessThanOrEqual((falls[Math.min(23, Math.ceil(place) + 1)] as number) + 1e-9);
    }
    // The order changes the way and not the end.
    for (const end of Object.values(found.final)) expect(end).toBeCloseTo(balance, 6);
    expect(found.after).toEqual([0, 1, 2, 3, 4]);
    // After one trade the quarters of all orders are the four trades, from the worst to the best.
    expect(found.bands.p5[1]).toBeCloseTo(800, 9);
    expect(found.bands.p95[1]).toBeCloseTo(1500, 9);
    expect(found.bands.p50[0]).toBe(1000);
    expect(found.loss_probability).toBe(0);
    expect(found.ruin_probability).toBe(0);
  });

  test("of one trade has only one end", () => {
    const found = some(monteCarlo([-600], { cash: 1000, simulations: 10, seed: 1 }));
    expect(found.final).toEqual({ p5: 400, p25: 400, p50: 400, p75: 400, p95: 400 });
    expect(found.max_drawdown_pct.p50).toBe(-60);
    expect(found.loss_probability).toBe(1);
    expect(found.ruin_probability).toBe(1);
    expect(
      some(monteCarlo([-600], { cash: 1000, simulations: 10, seed: 1, ruin: 0.7 })).ruin_probability,
    ).toBe(0);
  });

  test("with replacement has the binomial's chances", () => {
    // Four draws of double or half, as likely: lost when fewer than two of them double, ruined when …
    const pnl = [1000, -1000, 1000, -1000];
    const simulations = 20_000;
    const found = some(monteCarlo(pnl, { cash: 1000, simulations, seed: 5, method: "bootstrap" }));
    // 5 of 16; four standard deviations are 1.3 %.
    expect(Math.abs(found.loss_probability - 5 / 16)).toBeLessThan(0.013);
    expect(found.final.p5).toBe(62.5);
    expect(found.final.p50).toBe(1000);
    expect(found.final.p95).toBe(4000 * 4);
    // Half at any time: all but the walks of double and half that never stand below where they began, 6 of 16.
    expect(Math.abs(found.ruin_probability - 10 / 16)).toBeLessThan(0.014);
  });

  test("of no trades, or with no simulation, there is none", () => {
    expect(monteCarlo([], { cash: 1000, simulations: 10, seed: 1 })).toBeUndefined();
    expect(monteCarlo([1], { cash: 1000, simulations: 0, seed: 1 })).toBeUndefined();
  });

  test("stays at nothing once everything is lost", () => {
    const pnl = [100, -2000, 500];
    const found = some(monteCarlo(pnl, { cash: 1000, simulations: 50, seed: 1 }));
    expect(found.final.p95).toBe(0);
    expect(found.max_drawdown_pct.p50).toBe(-100);
  });

  test("of many trades has few points, the last of which is the end", () => {
    const pnl = Float64Array.from({ length: 1000 }, (_, n) => 10 * Math.sin(n));
    const found = some(monteCarlo(pnl, { cash: 1000, simulations: 20, seed: 1 }));
    expect(found.after).toHaveLength(201);
    expect([found.after.at(0), found.after.at(-1)]).toEqual([0, 1000]);
    expect(found.bands.p50.at(-1)).toBe(found.final.p50);
  });

  const pnls = fc.array(fc.double({ min: -50, max: 60, noNaN: true }), { minLength: 1, maxLength: 40 });
  const method = fc.constantFrom("shuffle", "bootstrap");

  test("has bands in order, and the same bits for the same seed", () => {
    fc.assert(
      fc.property(pnls, method, fc.nat(), (pnl, method, seed) => {
        const options = { cash: 1000, simulations: 40, seed, method } as const;
        const found = some(monteCarlo(pnl, options));
        expect(monteCarlo(pnl, options)).toEqual(found);
        const { p5, p25, p50, p75, p95 } = found.bands;
        for (let at = 0; at < found.after.length; at++) {
          const row = [p5, p25, p50, p75, p95].map((band) => band[at] as number);
          expect(row.toSorted((a, b) => a - b)).toEqual(row);
        }
        expect(found.max_drawdown_pct.p95).toBeLessThanOrEqual(0);
        expect(found.loss_probability >= 0 && found.loss_probability <= 1).toBeTrue();
      }),
      { numRuns: 60 },
    );
  });

  test("of a shuffle ends where the run did", () => {
    fc.assert(
      fc.property(pnls, fc.nat(), (pnl, seed) => {
        // Large enough never to be lost.
        const cash = 10_000;
        const end = pnl.reduce((sum, won) => sum + won, cash);
        const found = some(monteCarlo(pnl, { cash, simulations: 10, seed }));
        expect(Math.abs(found.final.p5 / end - 1)).toBeLessThan(1e-9);
        expect(Math.abs(found.final.p95 / end - 1)).toBeLessThan(1e-9);
      }),
      { numRuns: 50 },
    );
  });
});
