import { newestCheckpoint } from "../../kernel/checkpoint.ts";
import { type Clock, localOffset } from "../../kernel/clock.ts";
import { timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation, type Open } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import type { Slot, SlotPart } from "../../kernel/slot.ts";
import { titleRules } from "../core/redact.ts";
import { readSaved, type Saved } from "../core/saved.ts";
import type { Effort } from "../core/span.ts";
import { type Standing, TrackerStates, WATCHERS, type WatcherName } from "../core/tracker-states.ts";
import { type InputChoice, TRACKERS, type TrackerName } from "../core/trackers.ts";
import { appsTracker } from "./apps.ts";
import { applyEdit, editFrom, noteFrom, undoEdit } from "./edits.ts";
import { idleWatch } from "./idle.ts";
import { spansOfSession, trackSession } from "./journal.ts";
import { Live } from "./live.ts";
import { lockWatch } from "./lock.ts";
import { rollUp } from "./rollup.ts";
import { prune } from "./screenshots/store.ts";
import { screenshotTracker } from "./screenshots/tracker.ts";
import { probe } from "./senses/probe.ts";
import type { Offer, Probed, Senses } from "./senses/sense.ts";
import { lengthOf, type TrackSettings } from "./settings.ts";
import type { Sink } from "./sink.ts";

/** What a host is to run. */
export type Request =
  /** A new session. */
  | {
      kind: "start";
      effort: Effort;
      note: string | null;
      trackers: readonly TrackerName[];
      input: InputChoice;
      /** When it began, UTC ms, if before now. */
      at: number | null;
      paused: boolean;
    }
  /** The one that a dead host left; `paused` as it was left, unless that is said. */
  | { kind: "restore"; paused?: boolean };

/** A display that is opened answers within this, ms: what doesn't is tried again. */
const OPEN_MS = 3_000;
/** Deadlines of the design, ms. */
const LISTENER_MS = 2_000;
const SCREENSHOTS_MS = 5_000;
const CLEAN_UP_MS = 3_600_000;

/** How long until a tracker that was lost is tried again, ms. */
const retryMs = (failures: number): number => Math.min(5_000, 500 * 2 ** Math.min(failures, 6));

/** Which sense each watcher lives by. */
const SENSE = {
  keyboard: "keyboard",
  mouse: "mouse",
  apps: "windows",
  screenshots: "screen",
  idle: "presence",
} as const satisfies Record<WatcherName, keyof Senses>;

/** A part that does nothing: a tracker that is switched off keeps its place. */
const nothing: SlotPart<AsyncDisposable> = async () => ({ async [Symbol.asyncDispose]() {} });

/**
 * Opens a tracked session on a host: a new one, or one that another host left.
 * @param look says what this machine has to watch with
 */
