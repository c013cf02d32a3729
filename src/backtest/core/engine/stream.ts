import type { Bars } from "../bars.ts";
import type { Instrument } from "../broker/instrument.ts";
import type { Streaming } from "../indicators/streaming.ts";
import type { DerivedBars } from "../strategy.ts";
import type { Derived } from "../time/derived.ts";
import { firstAtLeast } from "./timeline.ts";

/** Bars derived of a symbol's, as a run keeps them. */
export type DerivedStream = {
  readonly derived: Derived;
  /** As the strategy sees them. */
  readonly shown: DerivedBars;
  /** The indicators declared of them. */
  readonly streaming: Streaming[];
  /** Whether the symbol's newest bar brought one to its edge. */
  fresh: boolean;
};

/** A symbol's bars, and where a run stands in them. */
export class Stream {
  /** Its number among the run's symbols. */
  readonly number: number;
  readonly instrument: Instrument;
  readonly bars: Bars;
  /** The indicators of its own bars. */
  readonly streaming: Streaming[] = [];
  readonly derived: DerivedStream[] = [];
  /** The index of the newest bar that the run has come to; −1 before the first. */
  index = -1;
  /** Whether that bar is of the step being worked. */
  has = false;
  /** The index of the first bar at which all that was declared had a value; −1 before. */
  warmup = -1;
  /** Its first bar that the strategy may see: those before, of before it joined, only warm. */
  readonly #joinedAt: number;
  #warmIndex = 0;

  constructor(number: number, instrument: Instrument, bars: Bars, joined: number) {
    this.number = number;
    this.instrument = instrument;
    this.bars = bars;
    this.#joinedAt = firstAtLeast(bars.time, bars.length, joined);
  }

  /** How many of its bars came before it joined. */
  get joinedAt(): number {
    return this.#joinedAt;
  }

  /** Called once all is declared. */
  declared(): void {
    for (const { warmup } of this.streaming) this.#warmIndex = Math.max(this.#warmIndex, warmup);
  }

  /** Moves on to the bar of this time, if it has one. */
  advance(time: number): void {
    const next = this.index + 1;
    const { bars } = this;
    this.has = next < bars.length && bars.time[next] === time;
    if (this.has) this.index = next;
  }

  /** Moves all that was declared to the bar `index`, from the one before. */
  update(index: number): void {
    const { streaming, derived, bars } = this;
    for (let k = 0; k < streaming.length; k++) (streaming[k] as Streaming).update(bars, index);
    for (let k = 0; k < derived.length; k++) updateDerived(derived[k] as DerivedStream, bars, index);
    if (this.warmup < 0 && this.#isWarm(index)) this.warmup = index;
  }

  #isWarm(index: number): boolean {
    if (index < this.#warmIndex) return false;
    return this.derived.every(({ derived, streaming }) =>
      streaming.every(({ warmup }) => derived.bars.length > warmup),
    );
  }
}

function updateDerived(stream: DerivedStream, bars: Bars, index: number): void {
  const { derived, streaming } = stream;
  if (derived.update(bars, index)) {
    for (let k = 0; k < streaming.length; k++) {
      (streaming[k] as Streaming).update(derived.bars, derived.bars.length - 1);
    }
    stream.fresh = true;
  } else if (stream.fresh) {
    for (let k = 0; k < streaming.length; k++) (streaming[k] as Streaming).settle();
    stream.fresh = false;
  }
}
