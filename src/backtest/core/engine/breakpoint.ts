import type { Breakpoint } from "../run.ts";
import { parseInstant } from "../time/instant.ts";

/** The forms that {@link parseBreakpoint} reads. */
export const BREAKPOINTS = "2017-06-01T14:30, 'trade 20' or 'drawdown 5%'";

/** Reads where a run is to pause: a time, `trade N` or `drawdown N%`. @returns undefined for anything else */
export function parseBreakpoint(text: string): Breakpoint | undefined {
  const [, count] = /^trade\s+(\d{1,15})$/.exec(text.trim()) ?? [];
  if (count !== undefined) return Number(count) > 0 ? { kind: "trades", count: Number(count) } : undefined;
  const [, percent] = /^drawdown\s+(\d+(?:\.\d+)?)\s*%$/.exec(text.trim()) ?? [];
  if (percent !== undefined) {
    const fraction = Number(percent) / 100;
    return fraction > 0 && fraction < 1 ? { kind: "drawdown", fraction } : undefined;
  }
  const at = parseInstant(text);
  return at === undefined ? undefined : { kind: "time", at };
}
