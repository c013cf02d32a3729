import { Curve } from "../../core/results/curve.ts";
import type { ReportData, ReportSymbol } from "../../core/results/report-data.ts";
import { DAY_MS, formatTime } from "../../core/time/calendar.ts";

const WIDTH = 1200;
const HEIGHT = 900;
const LEFT = 90;
const RIGHT = 30;
const POINTS = WIDTH - LEFT - RIGHT;

/** Entries and exits beyond so many would hide the prices. */
const MOST_MARKS = 1500;

type Frame = { top: number; height: number; low: number; high: number };

const y = ({ top, height, low, high }: Frame, value: number): number =>
  top + height * (1 - (value - low) / (high - low || 1));

function path(values: readonly number[], frame: Frame): string {
  const step = POINTS / Math.max(1, values.length - 1);
  return values
    .map(
      (value, at) => `${at === 0 ? "M" : "L"}${(LEFT + at * step).toFixed(1)} ${y(frame, value).toFixed(1)}`,
    )
    .join("");
}

function grid(frame: Frame, unit: string, decimals: number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((share) => {
      const value = frame.low + (frame.high - frame.low) * share;
      const at = y(frame, value).toFixed(1);
      const label = Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(decimals);
      return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#e4e4e0"/>
        <text x="${LEFT - 8}" y="${Number(at) + 5}" text-anchor="end">${label}${unit}</text>`;
    })
    .join("");
}

const markup = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** The times (UTC ms) that stand below a chart, evenly from its first to its last: days, and hours where it spans few. */
function timeAxis(time: ArrayLike<number>, length: number, below: Frame): string {
  if (length === 0) return "";
  const last = length - 1;
  const short = (time[last] as number) - (time[0] as number) < 4 * DAY_MS;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const text = formatTime(time[Math.round(last * share)] as number).slice(0, short ? 16 : 10);
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    const bottom = below.top + below.height;
    return `<text x="${LEFT + POINTS * share}" y="${bottom + 20}" text-anchor="${anchor}" font-size="12">${text}</text>`;
  });
  return marks.join("");
}

/** The least and the greatest of some values. */
function reach(values: readonly number[]): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high };
}

/** The prices of a symbol, from low to high for each pixel, with where trades began (a triangle) and ended (a dot). */
function prices({ bars, symbol }: ReportSymbol, data: ReportData): string {
  const buckets = Math.min(POINTS, bars.length);
  const bucketOf = (bar: number) => Math.floor((bar * buckets) / bars.length);
  const lows: number[] = Array.from({ length: buckets }, () => Number.POSITIVE_INFINITY);
  const highs: number[] = Array.from({ length: buckets }, () => Number.NEGATIVE_INFINITY);
  for (let bar = 0; bar < bars.length; bar++) {
    const at = bucketOf(bar);
    lows[at] = Math.min(lows[at] as number, bars.low[bar] as number);
    highs[at] = Math.max(highs[at] as number, bars.high[bar] as number);
  }
  const frame: Frame = { top: 90, height: 270, low: reach(lows).low, high: reach(highs).high };
  const step = POINTS / buckets;
  const x = (bar: number) => LEFT + (bucketOf(bar) + 0.5) * step;
  const line = lows
    .map((low, at) => {
      const across = (LEFT + (at + 0.5) * step).toFixed(1);
      return `M${across} ${y(frame, low).toFixed(1)}V${(y(frame, highs[at] as number) - 0.5).toFixed(1)}`;
    })
    .join("");
  const trades = data.trades.filter((trade) => data.symbols[trade.symbol]?.symbol === symbol);
  const marks = trades.length * 2 > MOST_MARKS ? [] : trades;
  const drawn = marks.map(({ entryBar, exitBar, entryPrice, exitPrice, size, pnl }) => {
    const [from, to] = [x(entryBar), x(exitBar)];
    const up = size > 0 ? 1 : -1;
    const at = y(frame, entryPrice);
    return `<path d="M${from.toFixed(1)} ${at.toFixed(1)}l-3.5 ${6 * up}h7z" fill="${up > 0 ? "#2563c9" : "#c2570c"}"/>
      <circle cx="${to.toFixed(1)}" cy="${y(frame, exitPrice).toFixed(1)}" r="2.5" fill="${pnl > 0 ? "#0d8163" : "#b3263b"}"/>`;
  });
  const which = data.symbols.length > 1 ? `, one of ${data.symbols.length} symbols` : "";
  const decimals = bars.decimals < 0 ? 5 : Math.min(5, Math.max(2, bars.decimals));
  return `${grid(frame, "", decimals)}<path d="${line}" stroke="#5d6267" stroke-width="${Math.max(1, step * 0.6).toFixed(2)}"/>
    ${drawn.join("")}<text x="${LEFT}" y="${frame.top - 8}">${markup(symbol)}${which}</text>
    ${timeAxis(bars.time, bars.length, frame)}`;
}

/** A PNG of prices with trades, equity and drawdown, {@link WIDTH} by {@link HEIGHT} pixels, times in UTC. Of several symbols the first is drawn. */
export async function drawPicture(data: ReportData): Promise<Uint8Array> {
  const curve = new Curve(data.equity.length, POINTS);
  curve.extend(data.equity, data.equity.length);
  const priced = data.symbols.find(({ bars }) => bars.length > 0);
  const top: Frame = {
    ...(priced ? { top: 410, height: 250 } : { top: 90, height: 570 }),
    ...reach(curve.equity),
  };
  const bottom: Frame = { top: 710, height: 150, low: Math.min(curve.maxDrawdown, -0.01), high: 0 };
  const { return_pct, sharpe, trades, open_trades } = data.result.stats;
  const number = (value: number | null) => (value === null ? "–" : value.toFixed(2));
  const held = open_trades > 0 ? ` + ${open_trades} open` : "";
  const facts = `return ${number(return_pct)} % · max drawdown ${number(curve.maxDrawdown)} % · Sharpe ${number(sharpe)} · trades ${trades}${held}`;
  const area = `${path(curve.drawdown, bottom)}V${bottom.top}H${LEFT}Z`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"
    font-family="DejaVu Sans, sans-serif" font-size="14" fill="#555">
    <rect width="100%" height="100%" fill="#fff"/>
    <text x="${LEFT}" y="36" font-size="22" fill="#111">${markup(data.title)}</text>
    <text x="${LEFT}" y="60">${facts}</text>
    ${priced ? prices(priced, data) : ""}
    <text x="${LEFT}" y="${top.top - 8}">equity</text>
    ${grid(top, "", 2)}<path d="${path(curve.equity, top)}" fill="none" stroke="#1764ab" stroke-width="1.5"/>
    <text x="${LEFT}" y="${bottom.top - 8}">drawdown</text>
    ${grid(bottom, " %", 2)}<path d="${area}" fill="#c43c39" fill-opacity=".35" stroke="#c43c39"/>
    ${timeAxis(data.time, data.equity.length, bottom)}
  </svg>`;
  const { default: sharp } = await import("sharp");
  return sharp(Buffer.from(svg)).png().toBuffer();
}
