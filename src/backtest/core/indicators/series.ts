import { type Bars, closeDecimals } from "../bars.ts";
import type { Column, Indicator, Line, Series } from "../strategy.ts";
import { Ema, MacdLines, Sma, Wma } from "./averages.ts";
import { BollingerLines, StdDev } from "./deviation.ts";
import { crossesExactly, ExactLine, factorOf } from "./exact-line.ts";
import { PlainLine } from "./line.ts";
import { Cci, Roc, Rsi, StochasticLines } from "./oscillators.ts";
import { AdxLines, Atr, DonchianLines } from "./ranges.ts";
import type { Streaming } from "./streaming.ts";
import { Obv, Vwap } from "./volumes.ts";

/** More bars than anything is averaged over: what remembers a window takes memory for all of it. */
const LONGEST = 1_000_000;

/**
 * What can be declared of bars, with the usual defaults; which ones, whoever moves the indicators says. Its functions need no
 * `this`.
 * @param scale the bars whose prices those are: the symbol's own. They may be the same, and may grow; what they hold now says
 * how many decimals the prices have.
 * @param added is told each indicator in the order of declaration.
 * @param dayOf the day that a bar which opened at `time` (UTC ms) is of: any number that differs from day to day.
 * @throws RangeError for a length or a column that can't be.
 */
export function seriesOn(
  scale: Bars,
  added: (streaming: Streaming) => void,
  dayOf: (time: number) => number,
): Series {
  const factors = new Map<Column, number>();
  const factor = (of: Column): number => {
    const known = factors.get(of);
    if (known !== undefined) return known;
    const found = factorOf(scale, of, closeDecimals);
    factors.set(of, found);
    return found;
  };
  const add = <S extends Streaming>(streaming: S): S => {
    added(streaming);
    return streaming;
  };
  return {
    sma: (length, of = "close") => add(new Sma(bars(length), column(of), factor(of))).line,
    ema: (length, of = "close") => add(new Ema(bars(length), column(of))).line,
    wma: (length, of = "close") => add(new Wma(bars(length), column(of), factor(of))).line,
    rsi: (length = 14, of = "close") => add(new Rsi(bars(length), column(of))).line,
    macd: (fast = 12, slow = 26, length = 9) => {
      const { macd, signal, histogram } = add(new MacdLines(bars(fast), bars(slow), bars(length)));
      return Object.freeze({ macd, signal, histogram });
    },
    bollinger: (length = 20, deviations = 2) => {
      if (!(deviations > 0 && deviations < Infinity)) {
        throw new RangeError(`a band's distance must be some deviations, above 0, not ${deviations}`);
      }
      const { upper, middle, lower } = add(new BollingerLines(bars(length), deviations, factor("close")));
      return Object.freeze({ upper, middle, lower });
    },
    atr: (length = 14) => add(new Atr(bars(length))).line,
    adx: (length = 14) => add(new AdxLines(bars(length))).line,
    stochastic: (length = 14, smooth = 3, signal = 3) => {
      const { k, d } = add(new StochasticLines(bars(length), bars(smooth), bars(signal)));
      return Object.freeze({ k, d });
    },
    donchian: (length = 20) => {
      const { upper, middle, lower } = add(new DonchianLines(bars(length)));
      return Object.freeze({ upper, middle, lower });
    },
    vwap: () => add(new Vwap(dayOf)).line,
    obv: () => add(new Obv()).line,
    cci: (length = 20) => add(new Cci(bars(length))).line,
    roc: (length = 10, of = "close") => add(new Roc(bars(length), column(of))).line,
    stddev: (length = 20, of = "close") => add(new StdDev(bars(length), column(of), factor(of))).line,
  };
}

/** The lines of an indicator by name; its own, if it is one, is called "". Derived bars have none. */
export function linesOf(indicator: Indicator): [name: string, line: Line][] {
  const lines: [string, Line][] = indicator instanceof PlainLine ? [["", indicator]] : [];
  for (const [name, value] of Object.entries(indicator))
    if (value instanceof PlainLine) lines.push([name, value]);
  return lines;
}

/**
 * Whether `a` was below `b` on the bar before and is above it now. Equal on either bar is no cross. Averages whose sums
 * are exact are compared exactly; other lines as the doubles they are.
 * @throws TypeError for what isn't a line of stint's, or a line and a number.
 */
export function crossesAbove(a: Line, b: Line | number): boolean {
  if (a instanceof ExactLine && b instanceof ExactLine) return crossesExactly(a, b);
  if (!(a instanceof PlainLine)) throw notALine(a);
  if (typeof b === "number") return a.previous < b && a.value > b;
  if (!(b instanceof PlainLine)) throw notALine(b);
  return a.previous < b.previous && a.value > b.value;
}

/** Whether `a` was above `b` on the bar before and is below it now, as {@link crossesAbove}. */
export function crossesBelow(a: Line, b: Line | number): boolean {
  if (typeof b !== "number") return crossesAbove(b, a);
  if (!(a instanceof PlainLine)) throw notALine(a);
  return a.previous > b && a.value < b;
}

function notALine(value: unknown): TypeError {
  const what =
    typeof value === "object" && value !== null ? `{ ${Object.keys(value).join(", ")} }` : String(value);
  return new TypeError(`a cross is between lines declared in init, or a line and a number, not ${what}`);
}

function bars(length: number): number {
  if (Number.isSafeInteger(length) && length >= 1 && length <= LONGEST) return length;
  throw new RangeError(
    `a length must be a whole number of bars, at least 1 and at most ${LONGEST}, not ${length}`,
  );
}

function column(of: Column): Column {
  const columns: readonly Column[] = ["open", "high", "low", "close", "volume"];
  if (columns.includes(of)) return of;
  throw new RangeError(`bars have ${columns.join(", ")}, but no ${of}`);
}
