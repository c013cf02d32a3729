import type { Bars } from "../bars.ts";

/** Lengths of bars, and the hours in which bars are traded. */

/** The length of a bar. */
export type Timeframe = {
  /** As people write it: `90s`, `5m`, `4h`, `1d`, `1w`, `1mo`; the same length has always the same text. */
  readonly text: string;
  readonly unit: "intraday" | "day" | "week" | "month";
  /** How long it is, ms: exact within a day, usual for a day (24 h), a week and a month (30 days). */
  readonly ms: number;
};

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR };
const LONG: readonly Timeframe[] = [
  { text: "1d", unit: "day", ms: DAY },
  { text: "1w", unit: "week", ms: 7 * DAY },
  { text: "1mo", unit: "month", ms: 30 * DAY },
];

/** Reads whole seconds, minutes or hours of less than a day (`30s`, `5m`, `4h`), `1d`, `1w` or `1mo`. @returns undefined for anything else */
export function parseTimeframe(text: string): Timeframe | undefined {
  const [, count, unit = ""] = /^([1-9]\d{0,4})([smh])$/.exec(text.trim()) ?? [];
  if (count === undefined) return LONG.find((long) => long.text === text.trim());
  const ms = Number(count) * (UNIT_MS[unit] as number);
  return ms < DAY ? { text: intradayText(ms), unit: "intraday", ms } : undefined;
}

function intradayText(ms: number): string {
  if (ms % HOUR === 0) return `${ms / HOUR}h`;
  return ms % MINUTE === 0 ? `${ms / MINUTE}m` : `${ms / SECOND}s`;
}

/**
 * Whether bars of `longer` can be made of whole bars of `shorter`: 4h of 1h and of 5m; neither 4h of 3h, nor months of
 * weeks, nor anything of itself.
 */
export function isMadeOf(longer: Timeframe, shorter: Timeframe): boolean {
  if (longer.ms <= shorter.ms || shorter.unit === "week") return false;
  return longer.unit !== "intraday" || longer.ms % shorter.ms === 0;
}

/** Of this many steps at most the usual one is looked for. */
const STEPS_SEEN = 10_000;

/**
 * The length of a bar by the usual step from one to the next, as text (`1h`). Nights, weekends and holes may lie between
 * them; null when no step makes up a third of all, as with bars of ticks or of volume.
 */
export function guessTimeframe({ time, length }: Pick<Bars, "time" | "length">): string | null {
  const steps = length - 1;
  const seen = Math.min(steps, STEPS_SEEN);
  const counts = new Map<string | null, number>();
  for (let k = 0; k < seen; k++) {
    const i = Math.floor((k * steps) / seen);
    const text = stepText((time[i + 1] as number) - (time[i] as number));
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  counts.delete(null);
  const [usual, count = 0] = [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), [null, 0]);
  return count * 3 >= seen ? usual : null;
}

/** Days, weeks and months by the clock of a place are an hour off when its clock changes. */
function stepText(ms: number): string | null {
  if (ms >= 28 * DAY - HOUR && ms <= 31 * DAY + HOUR) return "1mo";
  if (Math.abs(ms - 7 * DAY) <= HOUR) return "1w";
  if (Math.abs(ms - DAY) <= HOUR) return "1d";
  return ms > 0 && ms < DAY && ms % SECOND === 0 ? intradayText(ms) : null;
}

/**
 * The hours of trading in the run's timezone. `open` at or after `close` means that the day begins on the evening
 * before, as futures' does; a `close` of `00:00` is the midnight at the day's end.
 */
export type Hours = {
  /** `HH:MM`. */
  readonly open: string;
  readonly close: string;
  /** Days with trading, ISO: 1 is Monday, 7 Sunday. At least one. */
  readonly days: readonly number[];
  /** Days without, `YYYY-MM-DD`. */
  readonly holidays: readonly string[];
  /** Days that end earlier, `YYYY-MM-DD` → `HH:MM`. */
  readonly early: Readonly<Record<string, string>>;
};