export async function openTrack(
  host: Host,
  request: Request,
  config: TrackSettings,
  look: (input: InputChoice) => Promise<Probed> = (input) =>
    probe({ input, idleMs: lengthOf(config.idle_threshold) }, process.env),
): Promise<Activity<object>> {
  const { clock, log, store, profile } = host;
  const { beginning, type } = request.kind === "start" ? begun(request) : taken(host, request);
  const { saved } = beginning;
  const probed = await look(saved.input).catch((error: unknown) => {
    // What was asked for then may not be here any more: what was tracked is taken up all the same.
    if (request.kind === "start" || !(error instanceof Expected)) throw error;
    log.warn(`${error.message}: input goes by what there is`);
    return look("auto");
  });
  const standing = (name: WatcherName): Standing => {
    if (name !== "idle" && !live.saved.trackers.includes(name)) return "off";
    const offer: Offer<unknown> = probed.senses[SENSE[name]];
    return "via" in offer ? { via: offer.via } : { unavailable: offer.unavailable };
  };
  const states = new TrackerStates(
    Object.fromEntries(WATCHERS.map((name) => [name, "off"])) as Record<WatcherName, Standing>,
  );
  const session = await store.write((db) =>
    trackSession(db, { id: host.session, profile, origin: "tracked" }),
  );
  const live = new Live(host, config, states, { ...beginning, session });
  for (const name of WATCHERS) states.stands(name, standing(name));
  host.show(() => live.view());
  await live.begin(type);
  await host.stack.open(
    "state",
    "beat",
    every(config.write_ms, () => live.beat(), log),
  );
  const clean = () => cleanUp(host, live, config);
  await host.stack.open("state", "clean-up", every(CLEAN_UP_MS, clean, log));
  // Also of a host that doesn't live for an hour.
  clean().catch((error: unknown) => log.warn(message(error), { error }));
  if (config.lock === "away")
    await host.slot(
      "lock",
      lockWatch((locked) => live.locked(locked), log.for("lock")),
    );

  /** What the trackers of the running generation stand in. */
  const slots = new Map<TrackerName, Slot<AsyncDisposable>>();
  const now = () => {
    const wall = clock.wall();
    return { wall, offset: localOffset(wall) };
  };
  /** What a correction needs to know of the session that goes on. */
  const where = (open: number | undefined) => ({
    profile,
    now: now(),
    ...(open === undefined ? {} : { open }),
  });
  let wantsToRun = !saved.paused;

  return {
    paused: saved.paused,
    given: {},
    generation: generation<object>()
      .sources(async (open) => {
        const sink = live.watch();
        states.opening();
        await openSources(open, { probed, states, sink, slots, clock });
        return { sink };
      })
      .workers(async (open, { sink }) =>
        openWorkers(open, { host, config, probed, states, sink, slots, clock }),
      ),
    parts(event) {
      if (event.act === "stage") return;
      const { act, part, error } = event;
      if (part === "apps" && (act === "lost" || act === "dispose")) live.unseen();
      states.heard({ act, part, ...(error === undefined ? {} : { failure: message(error) }) });
    },
    ending: () => live.leaving(true),
    async reached(state) {
      if (state === "running") await (live.saved.paused ? live.resumed() : live.flush());
      else {
        slots.clear();
        states.closed();
        if (state === "stopping") await live.end(host.stopAsked());
        else await live.paused();
      }
    },
    // Tracking goes on without a disk: what is true is shown, and written when it can be.
    unwritten: (error) => live.unwritten(error),
    commands: {
      async pause() {
        wantsToRun = false;
        live.leaving(true);
        await host.pause();
      },
      async resume() {
        wantsToRun = true;
        live.touched();
        live.leaving(false);
        await host.resume();
      },
      async toggle() {
        wantsToRun = !wantsToRun;
        live.touched();
        live.leaving(!wantsToRun);
        await (wantsToRun ? host.resume() : host.pause());
      },
      async correct(args) {
        const edit = editFrom((args as { edit?: unknown } | null)?.edit);
        live.touched();
        const { said, answer } = await live.correct((db, open) => applyEdit(db, { ...where(open), edit }));
        if (edit.do === "away") live.answered(edit.span);
        live.tell(said);
        return answer;
      },
      async undo() {
        live.touched();
        const { said, answer } = await live.correct((db, open) => undoEdit(db, where(open)));
        live.tell(said);
        return answer;
      },
      async note(args) {
        await live.note(noteFrom((args as { text?: unknown } | null)?.text));
      },
      async tracker(args) {
        const { name, on } = (args ?? {}) as { name?: unknown; on?: unknown };
        const known = TRACKERS.find((each) => each === name);
        if (!known || typeof on !== "boolean") {
          throw new Expected(
            Exit.usage,
            `there is no tracker '${String(name)}'`,
            `there are ${TRACKERS.join(", ")}`,
          );
        }
        const others = live.saved.trackers.filter((each) => each !== known);
        await live.change("CHANGED", {
          trackers: TRACKERS.filter((each) => (each === known ? on : others.includes(each))),
        });
        states.stands(known, standing(known));
        // One that is just being opened is looked at again once it is.
        await slots.get(known)?.replace();
        host.changed();
      },
      /** Somebody has changed the store. */
      refresh: () => live.reread(),
    },
  };
}

/** What a session begins with. */
type Begun = {
  beginning: Omit<ConstructorParameters<typeof Live>[3], "session">;
  type: "TRACKING_STARTED" | "CHANGED";
};

function begun({ effort, note, trackers, input, at, paused }: Request & { kind: "start" }): Begun {
  const saved: Saved = { v: 1, trackers, input, paused, note, questions: [], over: false };
  return { beginning: { effort, saved, ...(at === null ? {} : { at }) }, type: "TRACKING_STARTED" };
}

