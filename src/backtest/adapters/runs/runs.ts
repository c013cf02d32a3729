import { listSessions, type SessionRow } from "../../../kernel/checkpoint.ts";
import { systemClock } from "../../../kernel/clock.ts";
import type { Context } from "../../../kernel/command.ts";
import { localTime } from "../../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import type { Output } from "../../../kernel/output.ts";
import type { Database } from "../../../kernel/runtime.ts";
import { openStore, readStore } from "../../../kernel/store.ts";
import { printTable, type TableRow, terminalWidth } from "../../../kernel/table.ts";
import { brailleLine } from "../../../kernel/tui/charts.ts";
import { cells } from "../../../kernel/tui/text.ts";
import type { ClosedTrade } from "../../core/broker/account.ts";
import { resolveParams } from "../../core/engine/parameters.ts";
import { builtins } from "../../core/engine/strategies.ts";
import { counted } from "../../core/results/figures.ts";
import { factsOf } from "../../core/results/run-facts.ts";
import { monthTable, summary } from "../../core/results/summary.ts";
import type { Run } from "../../core/run.ts";
import { type Result, shownTrade } from "../../core/run-state.ts";
import { formatTime } from "../../core/time/calendar.ts";
import { type Compared, comparison, printComparison } from "./comparison.ts";
import { type Stored, storedRun } from "./find.ts";
import { findRun, reachedBar, readEquity, readTrades, schema, strategyName, symbolNames } from "./journal.ts";

/** The catalogue of the runs of a profile: what is kept in the store of each. */

/** How many a person is shown, of runs and of trades. */
const SHOWN = 20;
const CHART = { columns: 66, rows: 5 };

type Listed = Pick<Stored, "row" | "run" | "result" | "failure"> & { readonly bar: number | null };

const symbolsOf = ({ symbols }: Run): string[] => symbols.map(({ instrument }) => instrument.symbol);
const titleOf = (run: Run): string => `${strategyName(run)} ${symbolNames(run)}`;

/** In a word, what became of a run. */
function stateOf({ row, result, failure }: Pick<Stored, "row" | "result" | "failure">): string {
  if (result) return "finished";
  return failure === null ? row.state : "failed";
}

const COLOURS: Readonly<Record<string, number>> = { running: 32, paused: 33, failed: 31, crashed: 31 };

/** `stint backtest list`: the runs of the profile, newest first; a person is shown the newest, unless all are asked for. */
export async function list({ output, profile }: Context, all: boolean): Promise<number> {
  const runs = (await readStore([schema], (db) => listedRuns(db, profile))) ?? [];
  if (output.json) {
    for (const run of runs) output.emit({ type: "run", ...shortFacts(run) });
    return Exit.ok;
  }
  if (runs.length === 0) {
    output.note("no runs yet: stint backtest run makes one");
    return Exit.ok;
  }
  const shown = all ? runs : runs.slice(0, SHOWN);
  printNarrowed(output, LIST_HEAD, shown.map(listRow), { dispensable: ["BARS"], elastic: "RUN" });
  const older = runs.length - shown.length;
  if (older > 0) output.note(`${older} older: stint backtest list --all`);
  return Exit.ok;
}

function listedRuns(db: Database, profile: string): Listed[] {
  return listSessions(db, { kind: "backtest", profile }).flatMap((row) => {
    const found = findRun(db, row.id);
    if (!found) return [];
    return [{ row, ...found, bar: found.result ? null : reachedBar(db, row.id) }];
  });
}

function shortFacts({ row, run, result, failure, bar }: Listed) {
  return {
    id: row.id,
    state: row.state,
    finished: result !== null,
    failure,
    started_at: row.started_at,
    strategy: strategyName(run),
    params: run.params,
    symbols: symbolsOf(run),
    mode: run.mode,
    bars: result?.bars ?? bar,
    return_pct: result?.stats.return_pct ?? null,
    max_drawdown_pct: result?.stats.max_drawdown_pct ?? null,
    sharpe: result?.stats.sharpe ?? null,
    trades: result?.stats.trades ?? null,
  };
}

/** Prints a table; where the terminal is too narrow the dispensable columns go first, one after another. */
function printNarrowed(
  output: Output,
  head: readonly string[],
  rows: readonly TableRow[],
  { dispensable, elastic }: { dispensable: readonly string[]; elastic: string },
): void {
  const widths = head.map((title, at) =>
    Math.max(...[title, ...rows.map((row) => row.cells[at] ?? "")].map(cells)),
  );
  let kept = head.map((_, at) => at);
  for (const title of dispensable) {
    if (kept.reduce((sum, at) => sum + (widths[at] ?? 0) + 2, -2) <= terminalWidth()) break;
    kept = kept.filter((at) => head[at] !== title);
  }
  const chosen = (of: readonly string[]) => kept.map((at) => of[at] ?? "");
  const titles = chosen(head);
  const table = rows.map((row) => ({ ...row, cells: chosen(row.cells) }));
  printTable(output, titles, table, titles.indexOf(elastic));
}

