import { Expected, message } from "../../../kernel/errors.ts";
import type { ProcessIdentity } from "../../../kernel/runtime.ts";
import { bitsText } from "../../core/dcttech.ts";
import { type BoardReport, Latch, type SetRequest } from "../../core/guard.ts";
import type { BoardConfig } from "../../core/installation.ts";
import { NotAsTold, type RelayInterface } from "../relay/board.ts";
import { openBoard } from "../relay/open.ts";
import { BoardBusy, lockBoard } from "./lock.ts";

/** How often an OFF that didn't hold is written again, ms. */
const OFF_AGAIN_MS = 100;
/** How often a board that is away is looked for, and one that is there is read, ms. */
const LOOK_MS = 1_000;

/** A `set` that waits for its turn. */
type Wish = { readonly request: SetRequest; age(): number; done(why: string | undefined): void };

type Held = { readonly relay: RelayInterface; readonly lock: Disposable };

const UNKNOWN = "the board isn't known to be off";

/**
 * One board in the guard: opened, switched off, read, switched, lost and found again, one thing after another, and OFF
 * before all else. It doesn't wait for any other board.
 */
export class Keeper {
  readonly name: string;
  readonly #config: BoardConfig;
  readonly #host: ProcessIdentity;
  readonly #changed: () => void;
  readonly #latch = new Latch();
  readonly #wishes: Wish[] = [];
  #held: Held | undefined;
  /** Whether all is to be switched off, and hasn't been seen to be. */
  #offDue = true;
  /** Who waits for the next try to switch off. */
  #offWaiting: ((why: string | undefined) => void)[] = [];
  /** A board that was lost isn't taken for present before, monotonic ms: a faulty one mustn't chatter. */
  #trustedFrom = 0;
  #why: string | null = null;
  #busy = false;
  #ending = false;
  #poked = Promise.withResolvers<void>();
  readonly #over: Promise<void>;

  /**
   * @param host for whom it is held
   * @param changed called when what {@link report} says has changed
   */
  constructor(config: BoardConfig, host: ProcessIdentity, changed: () => void) {
    this.name = config.name;
    this.#config = config;
    this.#host = host;
    this.#changed = changed;
    this.#over = this.#work();
  }

  get report(): BoardReport {
    const { bits, epoch } = this.#latch;
    return {
      board: this.name,
      present: bits !== null,
      bits,
      serial: this.#held?.relay.serial ?? null,
      epoch,
      why: bits === null ? this.#why : null,
      busy: this.#busy,
    };
  }

  /** Switches all off, before whatever else was asked of it. @returns after the first try: why it isn't off */
  off(): Promise<string | undefined> {
    this.#trip();
    return new Promise((resolve) => {
      this.#offWaiting.push(resolve);
      this.#poke();
    });
  }

  /** @param age how long ago it was decided, when asked, ms. @returns why it wasn't done */
  set(request: SetRequest, age: () => number): Promise<string | undefined> {
    if (!this.#held && this.#why !== null) return Promise.resolve(this.#why);
    return new Promise((done) => {
      this.#wishes.push({ request, age, done });
      this.#poke();
    });
  }

  /** Switches all off until that holds, or the board is gone, and gives the board back. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#trip();
    this.#poke();
    await this.#over;
  }

  /** From now on nothing that was asked before is switched on. */
  #trip(): void {
    this.#latch.trip();
    this.#offDue = true;
  }

