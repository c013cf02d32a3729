/** The shortest and the longest an interval may be, in ms. */
export const SHORTEST_MS = 1_000;
export const LONGEST_MS = 24 * 3_600_000;

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 };

/**
 * `25m`, `1h30m`, `90s`, `1.5h`; a number alone is minutes, as such tools take it.
 * @returns ms, undefined for what is no duration of one second to a day
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  let ms = Number.NaN;
  if (/^\d+(\.\d+)?$/.test(trimmed)) ms = Number(trimmed) * 60_000;
  else if (/^(\d+(\.\d+)?[hms])+$/.test(trimmed)) {
    ms = 0;
    for (const [, number, unit = ""] of trimmed.matchAll(/(\d+(?:\.\d+)?)([hms])/g)) {
      ms += Number(number) * (UNIT_MS[unit] ?? Number.NaN);
    }
  }
  ms = Math.round(ms);
  return ms >= SHORTEST_MS && ms <= LONGEST_MS ? ms : undefined;
}

/** `25m`, `1h30m`, `90s`: as {@link parseDuration} reads it. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const text = `${h > 0 ? `${h}h` : ""}${m > 0 ? `${m}m` : ""}${s > 0 ? `${s}s` : ""}`;
  return text || "0s";
}

/** What a timer shows: `24:59`, `1:30:00`. A second that has begun is shown, so that 0:00 means over. */
export function clockText(ms: number): string {
  const seconds = Math.ceil(Math.max(0, ms) / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}

/** In words, for people: `40 s`, `12 min`, `1 h 23 min`. */
export function spokenDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const PRECISE_MS: Readonly<Record<string, number>> = { ...UNIT_MS, ms: 1 };

/** `500ms`, `1m30s`, `2h`; a number alone is seconds. @returns ms, undefined for what is no duration */
export function milliseconds(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/^(\d+(\.\d+)?(ms|[hms]))+$/.test(text)) return undefined;
  const parts = text.matchAll(/([\d.]+)(ms|[hms])/g);
  return Math.round(parts.reduce((sum, [, n, unit = ""]) => sum + Number(n) * (PRECISE_MS[unit] ?? 0), 0));
}

/** `500ms`, `1m30s`, `2h`: as {@link milliseconds} reads it. */
export function preciseText(ms: number): string {
  const rest = ms % 1000;
  const whole = ms - rest;
  if (rest === 0) return durationText(whole);
  return `${whole > 0 ? durationText(whole) : ""}${rest}ms`;
}