/** The state of the session that another host left. */
function taken({ store, session, profile, log }: Host, request: Request & { kind: "restore" }): Begun {
  const newest = newestCheckpoint(store.db, { kind: "track", profile }, readSaved);
  if (newest?.session !== session || !newest.checkpoint || newest.checkpoint.state.over) {
    throw new Expected(Exit.again, "another session has begun meanwhile", "stint track status");
  }
  const { checkpoint, passedOver } = newest;
  if (passedOver > 0) log.warn(`${passedOver} damaged checkpoints were passed over`);
  const n = Number(store.db.prepare("SELECT n FROM track_session WHERE id = ?").get(session)?.["n"]);
  const last = spansOfSession(store.db, n).at(-1);
  const from = last?.ended_at ?? checkpoint.last_active;
  const paused = request.paused ?? checkpoint.state.paused;
  return {
    beginning: {
      effort: { project: last?.project ?? null, tags: last?.tags ?? [] },
      saved: { ...checkpoint.state, paused },
      notice: `resumed; nothing is known of the time from ${timeText(from, localOffset(from))} on`,
    },
    type: "CHANGED",
  };
}

type Opening = {
  probed: Probed;
  states: TrackerStates;
  sink: Sink;
  slots: Map<TrackerName, Slot<AsyncDisposable>>;
  clock: Clock;
};

/** A slot that is empty on purpose while its tracker is off, and isn't there at all where nothing can fill it. */
async function openTracker(
  open: Open,
  { states, slots }: Pick<Opening, "states" | "slots">,
  name: TrackerName,
  part: SlotPart<AsyncDisposable>,
  disposeMs: number,
): Promise<void> {
  let wanted = false;
  const tracker: SlotPart<AsyncDisposable> = (signal, lost) => {
    wanted = states.isWanted(name);
    return (wanted ? part : nothing)(signal, lost);
  };
  const slot = await open.slot(name, tracker, { openMs: OPEN_MS, disposeMs, retryMs });
  slots.set(name, slot);
  // Somebody has changed their mind while it was opening.
  if (wanted !== states.isWanted(name)) await slot.replace();
}

async function openSources(open: Open, opening: Opening): Promise<void> {
  const { probed, sink, clock } = opening;
  const { keyboard, mouse, presence } = probed.senses;
  if ("via" in keyboard) await openTracker(open, opening, "keyboard", keyboard.open(sink.keys), LISTENER_MS);
  if ("via" in mouse) await openTracker(open, opening, "mouse", mouse.open(sink.mouse), LISTENER_MS);
  if ("via" in presence) {
    const idle = idleWatch(presence.open(), (ms) => sink.idle(ms), clock);
    await open.slot("idle", idle, { openMs: OPEN_MS, disposeMs: LISTENER_MS, retryMs });
  }
}

async function openWorkers(
  open: Open,
  opening: Opening & { host: Host; config: TrackSettings },
): Promise<object> {
  const { probed, sink, host, config, clock } = opening;
  const { windows, screen } = probed.senses;
  const { log } = host;
  const rules = titleRules(config);
  if ("via" in windows) {
    const pollMs = lengthOf(config.poll);
    const apps = appsTracker({
      windows: windows.open,
      rules,
      pollMs,
      ignore: config.ignore.map((text) => new RegExp(text, "iu")),
      sink,
      clock,
      log: log.for("apps"),
    });
    await openTracker(open, opening, "apps", apps, 3 * pollMs);
  }
  if ("via" in screen) {
    const screenshots = screenshotTracker({
      screen: screen.open,
      ...("via" in windows ? { windows: windows.open } : {}),
      rules,
      settings: config,
      store: host.store,
      session: host.session,
      profile: host.profile,
      isPresent: () => sink.isPresent,
      taken: (shot) => sink.shot(shot),
      clock,
      random: Math.random,
      log: log.for("screenshots"),
    });
    await openTracker(open, opening, "screenshots", screenshots, SCREENSHOTS_MS);
  }
  return {};
}

/** What is done now and then: old screenshots go, and past days are summed up for reports. */
async function cleanUp({ store, clock, log }: Host, live: Live, config: TrackSettings): Promise<void> {
  const { files } = await prune(store, config, clock.wall());
  if (files > 0) {
    log.info(`${files} old screenshots deleted`);
    await live.reread();
  }
  await rollUp(store, clock.wall());
}
