import { formatTime } from "../time/calendar.ts";
import type { MonteCarlo } from "./monte-carlo.ts";
import type { ReportData } from "./report-data.ts";
import type { MonthReturn } from "./returns.ts";
import type { TradeGroup } from "./statistics.ts";
import { FIGURES, figureText, openText } from "./summary.ts";

/** What reports say in words, the same on a page and in a text. */

/** A label and a value. */
export type Fact = readonly [label: string, value: string];
/** Facts of one thing; the first of a report are of all of it and have no heading. */
export type FactTable = { readonly heading: string | null; readonly rows: readonly Fact[] };

/** What the run was of: a few words each. */
export function aboutRun({ run, result, time, id }: ReportData): string[] {
  const params = Object.entries(run.params).map(([name, value]) => `${name} ${value}`);
  const span =
    time.length > 0
      ? [`${formatTime(time[0] as number)} to ${formatTime(time[time.length - 1] as number)} UTC`]
      : [];
  return [
    ...span,
    `${result.bars} bars${run.timeframe === null ? "" : ` of ${run.timeframe}`}`,
    ...params,
    ...(result.stats.open_trades > 0 ? [openText(result.stats)] : []),
    ...(result.bust ? ["bust"] : []),
    id,
  ];
}

/** All statistics: of the run, of its long and short trades, of each symbol when there are several, of other orders. */
export function factTables({ result: { stats, dropped_orders }, monteCarlo }: ReportData): FactTable[] {
  const all = FIGURES.map(({ key, label, unit }): Fact => [label, figureText(stats[key], unit)]);
  const groups: FactTable[] = [
    { heading: "Long", rows: groupFacts(stats.long) },
    { heading: "Short", rows: groupFacts(stats.short) },
  ];
  const symbols = stats.per_symbol.map((of): FactTable => {
    const own: Fact[] = [
      ["exposure", figureText(of.exposure_pct, "%")],
      ["buy & hold", figureText(of.buy_hold_return_pct, "%")],
    ];
    return { heading: of.symbol, rows: [...groupFacts(of), ...own] };
  });
  return [
    { heading: null, rows: [...all, ["dropped orders", String(dropped_orders)]] },
    ...groups,
    ...(symbols.length > 1 ? symbols : []),
    ...(monteCarlo ? [{ heading: ORDERS, rows: orderFacts(monteCarlo) }] : []),
  ];
}

const ORDERS = "The same trades in other orders";

const groupFacts = ({ trades, pnl, win_rate_pct, profit_factor, commissions }: TradeGroup): Fact[] => [
  ["trades", String(trades)],
  ["PnL", figureText(pnl, "amount")],
  ["win rate", figureText(win_rate_pct, "%")],
  ["profit factor (returns)", figureText(profit_factor, "ratio")],
  ["commissions", figureText(commissions, "amount")],
];

function orderFacts(found: MonteCarlo): Fact[] {
  const share = (value: number) => figureText(value * 100, "%");
  const drawdown = found.max_drawdown_pct;
  return [
    ["orders tried", String(found.simulations)],
    ["max drawdown, median", figureText(drawdown.p50, "%")],
    ["max drawdown, worst 5 %", figureText(drawdown.p5, "%")],
    [`ever lost ${found.ruin_pct} %`, share(found.ruin_probability)],
  ];
}

/** The months of a year, in per cent; null for one without a step. */
export type YearRow = {
  readonly year: number;
  readonly months: readonly (number | null)[];
  readonly total: number;
};

export function yearRows(months: readonly MonthReturn[]): YearRow[] {
  return [...Map.groupBy(months, ({ year }) => year)].map(([year, of]) => {
    const by = new Map(of.map(({ month, return_pct }) => [month, return_pct]));
    const whole = of.reduce((product, { return_pct }) => product * (1 + return_pct / 100), 1);
    return {
      year,
      months: Array.from({ length: 12 }, (_, at) => by.get(at + 1) ?? null),
      total: (whole - 1) * 100,
    };
  });
}
