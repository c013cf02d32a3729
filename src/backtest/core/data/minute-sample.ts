import { Random } from "../engine/random.ts";
import { formatTime } from "../time/calendar.ts";

/** Monday, 2024-01-01 UTC. */
const START = 1_704_067_200_000;
const BARS = 5_000;
const SEED = 20_240_101;

/**
 * Made bars of a minute, around the clock, as CSV: a random walk from 100.00 by whole cents, always the same. It has no
 * trend to be found: what a strategy wins on it is luck, and what it loses is mostly costs.
 */
export function minuteSample(): string {
  const random = new Random(SEED);
  const price = (cents: number) => (cents / 100).toFixed(2);
  const lines = ["time,open,high,low,close,volume"];
  let cents = 10_000;
  for (let i = 0; i < BARS; i++) {
    const open = cents;
    // The sum of three steps has a middle that is likelier than its ends.
    const step = random.below(9) + random.below(9) + random.below(9) - 12;
    // Never below 50.00, wherever the walk goes.
    const close = open + step < 5_000 ? open - step : open + step;
    const high = Math.max(open, close) + random.below(6);
    const low = Math.min(open, close) - random.below(6);
    const volume = 100 + random.below(900) + 20 * Math.abs(step);
    const cells = [open, high, low, close].map(price);
    lines.push(`${formatTime(START + i * 60_000)},${cells.join(",")},${volume}`);
    cents = close;
  }
  return `${lines.join("\n")}\n`;
}
