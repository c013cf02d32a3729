import type { Host } from "../../kernel/host.ts";
import type { ClosedTrade } from "../core/broker/account.ts";
import type { EngineSymbol, Plan } from "../core/engine/engine.ts";
import { firstAtLeast } from "../core/engine/timeline.ts";
import { Curve } from "../core/results/curve.ts";
import {
  type Candles,
  type Result,
  type RunState,
  type ShownOpenTrade,
  type ShownTrade,
  shownTrade,
} from "../core/run-state.ts";
import type { Trade } from "../core/strategy.ts";
import type { Finished } from "./engine/engine.ts";
import type { LogLine, Snapshot } from "./engine/protocol.ts";
import { type ArrivedBar, type Reach, type Restored, saveCheckpoint, setResult } from "./runs/journal.ts";

/** Points of the curves that clients are shown. */
const CURVE_POINTS = 480;
const LAST_TRADES = 200;
const OPEN_TRADES = 200;
const LOG_LINES = 50;
/** Candles of a symbol, and symbols that have some. */
const CANDLES = 160;
const CANDLE_SYMBOLS = 4;

const shownOpen = ({ symbol, size, entryTime, entryPrice }: Trade): ShownOpenTrade => ({
  symbol,
  size,
  entry_time: entryTime,
  entry_price: entryPrice,
});

/** What clients are shown that only the record knows. */
type Recorded = Pick<
  RunState,
  | "bar"
  | "bars"
  | "time"
  | "equity"
  | "return_pct"
  | "max_drawdown_pct"
  | "position"
  | "positions"
  | "open_trades"
  | "trades"
  | "win_rate_pct"
  | "profit_factor"
  | "last_trades"
  | "log"
  | "bars_per_second"
  | "checkpoint_at"
  | "result"
  | "equity_curve"
  | "drawdown_curve"
  | "candles"
>;

/** What a run has come to so far: kept up by its snapshots, written to the store at its checkpoints. */
export class RunRecord {
  readonly #host: Host;
  readonly #cash: number;
  #symbols: readonly EngineSymbol[];
  #plan: Plan;
  #curve: Curve;
  /** How far the rows of the store reach. */
  #reach: Reach;
  #next: number;
  #last: Snapshot | undefined;
  /** Trades closed since the store's last row. */
  #unsaved: ClosedTrade[] = [];
  #recent: ClosedTrade[];
  #tally = { trades: 0, won: 0, gained: 0, lost: 0 };
  #log: LogLine[] = [];
  #result: Result | null = null;
  #checkpointAt: number | null = null;
  #saving: Promise<void> = Promise.resolve();
  #speed: { bars: number; at: number; perSecond: number };
  #bars = 0;
  /** Bars of all symbols that were worked before this host. */
  readonly barsBefore: number;
  /** Live: the bars that came since the store's last row, in the order they are worked: one a step. */
  readonly #arrived: ArrivedBar[] = [];

  constructor(host: Host, cash: number, symbols: readonly EngineSymbol[], plan: Plan, from?: Restored) {
    this.#host = host;
    this.#cash = cash;
    this.#symbols = symbols;
    this.#plan = plan;
    this.#curve = new Curve(plan.length, CURVE_POINTS);
    this.#reach = from?.reach ?? { trades: 0, bars: 0 };
    this.#next = from?.next ?? 0;
    this.#recent = from?.trades.slice(-LAST_TRADES) ?? [];
    for (const trade of from?.trades ?? []) this.#count(trade);
    this.barsBefore = barsBefore(symbols, plan, this.#next);
    this.#bars = this.barsBefore;
    this.#speed = { bars: this.#bars, at: host.clock.monotonic(), perSecond: 0 };
    this.#curve.extend(plan.equity, this.#next);
  }

  /** The next step to be worked, as the last snapshot has it. */
  get next(): number {
    return this.#next;
  }

  /** Bars of all symbols that were worked, as the last snapshot has it. */
  get bars(): number {
    return this.#bars;
  }

  get last(): Snapshot | undefined {
    return this.#last;
  }

  /** Whether the run has come to its end. */
  get finished(): boolean {
    return this.#result !== null;
  }

  /** A symbol joined, or live bars came: other steps from here on. */
  replan(symbols: readonly EngineSymbol[], plan: Plan): void {
    const grown = plan.length !== this.#plan.length;
    this.#symbols = symbols;
    this.#plan = plan;
    if (!grown) return;
    this.#curve = new Curve(plan.length, CURVE_POINTS);
    this.#curve.extend(plan.equity, this.#next);
  }

  /** Live: a bar came, and is the next step. */
  arrive(bar: ArrivedBar): void {
    this.#arrived.push(bar);
  }

  /** Takes in a snapshot. */
  keep(snapshot: Snapshot): void {
    this.#last = snapshot;
    this.#next = snapshot.next;
    this.#bars = snapshot.metrics.bars;
    // One by one: a spread of a hundred thousand arguments overflows the stack.
    for (const trade of snapshot.trades) {
      this.#unsaved.push(trade);
      this.#count(trade);
    }
    this.#recent = [...this.#recent, ...snapshot.trades.slice(-LAST_TRADES)].slice(-LAST_TRADES);
    this.#log = [...this.#log, ...snapshot.log].slice(-LOG_LINES);
    this.#curve.extend(this.#plan.equity, snapshot.next);
  }

  /** Takes in what the run has come to. */
  finish({ snapshot, result }: Pick<Finished, "snapshot" | "result">): void {
    this.keep(snapshot);
    this.#next = this.#plan.length;
    this.#curve.extend(this.#plan.equity, this.#next);
    this.#result = result;
  }

  /** Writes a checkpoint of the newest snapshot. One after another: each adds to the rows of the one before. */
  save(type: string): Promise<void> {
    const saved = this.#saving.then(() => this.#write(type));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #write(type: string): Promise<void> {
    const snapshot = this.#last;
    const result = this.#result;
    // A mere look at it is nothing to go on from: the checkpoint before still holds.
    if (!snapshot?.state) return;
    const { session, store, clock } = this.#host;
    const trades = this.#unsaved;
    this.#unsaved = [];
    const bars = this.#arrived.slice(0, snapshot.next - this.#reach.bars);
    const entry = {
      session,
      type,
      snapshot: { next: snapshot.next, state: snapshot.state, trades },
      equity: this.#plan.equity,
      since: this.#reach,
      upTo: result ? this.#plan.length : snapshot.next,
      bars: { first: this.#reach.bars, bars },
    };
    try {
      this.#reach = await store.write((db) => {
        const reach = saveCheckpoint(db, entry, clock);
        if (result) setResult(db, session, result);
        return reach;
      });
      this.#arrived.splice(0, bars.length);
      this.#checkpointAt = clock.wall();
    } catch (error) {
      this.#unsaved = [...trades, ...this.#unsaved];
      throw error;
    }
  }

