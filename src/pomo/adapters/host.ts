import { newestCheckpoint } from "../../kernel/checkpoint.ts";
import type { Control } from "../../kernel/control.ts";
import { LONGEST_MS, SHORTEST_MS, spokenDuration } from "../../kernel/core/duration.ts";
import { timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import { nothingRuns } from "../../kernel/reach.ts";
import type { Part } from "../../kernel/stack.ts";
import {
  type Change,
  extend,
  finish,
  isRunning,
  type Now,
  type Pomodoro,
  pause,
  type Refusal,
  resume,
  type Settings,
  skip,
  start,
  stop,
  undo,
  withTask,
} from "../core/pomodoro.ts";
import { passedOverText, readSaved, restore, unsave } from "../core/saved.ts";
import { lineOf, type Told } from "../core/view.ts";
import { activeTask, isOpenTask, setActiveTask } from "./journal.ts";
import { Live } from "./live.ts";
import { notices } from "./notices/notices.ts";
import { nowOf } from "./now.ts";
import type { PomoSettings } from "./settings.ts";
import { applyTaskEdit, findOrAddTask, type TaskEdit } from "./tasks.ts";

/** The task that was asked for: an open one by `#7` or its title, or a new one. */
export type Wished = { text: string; tags: readonly string[] };

/** What a host is to run. */
export type Request =
  /** A new session. */
  | { kind: "start"; preset: string; settings: Settings; task: Wished | null; paused: boolean }
  /** The one that a dead host left. */
  | { kind: "restore" }
  /** The one that was stopped, as it was before. */
  | { kind: "undo" };

/** How often what is left and when it was last alive are written, ms. */
const BEAT_MS = 30_000;
const CLEAN_UP_MS = 3_600_000;
/** Hooks may take a moment at the end, ms. */
const NOTICES_MS = 4_000;
/** How lately a suspend is noticed, ms: where it counts, its end may be the end of the interval. */
const SUSPEND_GRAIN_MS = { pause: 1_000, count: 48 } as const;

/**
 * Opens a pomodoro on a host: a new one, or one that another host left.
 * @param page serves it to a browser, where that is configured
 */
export async function openPomo(
  host: Host,
  request: Request,
  config: PomoSettings,
  page?: (control: Control) => Part,
): Promise<Activity<object>> {
  const { clock, log, store, profile } = host;
  const now = nowOf(clock);
  const { change, told, anew } =
    request.kind === "start" ? await begun(host, request, now) : taken(host, request.kind, now);
  const live = new Live(host, change.state, config.daily_goal, told);
  const failed = (text: string) => live.tell(text);
  const announcer = await host.stack.open("state", "notices", notices(config, log.for("notices"), failed), {
    disposeMs: NOTICES_MS,
  });
  const { session } = host;
  /** What hooks are given: the line that a client would print. */
  const line = () => lineOf({ ...live.view(), v: 1, state: "", session_id: session, profile, degraded: [] });
  live.onHappened(({ type }) => announcer.tell(type, line()));
  host.show(() => live.view());
  await live.begin(change, now, anew);
  if (told.notice) announcer.tellAway(line());
  await live.cleanUp();
  await host.stack.open(
    "state",
    "beat",
    every(BEAT_MS, () => live.beat(), log),
  );
  await host.stack.open(
    "state",
    "clean-up",
    every(CLEAN_UP_MS, () => live.cleanUp(), log),
  );
  if (page) await host.slot("page", page(host.control));

  /**
   * Brings the session to where the pomodoro is, which alone knows whether it runs. To be called in the same turn as
   * the change, so that what others ask for comes after it.
   */
  const follow = () => (isRunning(live.state) ? host.resume() : host.pause());
  const act = async (transition: (state: Pomodoro, now: Now) => Change | Refusal, args?: unknown) => {
    const { interval } = (args ?? {}) as { interval?: unknown };
    // It was meant for one that somebody else, or its end, has been quicker with.
    if (interval !== undefined && interval !== live.state.current.n) return;
    const at = nowOf(clock);
    const change = transition(live.state, at);
    if ("refused" in change) throw new Expected(Exit.no, change.refused, change.hint);
    await Promise.all([live.take(change, at), follow()]);
  };
  const editTask = (kind: TaskEdit["kind"]) => async (args: unknown) => {
    const edit = { ...(args as object | null), kind } as TaskEdit;
    await store.write((db) => applyTaskEdit(db, profile, edit, clock.wall()));
    await refresh();
  };
  /** Somebody has changed tasks or history in the store. */
  const refresh = async () => {
    const { task } = live.state;
    const active = activeTask(store.db, profile);
    // One that was removed or done is still what this interval is on.
    const keep = active === null && task !== null && !isOpenTask(store.db, task.id);
    // Its title and tags too may be others by now.
    if (!keep && JSON.stringify(active) !== JSON.stringify(task))
      await live.take(withTask(live.state, active), nowOf(clock));
    live.refresh();
  };

  return {
    paused: !isRunning(live.state),
    given: {},
    generation: generation<object>().timers(async (open) => ({
      due: await open("due", due(live, host, follow)),
    })),
    sleptWithinMs: SUSPEND_GRAIN_MS[live.state.settings.suspend],
    slept(ms) {
      if (!isRunning(live.state)) return;
      const { suspend } = live.state.settings;
      const what = suspend === "pause" ? "the timer stood still meanwhile" : "that was counted";
      live.slept(ms, `the machine slept for ${spokenDuration(ms)}: ${what}`).then(
        () => announcer.tellAway(line()),
        (error: unknown) => log.warn(message(error), { error }),
      );
    },
    async reached(state) {
      if (state !== "stopping") return;
      const at = nowOf(clock);
      if (host.stopAsked()) await live.take(stop(live.state, at), at);
      else await live.beat();
    },
    // The timer goes on without a disk: what is true is shown, and written when it can be.
    unwritten: (error) => live.unwritten(error),
    commands: {
      pause: () => act(pause),
      resume: () => act(resume),
      toggle: () => act(isRunning(live.state) ? pause : resume),
      skip: (args) => act(skip, args),
      finish: (args) => act(finish, args),
      undo: () => act(undo),
      async extend(args) {
        const ms = (args as { ms?: unknown } | null)?.ms;
        if (typeof ms !== "number" || !Number.isSafeInteger(ms) || ms < SHORTEST_MS || ms > LONGEST_MS) {
          throw new Expected(Exit.usage, "ms must be a whole number from a second to a day");
        }
        await act((state, at) => extend(state, ms, LONGEST_MS, at));
      },
      "task-use": editTask("use"),
      "task-add": editTask("add"),
      "task-done": editTask("done"),
      refresh,
    },
  };
}

/** What a session begins with; `anew`: as a checkpoint of its own of this type, not in place of the newest. */
type Begun = { change: Change; told: Partial<Told>; anew?: string };

/** A new session. Its task, found or added, becomes the active one. */
async function begun(
  { store, profile, clock }: Host,
  request: Request & { kind: "start" },
  now: Now,
): Promise<Begun> {
  const { task: wanted, ...how } = request;
  const task = await store.write((db) => {
    if (!wanted) return activeTask(db, profile);
    const found = findOrAddTask(db, profile, wanted.text, wanted.tags, clock.wall());
    setActiveTask(db, profile, found.id);
    return found;
  });
  return { change: start({ ...how, task }, now), told: {} };
}

/** The state of the session that another host left, as it is now. */
function taken({ store, session, profile, log }: Host, kind: "restore" | "undo", now: Now): Begun {
  const newest = newestCheckpoint(store.db, { kind: "pomo", profile }, readSaved);
  if (newest?.session !== session || !newest.checkpoint) {
    throw new Expected(Exit.again, "another session has begun meanwhile", "stint pomo status");
  }
  const { checkpoint, passedOver } = newest;
  const skipped = passedOverText(passedOver);
  if (skipped) log.warn(skipped);
  // What couldn't be read isn't written over: another version of stint may read it.
  const anew = passedOver > 0 ? { anew: checkpoint.type } : {};
  const notice = (...parts: string[]) => [...parts, skipped].filter(Boolean).join("; ") || null;
  if (kind === "undo") {
    const change = undo(unsave(checkpoint.state, now), now);
    if ("refused" in change) throw new Expected(Exit.no, change.refused, change.hint);
    return { change, told: { notice: notice() }, ...anew };
  }
  const found = restore(checkpoint.state, checkpoint.last_active, now);
  if (found.how !== "restored") throw nothingRuns("pomo");
  const { change, from, takenOff } = found;
  const off =
    takenOff > 0 && change.state.current.awayAt === null ? `, ${spokenDuration(takenOff)} taken off` : "";
  return {
    change,
    told: {
      restored: true,
      restored_from: from,
      taken_off_ms: takenOff,
      notice: notice(`restored from ${timeText(from, now.offset)}${off}`),
    },
    ...anew,
  };
}

/** Waits for the end of each interval and notices it once. */
const due =
  (live: Live, { clock, log }: Host, follow: () => Promise<unknown>): Part =>
  async (signal) => {
    let nap = new AbortController();
    live.onMoved(() => nap.abort());
    signal.addEventListener("abort", () => nap.abort(), { once: true });
    const failed = (error: unknown) => log.error(message(error), { error });
    const watching = (async () => {
      while (!signal.aborted) {
        nap = new AbortController();
        const left = live.left;
        if (left > 0) await clock.sleep(left, nap.signal);
        else {
          // Neither is waited for: the state has changed at once, and a pause disposes this very part.
          live.expire().catch(failed);
          if (!isRunning(live.state)) follow().catch(failed);
        }
      }
    })();
    return {
      async [Symbol.asyncDispose]() {
        live.onMoved(() => {});
        await watching;
      },
    };
  };
