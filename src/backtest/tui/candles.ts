/** Bars as candles, a column each and two halves of a cell high. Pure. */
import type { Tone } from "../../kernel/tui/theme.ts";
import type { Candles } from "../core/run-state.ts";
import type { PaintedRow } from "./painted.tsx";

/** A trade's entry or exit, at the open of the bar it was on, UTC ms. */
export type Mark = {
  readonly time: number;
  readonly kind: "entry" | "exit";
  readonly long: boolean;
  /** Of the trade that is looked at. */
  readonly chosen: boolean;
};

/** What is drawn with the candles. */
export type CandleOptions = {
  readonly marks: readonly Mark[];
  /** The number of the candle after the last that is drawn; the newest are drawn when it is left out. */
  readonly end?: number | undefined;
  /** A price at which there is a line behind the candles. */
  readonly level?: number | undefined;
};

/** Candles `first` … `end` − 1 as they are drawn, and the prices at the upper and lower edge: NaN without any. */
export type CandleChart = {
  readonly rows: readonly PaintedRow[];
  readonly first: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
};

/**
 * What the halves of a cell hold: nothing, the wick or the body. Bodies of candles that rose are lines, of those that fell
 * blocks: they are told apart without colours. A block has no half for the wick beside it.
 */
const [EMPTY, WICK, BODY] = [0, 1, 2] as const;
/** By `upper * 3 + lower`. */
const ROSE = [" ", "╷", "╻", "╵", "│", "╽", "╹", "╿", "┃"];
const FELL = [" ", "╷", "▄", "╵", "│", "▄", "▀", "▀", "█"];

/** By kind and whether the trade is long. */
const SIGNS = { entry: { long: "▲", short: "△" }, exit: { long: "▼", short: "▽" } } as const;

/** What candles and their marks are said to be, for the help and the legend. */
export const LEGEND = "▲ entry ▼ exit, △ ▽ of shorts · ┃ rose █ fell";

/** Which candles are drawn in so many columns. */
export function windowOf(count: number, width: number, end = count): { first: number; end: number } {
  const last = Math.min(count, Math.max(Math.min(width, count), end));
  return { first: Math.max(0, last - width), end: last };
}

/** The candles in `height` rows of `width` cells, from 4 rows on with entries below and exits above their candles. */
export function candleChart(
  candles: Candles,
  width: number,
  height: number,
  { marks, end: wanted, level }: CandleOptions,
): CandleChart {
  const { time, open, high: highs, low: lows, close } = candles;
  const { first, end } = windowOf(time.length, width, wanted);
  const cells = Array.from({ length: height }, () => new Array<string>(width).fill(" "));
  const tones = Array.from({ length: height }, () => new Array<Tone>(width).fill("plain"));
  const put = (row: number, column: number, text: string, tone: Tone) => {
    const [line, colours] = [cells[row], tones[row]];
    if (!line || !colours) return;
    line[column] = text;
    colours[column] = tone;
  };

  let high = Number.NEGATIVE_INFINITY;
  let low = Number.POSITIVE_INFINITY;
  for (let i = first; i < end; i++) {
    high = Math.max(high, highs[i] as number);
    low = Math.min(low, lows[i] as number);
  }
  /** Rows above and below the candles, for the marks of those at the edge. */
  const lane = height >= 4 ? 1 : 0;
  const halves = (height - 2 * lane) * 2;
  const half = (price: number) =>
    2 * lane + Math.round((high > low ? (high - price) / (high - low) : 0.5) * (halves - 1));

  if (level !== undefined && level >= low && level <= high) {
    for (let column = 0; column < width; column++) put(half(level) >> 1, column, "╌", "secondary");
  }
  const columns = new Map<number, number>();
  for (let i = first; i < end; i++) {
    const column = i - first;
    columns.set(time[i] as number, column);
    const [from, to] = [open[i] as number, close[i] as number];
    const [top, bottom] = [half(highs[i] as number), half(lows[i] as number)];
    const [upper, lower] = [half(Math.max(from, to)), half(Math.min(from, to))];
    const rose = to >= from;
    const at = (y: number) => (y >= upper && y <= lower ? BODY : y >= top && y <= bottom ? WICK : EMPTY);
    for (let row = top >> 1; row <= bottom >> 1; row++) {
      const glyph = (rose ? ROSE : FELL)[at(2 * row) * 3 + at(2 * row + 1)] as string;
      put(row, column, glyph, rose ? "running" : "failed");
    }
  }
  if (lane > 0) {
    // Those of the trade that is looked at last: they stand over others on the same bar.
    for (const chosen of [false, true]) {
      for (const mark of marks) {
        const column = columns.get(mark.time);
        if (column === undefined || mark.chosen !== chosen) continue;
        const i = first + column;
        const row =
          mark.kind === "entry" ? (half(lows[i] as number) >> 1) + 1 : (half(highs[i] as number) >> 1) - 1;
        put(row, column, SIGNS[mark.kind][mark.long ? "long" : "short"], chosen ? "selected" : "plain");
      }
    }
  }
  const rows = cells.map((line, row) => ({ text: line.join(""), tones: tones[row] as Tone[] }));
  return { rows, first, end, low: end > first ? low : Number.NaN, high: end > first ? high : Number.NaN };
}
