import { rfc3339 } from "../../../kernel/core/rfc3339.ts";
import { csvLine, guarded } from "../../../kernel/csv.ts";
import { holdCurve, type ReportData } from "../../core/results/report-data.ts";
import { FIGURES } from "../../core/results/summary.ts";

/** A report as tables for spreadsheets and other programs: numbers as they are, times in UTC. */

const time = (ms: number): string =>
  Number.isNaN(ms) ? "" : rfc3339(ms, 0, ms % 1000 === 0 ? "second" : "millisecond");
const number = (value: number | null): string => (value === null ? "" : String(value));

const TRADES =
  "n,symbol,side,size,entry_bar,exit_bar,entry_time,exit_time,entry_price,exit_price,pnl,return_pct,commission,borrow,mae_pct,mfe_pct,why,tag";

export function* tradesCsv(data: ReportData): Generator<string> {
  yield csvLine(TRADES.split(","));
  for (const [n, trade] of data.trades.entries()) {
    yield csvLine([
      String(n + 1),
      guarded(data.symbols[trade.symbol]?.symbol ?? ""),
      trade.size > 0 ? "long" : "short",
      number(trade.size),
      number(trade.entryBar),
      number(trade.exitBar),
      time(trade.entryTime),
      time(trade.exitTime),
      number(trade.entryPrice),
      number(trade.exitPrice),
      number(trade.pnl),
      number(trade.returnFraction * 100),
      number(trade.commission),
      number(trade.borrow),
      number(trade.mae * 100),
      number(trade.mfe * 100),
      trade.why,
      guarded(trade.tag ?? ""),
    ]);
  }
}

export function* equityCsv(data: ReportData): Generator<string> {
  const hold = holdCurve(data);
  yield csvLine(["time", "equity", "drawdown_pct", ...(hold ? ["buy_hold"] : [])]);
  let peak = Number.NEGATIVE_INFINITY;
  for (let step = 0; step < data.equity.length; step++) {
    const equity = data.equity[step] as number;
    if (equity > peak) peak = equity;
    const drawdown = peak > 0 ? (equity / peak - 1) * 100 : 0;
    const held = hold ? [number(hold[step] as number)] : [];
    yield csvLine([time(data.time[step] ?? Number.NaN), number(equity), number(drawdown), ...held]);
  }
}

export function* statisticsCsv({ result: { stats } }: ReportData): Generator<string> {
  yield csvLine(["statistic", "value"]);
  for (const { key, unit } of FIGURES) {
    const value = stats[key];
    yield csvLine([key, unit === "time" ? time(value ?? Number.NaN) : number(value)]);
  }
}
