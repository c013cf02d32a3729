import type { Commission } from "./account.ts";

/** A number as one writes it: no sign, no hexadecimal. */
const AMOUNT = /^\d*\.?\d+(?:e[+-]?\d+)?$/i;
const amountOf = (text: string): number => (AMOUNT.test(text.trim()) ? Number(text) : Number.NaN);

/** A part of one, or per cent. */
const rateOf = (text: string): number =>
  text.trim().endsWith("%") ? amountOf(text.trim().slice(0, -1)) / 100 : amountOf(text);

/**
 * Reads a commission: "0.0001" and "0.01%" are a rate, "0.5+0.00001" a fixed amount an order and a rate, "0.005/unit" an amount for
 * each unit.
 * @returns undefined for anything else
 */
export function parseCommission(text: string): Commission | undefined {
  const [, unit] = /^(.*)\/\s*unit$/i.exec(text.trim()) ?? [];
  if (unit !== undefined) {
    const perUnit = amountOf(unit);
    return perUnit < 1e12 ? { fixed: 0, rate: 0, perUnit } : undefined;
  }
  const [, fixed = "0", rate = ""] = /^(?:(.*[^e])\+)?(.*)$/i.exec(text.trim()) ?? [];
  const read = { fixed: amountOf(fixed), rate: rateOf(rate), perUnit: 0 };
  return read.fixed < 1e12 && read.rate < 1 ? read : undefined;
}
