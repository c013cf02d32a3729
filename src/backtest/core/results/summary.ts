import { spokenDuration } from "../../../kernel/core/duration.ts";
import type { Result } from "../run-state.ts";
import { formatTime } from "../time/calendar.ts";
import { counted, signed } from "./figures.ts";
import type { MonthReturn } from "./returns.ts";
import type { Figure, Statistics } from "./statistics.ts";

/** What a run came to, in words for people. */

/** What a figure is a number of. */
export type Unit = "amount" | "%" | "ratio" | "count" | "duration" | "time";

/** The statistics that are one number in the order people read them, by what they are called. */
export const FIGURES: readonly { readonly key: Figure; readonly label: string; readonly unit: Unit }[] = [
  { key: "start", label: "from", unit: "time" },
  { key: "end", label: "to", unit: "time" },
  { key: "duration_ms", label: "duration", unit: "duration" },
  { key: "equity_final", label: "final equity", unit: "amount" },
  { key: "equity_peak", label: "equity peak", unit: "amount" },
  { key: "return_pct", label: "return", unit: "%" },
  { key: "buy_hold_return_pct", label: "buy & hold", unit: "%" },
  { key: "benchmark_return_pct", label: "benchmark", unit: "%" },
  { key: "return_ann_pct", label: "return a year", unit: "%" },
  { key: "volatility_ann_pct", label: "volatility a year", unit: "%" },
  { key: "cagr_pct", label: "CAGR", unit: "%" },
  { key: "sharpe", label: "Sharpe", unit: "ratio" },
  { key: "sortino", label: "Sortino", unit: "ratio" },
  { key: "calmar", label: "Calmar", unit: "ratio" },
  { key: "alpha_pct", label: "alpha", unit: "%" },
  { key: "beta", label: "beta", unit: "ratio" },
  { key: "max_drawdown_pct", label: "max drawdown", unit: "%" },
  { key: "avg_drawdown_pct", label: "avg drawdown", unit: "%" },
  { key: "max_drawdown_duration_ms", label: "longest drawdown", unit: "duration" },
  { key: "avg_drawdown_duration_ms", label: "avg drawdown time", unit: "duration" },
  { key: "trades", label: "trades", unit: "count" },
  { key: "open_trades", label: "open trades", unit: "count" },
  { key: "open_pnl", label: "open PnL", unit: "amount" },
  { key: "win_rate_pct", label: "win rate", unit: "%" },
  // Each trade's return counts alike in these two, however much was in it: they may say other than the PnL does.
  { key: "profit_factor", label: "profit factor (returns)", unit: "ratio" },
  { key: "expectancy_pct", label: "expectancy (returns)", unit: "%" },
  { key: "sqn", label: "SQN", unit: "ratio" },
  { key: "kelly", label: "Kelly", unit: "ratio" },
  { key: "best_trade_pct", label: "best trade", unit: "%" },
  { key: "worst_trade_pct", label: "worst trade", unit: "%" },
  { key: "avg_trade_pct", label: "avg trade", unit: "%" },
  { key: "avg_mae_pct", label: "avg MAE", unit: "%" },
  { key: "avg_mfe_pct", label: "avg MFE", unit: "%" },
  { key: "max_trade_duration_ms", label: "longest trade", unit: "duration" },
  { key: "avg_trade_duration_ms", label: "avg trade time", unit: "duration" },
  { key: "exposure_pct", label: "exposure", unit: "%" },
  { key: "turnover_ann", label: "turnover a year", unit: "ratio" },
  { key: "commissions", label: "commissions", unit: "amount" },
  { key: "borrow", label: "borrow", unit: "amount" },
];

/** A value of {@link FIGURES} as people read it: `12.40 %`, `8 d 11 h`, `–` for what isn't defined. */
export function figureText(value: number | null, unit: Unit): string {
  if (value === null) return "–";
  switch (unit) {
    case "count":
      return String(value);
    case "time":
      return formatTime(value);
    case "duration":
      return durationText(value);
    case "%":
      return `${cents(value)} %`;
    default:
      return cents(value);
  }
}

/** With two decimals, and without a sign when those are 0. */
const cents = (value: number): string => value.toFixed(2).replace(/^-(?=0\.00$)/, "");

