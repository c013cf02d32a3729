import {
  type Checkpoint,
  checkpoint,
  endSession,
  findSession,
  newestCheckpoint,
  newSessionId,
  refreshCheckpoint,
} from "../../kernel/checkpoint.ts";
import { connect, stopHost, watchSeat } from "../../kernel/client.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { Control, State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { launch } from "../../kernel/launch.ts";
import type { Database } from "../../kernel/runtime.ts";
import { findHosts, type Seat } from "../../kernel/seat.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { clockText } from "../core/duration.ts";
import {
  type ActiveTask,
  type Change,
  isStanding,
  left,
  type Now,
  type Settings,
  stop,
} from "../core/pomodoro.ts";
import { type Restorable, readSaved, restore, type Saved, save } from "../core/saved.ts";
import { NOTHING_TOLD, viewOf } from "../core/view.ts";
import type { Request } from "./host.ts";
import { activeTask, addInterval, readOverview, schema, setActiveTask } from "./journal.ts";
import { settings as configured, presets } from "./settings.ts";
import { applyTaskEdit, checkTags, checkText, findOrAddTask, namedTask, type TaskEdit } from "./tasks.ts";

/**
 * A profile's timer, whether a host is alive or not: what a dead one left is computed to be shown, and taken up again
 * by whatever asks something of it.
 */

/** In its environment: what a host is to run, and under which session. */
export const REQUEST_VARIABLE = "STINT_POMO_REQUEST";
export type Hosted = { session: string; request: Request };

/** What the command line may say of a new session. */
export type Wanted = {
  preset?: string | undefined;
  work_ms?: number | undefined;
  break_ms?: number | undefined;
  long_break_ms?: number | undefined;
  rounds?: number | undefined;
  tags?: readonly string[] | undefined;
  paused?: boolean | undefined;
};

/** What the store has of the session that came last. */
type Left = Omit<Checkpoint, "state"> & {
  saved: Saved;
  found: Restorable;
  passedOver: number;
  crashed: boolean;
};

const now = (): Now => {
  const wall = systemClock.wall();
  return { mono: systemClock.monotonic(), wall, offset: localOffset(wall) };
};

/** The live host of a profile's timer. */
export const liveHost = (profile: string): Seat | undefined => findHosts({ kind: "pomo", profile })[0];

function findLeft(db: Database, profile: string, at: Now): Left | undefined {
  const newest = newestCheckpoint(db, { kind: "pomo", profile }, readSaved);
  if (!newest) return undefined;
  const { state: saved, ...row } = newest;
  const crashed = findSession(db, newest.session)?.state === "crashed";
  return { ...row, saved, found: restore(saved, newest.last_active, at), crashed };
}

const readLeft = (profile: string): Promise<Left | undefined> =>
  readStore([schema], (db) => findLeft(db, profile, now()));

/** What is shown while no host is alive; writes nothing and starts nothing. */
async function storedState(profile: string): Promise<State & { crashed: boolean }> {
  const at = now();
  const { daily_goal: goal } = (await configured()).pomo;
  const empty = { goal, wall: at.wall, offset: at.offset };
  const read = await readStore([schema], (db) => ({
    left: findLeft(db, profile, at),
    overview: readOverview(db, profile, empty),
  }));
  const { emptyOverview } = await import("../core/stats.ts");
  const overview = read?.overview ?? emptyOverview(empty);
  const left = read?.left;
  const facts = { v: 1, type: "pomo", profile, host: false, degraded: [] };
  if (left?.found.how !== "restored") {
    const undo = left?.found.how === "over" ? (left.saved.undo?.act ?? null) : null;
    const notice = left?.found.how === "expired" ? expiredText(left) : null;
    const told = { ...NOTHING_TOLD, last_active: left?.last_active ?? null, notice };
    const session = { session_id: null, state: "stopped", crashed: false };
    return { ...viewOf(undefined, at, told, overview), undo, ...facts, ...session };
  }
  const { change, from, takenOff } = left.found;
  const told = {
    ...NOTHING_TOLD,
    restored: true,
    restored_from: from,
    taken_off_ms: takenOff,
    last_active: left.last_active,
    notice: left.passedOver > 0 ? `${left.passedOver} damaged or newer checkpoints were passed over` : null,
  };
  const view = viewOf(change.state, at, told, overview);
  const session = {
    session_id: left.session,
    state: view.ticking ? "running" : "paused",
    crashed: left.crashed,
  };
  return { ...view, ...facts, ...session };
}

/** Whether it ran when its host died, and has come to its end since. */
const endedAway = ({ saved, found }: Left): boolean =>
  saved.interval.timer === "running" && found.how === "restored" && isStanding(found.change.state);

const expiredText = ({ last_active }: { last_active: number }): string => {
  const then = new Date(last_active - new Date(last_active).getTimezoneOffset() * 60_000);
  const at = then.toISOString().slice(0, 16).replace("T", " ");
  return `the last session was left at ${at}, more than a day ago: it is kept in history as interrupted`;
};

