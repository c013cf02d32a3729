import { expect, test } from "bun:test";
import {
  describeParams,
  ParameterError,
  type ParamSpecs,
  resolveParams,
} from "../../../../src/backtest/core/engine/parameters.ts";

const specs: ParamSpecs = {
  fast: { default: 10, min: 2, max: 200, integer: true, help: "bars of the fast average" },
  risk: { default: 0.5, min: 0 },
  short: true,
  side: { default: "both", choices: ["long", "short", "both"] },
  note: "",
};

test("what isn't given is the default, and nobody can change what was resolved", () => {
  const params = resolveParams(specs, { fast: 3 });
  expect(params).toEqual({ fast: 3, risk: 0.5, short: true, side: "both", note: "" });
  expect(Object.isFrozen(params)).toBe(true);
});

test.each([
  ["fast", "15", 15],
  ["risk", "1e-3", 0.001],
  ["short", "no", false],
  ["short", "ON", true],
  ["side", "long", "long"],
  ["note", "12", "12"],
] as const)("text of the command line is read by the parameter's type: %s=%s", (name, text, value) => {
  expect(resolveParams(specs, { [name]: text })[name]).toBe(value);
});

const refusal = (
  given: Record<string, number | string | boolean>,
  of = specs,
): { message: string; hint?: string } => {
  try {
    resolveParams(of, given);
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    return { message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  throw new Error("it was taken");
};

test.each([
  [{ fast: 1 }, "parameter 'fast' must be a whole number from 2 to 200, not '1'"],
  [{ fast: 2.5 }, "parameter 'fast' must be a whole number from 2 to 200, not '2.5'"],
  [{ fast: "many" }, "parameter 'fast' must be a whole number from 2 to 200, not 'many'"],
  [{ fast: " " }, "parameter 'fast' must be a whole number from 2 to 200, not ' '"],
  [{ fast: Number.NaN }, "parameter 'fast' must be a whole number from 2 to 200, not 'NaN'"],
  [{ risk: -1 }, "parameter 'risk' must be a number from 0 on, not '-1'"],
  [{ risk: Number.POSITIVE_INFINITY }, "parameter 'risk' must be a number from 0 on, not 'Infinity'"],
  [{ short: 1 }, "parameter 'short' must be true or false, not '1'"],
  [{ note: 1 }, "parameter 'note' must be text, not '1'"],
] as const)("%j is refused with what the parameter may be", (given, message) => {
  expect(refusal(given)).toEqual({ message });
});

test("what is misspelt gets the near name, or all there are", () => {
  expect(refusal({ fsat: 3 })).toEqual({
    message: "the strategy has no parameter 'fsat'",
    hint: "did you mean fast?",
  });
  expect(refusal({ side: "lnog" })).toMatchObject({ hint: "did you mean long?" });
  expect(refusal({ window: 3 }, { slow: 30 }).hint).toBe("it has slow, a number (30)");
  expect(refusal({ window: 3 }, {}).hint).toBe("it has none");
  expect(refusal({ constructor: 3 }).message).toContain("no parameter 'constructor'");
});

test("a strategy that declares a parameter wrongly is told which", () => {
  expect(refusal({}, { fast: { default: 1, min: 2 } }).message).toBe(
    "the strategy's parameter 'fast' must be a number from 2 on, which its default 1 isn't",
  );
  const unset = { fast: { min: 2 } } as unknown as ParamSpecs;
  expect(refusal({}, unset).message).toBe("the strategy's parameter 'fast' has no default");
});

test("parameters are described by what they may be", () => {
  expect(describeParams(specs)).toEqual([
    "fast, a whole number from 2 to 200 (10): bars of the fast average",
    "risk, a number from 0 on (0.5)",
    "short, true or false (true)",
    "side, long, short or both (both)",
    "note, text ()",
  ]);
});
