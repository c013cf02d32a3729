import type { Bars } from "../bars.ts";

/** So many bars make a piece of text. */
const PIECE = 2_000;

/** Bars as CSV, in pieces; times are `YYYY-MM-DD HH:MM:SS`, UTC, with a fraction where there is one. */
export function* csvText(bars: Bars): Generator<string> {
  yield "time,open,high,low,close,volume\n";
  yield* pieces(bars, (i) => {
    const time = instant(bars, i).replace("T", " ").replace("Z", "");
    const { open, high, low, close, volume } = bars;
    return `${time},${open[i]},${high[i]},${low[i]},${close[i]},${volume[i]}\n`;
  });
}

/** Bars as NDJSON, in pieces; times are RFC 3339, UTC. */
export const ndjsonText = (bars: Bars): Generator<string> =>
  pieces(bars, (i) => {
    const { open, high, low, close, volume } = bars;
    return `{"time":"${instant(bars, i)}","open":${open[i]},"high":${high[i]},"low":${low[i]},"close":${close[i]},"volume":${volume[i]}}\n`;
  });

const instant = ({ time }: Bars, i: number): string =>
  Temporal.Instant.fromEpochMilliseconds(time[i] as number).toString();

function* pieces({ length }: Bars, line: (i: number) => string): Generator<string> {
  let piece = "";
  for (let i = 0; i < length; i++) {
    piece += line(i);
    if ((i + 1) % PIECE !== 0) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
