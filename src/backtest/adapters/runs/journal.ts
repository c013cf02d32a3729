import { basename } from "node:path";
import { checkpoint, checkpoints } from "../../../kernel/checkpoint.ts";
import type { Clock } from "../../../kernel/clock.ts";
import { decode } from "../../../kernel/encoding.ts";
import type { Database, Row, SqlValue } from "../../../kernel/runtime.ts";
import type { Schema } from "../../../kernel/store.ts";
import type { ClosedTrade } from "../../core/broker/account.ts";
import type { FedBar } from "../../core/growing-bars.ts";
import { completeStatistics } from "../../core/results/statistics.ts";
import type { Breakpoint, Run, Speed } from "../../core/run.ts";
import type { Result, RunState } from "../../core/run-state.ts";
import type { FillReason } from "../../core/strategy.ts";
import type { SavedState } from "../engine/protocol.ts";

/** What a run's strategy is called: the name of a built-in one, else that of its file without its ending. */
export const strategyName = ({ strategy: { source } }: Run): string =>
  "builtin" in source ? source.builtin : basename(source.file).replace(/\.\w+$/, "");

/** What a run's symbols are called together. */
export const symbolNames = ({ symbols }: Run): string =>
  symbols.map(({ instrument }) => instrument.symbol).join(" ");

/** The tables of `stint backtest`. Trades and equity only grow; a checkpoint says how much of them belongs to it. */
export const schema: Schema = {
  owner: "backtest",
  migrations: [
    `CREATE TABLE backtest_run (
       session_id TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
       profile TEXT NOT NULL, run TEXT NOT NULL, result TEXT, failure TEXT
     ) STRICT;
     CREATE TABLE backtest_trade (
       session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE, n INTEGER NOT NULL,
       size REAL NOT NULL, entry_bar INTEGER NOT NULL, exit_bar INTEGER NOT NULL,
       entry_price REAL NOT NULL, exit_price REAL NOT NULL, pnl REAL NOT NULL, commission REAL NOT NULL,
       return_fraction REAL NOT NULL, PRIMARY KEY (session_id, n)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE backtest_equity (
       session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE, first_bar INTEGER NOT NULL,
       equity BLOB NOT NULL, PRIMARY KEY (session_id, first_bar)
     ) STRICT;`,
    // Of several symbols, with more costs, and live. What an older run was of is said in today's words.
    `ALTER TABLE backtest_trade ADD COLUMN symbol INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE backtest_trade ADD COLUMN borrow REAL NOT NULL DEFAULT 0;
     ALTER TABLE backtest_trade ADD COLUMN mae REAL NOT NULL DEFAULT 0;
     ALTER TABLE backtest_trade ADD COLUMN mfe REAL NOT NULL DEFAULT 0;
     ALTER TABLE backtest_trade ADD COLUMN why TEXT NOT NULL DEFAULT 'close';
     ALTER TABLE backtest_trade ADD COLUMN tag TEXT;
     ALTER TABLE backtest_trade ADD COLUMN entry_time REAL;
     ALTER TABLE backtest_trade ADD COLUMN exit_time REAL;
     ALTER TABLE backtest_run ADD COLUMN measured TEXT;
     ALTER TABLE backtest_run ADD COLUMN manner TEXT;
     CREATE TABLE backtest_bars (
       session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE, first_bar INTEGER NOT NULL,
       bars BLOB NOT NULL, PRIMARY KEY (session_id, first_bar)
     ) STRICT;
     UPDATE backtest_run SET
       result = CASE WHEN result IS NULL THEN NULL
         ELSE json_set(result, '$.steps', json_extract(result, '$.bars')) END,
       run = json_object(
         'strategy', json_extract(run, '$.strategy'), 'engine', json_extract(run, '$.engine'),
         'params', json_extract(run, '$.params'), 'mode', 'backtest', 'timeframe', NULL,
         'from', json_extract(run, '$.from'), 'to', json_extract(run, '$.to'), 'timezone', 'UTC', 'hours', NULL,
         'seed', 1, 'benchmark', NULL,
         'symbols', json_array(json_object(
           'instrument', json_object('symbol', json_extract(run, '$.data.symbol'), 'tick', 0, 'lot', 1,
             'currency', NULL, 'conversion', 1),
           'source', json_object(
             'from', CASE WHEN json_extract(run, '$.data.path') IS NULL THEN json_object('sample', 'EURUSD')
               ELSE json_object('file', json_extract(run, '$.data.path')) END,
             'format', NULL, 'columns', NULL, 'timezone', 'UTC', 'stamp', 'open'),
           'hash', json_extract(run, '$.data.hash'), 'joined', NULL)),
         'settings', json_patch(json_extract(run, '$.settings'),
           '{"leverage":1,"maintenance":0,"commission":{"perUnit":0},"slippage":{"kind":"none"},"volumeLimit":1e9,"borrow":0,"hedging":false}'));`,
  ],
};

