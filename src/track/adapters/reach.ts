import { newSessionId } from "../../kernel/checkpoint.ts";
import { stopHost } from "../../kernel/client.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { launch } from "../../kernel/launch.ts";
import { Reach } from "../../kernel/reach.ts";
import type { Database } from "../../kernel/runtime.ts";
import { findHosts, type Seat } from "../../kernel/seat.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { applyEdit, editFrom, undoEdit } from "./edits.ts";
import type { Request } from "./host.ts";
import { schema, spansBetween } from "./journal.ts";
import { closeLeft, HOST_IS_HIDDEN, type Left, readLeft, storedState } from "./left.ts";

/** A profile's tracking, whether a host is alive or not. Nothing takes up what a dead one left unless it is asked to. */

/** In its environment: what a host is to run, and under which session. */
export const REQUEST_VARIABLE = "STINT_TRACK_REQUEST";
export type Hosted = { session: string; request: Request };

/** Whether a host has said all there is to say: one that is still opening hasn't. */
const isWhole = (state: State): boolean => "worked_ms" in state;

export class TrackReach extends Reach {
  readonly profile: string;
  readonly #tell: (text: string) => void;

  /** @param tell told what the user should know beside the answer */
  constructor(profile: string, tell: (text: string) => void) {
    super({
      kind: "track",
      profile,
      called: "tracking",
      isWhole,
      stored: () => storedState(profile),
      command: (name, args) => this.#alone(name, args),
      tell,
    });
    this.profile = profile;
    this.#tell = tell;
  }

  /** A stop is answered once the session is closed: until then nothing else can be asked of it. */
  override async command(name: string, args: unknown = {}): Promise<State> {
    if (name !== "stop") return super.command(name, args);
    await this.stop();
    return this.state();
  }

  /** What can be done while no host of this profile is alive. */
  async #alone(name: string, args: unknown): Promise<State | undefined> {
    if (name === "resume" || name === "toggle") {
      await this.resume();
      return this.state();
    }
    if (name === "undo") return this.#edit(undoEdit);
    if (name === "correct") {
      const edit = editFrom((args as { edit?: unknown } | null)?.edit);
      if (edit.do !== "switch") return this.#edit((db, where) => applyEdit(db, { ...where, edit }));
    }
    const left = await readLeft(this.profile, this.#tell);
    throw left ? wasLeft(left, Exit.no) : nothingTracked(this.profile);
  }

