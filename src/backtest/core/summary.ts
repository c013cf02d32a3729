import type { Result } from "./run-state.ts";
import type { Statistics } from "./statistics.ts";

/** What the summary of a finished run is made from. */
export type Summarised = {
  readonly strategy: string;
  readonly symbol: string;
  readonly result: Result;
};

/** The statistics in the order people read them, by what they are called. */
const ROWS: readonly (readonly [keyof Statistics, string, "%" | ""])[] = [
  ["equity_final", "final equity", ""],
  ["return_pct", "return", "%"],
  ["buy_hold_return_pct", "buy & hold", "%"],
  ["return_ann_pct", "return a year", "%"],
  ["volatility_ann_pct", "volatility a year", "%"],
  ["cagr_pct", "CAGR", "%"],
  ["max_drawdown_pct", "max drawdown", "%"],
  ["sharpe", "Sharpe", ""],
  ["sortino", "Sortino", ""],
  ["calmar", "Calmar", ""],
  ["trades", "trades", ""],
  ["win_rate_pct", "win rate", "%"],
  ["profit_factor", "profit factor", ""],
  ["expectancy_pct", "expectancy", "%"],
  ["sqn", "SQN", ""],
  ["exposure_pct", "exposure", "%"],
  ["best_trade_pct", "best trade", "%"],
  ["worst_trade_pct", "worst trade", "%"],
  ["avg_trade_pct", "average trade", "%"],
  ["equity_peak", "equity peak", ""],
];

const shown = (key: keyof Statistics, value: number | null, unit: string): string => {
  if (value === null) return "–";
  return key === "trades" ? String(value) : `${value.toFixed(2)}${unit && ` ${unit}`}`;
};

/** What a finished run came to, in lines for people: two columns of statistics and the hash. */
export function summary(run: Summarised, paint: (code: number, text: string) => string): string[] {
  const { stats, hash, bust, bars, dropped_orders } = run.result;
  const cells = ROWS.map(
    ([key, label, unit]) => `${label.padEnd(18)}${shown(key, stats[key], unit).padStart(12)}`,
  );
  const half = Math.ceil(cells.length / 2);
  const rows = cells.slice(0, half).map((left, at) => `  ${left}      ${cells[at + half] ?? ""}`.trimEnd());
  return [
    `${paint(1, `${run.strategy} ${run.symbol}`)}  ${bars} bars${bust ? `  ${paint(31, "bust")}` : ""}`,
    ...rows,
    ...(dropped_orders > 0
      ? [
          paint(
            33,
            `  ${dropped_orders} orders dropped: more than the account carries, or less than one unit`,
          ),
        ]
      : []),
    `  ${paint(2, `hash ${hash}`)}`,
  ];
}
