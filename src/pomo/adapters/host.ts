import { newestCheckpoint } from "../../kernel/checkpoint.ts";
import { localOffset, suspendWatch } from "../../kernel/clock.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import { openSlot } from "../../kernel/slot.ts";
import type { Part } from "../../kernel/stack.ts";
import { LONGEST_MS, SHORTEST_MS, spokenDuration } from "../core/duration.ts";
import { timeText } from "../core/history.ts";
import {
  type ActiveTask,
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
import { readSaved, restore, unsave } from "../core/saved.ts";
import type { Told } from "../core/view.ts";
import { activeTask, isOpenTask } from "./journal.ts";
import { Live } from "./live.ts";
import { notices } from "./notices.ts";
import type { PomoSettings } from "./settings.ts";

/** What a host is to run. */
export type Request =
  /** A new session. */
  | { kind: "start"; preset: string; settings: Settings; task: ActiveTask | null; paused: boolean }
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
const SUSPEND_GRAIN_MS = { pause: 1_000, count: 40 } as const;

/**
 * Opens a pomodoro on a host: a new one, or one that another host left.
 * @param page serves it to a browser, where that is configured
 */
export async function openPomo(
  host: Host,
  request: Request,
  config: PomoSettings,
  page: Part | undefined,
): Promise<Activity<object>> {
  const { clock, log } = host;
  const wall = clock.wall();
  const now: Now = { mono: clock.monotonic(), wall, offset: localOffset(wall) };
  const { change, told } = request.kind === "start" ? begun(request, now) : taken(host, request.kind, now);
  const live = new Live(host, change.state, config.daily_goal, told);
  const announcer = await host.stack.open("state", "notices", notices(config, log.for("notices")), {
    disposeMs: NOTICES_MS,
  });
  const seen = () => ({ ...live.view(), session_id: host.session, profile: host.profile });
  live.onHappened(({ type }) => announcer.tell(type, seen()));
  host.show(() => live.view());
  await live.begin(change, now);
  if (told.notice) announcer.tellAway(seen());
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
  if (page) await openSlot(host.stack, { stage: "state", name: "page", missing: () => {} }, page);

  /** Brings the session to where the pomodoro is. */
  const follow = async () => {
    await host.control.command(isRunning(live.state) ? "resume" : "pause");
  };
  const act = async (transition: (state: Pomodoro, now: Now) => Change | Refusal) => {
    const at = live.now();
    const change = transition(live.state, at);
    if ("refused" in change) throw new Expected(Exit.no, change.refused, change.hint);
    await live.take(change, at);
    await follow();
  };

  const slept = async (ms: number) => {
    const what =
      live.state.settings.suspend === "pause" ? "the timer stood still meanwhile" : "that was counted";
    await live.slept(ms, `the machine slept for ${spokenDuration(ms)}: ${what}`);
    announcer.tellAway(seen());
  };

  return {
    paused: !isRunning(live.state),
    given: {},
    generation: generation<object>().timers(async (open) => {
      await open("due", due(live, host, follow));
      await open("suspend watch", suspendWatch(clock, slept, SUSPEND_GRAIN_MS[live.state.settings.suspend]));
      return {};
    }),
    async reached(state) {
      const at = live.now();
      if (state === "running") await live.take(resume(live.state, at), at);
      else if (state === "paused") await live.take(pause(live.state, at), at);
      else if (host.stopAsked()) await live.take(stop(live.state, at), at);
      else await live.beat();
    },
    // The timer goes on without a disk: what is true is shown, and written when it can be.
    unwritten() {},
    commands: {
      skip: () => act(skip),
      finish: () => act(finish),
      undo: () => act(undo),
      async extend(args) {
        const ms = Number((args as { ms?: unknown } | null)?.ms);
        if (!(ms >= SHORTEST_MS && ms <= LONGEST_MS)) {
          throw new Expected(Exit.usage, "ms must be from a second to a day");
        }
        await act((state, at) => extend(state, ms, LONGEST_MS, at));
      },
      /** Somebody has changed tasks or history in the store. */
      async refresh() {
        const { store, profile } = host;
        const { task } = live.state;
        const active = activeTask(store.db, profile);
        // One that was removed or done is still what this interval is on.
        const keep = active === null && task !== null && !isOpenTask(store.db, task.id);
        if (!keep && active?.id !== task?.id) await live.take(withTask(live.state, active), live.now());
        live.refresh();
      },
    },
  };
}

const begun = (request: Request & { kind: "start" }, now: Now): { change: Change; told: Partial<Told> } => ({
  change: start(request, now),
  told: {},
});

/** The state of the session that another host left, as it is now. */
function taken(
  { store, session, profile, log }: Host,
  kind: "restore" | "undo",
  now: Now,
): { change: Change; told: Partial<Told> } {
  const newest = newestCheckpoint(store.db, { kind: "pomo", profile }, readSaved);
  if (newest?.session !== session) {
    throw new Expected(Exit.again, "another session has begun meanwhile", "stint pomo status");
  }
  const skipped =
    newest.passedOver > 0 ? `${newest.passedOver} damaged or newer checkpoints were passed over` : "";
  if (skipped) log.warn(skipped);
  const notice = (text: string) => [text, skipped].filter((part) => part !== "").join("; ");
  if (kind === "undo") {
    const change = undo(unsave(newest.state, now), now);
    if ("refused" in change) throw new Expected(Exit.no, change.refused, change.hint);
    return { change, told: { notice: notice("") || null } };
  }
  const found = restore(newest.state, newest.last_active, now);
  if (found.how !== "restored") throw new Expected(Exit.no, "nothing is running", "stint pomo start");
  const { change, from, takenOff } = found;
  const off =
    takenOff > 0 && change.state.current.awayAt === null ? `, ${spokenDuration(takenOff)} taken off` : "";
  return {
    change,
    told: {
      restored: true,
      restored_from: from,
      taken_off_ms: takenOff,
      notice: notice(`restored from ${timeText(from, localOffset(from))}${off}`),
    },
  };
}

/** Waits for the end of each interval and notices it once. */
const due =
  (live: Live, { clock, log }: Host, follow: () => Promise<void>): Part =>
  async (signal) => {
    let nap = new AbortController();
    live.onMoved(() => nap.abort());
    signal.addEventListener("abort", () => nap.abort(), { once: true });
    const watching = (async () => {
      while (!signal.aborted) {
        nap = new AbortController();
        const left = live.left;
        if (left > 0) await clock.sleep(left, nap.signal);
        else {
          await live.expire();
          // Not waited for: a pause disposes this very part.
          if (!isRunning(live.state)) follow().catch((error: unknown) => log.warn(message(error), { error }));
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
