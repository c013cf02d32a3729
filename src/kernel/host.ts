import {
  claimSession,
  endSession,
  type Kind,
  recordAlive,
  recordCrashed,
  recordState,
} from "./checkpoint.ts";
import { type Clock, type SuspendWatch, suspendWatch, systemClock } from "./clock.ts";
import { ControlServer, STARTING, STOPPING, type State } from "./control.ts";
import { Exit, Expected, message } from "./errors.ts";
import { withFaults } from "./faults.ts";
import { sayFailed, sayReady } from "./launch.ts";
import type { Cause, Life } from "./life.ts";
import type { Log } from "./log.ts";
import { socketPath } from "./paths.ts";
import { releaseFilePages, runtime, selfCommand, spawnDetached } from "./runtime.ts";
import { clearDeadSeats, seatName, type TakenSeat, takeSeat } from "./seat.ts";
import { Session, type SessionView, type Work } from "./session.ts";
import { openSlot, type Slot, type SlotOptions, type SlotPart } from "./slot.ts";
import { describe, LATE, type Part, Stack, type StackEvent, within } from "./stack.ts";
import { openStore, type Schema, type Store } from "./store.ts";
import { type Terminal, terminal } from "./terminal.ts";
import { resetTerminal } from "./tui/terminal.ts";

/** What a feature runs inside a host. */
export type Activity<Given extends object> = Work<Given> & {
  commands?: Commands;
  /** To begin paused. */
  paused?: boolean;
  /**
   * Told that a state couldn't be written, or not yet: what is late is written behind its back. With it the session
   * goes on all the same, and what is lost until the next write is the activity's to tell; without it, it runs only
   * when `running` could be written.
   */
  unwritten?(error: unknown): void;
  /** Told what becomes of the parts: which are open, have failed, are lost, or were left behind at a dispose. */
  parts?(event: StackEvent): void;
  /** Told once, at the moment that it is to end: how it ends comes after. */
  ending?(): void;
  /** Told for how long the machine was suspended, in ms; from before the session starts until its end. */
  slept?(ms: number): void;
  /** How soon after the waking it is told, in ms; 1000 unless it says otherwise. */
  sleptWithinMs?: number;
};

/**
 * Commands beside pause, resume, toggle and stop, or in the place of the first three. Arguments come from outside:
 * validate them. An object that one gives is told to who asked alone, as
 * `answer` beside the state: plain JSON.
 */
type Commands = Record<string, (args: unknown) => Promise<unknown>>;

/** What a host gives to the feature that it runs. */
export type Host = {
  readonly session: string;
  readonly profile: string;
  readonly stack: Stack;
  readonly store: Store;
  readonly terminal: Terminal;
  readonly control: ControlServer;
  readonly clock: Clock;
  readonly log: Log;
  /** Says what clients are shown beside the session's own fields, plain JSON; asked for at each change. */
  show(state: () => State): void;
  /** Tells every client that the state has changed. */
  changed(): void;
  /**
   * Opens a part of stage `state` that may be missing or be replaced while the rest runs: without it the session is
   * degraded, and every client is told.
   */
  slot<T extends AsyncDisposable>(name: string, part: SlotPart<T>, options?: SlotOptions): Promise<Slot<T>>;
  /** Moves the session, for an activity that knows by itself when it runs. Resolves and throws as the session does. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Opens a new generation in the place of the one that is open. Resolves and throws as the session does. */
  renew(): Promise<void>;
  /** Ends the session in order: it is done, or (with an error) it can't go on. */
  end(error?: unknown): void;
  /** Whether somebody asked it to stop: for good, unlike a signal, after which it may be recreated. */
  stopAsked(): boolean;
  /** Whether it ends since it was done, or told to: not because it can't go on. */
  endsInOrder(): boolean;
};

export type HostOptions = {
  kind: Kind;
  profile: string;
  session: string;
  schemas: readonly Schema[];
  /** Whether the session exists and is recreated under its id. */
  recreated?: boolean;
  life: Life;
  log: Log;
  clock?: Clock;
  /**
   * Whether it is opened to the end also when it is told to end meanwhile: what it takes over is its to end. Else the
   * opening is given up.
   */
  opensWhole?: boolean;
};

/** A session's row says how lately it was alive; this is the grain of it, in ms. */
const HEARTBEAT_MS = 2_000;