  /** Measures the speed since this was last called. */
  measure(): void {
    const now = this.#host.clock.monotonic();
    const { bars, at } = this.#speed;
    const perSecond = now > at ? Math.max(0, ((this.#bars - bars) / (now - at)) * 1000) : 0;
    this.#speed = { bars: this.#bars, at: now, perSecond };
  }

  /** What clients are shown of it. */
  view(): Recorded {
    const next = this.#next;
    const { time, equity: curve, length } = this.#plan;
    const equity = next > 0 ? (curve[next - 1] ?? null) : null;
    const now = next > 0 ? (time[next - 1] ?? null) : null;
    const { trades, won, gained, lost } = this.#tally;
    const positions = this.#positions(now);
    const [position] = positions;
    return {
      bar: next,
      bars: length,
      time: now,
      equity,
      return_pct: equity === null ? null : (equity / this.#cash - 1) * 100,
      max_drawdown_pct: this.#curve.maxDrawdown,
      position: position === undefined ? null : { size: position.size, entry_price: position.entry_price },
      positions,
      open_trades: (this.#last?.open ?? []).slice(-OPEN_TRADES).map(shownOpen),
      trades,
      win_rate_pct: trades === 0 ? null : (won / trades) * 100,
      profit_factor: lost === 0 ? null : gained / lost,
      last_trades: this.#recent.map((trade) => this.#shown(trade)),
      log: this.#log,
      bars_per_second: this.#speed.perSecond,
      checkpoint_at: this.#checkpointAt,
      result: this.#result,
      equity_curve: this.#curve.equity,
      drawdown_curve: this.#curve.drawdown,
      candles: now === null ? [] : this.#candles(now),
    };
  }

  #count({ pnl, returnFraction }: ClosedTrade): void {
    this.#tally.trades++;
    if (pnl > 0) this.#tally.won++;
    if (returnFraction > 0) this.#tally.gained += returnFraction;
    else this.#tally.lost -= returnFraction;
  }

  #positions(now: number | null): RunState["positions"] {
    const open = this.#last?.open ?? [];
    const symbols = [...new Set(open.map(({ symbol }) => symbol))];
    return symbols.map((symbol) => {
      const trades = open.filter((trade) => trade.symbol === symbol);
      const size = trades.reduce((sum, trade) => sum + trade.size, 0);
      const entry = trades.reduce((sum, trade) => sum + trade.size * trade.entryPrice, 0);
      const close = this.#closeAt(symbol, now);
      const profit = trades.reduce((sum, trade) => sum + trade.size * (close - trade.entryPrice), 0);
      return { symbol, size, entry_price: size === 0 ? 0 : entry / size, profit };
    });
  }

  #closeAt(symbol: string, now: number | null): number {
    const bars = this.#symbols.find(({ instrument }) => instrument.symbol === symbol)?.bars;
    if (!bars || now === null) return Number.NaN;
    return bars.close[firstAtLeast(bars.time, bars.length, now + 1) - 1] ?? Number.NaN;
  }

  #shown(trade: ClosedTrade): ShownTrade {
    const { instrument } = this.#symbols[trade.symbol] as EngineSymbol;
    return shownTrade(trade, instrument.symbol);
  }

  #candles(now: number): Candles[] {
    return this.#symbols.slice(0, CANDLE_SYMBOLS).map(({ instrument, bars }) => {
      const end = firstAtLeast(bars.time, bars.length, now + 1);
      const newest = (column: Float64Array) => [...column.subarray(Math.max(0, end - CANDLES), end)];
      return {
        symbol: instrument.symbol,
        time: newest(bars.time),
        open: newest(bars.open),
        high: newest(bars.high),
        low: newest(bars.low),
        close: newest(bars.close),
      };
    });
  }
}

/** How many bars of all symbols are worked before a step. */
function barsBefore(symbols: readonly EngineSymbol[], { time, length }: Plan, step: number): number {
  if (step === 0) return 0;
  const end = step < length ? (time[step] as number) : Number.POSITIVE_INFINITY;
  return symbols.reduce((sum, { bars, joined }) => {
    const at = (when: number) => firstAtLeast(bars.time, bars.length, when);
    return sum + Math.max(0, at(end) - at(joined));
  }, 0);
}
