/** What a session leaves behind in its checkpoints. Pure. */
export type Saved = {
  readonly v: 1;
  /** Zones that a person armed or disarmed against their schedule, by `camera/zone`. */
  readonly overrides: Readonly<Record<string, Override>>;
  /** Ids of relays that wait for a person to acknowledge. */
  readonly latched: readonly string[];
  /** Ids of permits that a person has withdrawn. */
  readonly withdrawn: readonly string[];
  /** How often each relay was switched on. */
  readonly cycles: Readonly<Record<string, number>>;
  readonly self_test: { readonly at: number; readonly ok: boolean } | null;
  /** What wasn't known to be off when it was to be; null: all was. */
  readonly not_off: string | null;
  readonly paused: boolean;
  readonly dry_run: boolean;
  /** Ended by its user: nothing is to be taken up. */
  readonly over: boolean;
};

/** It holds until the schedule says something else than it did then. */
export type Override = { readonly armed: boolean; readonly scheduled: boolean };

export const nothingSaved = (dry_run: boolean): Saved => ({
  v: 1,
  overrides: {},
  latched: [],
  withdrawn: [],
  cycles: {},
  self_test: null,
  not_off: null,
  paused: false,
  dry_run,
  over: false,
});

/** @returns undefined for what is no checkpoint of ours */
export function readSaved(state: unknown): Saved | undefined {
  const saved = state as Partial<Saved> | null;
  const isSound =
    saved !== null &&
    typeof saved === "object" &&
    saved.v === 1 &&
    typeof saved.overrides === "object" &&
    Array.isArray(saved.latched) &&
    Array.isArray(saved.withdrawn) &&
    typeof saved.cycles === "object" &&
    (saved.not_off === null || typeof saved.not_off === "string") &&
    typeof saved.paused === "boolean" &&
    typeof saved.dry_run === "boolean" &&
    typeof saved.over === "boolean";
  return isSound ? (saved as Saved) : undefined;
}
