import type { Commission } from "./account.ts";

/**
 * Reads a commission: "0.0001" is a rate, "0.5+0.00001" a fixed amount an order and a rate, "0.005/unit" an amount for
 * each unit.
 * @returns undefined for anything else
 */
export function parseCommission(text: string): Commission | undefined {
  const [, unit] = /^([\d.]+(?:e-?\d+)?)\s*\/\s*unit$/i.exec(text.trim()) ?? [];
  if (unit !== undefined) {
    const perUnit = Number(unit);
    return perUnit >= 0 && perUnit < 1e12 ? { fixed: 0, rate: 0, perUnit } : undefined;
  }
  const parts = text.split("+");
  if (parts.length > 2 || parts.some((part) => part.trim() === "")) return undefined;
  const [fixed, rate] = parts.length === 1 ? [0, Number(parts[0])] : [Number(parts[0]), Number(parts[1])];
  if (fixed === undefined || rate === undefined) return undefined;
  return fixed >= 0 && fixed < 1e12 && rate >= 0 && rate < 1 ? { fixed, rate, perUnit: 0 } : undefined;
}