function durationText(ms: number): string {
  const hours = Math.round(ms / 3_600_000);
  return hours < 24 ? spokenDuration(ms) : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Paints a text in an SGR colour, or leaves it plain. */
type Paint = (code: number, text: string) => string;

const tone = (value: number): number => (value < 0 ? 31 : 32);

/** What the summary of a finished run is made from. */
export type Summarised = {
  readonly strategy: string;
  readonly symbol: string;
  readonly result: Result;
};

/** What a finished run came to, in lines for people: a title, two columns of statistics, long, short and symbols. */
export function summary(run: Summarised, paint: Paint): string[] {
  const { stats, hash, bust, bars, dropped_orders } = run.result;
  // What a run has nothing of is left out, what can't be said of it isn't.
  const rows = FIGURES.filter(({ key }) => !(NOTHING.has(key) && !stats[key]));
  const half = Math.ceil(rows.length / 2);
  const [left, right] = [column(stats, rows.slice(0, half)), column(stats, rows.slice(half))];
  const lines = left.map((cell, at) => `  ${cell}    ${right[at] ?? ""}`.trimEnd());
  const dropped = `  ${counted(dropped_orders, "order")} dropped: more than the account carries, or less than one lot`;
  return [
    `${paint(1, `${run.strategy} ${run.symbol}`)}  ${bars} bars${bust ? `  ${paint(31, "bust")}` : ""}`,
    ...lines,
    ...groups(stats),
    ...(stats.open_trades > 0
      ? [paint(33, `  ${openText(stats)}; --finalize counts ${stats.open_trades === 1 ? "it" : "them"}`)]
      : []),
    ...(dropped_orders > 0 ? [paint(33, dropped)] : []),
    `  ${paint(2, `hash ${hash}`)}`,
  ];
}

/** What a run may have none of. */
const NOTHING: ReadonlySet<Figure> = new Set(["benchmark_return_pct", "borrow", "open_trades", "open_pnl"]);

/** Labels and values as wide as the widest of them. */
function column(stats: Statistics, figures: typeof FIGURES): string[] {
  const cells = figures.map(({ key, label, unit }) => [label, figureText(stats[key], unit)] as const);
  const widest = (at: 0 | 1) => cells.reduce((most, cell) => Math.max(most, cell[at].length), 0);
  return cells.map(([label, value]) => `${label.padEnd(widest(0))} ${value.padStart(widest(1))}`);
}

/** What is held at the end: `1 trade open at the end (+703.21)`. */
export const openText = ({ open_trades, open_pnl }: Statistics): string =>
  `${counted(open_trades, "trade")} open at the end${open_pnl === null ? "" : ` (${signed(open_pnl)})`}`;

/** Long and short apart, and the symbols when there are several. */
function groups({ long, short, per_symbol }: Statistics): string[] {
  const symbols = per_symbol.length > 1 ? per_symbol : [];
  const named = [["long", long] as const, ["short", short] as const];
  const all = [...named, ...symbols.map((of) => [of.symbol, of] as const)];
  const width = Math.max(5, ...all.map(([name]) => name.length));
  return all.map(([name, { trades, pnl, win_rate_pct, profit_factor }]) => {
    const won = figureText(win_rate_pct, "%").padStart(8);
    const factor = figureText(profit_factor, "ratio").padStart(6);
    return `  ${name.padEnd(width)} ${String(trades).padStart(6)} trades  PnL ${pnl.toFixed(2).padStart(12)}  won ${won}  factor (returns) ${factor}`;
  });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Returns in per cent, a row a year, a column a month, and each year's own. */
export function monthTable(months: readonly MonthReturn[], paint: Paint): string[] {
  const cell = (value: number | undefined, width: number) => {
    if (value === undefined) return " ".repeat(width);
    const text = value.toFixed(Math.abs(value) < 9.95 ? 1 : 0).padStart(width);
    return paint(tone(value), text);
  };
  const years = Map.groupBy(months, ({ year }) => year);
  const head = paint(2, `  year ${MONTHS.map((month) => month.padStart(5)).join("")}    year`);
  return [
    head,
    ...[...years].map(([year, of]) => {
      const row = MONTHS.map((_, at) => cell(of.find(({ month }) => month === at + 1)?.return_pct, 5));
      const whole = of.reduce((product, { return_pct }) => product * (1 + return_pct / 100), 1);
      return `  ${year} ${row.join("")} ${cell((whole - 1) * 100, 7)}`;
    }),
  ];
}