/** The parameters; of a built-in strategy those that aren't its own, which of a file's aren't known. */
function paramTexts({ strategy: { source }, params }: Run): string[] {
  const usual = "builtin" in source ? resolveParams(builtins[source.builtin]?.params ?? {}, {}) : {};
  return Object.entries(params).flatMap(([name, value]) =>
    usual[name] === value ? [] : [`${name}=${value}`],
  );
}

const LIST_HEAD = ["ID", "STARTED", "RUN", "BARS", "RETURN", "MAX DD", "SHARPE", "TRADES"];

/** `11-22 17:38`, and of another year `2025-11-22`: a row is to fit a narrow terminal. */
function startedShort({ started_at, utc_offset_min }: SessionRow): string {
  const at = localTime(started_at, utc_offset_min);
  const text = at.toPlainDateTime().toString({ smallestUnit: "minute" }).replace("T", " ");
  return at.year === localTime(systemClock.wall(), utc_offset_min).year ? text.slice(5) : text.slice(0, 10);
}

/** Of fewer daily returns than this a Sharpe ratio says nothing. */
const LEAST_DAYS = 20;
const saysSharpe = ({ stats }: Result): boolean => (stats.duration_ms ?? 0) >= LEAST_DAYS * 86_400_000;

/** What has no result yet says instead of its return what became of it. */
function listRow(listed: Listed): TableRow {
  const { row, run, result, bar } = listed;
  const [first = "", ...others] = symbolsOf(run);
  const symbols = others.length > 1 ? `${first} +${others.length}` : symbolNames(run);
  const figure = (value: number | null | undefined, digits: number, unit = "") =>
    value === null || value === undefined ? "–" : `${value.toFixed(digits)}${unit}`;
  const state = stateOf(listed);
  return {
    cells: [
      // The end of an id is enough to name it by.
      row.id.slice(-8),
      startedShort(row),
      [strategyName(run), symbols, ...paramTexts(run)].join(" "),
      String(result?.bars ?? bar),
      result ? figure(result.stats.return_pct, 1, "%") : state,
      figure(result?.stats.max_drawdown_pct, 1, "%"),
      figure(result && saysSharpe(result) ? result.stats.sharpe : null, 2),
      String(result?.stats.trades ?? "–"),
    ],
    colour: COLOURS[state],
  };
}

/** `stint backtest show`: what a run is of and what it came to. */
export async function show(context: Context, id: string | undefined, all: boolean): Promise<number> {
  const { output } = context;
  const stored = await storedRun(context, id, () => true);
  const { row, run, result, failure } = stored;
  const trades = (await readStore([schema], (db) => readTrades(db, row.id))) ?? [];
  const shown = all ? trades : trades.slice(-SHOWN);
  if (output.json) {
    const { strategy, symbols } = shortFacts(stored);
    const head = { id: row.id, state: row.state, finished: result !== null, failure, strategy, symbols };
    const names = symbolsOf(run);
    const trades = shown.map((trade) => toldTrade(trade, names));
    output.emit({ type: "run", ...head, started_at: row.started_at, run, result, trades });
    return Exit.ok;
  }
  const { paint } = painting(output);
  const told = factsOf(run).filter(({ plain }) => !plain);
  const width = Math.max(...told.map(({ name }) => name.length));
  const lines = [
    `${paint(1, titleOf(run))}  ${row.id}`,
    `  ${stateOf(stored)}, started ${startedAt(row)}${failure === null ? "" : `: ${failure}`}`,
    ...told.map(({ name, value }) => `  ${paint(2, name.padEnd(width))}  ${value}`),
    ...(result ? await resultLines(output, stored, result) : [unfinished(stored)]),
  ];
  output.text(`${lines.join("\n")}\n`);
  if (shown.length > 0) {
    output.text("\n");
    const rows = shown.map(tradeRow(run, trades.length - shown.length));
    const several = run.symbols.length > 1;
    const tagged = shown.some(({ tag }) => tag !== null);
    const dispensable = [...(tagged ? [] : ["TAG"]), ...(several ? [] : ["SYMBOL"]), "RETURN", "TAG", "WHY"];
    printNarrowed(output, TRADE_HEAD, rows, { dispensable, elastic: "WHY" });
  }
  const older = trades.length - shown.length;
  if (older > 0) output.note(`${older} older: stint backtest show ${row.id.slice(-8)} --trades`);
  return Exit.ok;
}

const startedAt = ({ started_at, utc_offset_min }: SessionRow): string =>
  localTime(started_at, utc_offset_min)
    .toPlainDateTime()
    .toString({ smallestUnit: "minute" })
    .replace("T", " ");

const painting = (output: Output) => ({ paint: output.paint.bind(output) });

async function resultLines(output: Output, { row, run }: Stored, result: Result): Promise<string[]> {
  const { paint } = painting(output);
  const equity = await equityOf(row.id, result.steps);
  const chart = brailleLine(equity, CHART.columns, CHART.rows).map((line) => `  ${paint(32, line)}`);
  const [, ...statistics] = summary({ strategy: strategyName(run), symbol: symbolNames(run), result }, paint);
  return ["", ...chart, "", ...statistics, "", ...monthTable(result.stats.monthly_returns, paint)];
}