/** Equity of more steps than these is more than one row: SQLite holds a row in memory several times while it writes it. */
const PIECE_STEPS = 1 << 17;

/** Checkpoints kept of a run; a damaged one falls back to the one before. */
const KEEP = 3;

/** Adds what a run is of. */
export function addRun(db: Database, session: string, profile: string, run: Run): void {
  db.prepare("INSERT INTO backtest_run (session_id, profile, run) VALUES (?, ?, ?)").run(
    session,
    profile,
    JSON.stringify(run),
  );
}

/** Records what a run is of now: its data was read, a symbol joined. */
export function setRun(db: Database, session: string, run: Run): void {
  const update = "UPDATE backtest_run SET run = ?, measured = NULL WHERE session_id = ?";
  db.prepare(update).run(JSON.stringify(run), session);
}

/** How a run is run; none of it changes a bit of what it comes to. Kept, so that a resumed one is run so too. */
export type Manner = {
  readonly speed: Speed;
  /** Bars a second at most; null for no limit. */
  readonly pace: number | null;
  /** Those that it hasn't come to. */
  readonly breakpoints: readonly Breakpoint[];
};

/** Records how a run is run from now on. */
export function setManner(db: Database, session: string, manner: Manner): void {
  db.prepare("UPDATE backtest_run SET manner = ? WHERE session_id = ?").run(JSON.stringify(manner), session);
}

/** What was measured of a run until its host ended. */
export type Measured = Pick<
  RunState,
  "system_manager" | "performance_metrics" | "subscriptions" | "lag" | "feed"
>;

/** Records it, for those who ask later. */
export function setMeasured(db: Database, session: string, measured: Measured): void {
  const { system_manager, performance_metrics, subscriptions, lag, feed } = measured;
  const text = JSON.stringify({ system_manager, performance_metrics, subscriptions, lag, feed });
  db.prepare("UPDATE backtest_run SET measured = ? WHERE session_id = ?").run(text, session);
}

/** What the store has of a run. */
export type Found = {
  readonly run: Run;
  readonly result: Result | null;
  readonly failure: string | null;
  /** Null while it runs, and when its host ended without a word. */
  readonly measured: Measured | null;
  /** Null of an older version's. */
  readonly manner: Manner | null;
};

/** What a run is of, and what it has come to or failed with; undefined for a session that isn't a backtest. */
export function findRun(db: Database, session: string): Found | undefined {
  const row = db
    .prepare("SELECT run, result, failure, measured, manner FROM backtest_run WHERE session_id = ?")
    .get(session);
  if (!row) return undefined;
  const parsed = row["result"] === null ? null : (JSON.parse(String(row["result"])) as Result);
  // One of an older version lacks what is newer.
  const result = parsed && {
    ...parsed,
    unseen_symbols: parsed.unseen_symbols ?? [],
    stats: completeStatistics(parsed.stats),
  };
  const failure = row["failure"] === null ? null : String(row["failure"]);
  const measured = row["measured"] === null ? null : (JSON.parse(String(row["measured"])) as Measured);
  const manner = row["manner"] === null ? null : (JSON.parse(String(row["manner"])) as Manner);
  return { run: JSON.parse(String(row["run"])) as Run, result, failure, measured, manner };
}

/** Records that a run can't go on, and why. */
export function setFailure(db: Database, session: string, why: string): void {
  db.prepare("UPDATE backtest_run SET failure = ? WHERE session_id = ?").run(why, session);
}

/** Records what a run has come to. */
export function setResult(db: Database, session: string, result: Result): void {
  db.prepare("UPDATE backtest_run SET result = ? WHERE session_id = ?").run(JSON.stringify(result), session);
}

/** How far the rows of a run reach: what the next checkpoint adds to. */
export type Reach = { trades: number; bars: number };

