/** A backtest's threads for the benches: the engine's, and the clock's where it follows one, over made bars. */
import { type ClockThread, clockThread } from "../../src/backtest/adapters/engine/clock.ts";
import { Drive } from "../../src/backtest/adapters/engine/drive.ts";
import { type EngineThread, engine } from "../../src/backtest/adapters/engine/engine.ts";
import { type Begin, type Clocked, CONTROL_WORDS } from "../../src/backtest/adapters/engine/protocol.ts";
import { plainSettings } from "../../src/backtest/core/broker/account.ts";
import { plainInstrument } from "../../src/backtest/core/broker/instrument.ts";
import { LATENESS_WORDS } from "../../src/backtest/core/engine/lateness.ts";
import { SUBSCRIPTION_WORDS } from "../../src/backtest/core/engine/subscription.ts";
import type { StrategySource } from "../../src/backtest/core/run.ts";
import { makeBars } from "./bars.ts";
import { CASH } from "./engine.ts";

const FRAME_MS = 60_000;

const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));

function shared(column: Float64Array): Float64Array {
  const copy = new Float64Array(new SharedArrayBuffer(column.byteLength));
  copy.set(column);
  return copy;
}

/** The threads of a run, standing still before its first bar. */
export interface Threads extends AsyncDisposable {
  readonly drive: Drive;
  readonly engine: EngineThread;
  readonly control: Int32Array;
  /** By the clock alone. */
  readonly clock: ClockThread | null;
  readonly clocked: Clocked | null;
}

/** @param barsPerSecond of the clock; null: data-driven */
export async function threads(
  length: number,
  strategy: StrategySource,
  barsPerSecond: number | null,
): Promise<Threads> {
  const made = makeBars(length);
  const { time, open, high, low, close, volume, decimals } = made;
  const bars = {
    length,
    time: shared(time),
    open: shared(open),
    high: shared(high),
    low: shared(low),
    close: shared(close),
    volume: shared(volume),
    decimals,
  };
  const control = words(CONTROL_WORDS);
  const clocked =
    barsPerSecond === null
      ? null
      : {
          words: words(SUBSCRIPTION_WORDS),
          stamps: shared(new Float64Array(length)),
          lateness: words(LATENESS_WORDS),
        };
  const instrument = plainInstrument("MADE");
  const begin: Begin = {
    symbols: [{ instrument, bars, joined: Number.NEGATIVE_INFINITY }],
    plan: { time: bars.time, equity: shared(new Float64Array(length)), length },
    timeframe: "1m",
    timezone: "UTC",
    hours: null,
    control,
    clocked,
    strategy,
    params: {},
    settings: { ...plainSettings(CASH), finalize: false },
    seed: 1,
    breakpoints: [],
    benchmark: null,
    dataTimezone: "UTC",
  };
  const parts = new AsyncDisposableStack();
  const { signal } = new AbortController();
  const failed = (error: Error) => {
    throw error;
  };
  const drive = new Drive(control, () => {});
  const thread = parts.use(await engine(begin, "bench", { print() {}, hit() {} })(signal));
  let clock: ClockThread | null = null;
  if (clocked && barsPerSecond !== null) {
    const speed = (barsPerSecond * FRAME_MS) / 1000;
    const schedule = { time: bars.time, length, next: 0, frameMs: FRAME_MS, speed, control, clocked };
    clock = parts.use(await clockThread(schedule, failed)(signal));
  }
  drive.attach(thread, clock ?? undefined);
  return {
    drive,
    engine: thread,
    control,
    clock,
    clocked,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