/**
 * Runs a session in this process until it is done, stopped or the process is told to end; then shuts down in order.
 * @param open opens what outlives a pause (stage `state`) and says what the session is made of
 * @returns what ended it: undefined when it was done or asked to stop
 * @throws what the session failed with, after the shutdown
 */
export async function runHost<Given extends object>(
  options: HostOptions,
  open: (host: Host) => Promise<Activity<Given>>,
): Promise<Cause | undefined> {
  try {
    const { kind, profile, session } = options;
    using seat = takeSeat(seatName(kind, profile, session), profile);
    clearDeadSeats();
    const cause = await new Hosting<Given>(options, seat).run(open);
    sayFailed(new Expected(Exit.again, "the host was told to end before it was ready"));
    return cause;
  } catch (error) {
    sayFailed(error);
    throw error;
  }
}

/** When memory of the executable's own pages is given back: once the start is over, and so often after that, ms. */
const SETTLED_MS = { first: 5_000, often: 60_000 };

/** How long an activity that goes on without is held up by what writes the state that it has reached, in ms. */
const WRITTEN_MS = 8_000;

type Reached = Parameters<NonNullable<Work["reached"]>>[0];

/** How it ended: with an error that it could not go on after, or (empty) in order. */
type Ending = { error?: unknown };

/** One host, from its first part to its last word. */
class Hosting<Given extends object> {
  readonly #options: HostOptions;
  readonly #seat: TakenSeat;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stack: Stack;
  readonly #ending = Promise.withResolvers<Ending>();
  #shuttingDown = false;
  /** Whether it was told to end, or does so. */
  #endAsked = false;
  #stopAsked = false;
  #inOrder = false;
  /** Whether the session's row has been written for the last time, or is another host's. */
  #rowIsDone = false;
  #store: Store | undefined;
  #session: Session<Given> | undefined;
  #suspends: SuspendWatch | undefined;
  #commands: Commands = {};
  #shown: () => State = () => ({});
  #partsTold: (event: StackEvent) => void = () => {};
  #endTold: () => void = () => {};
  /** Names of the slots below the session that hold nothing for now. */
  readonly #missing = new Set<string>();
  /** Whether the session ever ran: only then has it anything to leave behind. */
  #begun: boolean;