  #poke(): void {
    this.#poked.resolve();
  }

  async #work(): Promise<void> {
    let readAt = 0;
    for (;;) {
      let waitMs = 0;
      const wish = this.#held && !this.#offDue ? this.#wishes.shift() : undefined;
      if (!this.#held) waitMs = await this.#open();
      else if (this.#offDue) waitMs = await this.#switchOff(this.#held);
      else if (wish) await this.#fulfil(this.#held, wish);
      else if (performance.now() >= readAt) {
        await this.#look(this.#held);
        readAt = performance.now() + LOOK_MS;
      } else waitMs = readAt - performance.now();
      if (this.#ending && (this.#held ? !this.#offDue : waitMs === LOOK_MS)) break;
      if (waitMs > 0) await this.#rest(waitMs);
    }
    this.#refuseWishes("the guard ends");
    await this.#letGo();
  }

  /** Waits, or until there is something to do. */
  async #rest(ms: number): Promise<void> {
    const { promise } = this.#poked;
    const timer = setTimeout(() => this.#poke(), ms);
    await promise;
    clearTimeout(timer);
    this.#poked = Promise.withResolvers();
  }

  /** @returns how long to wait before the next try, ms: {@link LOOK_MS} when the board is gone */
  async #open(): Promise<number> {
    try {
      const relay = await openBoard(this.#config);
      try {
        this.#held = { relay, lock: await lockBoard(relay.path, this.#host) };
      } catch (error) {
        await relay[Symbol.asyncDispose]();
        throw error;
      }
      this.#offDue = true;
      this.#busy = false;
      return 0;
    } catch (error) {
      this.#busy = error instanceof BoardBusy;
      this.#away(message(error));
      return error instanceof Expected || this.#busy ? LOOK_MS : OFF_AGAIN_MS;
    }
  }

  /** @returns how long to wait before the next try, ms */
  async #switchOff({ relay }: Held): Promise<number> {
    const { epoch } = this.#latch;
    try {
      await relay.allOff();
    } catch (error) {
      await this.#lost(error);
      return OFF_AGAIN_MS;
    }
    // What came meanwhile wants it once more.
    if (epoch !== this.#latch.epoch) return 0;
    this.#offTried(undefined);
    const early = this.#trustedFrom - performance.now();
    if (early > 0 && !this.#ending) {
      this.#refuseWishes(this.#why ?? UNKNOWN);
      return Math.min(early, OFF_AGAIN_MS);
    }
    this.#offDue = false;
    this.#why = null;
    this.#latch.hold(0);
    this.#changed();
    return 0;
  }

  async #fulfil({ relay }: Held, { request, age, done }: Wish): Promise<void> {
    const { channel, on, epoch } = request;
    const before = this.#latch.bits;
    const refused = on ? this.#latch.refusal(epoch, age()) : undefined;
    if (refused !== undefined || before === null) return done(refused ?? UNKNOWN);
    if (channel < 1 || channel > relay.channels) {
      return done(`it has no relay ${channel}: there are ${relay.channels}`);
    }
    const bit = 1 << (channel - 1);
    const wanted = on ? before | bit : before & ~bit;
    const begun = this.#latch.epoch;
    try {
      const bits = await relay.set(channel, on);
      if (bits !== wanted) throw new NotAsTold(bits, bitsText(wanted));
      if (begun === this.#latch.epoch) this.#latch.hold(bits);
      done(undefined);
    } catch (error) {
      // A relay that doesn't go on is a failure of its own; one that is on and shouldn't be is the board's.
      const isItsOwn = on && error instanceof NotAsTold && error.bits === before;
      if (!isItsOwn) await this.#lost(error);
      done(message(error));
    }
  }

  /** Whether it still is as it was left. */
  async #look({ relay }: Held): Promise<void> {
    const { bits, epoch } = this.#latch;
    try {
      const found = await relay.read();
      if (found !== bits && epoch === this.#latch.epoch) throw new NotAsTold(found, bitsText(bits ?? 0));
    } catch (error) {
      await this.#lost(error);
    }
  }

  /** It isn't as it was told, or doesn't answer: what is open then is of no use. All is to be switched off. */
  async #lost(error: unknown): Promise<void> {
    this.#trustedFrom = performance.now() + LOOK_MS;
    this.#away(message(error));
    if (!(error instanceof NotAsTold)) await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.relay[Symbol.asyncDispose]();
    held?.lock[Symbol.dispose]();
  }

  #away(why: string): void {
    const isNews = this.#latch.bits !== null || this.#why !== why;
    this.#trip();
    this.#why = why;
    this.#refuseWishes(why);
    this.#offTried(why);
    if (isNews) this.#changed();
  }

  #offTried(why: string | undefined): void {
    for (const tried of this.#offWaiting.splice(0)) tried(why);
  }

  #refuseWishes(why: string): void {
    for (const { done } of this.#wishes.splice(0)) done(why);
  }
}
