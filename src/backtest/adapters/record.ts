import type { Host } from "../../kernel/host.ts";
import type { Bars } from "../core/bars.ts";
import type { ClosedTrade } from "../core/broker.ts";
import { Curve } from "../core/curve.ts";
import type { Result, RunState, ShownTrade } from "../core/run-state.ts";
import type { Finished } from "./engine.ts";
import { type Reach, type Restored, type Run, saveCheckpoint, setResult } from "./journal.ts";
import type { Snapshot } from "./protocol.ts";

/** Points of the curves that clients are shown. */
const CURVE_POINTS = 480;
const LAST_TRADES = 8;

const shown = (trade: ClosedTrade): ShownTrade => ({
  size: trade.size,
  entry_bar: trade.entryBar,
  exit_bar: trade.exitBar,
  entry_price: trade.entryPrice,
  exit_price: trade.exitPrice,
  pnl: trade.pnl,
});

/** What clients are shown that only the record knows. */
type Recorded = Omit<RunState, "strategy" | "params" | "symbol" | "loaded">;

/** What a run has come to so far: kept up by its snapshots, written to the store at its checkpoints. */
export class RunRecord {
  readonly #host: Host;
  readonly #run: Run;
  readonly #bars: Bars;
  readonly #equity: Float64Array;
  readonly #curve: Curve;
  /** How far the rows of the store reach. */
  #reach: Reach;
  #next: number;
  #last: Snapshot | undefined;
  /** Trades closed since the store's last row. */
  #unsaved: ClosedTrade[] = [];
  #recent: ClosedTrade[];
  #trades: number;
  #result: Result | null = null;
  #checkpointAt: number | null = null;
  #saving: Promise<void> = Promise.resolve();
  #speed: { bar: number; at: number; perSecond: number };

  /** @param equity one value a bar, which the engine writes; filled up to where the run was restored */
  constructor(host: Host, run: Run, bars: Bars, equity: Float64Array, from: Restored | undefined) {
    this.#host = host;
    this.#run = run;
    this.#bars = bars;
    this.#equity = equity;
    this.#curve = new Curve(bars.length, CURVE_POINTS);
    this.#reach = from?.reach ?? { trades: 0, bars: 0 };
    this.#next = from?.next ?? 0;
    this.#recent = from?.trades.slice(-LAST_TRADES) ?? [];
    this.#trades = from?.trades.length ?? 0;
    this.#speed = { bar: this.#next, at: host.clock.monotonic(), perSecond: 0 };
    this.#curve.extend(equity, this.#next);
  }

  /** The next bar to be worked, as the last snapshot has it. */
  get next(): number {
    return this.#next;
  }

  /** Whether the run has come to its end. */
  get finished(): boolean {
    return this.#result !== null;
  }

  /** Takes in a snapshot. */
  keep(snapshot: Snapshot): void {
    this.#last = snapshot;
    this.#next = snapshot.next;
    this.#trades += snapshot.trades.length;
    // One by one: a spread of a hundred thousand arguments overflows the stack.
    for (const trade of snapshot.trades) this.#unsaved.push(trade);
    this.#recent = [...this.#recent, ...snapshot.trades.slice(-LAST_TRADES)].slice(-LAST_TRADES);
    this.#curve.extend(this.#equity, snapshot.next);
  }

  /** Takes in what the run has come to. */
  finish({ snapshot, result }: Finished): void {
    this.keep(snapshot);
    this.#next = this.#bars.length;
    this.#curve.extend(this.#equity, this.#next);
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
    const entry = {
      session,
      type,
      snapshot: { next: snapshot.next, state: snapshot.state, trades },
      equity: this.#equity,
      since: this.#reach,
      upTo: result ? this.#bars.length : snapshot.next,
    };
    try {
      this.#reach = await store.write((db) => {
        const reach = saveCheckpoint(db, entry, clock);
        if (result) setResult(db, session, result);
        return reach;
      });
      this.#checkpointAt = clock.wall();
    } catch (error) {
      this.#unsaved = [...trades, ...this.#unsaved];
      throw error;
    }
  }

  /** Measures the speed since this was last called. */
  measure(): void {
    const now = this.#host.clock.monotonic();
    const { bar, at } = this.#speed;
    const perSecond = now > at ? Math.max(0, ((this.#next - bar) / (now - at)) * 1000) : 0;
    this.#speed = { bar: this.#next, at: now, perSecond };
  }

  /** What clients are shown of it. */
  view(): Recorded {
    const next = this.#next;
    const equity = next > 0 ? (this.#equity[next - 1] ?? null) : null;
    const open = this.#last?.open ?? [];
    const size = open.reduce((sum, trade) => sum + trade.size, 0);
    const entry = open.reduce((sum, trade) => sum + trade.size * trade.entryPrice, 0);
    return {
      bar: next,
      bars: this.#bars.length,
      time: next > 0 ? (this.#bars.time[next - 1] ?? null) : null,
      equity,
      return_pct: equity === null ? null : (equity / this.#run.settings.cash - 1) * 100,
      max_drawdown_pct: this.#curve.maxDrawdown,
      position: size === 0 ? null : { size, entry_price: entry / size },
      trades: this.#trades,
      last_trades: this.#recent.map(shown),
      bars_per_second: this.#speed.perSecond,
      checkpoint_at: this.#checkpointAt,
      result: this.#result,
      equity_curve: this.#curve.equity,
      drawdown_curve: this.#curve.drawdown,
    };
  }
}