/** Ends a session that no host runs, in one write: with its row of history when there is one to come. */
async function endLeft(
  profile: string,
  which: Restorable["how"],
  end: (left: Left) => Change,
): Promise<void> {
  await using store = await openStore({ schemas: [schema] });
  const at = now();
  await store.write((db) => {
    const left = findLeft(db, profile, at);
    // Somebody else may have done it, or taken it up.
    if (left?.found.how !== which || liveHost(profile)) return;
    const { session } = left;
    const change = end(left);
    for (const { type, state, ended } of change.happened) {
      checkpoint(db, { session, type, state: save(state, at) }, systemClock);
      if (ended) addInterval(db, profile, ended, { session, n: ended.n });
    }
    refreshCheckpoint(db, session, save(change.state, at), systemClock);
    endSession(db, session, true, systemClock);
  });
}

const NOTHING = () => new Expected(Exit.no, "nothing is running", "stint pomo start");

/** What is in the way of a new session. */
function inTheWay(type: unknown, remaining: number, task: unknown): Expected {
  const what = `${type}, ${clockText(remaining)} left${typeof task === "string" ? `, ${task}` : ""}`;
  const hint = "stint pomo watch shows it; start --replace interrupts it";
  return new Expected(Exit.no, `a session is there already (${what})`, hint);
}

/** The timer of a profile, as commands, screens and pages speak to it. */
export class Reach implements Control {
  readonly profile: string;
  readonly #tell: (text: string) => void;
  readonly #revives: boolean;
  #reviving: Promise<void> | undefined;

  /**
   * @param options.tell told what the user should know beside the answer
   * @param options.revives whether watching takes up what a dead host left
   */
  constructor(profile: string, options: { tell?: (text: string) => void; revives?: boolean } = {}) {
    this.profile = profile;
    this.#tell = options.tell ?? (() => {});
    this.#revives = options.revives ?? false;
  }

  async state(): Promise<State> {
    const seat = liveHost(this.profile);
    if (seat) {
      try {
        return { ...(await connect(seat).state()), host: true };
      } catch (error) {
        if (liveHost(this.profile)) throw error;
      }
    }
    return storedState(this.profile);
  }

  watch(changed: (state: State | undefined) => void): AsyncDisposable {
    let over = false;
    let heard = 0;
    const lost = async (turn: number) => {
      const state = await storedState(this.profile).catch(() => undefined);
      if (over || turn !== heard) return;
      changed(state);
      // Who comes to look takes it up; who looks on does so too, unless its host was told to end.
      if (this.#revives && (turn === 1 || state?.["crashed"] === true)) await this.revive();
    };
    const watching = watchSeat({ kind: "pomo", profile: this.profile }, (state) => {
      heard++;
      if (state) changed({ ...state, host: true });
      else void lost(heard).catch(() => {});
    });
    return {
      [Symbol.asyncDispose]: async () => {
        over = true;
        await watching[Symbol.asyncDispose]();
      },
    };
  }

  async command(name: string, args: unknown = {}): Promise<State> {
    if (name.startsWith("task-")) return this.#editTask(name.slice("task-".length), args);
    if (name === "start") {
      const { task, replace } = (args ?? {}) as { task?: unknown; replace?: unknown };
      const title = typeof task === "string" && task.trim() !== "" ? task : undefined;
      return this.begin(title, {}, replace === true);
    }
    if (name === "stop") return this.#stop();
    if (liveHost(this.profile)) return this.#ask(name, args);
    const left = await readLeft(this.profile);
    if (name === "undo" && left?.found.how === "over") {
      return this.#host({ session: left.session, request: { kind: "undo" } });
    }
    if (!(await this.revive())) throw NOTHING();
    if (name === "resume") {
      const state = await this.state();
      // What came to its end while nobody was there is to be seen first.
      if (state["ticking"] === true || (left && endedAway(left))) return state;
    }
    return this.#ask(name, args);
  }

  async #ask(name: string, args: unknown): Promise<State> {
    const seat = liveHost(this.profile);
    if (!seat) throw NOTHING();
    return { ...(await connect(seat).command(name, args)), host: true };
  }