  /** @returns undefined when a host has been made meanwhile: it has spans of its own in hand */
  async #edit(
    work: (db: Database, where: Parameters<typeof undoEdit>[1]) => ReturnType<typeof undoEdit>,
  ): Promise<State | undefined> {
    await using store = await openStore({ schemas: [schema] });
    const done = await store.write((db) => {
      if (this.host) return undefined;
      const wall = systemClock.wall();
      return work(db, { profile: this.profile, now: { wall, offset: localOffset(wall) } });
    });
    return done && { ...(await this.state()), answer: done.answer };
  }

  /** Takes up what a dead host left, in the background. @throws Expected 1 when nothing was left */
  async resume(): Promise<void> {
    const left = await readLeft(this.profile, this.#tell);
    if (!left) throw nothingTracked(this.profile);
    await this.#launch(hostedOf(left, false));
  }

  /** What was left to go on with in a host of the foreground, as it was. */
  async left(): Promise<Hosted | undefined> {
    if (this.host) return undefined;
    const left = await readLeft(this.profile, this.#tell);
    return left && hostedOf(left);
  }

  /**
   * Makes ready for a new session.
   * @param anew whether what was left by a host is closed for it
   * @throws Expected 75 when a session is tracked, or was left; 2 for a beginning that can't be
   */
  async prepare(request: Request & { kind: "start" }, anew: boolean): Promise<Hosted> {
    const [other] = findHosts({ kind: "track" });
    if (other) throw inTheWay(other);
    const left = await readLeft(this.profile, this.#tell);
    if (left?.alive) throw HOST_IS_HIDDEN();
    if (left && !anew) throw wasLeft(left);
    const wall = systemClock.wall();
    if (request.at !== null) await this.#checkBeginning(request.at, wall);
    if (left) await closeLeft(this.profile, () => this.host !== undefined);
    const session = newSessionId(request.at ?? wall, crypto.getRandomValues(new Uint8Array(16)));
    return { session, request };
  }

  async #checkBeginning(at: number, wall: number): Promise<void> {
    const text = (at: number) => timeText(at, localOffset(at));
    if (at > wall) {
      throw new Expected(
        Exit.usage,
        `${text(at)} is in the future`,
        "a date may be given: --at '2026-11-22 09:00'",
      );
    }
    const [span] = (await readStore([schema], (db) => spansBetween(db, this.profile, at, wall))) ?? [];
    if (!span) return;
    const on = span.project === null ? "" : ` on ${span.project}`;
    const what = `span ${span.id}, ${span.kind}${on} from ${text(span.started_at)} to ${text(span.ended_at)}`;
    throw new Expected(
      Exit.usage,
      `it would overlap ${what}`,
      "stint track show; a later --at, or correct that first",
    );
  }

  /** Begins a new session in the background. @throws as {@link prepare} does */
  async begin(request: Request & { kind: "start" }, anew: boolean): Promise<void> {
    await this.#launch(await this.prepare(request, anew));
  }

  /** Starts a host in the background; another that was quicker with the same session is as good. */
  async #launch(hosted: Hosted): Promise<void> {
    try {
      await launch(["track", "__host", "--profile", this.profile], {
        [REQUEST_VARIABLE]: JSON.stringify(hosted),
      });
    } catch (error) {
      const again = error instanceof Expected && error.exit === Exit.again;
      if (!again || this.host?.session !== hosted.session) throw error;
    }
  }

  /** Ends the session. @returns its id @throws Expected 1 when there is none */
  async stop(): Promise<string> {
    const seat = this.host;
    if (seat) {
      // One that doesn't answer is told to stop all the same.
      const { unsaved } = await this.state().catch((): State => ({}));
      if (typeof unsaved === "string") {
        const hint = "free some space: what isn't saved is only in its memory";
        throw new Expected(Exit.io, `not stopped, ${unsaved}`, hint);
      }
      await stopHost(seat, systemClock);
      // One that was told to stop while it was leaving already has left it to be resumed.
      const left = await readLeft(this.profile, this.#tell);
      if (left?.session === seat.session) await closeLeft(this.profile, () => this.host !== undefined);
      return seat.session;
    }
    const left = await readLeft(this.profile, this.#tell);
    if (!left) throw nothingTracked(this.profile);
    await closeLeft(this.profile, () => this.host !== undefined);
    return left.session;
  }
}

function hostedOf({ session, alive }: Left, paused?: boolean): Hosted {
  if (alive) throw HOST_IS_HIDDEN();
  return { session, request: { kind: "restore", ...(paused === undefined ? {} : { paused }) } };
}

/** Nothing of this profile: perhaps of another. */
function nothingTracked(profile: string): Expected {
  const [other] = findHosts({ kind: "track" });
  if (!other || other.profile === profile)
    return new Expected(Exit.no, "nothing is tracked", "stint track start");
  const hint = `stint track --profile ${other.profile} …`;
  return new Expected(Exit.no, `nothing is tracked in profile ${profile}; profile ${other.profile} is`, hint);
}

function inTheWay({ profile, session, host }: Seat): Expected {
  const what = `profile ${profile}, session ${session}, pid ${host.pid}`;
  return new Expected(
    Exit.again,
    `track is already running (${what})`,
    "stint track watch shows it, switch changes what it is for",
  );
}

function wasLeft({ lastAlive, times, spans }: Left, exit: number = Exit.again): Expected {
  const text = (at: number) => timeText(at, localOffset(at));
  const began = spans[0] ? `of ${text(spans[0].started_at)} ` : "";
  const what = `the session ${began}was left by its host at ${text(lastAlive)} (${spokenDuration(times.worked_ms)} worked)`;
  return new Expected(exit, what, "stint track resume goes on with it; start --new leaves it at that");
}

/** The tracking of a command's profile. */
export const reachOf = ({ profile, output }: Context): TrackReach =>
  new TrackReach(profile, (text) => output.note(text));
