import type { Clock } from "../../kernel/clock.ts";
import { message } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Happening } from "../core/event.ts";
import type { RelayConfig } from "../core/installation.ts";
import {
  acknowledged,
  allowed,
  type Decision,
  decide,
  freshRelay,
  type RelayPlan,
  switchedOff,
  switchedOn,
  told,
  tried,
} from "../core/relay.ts";
import type { RelayRow } from "../core/view.ts";

/** What switches relays and reads them back: the guard, as the manager sees it. */
export interface Switch {
  /** @throws when it wasn't done, or the board doesn't say what it was told */
  set(board: string, channel: number, on: boolean): Promise<unknown>;
  /** @throws when a board doesn't say that all is off */
  allOff(): Promise<void>;
  /** `null`: the board isn't there, or nobody knows. */
  bits(board: string): number | null;
  /** Whether anything can be switched on; when that changes {@link RelayManager.reread} is called. */
  readonly ready: boolean;
}

/** What outlives a pause, a crash and a restart. */
export type SavedRelays = {
  readonly latched: readonly string[];
  /** Permits that a person has withdrawn. */
  readonly withdrawn: readonly string[];
  readonly cycles: Readonly<Record<string, number>>;
};

export type RelaysOptions = {
  readonly relays: readonly { readonly config: RelayConfig; readonly mode: "alarm" | "permit" }[];
  /** `undefined` in a dry run: everything is decided, nothing is switched. */
  readonly board: Switch | undefined;
  readonly saved: SavedRelays;
  /** When relays were last on, monotonic ms: kept up to date, for what is opened after this. */
  readonly offSince: Map<string, number>;
  readonly clock: Clock;
  readonly log: Log;
  /** What it is disposed for, as the cause of what goes off. */
  ending(): string;
  happened(happening: Happening): void;
  /** Something that is shown or saved has changed. */
  changed(): void;
};

/** What became of a command about a relay. */
export type RelayOutcome = { readonly relay: string; readonly ok: boolean; readonly text: string };

/** How long after a write that failed it is tried again, ms. */
const AGAIN_MS = 500;
const MOST_WAITING = 16;

type Relay = {
  readonly config: RelayConfig;
  readonly mode: "alarm" | "permit";
  plan: RelayPlan;
  decision: Decision;
  /** What the board was last known to have; null: nobody knows. */
  actual: boolean | null;
  /** Its one timer. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** What is under way to the board. */
  driving: Promise<void> | undefined;
  /** Whether a write has failed; told once until one succeeds. */
  failed: boolean;
  cycles: number;
  /** Resolved with the time of the read-back, once it is as decided. */
  waiting: ((at: number) => void)[];
};

/**
 * The relays: decides what each is to be, has it switched and read back, and owns one timer for each, at most. Once it is
 * disposed nothing it is asked switches anything: a worker that hangs on can't either.
 */
export class RelayManager implements AsyncDisposable {
  readonly #options: RelaysOptions;
  readonly #relays: ReadonlyMap<string, Relay>;
  #closed = false;