/**
 * Writes a checkpoint: the state, and the trades and equity since the last one.
 * @param since how far the rows reach already
 * @param equity one value a bar, complete before bar `snapshot.next`
 */
export function saveCheckpoint(
  db: Database,
  entry: {
    session: string;
    type: string;
    snapshot: { next: number; state: SavedState; trades: readonly ClosedTrade[] };
    equity: Float64Array;
    since: Reach;
    upTo: number;
    /** Live: the bars that were worked since the last one, and how many before them. */
    bars?: { readonly first: number; readonly bars: readonly ArrivedBar[] };
  },
  clock: Clock,
): Reach {
  const { session, type, snapshot, equity, since, upTo } = entry;
  const insert = db.prepare(
    `INSERT INTO backtest_trade (session_id, n, size, entry_bar, exit_bar, entry_price, exit_price, pnl, commission,
       return_fraction, symbol, borrow, mae, mfe, why, tag, entry_time, exit_time)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  let n = since.trades;
  for (const trade of snapshot.trades) insert.run(session, n++, ...valuesOf(trade));
  const keep = db.prepare("INSERT INTO backtest_equity VALUES (?, ?, ?)");
  // Copied, for SQLite must not read memory that another thread writes; always to the same place, or it would all be there.
  const copy = new Float64Array(Math.min(PIECE_STEPS, Math.max(0, upTo - since.bars)));
  for (let first = since.bars; first < upTo; first += PIECE_STEPS) {
    const piece = equity.subarray(first, Math.min(upTo, first + PIECE_STEPS));
    copy.set(piece);
    keep.run(session, first, new Uint8Array(copy.buffer, 0, piece.byteLength));
  }
  const { first = 0, bars = [] } = entry.bars ?? {};
  if (bars.length > 0) {
    db.prepare("INSERT INTO backtest_bars VALUES (?, ?, ?)").run(session, first, packBars(bars));
  }
  checkpoint(
    db,
    { session, type, state: { next: snapshot.next, trades: n, ...snapshot.state }, keep: KEEP },
    clock,
  );
  return { trades: n, bars: Math.max(upTo, since.bars) };
}

/** A bar of a feed, and the number of the symbol that it is of. */
export type ArrivedBar = FedBar & { readonly symbol: number };

const COLUMNS = ["symbol", "time", "open", "high", "low", "close", "volume"] as const;

/** Bar after bar, in the order they were worked. */
function packBars(bars: readonly ArrivedBar[]): Uint8Array {
  const packed = Float64Array.from(bars.flatMap((bar) => COLUMNS.map((name) => bar[name])));
  return new Uint8Array(packed.buffer);
}

/** The bars that a live run has worked, in that order, up to the first gap of what was kept. */
export function readBars(db: Database, session: string): ArrivedBar[] {
  const bars: ArrivedBar[] = [];
  const rows = db
    .prepare("SELECT first_bar, bars FROM backtest_bars WHERE session_id = ? ORDER BY first_bar")
    .all(session);
  for (const row of rows) {
    if (Number(row["first_bar"]) !== bars.length) break;
    const packed = new Float64Array(new Uint8Array(row["bars"] as Uint8Array).buffer);
    for (let at = 0; at + COLUMNS.length <= packed.length; at += COLUMNS.length) {
      const [symbol = 0, time = 0, open = 0, high = 0, low = 0, close = 0, volume = 0] = packed.subarray(at);
      bars.push({ symbol, time, open, high, low, close, volume });
    }
  }
  return bars;
}

/** Drops the bars from one on. */
function trimBars(db: Database, session: string, from: number): void {
  const size = COLUMNS.length * 8;
  db.prepare("DELETE FROM backtest_bars WHERE session_id = ? AND first_bar >= ?").run(session, from);
  db.prepare(
    "UPDATE backtest_bars SET bars = substr(bars, 1, (? - first_bar) * ?) WHERE session_id = ? AND first_bar + length(bars) / ? > ?",
  ).run(from, size, session, size, from);
}

const valuesOf = (trade: ClosedTrade): SqlValue[] => [
  trade.size,
  trade.entryBar,
  trade.exitBar,
  trade.entryPrice,
  trade.exitPrice,
  trade.pnl,
  trade.commission,
  trade.returnFraction,
  trade.symbol,
  trade.borrow,
  trade.mae,
  trade.mfe,
  trade.why,
  trade.tag,
  trade.entryTime,
  trade.exitTime,
];

const tradeOf = (row: Row): ClosedTrade => ({
  size: Number(row["size"]),
  entryBar: Number(row["entry_bar"]),
  exitBar: Number(row["exit_bar"]),
  entryTime: Number(row["entry_time"] ?? Number.NaN),
  exitTime: Number(row["exit_time"] ?? Number.NaN),
  entryPrice: Number(row["entry_price"]),
  exitPrice: Number(row["exit_price"]),
  pnl: Number(row["pnl"]),
  commission: Number(row["commission"]),
  returnFraction: Number(row["return_fraction"]),
  symbol: Number(row["symbol"]),
  borrow: Number(row["borrow"]),
  mae: Number(row["mae"]),
  mfe: Number(row["mfe"]),
  why: row["why"] as FillReason,
  tag: row["tag"] === null ? null : String(row["tag"]),
});

/** The trades closed so far, in the order they were. */
export function readTrades(db: Database, session: string, limit = -1): ClosedTrade[] {
  return db
    .prepare("SELECT * FROM backtest_trade WHERE session_id = ? ORDER BY n LIMIT ?")
    .all(session, limit)
    .map(tradeOf);
}

/** Copies the equity of bars 0 … `bars` − 1 into `equity`. @returns how many were there without a gap */
export function readEquity(db: Database, session: string, equity: Float64Array, bars: number): number {
  let reached = 0;
  const rows = db
    .prepare("SELECT * FROM backtest_equity WHERE session_id = ? ORDER BY first_bar")
    .all(session);
  for (const row of rows) {
    const first = Number(row["first_bar"]);
    if (first !== reached || reached >= bars) break;
    const bytes = row["equity"] as Uint8Array;
    const values = new Float64Array(new Uint8Array(bytes).buffer);
    equity.set(values.subarray(0, Math.min(values.length, bars - first)), first);
    reached = first + values.length;
  }
  return Math.min(reached, bars);
}

/** The next bar of a run, by its newest checkpoint. */
export function reachedBar(db: Database, session: string): number {
  const [newest] = checkpoints(db, session, 1);
  return (newest?.state as { next: number } | undefined)?.next ?? 0;
}

/** From where a run can go on: its newest checkpoint whose state and rows are all there. */
export type Restored = { next: number; state: SavedState; trades: ClosedTrade[]; reach: Reach };

/**
 * Finds it, and drops the rows that reach beyond it: those bars are worked again. With no such checkpoint all rows go,
 * and the run begins anew.
 * @param equity filled up to the checkpoint
 */
export function restore(db: Database, session: string, equity: Float64Array): Restored | undefined {
  for (const { n, state } of checkpoints(db, session)) {
    const { next, trades: count, engine, strategy } = state as SavedState & { next: number; trades: number };
    const trades = readTrades(db, session, count);
    const whole = trades.length === count && readEquity(db, session, equity, next) === next;
    if (!whole || !readable(engine) || !readable(strategy)) continue;
    db.prepare("DELETE FROM checkpoint WHERE session_id = ? AND n > ?").run(session, n);
    db.prepare("DELETE FROM backtest_trade WHERE session_id = ? AND n >= ?").run(session, count);
    trimEquity(db, session, next, equity);
    trimBars(db, session, next);
    return { next, state: { engine, strategy }, trades, reach: { trades: count, bars: next } };
  }
  for (const table of ["checkpoint", "backtest_trade", "backtest_equity", "backtest_bars"]) {
    db.prepare(`DELETE FROM ${table} WHERE session_id = ?`).run(session);
  }
  return undefined;
}

function readable(text: string): boolean {
  try {
    decode(text);
    return true;
  } catch {
    return false;
  }
}

/** Makes the equity rows end exactly before bar `next`. */
function trimEquity(db: Database, session: string, next: number, equity: Float64Array): void {
  const last = db
    .prepare(
      "SELECT first_bar FROM backtest_equity WHERE session_id = ? AND first_bar < ? ORDER BY first_bar DESC LIMIT 1",
    )
    .get(session, next);
  db.prepare("DELETE FROM backtest_equity WHERE session_id = ? AND first_bar >= ?").run(session, next);
  if (!last) return;
  const first = Number(last["first_bar"]);
  db.prepare("UPDATE backtest_equity SET equity = ? WHERE session_id = ? AND first_bar = ?").run(
    new Uint8Array(equity.slice(first, next).buffer),
    session,
    first,
  );
}
