import { newSessionId } from "../../kernel/checkpoint.ts";
import { stopHost } from "../../kernel/client.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { clockText } from "../../kernel/core/duration.ts";
import { timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { launch } from "../../kernel/launch.ts";
import { nothingRuns, Reach } from "../../kernel/reach.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { type Change, isStanding, left, type Settings, stop } from "../core/pomodoro.ts";
import type { Request } from "./host.ts";
import { schema } from "./journal.ts";
import {
  endedAway,
  endLeft,
  expiredText,
  HOST_IS_HIDDEN,
  type Left,
  readLeft,
  storedState,
  UNDO_STOP_MS,
} from "./left.ts";
import { nowOf } from "./now.ts";
import { settings as configured, presets } from "./settings.ts";
import { applyTaskEdit, checkTags, checkText, namedTask, type TaskEdit } from "./tasks.ts";

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

/** What is in the way of a new session: 75, since it will be over some time. */
function inTheWay(of: { type: unknown; left: number; task: unknown; alive: boolean }): Expected {
  const what = `${of.type}, ${clockText(of.left)} left${typeof of.task === "string" ? `, ${of.task}` : ""}`;
  const [where, hint] = of.alive
    ? ["is there already", "stint pomo watch shows it; start --replace interrupts it"]
    : ["was left by its host", "stint pomo resume goes on with it; start --replace interrupts it"];
  return new Expected(Exit.again, `a session ${where} (${what})`, hint);
}

/** How long a host that has a session may be out of reach, ms. */
const HIDDEN_MS = 2_000;
/** How long a host may take to be gone once it takes no more commands, ms. */
const LEAVING_MS = 10_000;

/** The timer of a profile, as commands, screens and pages speak to it. */
export class PomoReach extends Reach {
  readonly profile: string;
  readonly #tell: (text: string) => void;
  #reviving: Promise<void> | undefined;

  /**
   * @param options.tell told what the user should know beside the answer
   * @param options.revives whether watching takes up what a dead host left
   */
  constructor(profile: string, options: { tell?: (text: string) => void; revives?: boolean } = {}) {
    const { tell = () => {}, revives = false } = options;
    super({
      kind: "pomo",
      profile,
      called: "the timer",
      isWhole: (state) => "overview" in state,
      stored: () => storedState(profile),
      command: (name, args) => this.#alone(name, args),
      watched: async (state, came) => {
        // Who comes to look takes it up; who looks on does so too, unless its host was told to end.
        if (revives && (came || state["crashed"] === true)) await this.revive();
        return state["ticking"] === true ? Number(state["remaining_ms"]) + 1 : Infinity;
      },
      tell,
    });
    this.profile = profile;
    this.#tell = tell;
  }

  override async command(name: string, args: unknown = {}): Promise<State> {
    if (name === "start") {
      const { task, replace } = (args ?? {}) as { task?: unknown; replace?: unknown };
      const text = typeof task === "string" && task.trim() !== "" ? task : undefined;
      return this.begin(text, {}, replace === true);
    }
    if (name === "stop") return this.#stop();
    return super.command(name, args);
  }

  /** A command while no host is alive: it is taken up again for it, where it needs one. */
  async #alone(name: string, args: unknown): Promise<State | undefined> {
    if (name.startsWith("task-")) return this.#editTask(name.slice("task-".length), args);
    const left = await readLeft(this.profile);
    if (name === "undo" && left?.found.how === "over") return this.#undoStop(left);
    if (!(await this.revive())) throw nothingRuns("pomo");
    if (name !== "resume" && name !== "toggle") return undefined;
    const state = await this.state();
    // What came to its end while nobody was there is to be seen first; what ran and runs is what was asked for.
    const done = (left && endedAway(left)) || (name === "resume" && state["ticking"] === true);
    return done ? state : undefined;
  }

  #undoStop(left: Left): Promise<State> {
    if (nowOf(systemClock).wall - left.last_active > UNDO_STOP_MS) {
      throw new Expected(Exit.no, "the last session was stopped more than a day ago", "stint pomo start");
    }
    return this.#host({ session: left.session, request: { kind: "undo" } });
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
    return this.host !== undefined;
  }

  async #revive(): Promise<void> {
    const hosted = await this.left();
    if (!hosted) return;
    const state = await this.#host(hosted);
    if (typeof state["notice"] === "string") this.#tell(state["notice"]);
  }

  /** What a dead host left to be taken up again. What is older than a day is put into history instead. */
  async left(): Promise<Hosted | undefined> {
    // Another host has the session for a moment before it can be reached, and after.
    const end = systemClock.monotonic() + HIDDEN_MS;
    for (;;) {
      if (this.host) return undefined;
      const left = await readLeft(this.profile);
      if (left?.found.how === "expired") await this.#expire(left);
      if (left?.found.how !== "restored") return undefined;
      if (!left.alive) return { session: left.session, request: { kind: "restore" } };
      if (systemClock.monotonic() > end) throw HOST_IS_HIDDEN();
      await systemClock.sleep(20);
    }
  }

  async #expire(left: Left): Promise<void> {
    await endLeft(
      this.profile,
      "expired",
      () => this.host !== undefined,
      ({ found }) => found.change,
    );
    this.#tell(expiredText(left, "is kept"));
  }

  /**
   * Makes ready for a new session: what is in the way goes.
   * @throws Expected 75 when another session is in the way, 2 for an unknown preset; then nothing has changed
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
    const wished = task === undefined ? null : { text: task, tags };
    return { session, request: { kind: "start", ...how, task: wished, paused } };
  }

  /** Begins a new session in the background. @throws as {@link prepare} does */
  async begin(task: string | undefined, wanted: Wanted, replace: boolean): Promise<State> {
    return this.#host(await this.prepare(task, wanted, replace));
  }

  /** Takes what is there out of the way: a session between two intervals ends quietly, another when it is replaced. */
  async #clear(replace: boolean): Promise<void> {
    const seat = this.host;
    if (seat) {
      const { completed, finished_away_at, session_type, remaining_ms, task } = await this.state();
      const standing = completed === true || finished_away_at !== null;
      if (!replace && !standing) {
        throw inTheWay({ type: session_type, left: Number(remaining_ms), task, alive: true });
      }
      await stopHost(seat, systemClock);
    }
    const old = await readLeft(this.profile);
    if (old?.found.how === "expired") return this.#expire(old);
    if (old?.found.how !== "restored") return;
    const { state } = old.found.change;
    if (!seat && !replace && !isStanding(state)) {
      const task = state.task?.title;
      throw inTheWay({ type: state.current.type, left: left(state, nowOf(systemClock)), task, alive: false });
    }
    const { awayAt, completed } = state.current;
    if (awayAt !== null && !completed) {
      const at = timeText(awayAt, localOffset(awayAt));
      this.#tell(`what finished while away at ${at} counts as interrupted; stint pomo log edit amends it`);
    }
    await this.#endLeft();
  }

  /** Ends what a dead host left: also what one had left that was told to stop when it was leaving already. */
  #endLeft(): Promise<void> {
    return endLeft(
      this.profile,
      "restored",
      () => this.host !== undefined,
      ({ found }) => stopped(found.change),
    );
  }

  async #stop(): Promise<State> {
    const giveUp = systemClock.monotonic() + LEAVING_MS;
    for (let times = 0; ; times++) {
      const seat = this.host;
      if (seat) await stopHost(seat, systemClock);
      const old = await readLeft(this.profile);
      if (old?.found.how === "expired") await this.#expire(old);
      // Also what somebody who looks on has taken up meanwhile.
      if (old?.found.how === "restored") await this.#endLeft();
      else if (!seat && times === 0) throw nothingRuns("pomo");
      else return this.state();
      if (systemClock.monotonic() > giveUp) {
        throw new Expected(Exit.again, "it is taken up again and again", "is a screen or a page open?");
      }
    }
  }

  /** A change of tasks while no host is alive to make it. */
  async #editTask(kind: string, args: unknown): Promise<State> {
    await using store = await openStore({ schemas: [schema] });
    const edit = { ...(args as object | null), kind } as TaskEdit;
    await store.write((db) => applyTaskEdit(db, this.profile, edit, systemClock.wall()));
    return this.state();
  }

  /** Starts a host in the background; another that was quicker is as good. */
  async #host(hosted: Hosted): Promise<State> {
    try {
      await launch(["pomo", "__host", "--profile", this.profile], {
        [REQUEST_VARIABLE]: JSON.stringify(hosted),
      });
    } catch (error) {
      const again = error instanceof Expected && error.exit === Exit.again;
      const same = this.host?.session === hosted.session;
      if (!again || hosted.request.kind === "start" || !same) throw error;
    }
    return this.state();
  }
}

/** The timer of a command's profile. @param how.revives whether watching it takes up what a dead host left */
export const reachOf = ({ profile, output }: Context, { revives = true } = {}): PomoReach =>
  new PomoReach(profile, { tell: (text) => output.note(text), revives });

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
  const { state, happened } = stop(before.state, nowOf(systemClock));
  return { state, happened: [...before.happened, ...happened] };
}
