/** A backtest in the words and numbers of its screen. Pure. */
import type { State } from "../../kernel/control.ts";
import { sessionTone, type Tone } from "../../kernel/tui/theme.ts";
import { decimalsOf } from "../core/bars.ts";
import { side, signed, units, whole } from "../core/results/figures.ts";
import type { Breakpoint } from "../core/run.ts";
import type { Candles, RunState, ShownTrade } from "../core/run-state.ts";
import { formatTime } from "../core/time/calendar.ts";

/** What a host pushes of a backtest. Before its data is open only the session's own fields are there. */
export type View = State & {
  session_id: string;
  state: string;
  pending?: string;
} & Partial<RunState>;

/** The column of labels, in cells. */
export const LABEL = 9;

export const amount = (value: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
/** A drawdown in per cent: 0 or below. */
export const loss = (value: number): string => value.toFixed(1).replace("-", "−");
/** 1234567 → "1.2 M": a rate is read at a glance. */
const rate = (value: number): string =>
  value >= 1e6
    ? `${(value / 1e6).toFixed(1)} M`
    : value >= 1e3
      ? `${(value / 1e3).toFixed(1)} k`
      : String(Math.round(value));
/** What a trade won or lost, and for colour only. */
export const tradeTone = ({ pnl }: ShownTrade): Tone => (pnl < 0 ? "failed" : "running");

/** Of a price so many digits are real: what comes after them is rounding, of prices that were reckoned. */
const PRECISION = 9;
const USUAL_DIGITS = 5;

/** How many decimals the prices of a symbol are shown with: those of its closes, when any are known. */
export function priceDigits(candles: Candles | undefined): number {
  if (!candles || candles.close.length === 0) return USUAL_DIGITS;
  const digits = (price: number) => decimalsOf(Number(price.toPrecision(PRECISION)));
  return candles.close.reduce((most, price) => Math.max(most, digits(price)), 0);
}

/** The state in one word. */
export function stateWord({ state, pending, result }: View): { word: string; tone: Tone } {
  if (result?.bust) return { word: "bust", tone: "failed" };
  if (result) return { word: "finished", tone: "secondary" };
  const word = pending ?? state;
  return { word, tone: sessionTone(word) };
}

/** Whether it stands still at a bar that can be inspected. */
export const isStill = ({ state, pending, bars = 0, result }: View): boolean =>
  state === "paused" && pending === undefined && bars > 0 && !result;

/** The share of the run that is done, 0 … 1; undefined where nobody knows the end. */
export const shareOf = ({ mode, bar = 0, bars = 0 }: View): number | undefined =>
  mode === "live" || bars === 0 ? undefined : bar / bars;

/** How fast it goes, and the clock that sets that where there is one. */
export function speedText({ mode, speed = 0, bars_per_second = 0 }: View): string {
  const pace = `${rate(bars_per_second)} bars/s`;
  if (mode === "live") return `${pace} · live, as the feed has them`;
  return speed > 0 ? `${pace} · by the clock ×${speed}` : pace;
}

/** The gate, and how often the stages didn't keep up with each other. */
export function engineText({ system_manager, performance_metrics, subscriptions = [] }: View): string {
  const paused = performance_metrics?.paused_duration ?? 0;
  const gate = system_manager?._state === "running" ? "gate open" : "gate shut";
  const overruns = subscriptions.reduce((sum, subscription) => sum + subscription.overruns, 0);
  return [
    gate,
    ...(paused >= 0.1 ? [`paused ${paused.toFixed(1)} s in all`] : []),
    `overruns ${whole(overruns)}`,
  ].join(" · ");
}

/** How far the work is behind the clock or the feed. */
export function lagText({ bars, ms, max_bars, max_ms, late_p99_ms }: NonNullable<RunState["lag"]>): string {
  return [
    `${whole(bars)} bars, ${ms.toFixed(1)} ms (max ${whole(max_bars)}, ${max_ms.toFixed(1)} ms)`,
    ...(late_p99_ms === null ? [] : [`published late p99 ${late_p99_ms.toFixed(2)} ms`]),
  ].join(" · ");
}

/** What a live feed has brought. */
export const feedText = ({
  received,
  late,
  doubled,
  out_of_order,
  refused,
}: NonNullable<RunState["feed"]>): string =>
  `${whole(received)} bars · late ${late} · doubled ${doubled} · out of order ${out_of_order} · refused ${refused}`;

/** How many trades were closed, and how they went. */
export function tradesText({ trades = 0, win_rate_pct, profit_factor, result }: View): string {
  const sharpe = result?.stats.sharpe;
  return [
    whole(trades),
    ...(win_rate_pct == null ? [] : [`win ${win_rate_pct.toFixed(0)} %`]),
    ...(profit_factor == null ? [] : [`profit factor (returns) ${profit_factor.toFixed(2)}`]),
    ...(sharpe == null ? [] : [`Sharpe ${sharpe.toFixed(2).replace("-", "−")}`]),
  ].join("   ");
}

/** What is held, of each symbol when there are several. */
export function positionText({ positions = [], symbols = [], candles = [] }: View): string {
  if (positions.length === 0) return "flat";
  return positions
    .map(({ symbol, size, entry_price, profit }) => {
      const digits = priceDigits(candles.find((of) => of.symbol === symbol));
      const name = symbols.length > 1 ? `${symbol} ` : "";
      const price = size === 0 ? "" : ` @ ${entry_price.toFixed(digits)}`;
      const held = size === 0 ? "hedged" : `${side(size)} ${units(size)}`;
      return `${name}${held}${price}   ${signed(profit)}`;
    })
    .join(" · ");
}

/** Where a run is to pause by itself. */
export function breakpointText(breakpoint: Breakpoint): string {
  switch (breakpoint.kind) {
    case "time":
      return formatTime(breakpoint.at);
    case "trades":
      return `trade ${breakpoint.count}`;
    case "drawdown":
      return `drawdown ${Number((breakpoint.fraction * 100).toFixed(6))} %`;
    case "fill":
      return "the next trade";
  }
}

/** A closed trade in a line. */
function tradeText(trade: ShownTrade, digits: number, several: boolean): string {
  const { symbol, size, entry_price, exit_price, pnl, why } = trade;
  const name = several ? `${symbol} ` : "";
  const reason = why === "order" || why === "close" ? "" : `  ${why}`;
  return `${name}${side(size).padEnd(5)} ${units(size).padStart(9)} @ ${entry_price.toFixed(digits)} → ${exit_price.toFixed(digits)}   ${signed(pnl)}${reason}`;
}

/** A line of what happened lately: of `ctx.log`, or a trade that was closed. */
export type Recent = { readonly time: number; readonly text: string; readonly tone: Tone };

/** What happened last, newest first. */
export function recentOf(
  { last_trades = [], log = [], symbols = [], candles = [] }: View,
  count: number,
): Recent[] {
  if (count <= 0) return [];
  const several = symbols.length > 1;
  const trades = last_trades.slice(-count).map((trade): Recent => {
    const digits = priceDigits(candles.find(({ symbol }) => symbol === trade.symbol));
    return { time: trade.exit_time, text: tradeText(trade, digits, several), tone: tradeTone(trade) };
  });
  const lines = log.slice(-count).map(
    (line): Recent => ({
      time: line.time,
      text: several ? `${line.symbol} ${line.text}` : line.text,
      tone: "plain",
    }),
  );
  return [...trades, ...lines].toSorted((a, b) => b.time - a.time).slice(0, count);
}

/** `14:00`, and with its day where that isn't the day of `now`: `11-20 14:00`. UTC, as bars are. */
export function barTime(time: number, now: number | null | undefined): string {
  const text = formatTime(time);
  return text.slice(0, 10) === formatTime(now ?? time).slice(0, 10) ? text.slice(11) : text.slice(5);
}

/** What matters most, in one row. */
export function smallText(view: View): string {
  const share = shareOf(view);
  const { equity, return_pct } = view;
  return [
    stateWord(view).word,
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} %`]),
    ...(equity == null ? [] : [`${amount(equity)} ${signed(return_pct ?? 0, 1)} %`]),
  ].join(" · ");
}
