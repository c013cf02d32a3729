import { type Backend, TRACKERS, type TrackerName, type Trackers, type TrackerView } from "./trackers.ts";

/** Everything that watches: the trackers, and what tells whether anybody is there. */
export const WATCHERS = [...TRACKERS, "idle"] as const;
export type WatcherName = (typeof WATCHERS)[number];

/** What became of a part, as the kernel's stack tells it. */
export type PartEvent = {
  readonly act: "open" | "dispose" | "lost" | "back";
  readonly part: string;
  /** In words; without it all went well. */
  readonly failure?: string;
};

/** How a watcher stands on this machine: by what it is to be opened, or why it isn't. */
export type Standing = { readonly via: Backend } | { readonly unavailable: string } | "off";

const isWatcher = (name: string): name is WatcherName => (WATCHERS as readonly string[]).includes(name);

/**
 * What clients are told of each watcher, from what became of its part. A slot tells of its inside and of itself by one
 * name: the first word after {@link opening} counts, and what is lost later is back only when that is said.
 */
export class TrackerStates {
  readonly #standing: Record<WatcherName, Standing>;
  readonly #states = new Map<
    WatcherName,
    { state: TrackerView["state"] | "opening"; reason: string | null }
  >();

  constructor(standing: Record<WatcherName, Standing>) {
    this.#standing = { ...standing };
  }

  /** It was switched on or off, or found to be unavailable. */
  stands(name: WatcherName, standing: Standing): void {
    this.#standing[name] = standing;
    this.#states.delete(name);
  }

  isWanted(name: WatcherName): boolean {
    const standing = this.#standing[name];
    return standing !== "off" && "via" in standing;
  }

  /** A generation begins: all are opened anew. */
  opening(): void {
    for (const name of WATCHERS) this.#states.set(name, { state: "opening", reason: null });
  }

  /** The generation is over; one that hung stays named. */
  closed(): void {
    for (const [name, { state }] of this.#states) if (state !== "hung") this.#states.delete(name);
  }

  heard({ act, part, failure }: PartEvent): void {
    if (!isWatcher(part)) return;
    const state = this.#states.get(part)?.state;
    const set = (state: TrackerView["state"], reason: string | null = null) =>
      this.#states.set(part, { state, reason });
    if (act === "dispose") {
      if (failure !== undefined) set("hung", failure);
    } else if (act === "back") set("ok");
    else if (act === "lost") set("failed", failure ?? "it was lost");
    else if (failure !== undefined) set("failed", failure);
    else if (state === "opening" || state === undefined) set("ok");
  }

  trackers(): Trackers {
    const entries = TRACKERS.map((name): [TrackerName, TrackerView] => [name, this.#view(name)]);
    return Object.fromEntries(entries) as Record<TrackerName, TrackerView>;
  }

  idle(): TrackerView {
    return this.#view("idle");
  }

  #view(name: WatcherName): TrackerView {
    const standing = this.#standing[name];
    const { state, reason } = this.#states.get(name) ?? { state: "off", reason: null };
    if (standing === "off") return { state: state === "hung" ? "hung" : "off", reason, via: null };
    if ("unavailable" in standing) return { state: "unavailable", reason: standing.unavailable, via: null };
    return { state: state === "opening" ? "off" : state, reason, via: standing.via };
  }
}