  /**
   * Makes a host of what a dead one left. What is older than a day is put into history instead.
   * @returns whether a host is alive now
   */
  async revive(): Promise<boolean> {
    this.#reviving ??= this.#revive().finally(() => {
      this.#reviving = undefined;
    });
    await this.#reviving;
    return liveHost(this.profile) !== undefined;
  }

  async #revive(): Promise<void> {
    if (liveHost(this.profile)) return;
    const left = await readLeft(this.profile);
    if (left?.found.how === "expired") {
      await this.#expire(left);
    } else if (left?.found.how === "restored") {
      const state = await this.#host({ session: left.session, request: { kind: "restore" } });
      if (typeof state["notice"] === "string") this.#tell(state["notice"]);
    }
  }

  async #expire(left: Left): Promise<void> {
    await endLeft(this.profile, "expired", ({ found }) => found.change);
    this.#tell(expiredText(left));
  }

  /**
   * Makes ready for a new session: what is in the way goes, its task becomes the active one.
   * @throws Expected 1 when another session is in the way, 2 for an unknown preset; then nothing has changed
   */
  async prepare(task: string | undefined, wanted: Wanted, replace: boolean): Promise<Hosted> {
    const how = await settingsOf(wanted);
    const { paused = false, tags = [] } = wanted;
    if (task !== undefined) {
      // Whatever is wrong with it is said before anything is interrupted for it.
      checkText(task, "title");
      checkTags(tags);
      await readStore([schema], (db) => namedTask(db, this.profile, task));
    }
    await this.#clear(replace);
    const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
    return { session, request: { kind: "start", ...how, task: await this.#task(task, tags), paused } };
  }

  /** Begins a new session in the background. @throws as {@link prepare} does */
  async begin(task: string | undefined, wanted: Wanted, replace: boolean): Promise<State> {
    return this.#host(await this.prepare(task, wanted, replace));
  }

  /** The task that was named, made active; without a name the one that is active. */
  async #task(text: string | undefined, tags: readonly string[]): Promise<ActiveTask | null> {
    await using store = await openStore({ schemas: [schema] });
    return store.write((db) => {
      if (text === undefined) return activeTask(db, this.profile);
      const task = findOrAddTask(db, this.profile, text, tags, systemClock.wall());
      setActiveTask(db, this.profile, task.id);
      return task;
    });
  }

  /** Takes what is there out of the way: a session between two intervals ends quietly, another when it is replaced. */
  async #clear(replace: boolean): Promise<void> {
    const seat = liveHost(this.profile);
    if (seat) {
      const { ticking, completed, finished_away_at, session_type, remaining_ms, task } = await this.state();
      const standing = completed === true || finished_away_at !== null;
      if (!replace && (ticking === true || !standing))
        throw inTheWay(session_type, Number(remaining_ms), task);
      return stopHost(seat, systemClock);
    }
    const old = await readLeft(this.profile);
    if (old?.found.how === "expired") return this.#expire(old);
    if (old?.found.how !== "restored") return;
    const { state } = old.found.change;
    if (!replace && !isStanding(state)) {
      await this.revive();
      throw inTheWay(state.current.type, left(state, now()), state.task?.title);
    }
    const { profile } = this;
    await endLeft(profile, "restored", ({ found }) => stopped(found.change));
  }

  async #stop(): Promise<State> {
    if (!(await this.revive())) throw NOTHING();
    const seat = liveHost(this.profile);
    if (seat) await stopHost(seat, systemClock);
    return this.state();
  }

  async #editTask(kind: string, args: unknown): Promise<State> {
    await using store = await openStore({ schemas: [schema] });
    const edit = { ...(args as object | null), kind } as TaskEdit;
    await store.write((db) => applyTaskEdit(db, this.profile, edit, systemClock.wall()));
    const seat = liveHost(this.profile);
    return seat ? { ...(await connect(seat).command("refresh")), host: true } : this.state();
  }

  /** Starts a host in the background; another that was quicker is as good. */
  async #host(hosted: Hosted): Promise<State> {
    try {
      await launch(["pomo", "__host", "--profile", this.profile], {
        [REQUEST_VARIABLE]: JSON.stringify(hosted),
      });
    } catch (error) {
      const again = error instanceof Expected && error.exit === Exit.again;
      if (!again || hosted.request.kind === "start" || !liveHost(this.profile)) throw error;
    }
    return this.state();
  }
}

/** The timer of a command's profile. @param how.revives whether watching it takes up what a dead host left */
export const reachOf = ({ profile, output }: Context, { revives = true } = {}): Reach =>
  new Reach(profile, { tell: (text) => output.note(text), revives });

/** Flags over the preset over the configuration. @throws Expected 2 for a preset that there isn't, 78 where it is configured */
async function settingsOf(wanted: Wanted): Promise<{ preset: string; settings: Settings }> {
  const { pomo } = await configured();
  const all = presets(pomo);
  const preset = wanted.preset ?? pomo.preset;
  const lengths = Object.hasOwn(all, preset) ? all[preset] : undefined;
  if (!lengths) {
    const exit = wanted.preset === undefined ? Exit.config : Exit.usage;
    throw new Expected(exit, `there is no preset '${preset}'`, `there are ${Object.keys(all).join(", ")}`);
  }
  const { auto_start_breaks, auto_start_work, count_away, suspend } = pomo;
  return {
    preset,
    settings: {
      work_ms: wanted.work_ms ?? lengths.work_ms,
      break_ms: wanted.break_ms ?? lengths.break_ms,
      long_break_ms: wanted.long_break_ms ?? lengths.long_break_ms,
      rounds: wanted.rounds ?? lengths.rounds,
      auto_start_breaks,
      auto_start_work,
      count_away,
      suspend,
    },
  };
}

/** A change after which the session is over, with what had happened before. */
function stopped(before: Change): Change {
  const { state, happened } = stop(before.state, now());
  return { state, happened: [...before.happened, ...happened] };
}
