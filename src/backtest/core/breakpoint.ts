import type { Breakpoint } from "./run.ts";

/** Reads where a run is to pause: a time, `trade N` or `drawdown N%`. @returns undefined for anything else */
export function parseBreakpoint(text: string): Breakpoint | undefined {
  const [, count] = /^trade\s+(\d{1,15})$/.exec(text.trim()) ?? [];
  if (count !== undefined) return Number(count) > 0 ? { kind: "trades", count: Number(count) } : undefined;
  const [, percent] = /^drawdown\s+(\d+(?:\.\d+)?)\s*%$/.exec(text.trim()) ?? [];
  if (percent !== undefined) {
    const fraction = Number(percent) / 100;
    return fraction > 0 && fraction < 1 ? { kind: "drawdown", fraction } : undefined;
  }
  const [, day, time = "00:00"] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?Z?$/.exec(text.trim()) ?? [];
  const at = day === undefined ? Number.NaN : parseInstant(day, time);
  return Number.isNaN(at) ? undefined : { kind: "time", at };
}

function parseInstant(day: string, time: string): number {
  try {
    return Temporal.Instant.from(`${day}T${time}Z`).epochMilliseconds;
  } catch {
    return Number.NaN;
  }
}