function unfinished({ row, bar }: Stored): string {
  const next = row.state === "stopped" || row.state === "crashed" ? "resume" : "status";
  return `  at bar ${bar}: stint backtest ${next} ${row.id.slice(-8)}`;
}

/** The equity of each step as the store has it. */
async function equityOf(session: string, steps: number): Promise<Float64Array> {
  const equity = new Float64Array(steps);
  await readStore([schema], (db) => readEquity(db, session, equity, steps));
  return equity;
}

const TRADE_HEAD = ["#", "SYMBOL", "SIZE", "ENTERED", "LEFT", "ENTRY", "EXIT", "PNL", "RETURN", "WHY", "TAG"];

const whenText = (time: number): string => (Number.isNaN(time) ? "–" : formatTime(time));

/** A trade as clients are shown it, and what it cost. */
const toldTrade = (trade: ClosedTrade, symbols: readonly string[]) => ({
  ...shownTrade(trade, symbols[trade.symbol] ?? ""),
  return_pct: trade.returnFraction * 100,
  commission: trade.commission,
  borrow: trade.borrow,
  mae_pct: trade.mae * 100,
  mfe_pct: trade.mfe * 100,
});

/** @param before how many trades came before the first that is shown */
const tradeRow =
  (run: Run, before: number) =>
  (trade: ClosedTrade, at: number): TableRow => {
    const price = (value: number) => String(Number(value.toPrecision(9)));
    return {
      cells: [
        String(before + at + 1),
        symbolsOf(run)[trade.symbol] ?? "",
        price(trade.size),
        whenText(trade.entryTime),
        whenText(trade.exitTime).slice(5),
        price(trade.entryPrice),
        price(trade.exitPrice),
        trade.pnl.toFixed(2),
        `${(trade.returnFraction * 100).toFixed(2)} %`,
        trade.why,
        trade.tag ?? "",
      ],
      colour: trade.pnl < 0 ? 31 : 32,
    };
  };

/** `stint backtest compare` */
export async function compare(context: Context, a: string, b: string): Promise<number> {
  const { output } = context;
  const compared: Compared[] = [];
  for (const id of [a, b]) {
    const { row, run, result } = await storedRun(context, id, () => true);
    if (!result) {
      throw new Expected(Exit.no, `run ${row.id} isn't finished`, `stint backtest status ${row.id}`);
    }
    compared.push({
      id: row.id,
      title: titleOf(run),
      run,
      result,
      equity: await equityOf(row.id, result.steps),
    });
  }
  const both = comparison(compared[0] as Compared, compared[1] as Compared);
  if (output.json) output.emit({ type: "comparison", ...both });
  else printComparison(output, compared[0] as Compared, compared[1] as Compared, both);
  return Exit.ok;
}

/** What went with a run; bytes are those of its curve, bars and checkpoints, which the store uses again. */
type Removed = {
  readonly id: string;
  readonly title: string;
  readonly trades: number;
  readonly bytes: number;
};

/** `stint backtest delete`: all of them, or none when one is live. @throws Expected 75 then */
export async function remove(context: Context, ids: readonly string[]): Promise<number> {
  const { output } = context;
  const meant = new Map<string, Run>();
  for (const id of ids) {
    const { row, run } = await storedRun(context, id, () => true);
    meant.set(row.id, run);
  }
  await using store = await openStore({ schemas: [schema] });
  const removed = await store.write((db) => {
    const rows = listSessions(db, { kind: "backtest", profile: context.profile });
    return rows.filter(({ id }) => meant.has(id)).map((row) => removeRun(db, row, meant.get(row.id) as Run));
  });
  for (const { id, title, trades, bytes } of removed) {
    output.emit(
      { type: "deleted", id, trades, bytes },
      () => `deleted ${id.slice(-8)}  ${title}: ${counted(trades, "trade")}, ${(bytes / 1000).toFixed(1)} kB`,
    );
  }
  return Exit.ok;
}

function removeRun(db: Database, { id, state, host }: SessionRow, run: Run): Removed {
  if (state !== "stopped" && state !== "crashed") {
    const what = `run ${id} is ${state} (pid ${host.pid}): nothing was deleted`;
    throw new Expected(Exit.again, what, `stint backtest stop ${id.slice(-8)}`);
  }
  const count = (sql: string) => Number(Object.values(db.prepare(sql).get(id) ?? {})[0] ?? 0);
  const trades = count("SELECT count(*) FROM backtest_trade WHERE session_id = ?");
  const bytes =
    count("SELECT sum(length(equity)) FROM backtest_equity WHERE session_id = ?") +
    count("SELECT sum(length(bars)) FROM backtest_bars WHERE session_id = ?") +
    count("SELECT sum(length(state)) FROM checkpoint WHERE session_id = ?");
  db.prepare("DELETE FROM session WHERE id = ?").run(id);
  return { id, title: titleOf(run), trades, bytes };
}
