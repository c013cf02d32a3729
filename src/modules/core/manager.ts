import { hasProcess, isUp, type ModuleEvent, type ModuleState, TRANSITIONS } from "./states.ts";

/** On whose word something is desired: a person's, or that of what undoes it or follows the files. */
export type By = "enable" | "disable" | "start" | "stop" | "restart" | "rollback" | "reload" | "unsaved";

/** What has happened, as observers and `stint modules events` are told. `at` is UTC ms. */
export type Happening =
  | {
      type: "desired_changed";
      at: number;
      name: string;
      desired: "on" | "off";
      before: "on" | "off";
      /** The preference, and what it was. */
      enabled: boolean;
      was_enabled: boolean;
      by: By;
    }
  | {
      type: "actual_changed";
      at: number;
      name: string;
      actual: ModuleState;
      before: ModuleState;
      event: ModuleEvent;
      reason: string | null;
    }
  | { type: "start_requested" | "stop_requested"; at: number; name: string; reason: string | null }
  | {
      type: "crash_detected";
      at: number;
      name: string;
      reason: string | null;
      pid: number | null;
      last_exit: string;
    };

/** One who is told, in the order of what happened. What it throws, or its promise rejects with, is its own affair. */
export type Observer = (happening: Happening) => unknown;

/** What is desired of a module and what is true of it. */
export type Standing = {
  readonly name: string;
  readonly desired: "on" | "off";
  /** The preference: whether a fresh start runs it. */
  readonly enabled: boolean;
  readonly actual: ModuleState;
  /** Why it is in this state. */
  readonly reason: string | null;
  /** Since when, UTC ms. */
  readonly since: number;
};

/** What reconciling asks for. */
export type Needed = "want" | "unwant" | "stop" | undefined;

/** Desired on and not running: start it. Desired off and running: stop it. What failed rests until somebody wishes. */
export function needed({ desired, actual }: Pick<Standing, "desired" | "actual">): Needed {
  if (desired === "on") return actual === "DISABLED" ? "want" : undefined;
  if (actual === "ENABLED") return "unwant";
  return isUp(actual) || actual === "STARTING" ? "stop" : undefined;
}

/**
 * The one source of truth: what is desired of each module and what is true of it. Everybody else observes. A change is
 * made whole before anybody is told of it; whoever is told may change more, which is told after it.
 */
export class ModuleStateManager {
  readonly #modules = new Map<string, Standing>();
  readonly #observers = new Map<string, Observer>();
  readonly #now: () => number;
  readonly #failed: (observer: string, error: unknown) => void;
  #untold: Happening[] = [];
  #telling = false;

  /**
   * @param now UTC ms
   * @param failed told when an observer threw
   */
  constructor(now: () => number, failed: (observer: string, error: unknown) => void) {
    this.#now = now;
    this.#failed = failed;
  }

  /** Takes in a module as it is found. @throws Error when there is one of this name */
  add(name: string, found: Pick<Standing, "desired" | "enabled"> & Partial<Standing>): void {
    if (this.#modules.has(name)) throw new Error(`${name} is there already`);
    const { desired, enabled, actual = "DISABLED", reason = null, since = this.#now() } = found;
    this.#modules.set(name, { name, desired, enabled, actual, reason, since });
  }

  /** Forgets a module. @returns whether it could: one with a process isn't forgotten */
  remove(name: string): boolean {
    const module = this.#modules.get(name);
    if (!module || hasProcess(module.actual)) return false;
    return this.#modules.delete(name);
  }

  get(name: string): Standing | undefined {
    return this.#modules.get(name);
  }

  get all(): Standing[] {
    return [...this.#modules.values()];
  }

  /** Tells everybody all that happens from now on. @param who names the observer in what is said of its failures */
  observe(who: string, observer: Observer): Disposable {
    this.#observers.set(who, observer);
    return { [Symbol.dispose]: () => void this.#observers.delete(who) };
  }

  /**
   * @param wish what is desired from now on, and what is preferred, where that changes too
   * @returns whether that is something else than before; false for a module that isn't there
   */
  desire(name: string, wish: { desired: "on" | "off"; enabled?: boolean }, by: By): boolean {
    const module = this.#modules.get(name);
    if (!module) return false;
    const { desired, enabled = module.enabled } = wish;
    if (module.desired === desired && module.enabled === enabled) return false;
    this.#modules.set(name, { ...module, desired, enabled });
    const before = { before: module.desired, was_enabled: module.enabled };
    this.#tell({ type: "desired_changed", at: this.#now(), name, desired, enabled, ...before, by });
    return true;
  }

  /** Makes a transition. @returns false when it isn't legal; then nothing has changed */
  apply(name: string, event: ModuleEvent, reason: string | null = null): boolean {
    const module = this.#modules.get(name);
    const actual = module && TRANSITIONS[module.actual][event];
    if (!module || !actual) return false;
    const at = this.#now();
    this.#modules.set(name, { ...module, actual, reason, since: at });
    this.#tell({ type: "actual_changed", at, name, actual, before: module.actual, event, reason });
    return true;
  }

  /** As {@link apply} for a process that ended unasked. */
  crash(name: string, ended: { pid: number | null; last_exit: string }, reason: string): boolean {
    const module = this.#modules.get(name);
    if (!module || !TRANSITIONS[module.actual].crash) return false;
    const telling = this.#hold();
    this.#tell({ type: "crash_detected", at: this.#now(), name, reason, ...ended });
    this.apply(name, "crash", reason);
    if (telling) this.#drain();
    return true;
  }

  /** Says why a module is still where it is. @returns whether that reads otherwise than before */
  explain(name: string, reason: string | null): boolean {
    const module = this.#modules.get(name);
    if (!module || module.reason === reason) return false;
    this.#modules.set(name, { ...module, reason });
    return true;
  }

  /** Tells that a start or a stop was asked for, by whomever. */
  requested(type: "start_requested" | "stop_requested", name: string, reason: string | null = null): void {
    this.#tell({ type, at: this.#now(), name, reason });
  }

  /** Holds back what there is to tell. @returns whether the caller is to tell it */
  #hold(): boolean {
    if (this.#telling) return false;
    this.#telling = true;
    return true;
  }

  #tell(happening: Happening): void {
    this.#untold.push(happening);
    if (this.#hold()) this.#drain();
  }

  #drain(): void {
    try {
      for (let next = this.#untold.shift(); next; next = this.#untold.shift()) {
        for (const [who, observer] of [...this.#observers]) this.#tellOne(who, observer, next);
      }
    } finally {
      this.#telling = false;
    }
  }

  #tellOne(who: string, observer: Observer, happening: Happening): void {
    try {
      const done = observer(happening);
      if (done instanceof Promise) done.catch((error: unknown) => this.#failed(who, error));
    } catch (error) {
      this.#failed(who, error);
    }
  }
}