  constructor(options: RelaysOptions) {
    this.#options = options;
    this.#relays = new Map(
      options.relays.map(({ config, mode }) => {
        const { latched, withdrawn } = options.saved;
        const plan = freshRelay({
          latched: latched.includes(config.id),
          withdrawn: mode === "permit" && withdrawn.includes(config.id),
          offSince: options.offSince.get(config.id) ?? null,
        });
        const decision = { on: false, cause: null, until: null };
        const cycles = options.saved.cycles[config.id] ?? 0;
        return [
          config.id,
          {
            config,
            mode,
            plan,
            decision,
            actual: false,
            timer: undefined,
            driving: undefined,
            failed: false,
            cycles,
            waiting: [],
          },
        ];
      }),
    );
  }

  /** A dry run leaves all of it as it was. */
  get saved(): SavedRelays {
    if (!this.#options.board) return this.#options.saved;
    const all = [...this.#relays.values()];
    return {
      latched: all.filter(({ plan }) => plan.latched).map(({ config }) => config.id),
      withdrawn: all
        .filter(({ mode, plan }) => mode === "permit" && plan.spent === "manual")
        .map(({ config }) => config.id),
      cycles: Object.fromEntries(all.map(({ config, cycles }) => [config.id, cycles])),
    };
  }

  /** How many relays have a timer. */
  get timers(): number {
    return [...this.#relays.values()].filter(({ timer }) => timer !== undefined).length;
  }

  /**
   * Tells which zones have tripped, by relay; a relay that isn't named has none. Called at each picture and tick: what
   * hasn't changed costs nothing.
   * @param settled called for each relay that a zone has newly tripped, once the board says so: when that was, monotonic ms
   */
  tell(tripped: ReadonlyMap<string, readonly string[]>, settled?: (relay: string, at: number) => void): void {
    if (this.#closed) return;
    for (const [id, relay] of this.#relays) {
      const zones = tripped.get(id) ?? [];
      const before = relay.plan;
      relay.plan = told(before, relay.config, relay.mode, zones);
      // Those of a board that has long been away would only be more and more.
      const isNew = zones.some((zone) => !before.tripped?.includes(zone));
      if (settled && isNew && relay.waiting.length < MOST_WAITING) {
        relay.waiting.push((at) => settled(id, at));
      }
      this.#decide(relay);
    }
  }

  /**
   * The guard or a board has something to say: what is switched is asked anew, and what isn't as it is to be is switched.
   * A board that nobody knows anything of is left alone until there is news of it.
   * @param cause of what went off unasked
   */
  reread(cause: string): void {
    if (this.#closed) return;
    for (const relay of this.#relays.values()) {
      const before = relay.actual;
      relay.actual = this.#bit(relay);
      if (before === true && relay.actual === false) {
        this.#options.happened({ event: "relay", relay: relay.config.id, on: false, cause });
      }
      this.#decide(relay);
    }
    this.#options.changed();
  }

  rows(): RelayRow[] {
    const { clock, board } = this.#options;
    const ahead = clock.wall() - clock.monotonic();
    return [...this.#relays.values()].map(({ config, mode, plan, decision, actual, cycles }) => ({
      id: config.id,
      state: actual === null ? "unknown" : actual ? "on" : "off",
      cause: board || decision.cause === null ? decision.cause : `dry run: ${decision.cause}`,
      mode,
      board: config.board,
      channel: config.channel,
      latched: plan.latched,
      until: decision.until === null ? null : Math.round(decision.until + ahead),
      cycles,
    }));
  }

  /**
   * What can't be done now isn't done later either, when nobody expects it, but for the time a relay cools down.
   * @param until monotonic ms; Infinity for until somebody says otherwise
   */
  async on(id: string, until: number): Promise<RelayOutcome> {
    const relay = this.#relays.get(id);
    if (!relay) return unknown(id);
    if (!this.#options.board) return { relay: id, ok: false, text: "this is a dry run" };
    if (relay.mode === "permit") return this.#allow(relay);
    const before = relay.plan;
    relay.plan = switchedOn(relay.plan, until);
    const outcome = await this.#outcome(relay, true);
    if (outcome.ok) return outcome;
    // A pulse that would be over before it has cooled down never comes.
    if (relay.decision.cause === "cooldown" && (relay.decision.until ?? 0) < until) {
      const seconds = ((relay.decision.until ?? 0) - this.#options.clock.monotonic()) / 1000;
      return { relay: id, ok: true, text: `on in ${Math.max(0.1, seconds).toFixed(1)} s: it cools down` };
    }
    relay.plan = tried(relay.plan, before);
    this.#decide(relay);
    return outcome;
  }

  /** A permit is only ever on by its zones; a person may but take back that he has withdrawn it. */
  async #allow(relay: Relay): Promise<RelayOutcome> {
    const { id } = relay.config;
    if (relay.plan.spent !== "manual") {
      return { relay: id, ok: false, text: "it is on only while its zones are known to be clear" };
    }
    relay.plan = allowed(relay.plan);
    this.#decide(relay);
    await relay.driving;
    const text = relay.actual === true ? "on" : `off for now: ${relay.decision.cause ?? "its board is away"}`;
    return { relay: id, ok: true, text };
  }

  async off(id: string): Promise<RelayOutcome> {
    const relay = this.#relays.get(id);
    if (!relay) return unknown(id);
    relay.plan = switchedOff(relay.plan);
    return this.#outcome(relay, false);
  }

  acknowledge(id: string): RelayOutcome {
    const relay = this.#relays.get(id);
    if (!relay) return unknown(id);
    const zone = relay.plan.tripped?.[0];
    if (!relay.plan.latched) return { relay: id, ok: true, text: "there was nothing to acknowledge" };
    if (relay.mode === "permit" && zone !== undefined) {
      return { relay: id, ok: false, text: `${zone} isn't clear` };
    }
    relay.plan = acknowledged(relay.plan);
    this.#options.happened({ event: "acknowledged", relay: id });
    this.#decide(relay);
    return { relay: id, ok: true, text: "acknowledged" };
  }

  /** Switches one on and off, whatever it is decided to be, and reads both back. A permit relay isn't touched. */
  async test(id: string, ms: number): Promise<RelayOutcome> {
    const relay = this.#relays.get(id);
    if (!relay) return unknown(id);
    if (relay.mode === "permit") return { relay: id, ok: true, text: "left out: it permits" };
    if (relay.decision.on) return { relay: id, ok: true, text: "left out: it is on" };
    const { clock } = this.#options;
    const { offSince } = relay.plan;
    if (offSince !== null && clock.monotonic() < offSince + relay.config.cooldown_ms) {
      return { relay: id, ok: true, text: "left out: it cools down" };
    }
    const before = relay.plan;
    const on = await this.on(id, clock.monotonic() + ms);
    if (!on.ok) return on;
    await clock.sleep(ms);
    relay.plan = tried(relay.plan, before);
    this.#decide(relay);
    const done = await this.#outcome(relay, relay.decision.on);
    return done.ok ? { relay: id, ok: true, text: "switched on and off, and read back" } : done;
  }

  get ids(): string[] {
    return [...this.#relays.keys()];
  }

  async #outcome(relay: Relay, on: boolean): Promise<RelayOutcome> {
    const { id } = relay.config;
    this.#decide(relay);
    await relay.driving;
    if (relay.actual === on) return { relay: id, ok: true, text: on ? "on" : "off" };
    if (relay.actual === null) return { relay: id, ok: false, text: "its board doesn't answer" };
    return {
      relay: id,
      ok: false,
      text: `it is ${on ? "off" : "on"}: ${relay.decision.cause ?? "no reason"}`,
    };
  }

  #decide(relay: Relay): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const before = { ...relay.decision, latched: relay.plan.latched };
    const { plan, decision } = decide(relay.plan, relay.config, relay.mode, clock.monotonic());
    relay.plan = plan;
    relay.decision = decision;
    if (plan.offSince !== null) this.#options.offSince.set(relay.config.id, plan.offSince);
    if (decision.until !== before.until) this.#wait(relay, decision.until);
    if (this.#options.board) this.#drive(relay);
    else this.#settle(relay);
    if (
      before.on !== decision.on ||
      before.cause !== decision.cause ||
      before.until !== decision.until ||
      before.latched !== plan.latched
    ) {
      this.#options.changed();
    }
  }

  #wait(relay: Relay, until: number | null): void {
    clearTimeout(relay.timer);
    relay.timer = undefined;
    if (until === null) return;
    const ms = Math.max(0, until - this.#options.clock.monotonic());
    relay.timer = setTimeout(
      () => {
        relay.timer = undefined;
        relay.decision = { ...relay.decision, until: null };
        this.#decide(relay);
      },
      // Further ahead a timer fires at once: then it is asked anew.
      Math.min(Math.ceil(ms), 2 ** 31 - 1),
    );
  }

  /** One loop a relay, however often it is decided anew: it ends when the board says what was decided last. */
  #drive(relay: Relay): void {
    const { board } = this.#options;
    if (relay.driving || relay.actual === null || (relay.decision.on && !board?.ready)) return;
    if (relay.actual === relay.decision.on) {
      this.#settle(relay);
      return;
    }
    relay.driving = this.#driven(relay).finally(() => {
      relay.driving = undefined;
    });
  }

  async #driven(relay: Relay): Promise<void> {
    const { board, log, happened, changed } = this.#options;
    const { id, board: name, channel } = relay.config;
    while (!this.#closed && relay.actual !== null && relay.actual !== relay.decision.on) {
      const { on, cause } = relay.decision;
      try {
        await board?.set(name, channel, on);
      } catch (error) {
        relay.actual = this.#bit(relay);
        if (this.#closed) return;
        if (!relay.failed) {
          relay.failed = true;
          log.error(`relay ${id} can't be switched ${on ? "on" : "off"}: ${message(error)}`);
          happened({ event: "relay_failed", relay: id, why: message(error) });
          changed();
        }
        // With the relay's own timer: what else it waits for is found anew then.
        if (relay.actual !== null) this.#wait(relay, this.#options.clock.monotonic() + AGAIN_MS);
        return;
      }
      // There may be newer news of the board than that this was done.
      relay.actual = this.#bit(relay);
      relay.failed = false;
      if (on) relay.cycles++;
      if (relay.actual === on) happened({ event: "relay", relay: id, on, cause: cause ?? "cleared" });
      changed();
    }
    this.#settle(relay);
  }

  /** It is as decided: who waits for that is told. */
  #settle(relay: Relay): void {
    if (relay.waiting.length === 0 || relay.actual === null) return;
    const at = this.#options.clock.monotonic();
    for (const settled of relay.waiting.splice(0)) settled(at);
  }

  #bit({ config }: Relay): boolean | null {
    const bits = this.#options.board?.bits(config.board) ?? null;
    return bits === null ? null : (bits & (1 << (config.channel - 1))) !== 0;
  }

  /** Timers cancelled, all off, read back. @throws when a board doesn't say so */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const relay of this.#relays.values()) {
      clearTimeout(relay.timer);
      relay.timer = undefined;
      relay.waiting = [];
      if (relay.plan.onSince !== null)
        this.#options.offSince.set(relay.config.id, this.#options.clock.monotonic());
    }
    // A board does what it is told in the order it is told: whatever is under way comes before this.
    await this.#options.board?.allOff();
    await Promise.all([...this.#relays.values()].map(({ driving }) => driving));
    for (const relay of this.#relays.values()) {
      if (relay.actual !== false) {
        relay.actual = false;
        this.#options.happened({
          event: "relay",
          relay: relay.config.id,
          on: false,
          cause: this.#options.ending(),
        });
      }
    }
  }
}

const unknown = (relay: string): RelayOutcome => ({ relay, ok: false, text: "there is no such relay" });
