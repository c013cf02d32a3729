import type { ReportData } from "../../core/results/report-data.ts";
import { aboutRun, factTables, yearRows } from "../../core/results/report-words.ts";
import { formatTime } from "../../core/time/calendar.ts";

/** A report as Markdown with tables, as GitHub and most others read it. */

/** What Markdown or HTML would take for more than text. Line breaks end a table. */
const plain = (text: string): string =>
  text.replace(/[\\`*_[\]{}<>|#~&!]/g, (sign) => `\\${sign}`).replace(/[\r\n]+/g, " ");

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;

function* table(
  heads: readonly string[],
  numbers: number,
  rows: Iterable<readonly string[]>,
): Generator<string> {
  yield row(heads);
  yield row(heads.map((_, at) => (at < numbers ? "---" : "---:")));
  for (const cells of rows) yield row(cells);
  yield "\n";
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function* reportMarkdown(data: ReportData): Generator<string> {
  yield `# ${plain(data.title)}\n\n${plain(aboutRun(data).join(" · "))}\n\n`;
  if (data.note !== null) yield `${plain(data.note)}\n\n`;
  for (const { heading, rows } of factTables(data)) {
    yield `## ${plain(heading ?? "Statistics")}\n\n`;
    yield* table(
      ["", "value"],
      1,
      rows.map(([label, value]) => [plain(label), plain(value)]),
    );
  }
  const years = yearRows(data.result.stats.monthly_returns);
  if (years.length > 0) {
    yield "## Months, %\n\n";
    const cell = (value: number | null) => value?.toFixed(2) ?? "";
    yield* table(
      ["year", ...MONTHS, "all"],
      1,
      years.map(({ year, months, total }) => [String(year), ...months.map(cell), cell(total)]),
    );
  }
  yield "## Trades\n\n";
  yield* table(
    ["#", "symbol", "side", "entry", "exit", "why", "tag", "size", "in at", "out at", "PnL", "%"],
    7,
    tradeRows(data),
  );
}

function* tradeRows(data: ReportData): Generator<string[]> {
  const time = (ms: number) => (Number.isNaN(ms) ? "" : formatTime(ms));
  for (const [n, trade] of data.trades.entries()) {
    yield [
      String(n + 1),
      plain(data.symbols[trade.symbol]?.symbol ?? ""),
      trade.size > 0 ? "long" : "short",
      time(trade.entryTime),
      time(trade.exitTime),
      trade.why,
      plain(trade.tag ?? ""),
      String(Math.abs(trade.size)),
      String(trade.entryPrice),
      String(trade.exitPrice),
      trade.pnl.toFixed(2),
      (trade.returnFraction * 100).toFixed(2),
    ];
  }
}
