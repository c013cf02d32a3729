import { spokenDuration } from "../../kernel/core/duration.ts";

/** A length of time in words, with a fraction where it is short: `0.7 s`, `30 s`, `12 min`. */
export const spokenTime = (ms: number): string =>
  ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : spokenDuration(ms);
