import type { RelayConfig } from "./installation.ts";

/** What one relay is to be, and why. Pure: times are monotonic ms, and the board isn't known here. */

/** What a relay remembers between decisions. */
export type RelayPlan = {
  /** The zones that have tripped, as they were last told: `hall/press`; null before anything was told. */
  readonly tripped: readonly string[] | null;
  /** Waits for a person to acknowledge. */
  readonly latched: boolean;
  /** A person has acknowledged, or switched off, or it was on for too long: what has tripped so far no longer counts. */
  readonly spent: "acknowledged" | "manual" | "max_on" | null;
  /** Switched on by hand until then. */
  readonly manualUntil: number | null;
  /** What is spent again once it is no longer on by hand for a time. */
  readonly held: RelayPlan["spent"];
  /** Since when it is to be on; null: it is to be off. */
  readonly onSince: number | null;
  /** When it was last on; null: never, as far as is known. */
  readonly offSince: number | null;
};

/** What it is to be. */
export type Decision = {
  readonly on: boolean;
  readonly cause: string | null;
  /** When it is to be decided anew though nothing happens; null: never. */
  readonly until: number | null;
};

/** What is known of a relay from before. */
export type Before = {
  readonly latched?: boolean;
  /** A person has withdrawn the permission. */
  readonly withdrawn?: boolean;
  /** When it was last on; null: never, as far as is known. */
  readonly offSince?: number | null;
};

/** A relay that nothing new is known of: off. */
export const freshRelay = ({ latched = false, withdrawn = false, offSince = null }: Before): RelayPlan => ({
  tripped: null,
  latched,
  spent: withdrawn ? "manual" : null,
  manualUntil: null,
  held: null,
  onSince: null,
  offSince,
});

/**
 * Zones have tripped, or no longer do. A zone that trips anew is a new reason, whatever became of those before it.
 * @param tripped of a permit relay: those that withdraw the permission
 */
export function told(
  plan: RelayPlan,
  { latch }: RelayConfig,
  mode: "alarm" | "permit",
  tripped: readonly string[],
): RelayPlan {
  const before = plan.tripped ?? [];
  const anew = tripped.some((zone) => !before.includes(zone));
  const over = mode === "alarm" && before.length > 0 && tripped.length === 0;
  return {
    ...plan,
    tripped,
    held: anew || over ? null : plan.held,
    // A latch isn't what switches it on again after it was on for too long; and a permission that a person has withdrawn is
    // given back by a person.
    spent: mode === "alarm" && (anew || (over && !plan.latched)) ? null : plan.spent,
    latched: plan.latched || (latch && anew),
  };
}

/** By hand. @param until when it ends, and is as it was before; Infinity for when somebody says so */
export const switchedOn = (plan: RelayPlan, until: number): RelayPlan => ({
  ...plan,
  manualUntil: until,
  held: Number.isFinite(until) ? plan.spent : null,
  spent: null,
});

/** By hand: an alarm is off until a zone trips anew, a permit until {@link allowed}. A latch stays. */
export const switchedOff = (plan: RelayPlan): RelayPlan => ({
  ...plan,
  manualUntil: null,
  held: null,
  spent: "manual",
});

/** A person no longer withdraws a permission: it is given once its zones are clear. */
export const allowed = (plan: RelayPlan): RelayPlan => ({ ...plan, spent: null });

/** What a person has tried is over: what counted before it counts again, but for zones that have tripped meanwhile. */
export function tried(plan: RelayPlan, before: RelayPlan): RelayPlan {
  const anew = plan.tripped?.some((zone) => !before.tripped?.includes(zone)) ?? false;
  return { ...plan, manualUntil: before.manualUntil, held: null, spent: anew ? plan.spent : before.spent };
}

/** A person has seen it. */
export const acknowledged = (plan: RelayPlan): RelayPlan => ({
  ...plan,
  latched: false,
  spent: plan.spent ?? (plan.tripped?.length ? "acknowledged" : null),
});

/**
 * What a relay is to be now. An alarm is on while a zone has tripped, is latched, or was switched on by hand, but never
 * longer than `max_on_ms`; a permit is on only while none of its zones has tripped, and nothing is latched.
 */
export function decide(
  plan: RelayPlan,
  config: RelayConfig,
  mode: "alarm" | "permit",
  now: number,
): { readonly plan: RelayPlan; readonly decision: Decision } {
  const wish = mode === "alarm" ? alarm(plan, config, now) : permit(plan);
  const from = wish.on && plan.onSince === null ? cooled(plan, config) : Number.NEGATIVE_INFINITY;
  if (wish.on && now < from) {
    return { plan: wish.plan, decision: { on: false, cause: "cooldown", until: from } };
  }
  const before = wish.plan;
  const onSince = wish.on ? (before.onSince ?? now) : null;
  const offSince = before.onSince !== null && !wish.on ? now : before.offSince;
  const next = { ...before, onSince, offSince };
  const ends = mode === "alarm" && onSince !== null ? endsAt(next, config, onSince) : null;
  return { plan: next, decision: { on: wish.on, cause: wish.cause, until: ends } };
}

type Wish = { plan: RelayPlan; on: boolean; cause: string | null };

function alarm(plan: RelayPlan, { max_on_ms }: RelayConfig, now: number): Wish {
  const byHand = plan.manualUntil !== null && now < plan.manualUntil;
  const rested =
    byHand || plan.manualUntil === null
      ? plan
      : { ...plan, manualUntil: null, held: null, spent: plan.spent ?? plan.held };
  if (plan.onSince !== null && max_on_ms !== null && now - plan.onSince >= max_on_ms) {
    return { plan: { ...rested, manualUntil: null, spent: "max_on" }, on: false, cause: "max_on" };
  }
  if (rested.spent === "max_on" || rested.spent === "manual")
    return { plan: rested, on: false, cause: rested.spent };
  // What was acknowledged is on all the same until whoever it is about has gone.
  const cause = plan.tripped?.[0] ?? (plan.latched ? "latched" : byHand ? "manual" : null);
  return { plan: rested, on: cause !== null, cause };
}

function permit(plan: RelayPlan): Wish {
  // As long as nobody has said that all is clear, it isn't.
  if (plan.tripped === null) return { plan, on: false, cause: "unknown" };
  const [zone] = plan.tripped;
  if (zone !== undefined) return { plan, on: false, cause: zone };
  if (plan.latched) return { plan, on: false, cause: "latched" };
  if (plan.spent === "manual") return { plan, on: false, cause: "manual" };
  return { plan, on: true, cause: "clear" };
}

const cooled = ({ offSince }: RelayPlan, { cooldown_ms }: RelayConfig): number =>
  offSince === null ? Number.NEGATIVE_INFINITY : offSince + cooldown_ms;

function endsAt({ manualUntil }: RelayPlan, { max_on_ms }: RelayConfig, onSince: number): number | null {
  const ends = [max_on_ms === null ? Infinity : onSince + max_on_ms, manualUntil ?? Infinity];
  const first = Math.min(...ends);
  return Number.isFinite(first) ? first : null;
}