  constructor(options: HostOptions, seat: TakenSeat) {
    this.#options = options;
    this.#seat = seat;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log.for("host");
    const logged = stackLog(this.#log, () => this.#shuttingDown);
    this.#stack = new Stack((event) => {
      logged(event);
      this.#partsTold(event);
    });
    this.#begun = options.recreated ?? false;
  }

  async run(open: (host: Host) => Promise<Activity<Given>>): Promise<Cause | undefined> {
    const { life, session, kind, profile } = this.#options;
    using _ = life.own({
      end: (cause) => {
        if (cause.kind === "signal") this.#log.info(`${cause.name}: shutting down`);
        else this.#log.error("crash: shutting down", { error: cause.error });
        this.#end(undefined, cause.kind === "crash" ? cause.error : undefined);
      },
      hurry: () => this.#stack.disposeOnly("actuators"),
    });
    this.#log.info("host starts", { session, kind, profile, runtime });
    let ended: Ending;
    try {
      const host = await this.#openHost();
      // A signal or a stop that comes while it opens ends the opening: the stack's parts are told to leave.
      const given = this.#options.opensWhole ? [] : [this.#ending.promise.then(() => undefined)];
      const activity = await Promise.race([open(host), ...given]);
      if (activity && !this.#endAsked) {
        await this.#watchSuspends(activity);
        this.#start(activity, host);
      }
      ended = await this.#ending.promise;
    } catch (error) {
      ended = { error };
    }
    ended = await this.#shutDown(ended);
    if (!("error" in ended)) {
      this.#log.info("ended");
      return life.cause;
    }
    const { error } = ended;
    if (error instanceof Expected) this.#log.warn(`ended: ${error.message}`);
    else this.#log.error(`ended: ${message(error)}`, { error });
    throw error;
  }

  /** Opens what every host has, up to `state`. */
  async #openHost(): Promise<Host> {
    const { session, kind, profile, schemas, log: options } = this.#options;
    const clock = this.#clock;
    const log = this.#log;
    const stack = this.#stack;
    const end = (error?: unknown) => this.#end(error);
    const screen = await stack.open("terminal", "terminal", terminal(end));
    const store = await stack.open("store", "store", () =>
      openStore({ schemas, clock, warn: (text) => log.warn(text) }),
    );
    this.#store = store;
    const crashed = await store.write((db) => {
      const gone = recordCrashed(db);
      claimSession(db, { id: session, kind, profile }, clock);
      return gone;
    });
    const served = {
      state: () => this.#state(),
      command: (name: string, args: unknown) => this.#command(name, args),
    };
    const control = new ControlServer(served, log.for("control"));
    const socket = socketPath(seatName(kind, profile, session));
    await stack.open("state", "control", async () => {
      await control.bind(socket);
      return { [Symbol.asyncDispose]: () => control.close() };
    });
    this.#seat.announce({ kind, profile, session, socket });
    await stack.open("state", "heartbeat", this.#heartbeat(store, control));
    if (crashed.length > 0) {
      // One of them may have been killed while it drew on this very terminal.
      resetTerminal();
      checkInBackground(log);
    }
    const changed = () => {
      try {
        control.push();
      } catch (error) {
        log.error("the state can't be told", { error });
      }
    };
    const show = (state: () => State) => {
      this.#shown = state;
      changed();
    };
    return {
      session,
      profile,
      stack,
      store,
      terminal: screen,
      control,
      clock,
      log: options,
      show,
      changed,
      slot: (name, part, options) => {
        const missing = (is: boolean) => {
          if (is) this.#missing.add(name);
          else this.#missing.delete(name);
          changed();
        };
        return openSlot(stack, { stage: "state", name, missing }, part, options);
      },
      pause: async () => this.#session?.pause(),
      resume: async () => this.#session?.resume(),
      renew: async () => this.#session?.renew(),
      end,
      stopAsked: () => this.#stopAsked,
      endsInOrder: () => this.#inOrder,
    };
  }

  async #watchSuspends(activity: Activity<Given>): Promise<void> {
    const slept = (ms: number) => {
      this.#log.info(`the machine was suspended for ${Math.round(ms / 1000)} s`, { ms });
      activity.slept?.(ms);
    };
    const watch = suspendWatch(this.#clock, slept, activity.sleptWithinMs);
    this.#suspends = await this.#stack.open("state", "suspend watch", watch);
  }

  #start(activity: Activity<Given>, { changed, store }: Host): void {
    const { session: id, kind, profile } = this.#options;
    this.#commands = activity.commands ?? {};
    if (activity.parts) this.#partsTold = activity.parts;
    if (activity.ending) this.#endTold = activity.ending;
    // Asked in one expression, so that an ordinary build drops it and all behind it.
    const work =
      typeof STINT_FAULTS !== "undefined" && STINT_FAULTS ? withFaults(activity, this.#log) : activity;
    let writing: Promise<void> = Promise.resolve();
    const write = async (state: Reached, before: Promise<void>) => {
      if (this.#rowIsDone) return;
      await work.reached?.(state);
      await before;
      if (!this.#rowIsDone) await store.write((db) => recordState(db, id, state, this.#clock));
    };
    /** Each state it reaches is written to the session's row before anybody is told. */
    const reached = async (state: Reached) => {
      const written = write(state, writing);
      writing = written.catch(() => {});
      try {
        const done = await within(written, activity.unwritten ? { ms: WRITTEN_MS } : {});
        if (done === LATE) throw new Error(`${state}: not written after ${WRITTEN_MS} ms`);
      } catch (error) {
        this.#log.error(`${state} can't be recorded`, { error });
        if (!activity.unwritten) throw error;
        activity.unwritten(error);
      }
      this.#begun ||= state !== "stopping";
    };
    const session = new Session({
      id,
      kind,
      profile,
      stack: this.#stack,
      work: { ...work, reached },
      changed,
    });
    this.#session = session;
    session.start(activity.paused).then(
      () => {
        if (this.#begun) sayReady(id);
        this.#settleIn();
      },
      (error: unknown) => this.#end(error),
    );
  }

  /** A host lives for months, and has little to do: memory that only its start or a busy minute needed is given back. */
  #settleIn(): void {
    const again = () => {
      if (this.#endAsked) return;
      releaseFilePages();
      setTimeout(again, SETTLED_MS.often).unref();
    };
    setTimeout(again, SETTLED_MS.first).unref();
  }

  /** @param why what it can't go on after, when it isn't what the host ends with */
  #end(error?: unknown, why = error): void {
    if (!this.#endAsked) {
      this.#inOrder = why === undefined;
      this.#endTold();
    }
    this.#endAsked = true;
    this.#ending.resolve(error === undefined ? {} : { error });
  }

  #state(): State {
    const { session: id, kind, profile } = this.#options;
    const view: Pick<SessionView, "state" | "pending" | "degraded"> = this.#session?.view ?? {
      state: "starting",
      degraded: [],
    };
    // The session's own fields come last: no feature can speak for it.
    const degraded = [...this.#missing, ...view.degraded];
    const own = { v: 1, type: kind, session_id: id, profile, state: view.state };
    return { ...this.#shown(), ...own, ...(view.pending ? { pending: view.pending } : {}), degraded };
  }

  async #command(name: string, args: unknown): Promise<State> {
    const session = this.#session;
    if (name === "stop") {
      this.#stopAsked = true;
      this.#end();
      return { ...this.#state(), pending: "stopping" };
    }
    const why = this.#endAsked ? STOPPING : STARTING;
    if (!session || this.#endAsked) throw new Expected(Exit.again, why, "try again in a moment");
    this.#suspends?.look();
    const known = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    let answer: unknown;
    if (known) answer = await known(args);
    else if (name === "pause") await session.pause();
    else if (name === "resume") await session.resume();
    else if (name === "toggle") await (session.wantsToRun ? session.pause() : session.resume());
    else throw new Expected(Exit.usage, `a ${this.#options.kind} host has no command '${name}'`);
    return { ...this.#state(), ...(typeof answer === "object" && answer !== null ? { answer } : {}) };
  }

  /** The ordered way down, whatever it was that ended it. @returns how it ended, with what failed on the way */
  async #shutDown(ended: Ending): Promise<Ending> {
    this.#shuttingDown = true;
    this.#endAsked = true;
    let how = ended;
    try {
      await this.#session?.stop();
    } catch (error) {
      if (!("error" in how)) how = { error };
    }
    if (!this.#rowIsDone) {
      // What is still on its way to the row must not come after its end.
      this.#rowIsDone = true;
      try {
        await this.#store?.write((db) => endSession(db, this.#options.session, this.#begun, this.#clock));
      } catch (error) {
        this.#log.error("the session's end wasn't written", { error });
      }
    }
    await this.#stack[Symbol.asyncDispose]();
    return how;
  }

  /** Keeps the session's row alive, and the seat and the socket in their places. */
  #heartbeat(store: Store, control: ControlServer): Part {
    const { kind, session } = this.#options;
    const log = this.#log;
    const beat = async () => {
      const seat = this.#seat.keep();
      if (seat === "lost") {
        // Its row may be the other's by now.
        this.#rowIsDone = true;
        return this.#end(
          new Expected(Exit.again, "another host has taken its place", `stint ${kind} status`),
        );
      }
      if (seat === "taken again") log.warn("the seat's file had vanished: taken again");
      await store.write((db) => recordAlive(db, session, this.#clock));
      if (await control.rebind()) log.warn("the control socket had vanished: bound again");
    };
    return async () => {
      let beating: Promise<void> = Promise.resolve();
      const timer = setInterval(() => {
        beating = beating.then(beat).catch((error: unknown) => log.warn("heartbeat failed", { error }));
      }, HEARTBEAT_MS);
      return {
        async [Symbol.asyncDispose]() {
          clearInterval(timer);
          await beating;
        },
      };
    };
  }
}

/** Logs what the stack does; of a shutdown each stage once, in order. */
function stackLog(log: Log, shuttingDown: () => boolean): (event: StackEvent) => void {
  const passed = new Set<string>();
  return (event) => {
    const failed = event.act !== "stage" && event.error !== undefined;
    if (event.act === "stage") {
      if (shuttingDown()) {
        // The session's stop has disposed the upper stages, and the host's end comes by them again.
        if (passed.has(event.stage)) return;
        passed.add(event.stage);
        log.info(describe(event, "shutdown"));
      } else if (event.parts.length > 0) {
        log.info(describe(event, "pause"));
      }
    } else if (failed) {
      log.warn(describe(event, "shutdown"), { part: event.part, error: event.error });
    } else {
      log[event.act === "back" ? "info" : "debug"](describe(event, "shutdown"), { part: event.part });
    }
  };
}

/** quick_check may take seconds: another process does it, while this one works. */
function checkInBackground(log: Log): void {
  log.warn("a host had ended without a word: the store is being checked");
  // Not with our stderr: whoever waits for its end would wait for the check.
  spawnDetached([...selfCommand(), "__check-store"], { cwd: "/", env: process.env, stderr: "ignore" });
}
