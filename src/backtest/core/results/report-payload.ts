import { type Bars, closeDecimals } from "../bars.ts";
import { packColumn } from "./report-columns.ts";
import { holdCurve, type ReportData, type ReportSymbol } from "./report-data.ts";
import { aboutRun, factTables, yearRows } from "./report-words.ts";

/** Where a packed column lies, after the head. */
type Place = { readonly at: number; readonly length: number; readonly scale: number };
type Put = (values: Float64Array, digits?: number) => Place;

/** Lines of the log on a page: who wants all of them has them from the strategy. */
const MOST_LINES = 5000;
/** Digits of what is only looked at. */
const DIGITS = 7;
/** Decimals of prices on a page whose own are too many. */
const DECIMALS = 5;

/**
 * The data of a page: the length of its head (four bytes, least first), the head as JSON, and the columns that it points
 * to. `adapters/report/browser.js` reads it.
 * @param made what the page says of its making
 */
export function reportPayload(data: ReportData, made: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let at = 0;
  const put: Put = (values, digits) => {
    const { bytes, length, scale } = packColumn(values, digits);
    const place = { at, length, scale };
    pieces.push(bytes);
    at += bytes.length;
    return place;
  };

  const { log, monteCarlo } = data;
  const hold = holdCurve(data);
  const head = {
    title: data.title,
    about: aboutRun(data),
    note: data.note,
    made,
    statistics: factTables(data),
    months: yearRows(data.result.stats.monthly_returns),
    symbols: data.symbols.map((symbol) => symbolHead(symbol, put)),
    trades: tradesHead(data, put),
    time: put(data.time),
    equity: put(data.equity),
    hold: hold ? put(hold, DIGITS) : null,
    fan: monteCarlo
      ? {
          after: put(Float64Array.from(monteCarlo.after)),
          bands: Object.values(monteCarlo.bands).map((band) => put(Float64Array.from(band))),
        }
      : null,
    log: {
      all: log.length,
      lines: log.slice(0, MOST_LINES).map(({ time, symbol, text }) => [time, symbol, text]),
    },
  };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const whole = new Uint8Array(4 + json.length + at);
  new DataView(whole.buffer).setUint32(0, json.length, true);
  whole.set(json, 4);
  let to = 4 + json.length;
  for (const piece of pieces) {
    whole.set(piece, to);
    to += piece.length;
  }
  return whole;
}

const priceDecimals = ({ decimals }: Bars): number => (decimals < 0 ? DECIMALS : Math.min(decimals, 8));

function symbolHead({ symbol, bars, lines }: ReportSymbol, put: Put) {
  const column = (values: Float64Array) => put(values.subarray(0, bars.length));
  return {
    name: symbol,
    decimals: priceDecimals(bars),
    columns: {
      time: column(bars.time),
      open: column(bars.open),
      high: column(bars.high),
      low: column(bars.low),
      close: column(bars.close),
      volume: column(bars.volume),
    },
    lines: lines.map(({ name, pane, values }) => ({
      name,
      pane,
      values: put(values.subarray(0, bars.length), DIGITS),
    })),
  };
}

function tradesHead(data: ReportData, put: Put) {
  const { trades, symbols } = data;
  const tags = [...new Set(trades.map(({ tag }) => tag ?? ""))];
  const whys = [...new Set(trades.map(({ why }) => why))];
  const [tagAt, whyAt] = [tags, whys].map(
    (words) => new Map<string, number>(words.map((word, n) => [word, n])),
  );
  const column = (value: (trade: ReportData["trades"][number], n: number) => number) =>
    put(Float64Array.from(trades, value));
  return {
    tags,
    whys,
    /** Decimals of each symbol's fills: spread and slippage have more of them than the prices. */
    prices: symbols.map(({ bars }, symbol) => {
      const fills = trades.filter((trade) => trade.symbol === symbol).map(({ entryPrice }) => entryPrice);
      const found = closeDecimals(Float64Array.from(fills));
      const least = priceDecimals(bars);
      return Math.max(least, Math.min(found < 0 ? 8 : found, least + 2));
    }),
    columns: {
      symbol: column(({ symbol }) => symbol),
      size: column(({ size }) => size),
      entryBar: column(({ entryBar }) => entryBar),
      exitBar: column(({ exitBar }) => exitBar),
      entryTime: column(({ entryTime }) => entryTime),
      exitTime: column(({ exitTime }) => exitTime),
      entryPrice: column(({ entryPrice }) => entryPrice),
      exitPrice: column(({ exitPrice }) => exitPrice),
      pnl: column(({ pnl }) => pnl),
      returnFraction: column(({ returnFraction }) => returnFraction),
      costs: column(({ commission, borrow }) => commission + borrow),
      mae: column(({ mae }) => mae),
      mfe: column(({ mfe }) => mfe),
      why: column(({ why }) => whyAt?.get(why) ?? 0),
      tag: column(({ tag }) => tagAt?.get(tag ?? "") ?? 0),
    },
  };
}
