import type { Slippage } from "./account.ts";

/**
 * Reads a slippage: "0.0002" is an amount of price, "0.01%" a part of it, "volume 0.1" the impact of the volume taken.
 * @returns undefined for anything else
 */
export function parseSlippage(text: string): Slippage | undefined {
  const [, volume, number, percent] =
    /^(volume\s+)?(\d*\.?\d+(?:e[+-]?\d+)?)(\s*%)?$/i.exec(text.trim()) ?? [];
  const value = Number(number);
  if (!Number.isFinite(value)) return undefined;
  if (volume !== undefined)
    return percent === undefined ? { kind: "volume_share", impact: value } : undefined;
  if (percent !== undefined) return value < 100 ? { kind: "rate", rate: value / 100 } : undefined;
  return value === 0 ? { kind: "none" } : { kind: "fixed", amount: value };
}
