import {
  claimSession,
  endSession,
  type Kind,
  recordAlive,
  recordCrashed,
  recordState,
} from "./checkpoint.ts";
import { type Clock, suspendMeter, systemClock } from "./clock.ts";
import { ControlServer, type State } from "./control.ts";
import { Exit, Expected, message } from "./errors.ts";
import { withFaults } from "./faults.ts";
import { sayFailed, sayReady } from "./launch.ts";
import type { Cause, Life } from "./life.ts";
import type { Log } from "./log.ts";
import { socketPath } from "./paths.ts";
import { runtime, selfCommand, spawnDetached } from "./runtime.ts";
import { clearDeadSeats, seatName, type TakenSeat, takeSeat } from "./seat.ts";
import { Session, type Work } from "./session.ts";
import { describe, Stack, type StackEvent } from "./stack.ts";
import { openStore, type Schema, type Store } from "./store.ts";
import { type Terminal, terminal } from "./terminal.ts";

/** What a feature runs inside a host. */
export type Activity<Given extends object> = Work<Given> & {
  /** What is pushed beside the session's own fields; plain JSON. */
  state(): State;
  /** Commands beside pause, resume, toggle and stop. Arguments come from outside: validate them. */
  commands?: Record<string, (args: unknown) => Promise<void>>;
};

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
  /** Tells every client that the state has changed. */
  changed(): void;
  /** Ends the session in order: it is done, or (with an error) it can't go on. */
  end(error?: unknown): void;
};

export type HostOptions = {
  kind: Kind;
  profile: string;
  session: string;
  schemas: readonly Schema[];
  /** Whether the session exists and is recreated under its id. */
  recreated?: boolean;
  /** To begin paused. */
  paused?: boolean;
  life: Life;
  log: Log;
  clock?: Clock;
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
    using seat = takeSeat(seatName(options.kind, options.profile, options.session));
    clearDeadSeats();
    const cause = await hosted(options, seat, open);
    sayFailed(new Expected(Exit.again, "the host was told to end before it was ready"));
    return cause;
  } catch (error) {
    sayFailed(error);
    throw error;
  }
}

async function hosted<Given extends object>(
  options: HostOptions,
  seat: TakenSeat,
  open: (host: Host) => Promise<Activity<Given>>,
): Promise<Cause | undefined> {
  const { kind, profile, session: id, life, clock = systemClock } = options;
  const log = options.log.for("host");
  const ending = Promise.withResolvers<Ending>();
  let session: Session<Given> | undefined;
  let activity: Activity<Given> | undefined;
  let shuttingDown = false;
  let begun = options.recreated ?? false;
  const stack = new Stack(stackLog(log, () => shuttingDown));
  using _ = life.own({
    end(cause) {
      if (cause.kind === "signal") log.info(`${cause.name}: shutting down`);
      else log.error("crash: shutting down", { error: cause.error });
      ending.resolve({});
    },
    hurry: () => stack.disposeOnly("actuators"),
  });
  log.info("host starts", { session: id, kind, profile, runtime });

  let store: Store | undefined;
  let ended: Ending;
  try {
    const end = (error?: unknown) => ending.resolve(error === undefined ? {} : { error });
    const screen = await stack.open("terminal", "terminal", terminal(end));
    const opened = await stack.open("store", "store", () =>
      openStore({ schemas: options.schemas, clock, warn: (text) => log.warn(text) }),
    );
    store = opened;
    const crashed = await opened.write((db) => {
      const gone = recordCrashed(db);
      claimSession(db, { id, kind, profile }, clock);
      return gone;
    });
    const state = (): State => ({
      v: 1,
      type: kind,
      session_id: id,
      profile,
      ...(session ? viewState(session) : { state: "starting", degraded: [] }),
      ...activity?.state(),
    });
    const command = async (name: string, args: unknown): Promise<State> => {
      if (name === "stop") ending.resolve({});
      else if (!session)
        throw new Expected(Exit.again, "the session is still starting", "try again in a moment");
      else if (name === "pause") await session.pause();
      else if (name === "resume") await session.resume();
      else if (name === "toggle") await (session.wantsToRun ? session.pause() : session.resume());
      else {
        const known = activity?.commands?.[name];
        if (!known) throw new Expected(Exit.usage, `a ${kind} host has no command '${name}'`);
        await known(args);
      }
      return state();
    };
    const control = new ControlServer({ state, command }, log.for("control"));
    const socket = socketPath(seatName(kind, profile, id));
    await stack.open("state", "control", async () => {
      await control.bind(socket);
      return { [Symbol.asyncDispose]: () => control.close() };
    });
    seat.announce({ kind, profile, session: id, socket });
    await stack.open("state", "heartbeat", heartbeat({ id, store: opened, control, clock, log }));
    if (crashed.length > 0) checkInBackground(log);
    const changed = () => {
      try {
        control.push();
      } catch (error) {
        log.error("the state can't be told", { error });
      }
    };
    const host: Host = {
      session: id,
      profile,
      stack,
      store: opened,
      terminal: screen,
      control,
      clock,
      log,
      changed,
      end,
    };
    // A signal or a stop that comes while it opens ends the opening: the stack's parts are told to leave.
    const given = await Promise.race([open(host), ending.promise.then(() => undefined)]);
    if (given) {
      activity = given;
      const work = typeof STINT_FAULTS !== "undefined" && STINT_FAULTS ? withFaults(given, log) : given;
      const recorded: Work<Given> = {
        ...work,
        async reached(state) {
          await work.reached?.(state);
          await opened.write((db) => recordState(db, id, state, clock));
          begun ||= state !== "stopping";
        },
      };
      session = new Session({ id, kind, profile, stack, work: recorded, changed });
      session.start(options.paused).then(() => begun && sayReady(id), end);
    }
    ended = await ending.promise;
  } catch (error) {
    ended = { error };
  }

  shuttingDown = true;
  await session?.stop().catch((error: unknown) => {
    log.error("the session's end failed", { error });
    ended = "error" in ended ? ended : { error };
  });
  await store
    ?.write((db) => endSession(db, id, begun, clock))
    .catch((error: unknown) => log.error("the session's end wasn't written", { error }));
  await stack[Symbol.asyncDispose]();
  if ("error" in ended) {
    const expected = ended.error instanceof Expected;
    log[expected ? "warn" : "error"](
      `ended: ${message(ended.error)}`,
      expected ? {} : { error: ended.error },
    );
    throw ended.error;
  }
  log.info("ended");
  return life.cause;
}

/** How it ended: with an error that it could not go on after, or (empty) in order. */
type Ending = { error?: unknown };

function viewState<Given extends object>(session: Session<Given>): State {
  const { state, pending, degraded } = session.view;
  return { state, ...(pending ? { pending } : {}), degraded };
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

/** Keeps the session's row alive, the socket in its place, and notices suspends. */
function heartbeat(given: { id: string; store: Store; control: ControlServer; clock: Clock; log: Log }) {
  const { id, store, control, clock, log } = given;
  return async () => {
    const suspended = suspendMeter(clock);
    const beat = async () => {
      const gap = suspended();
      if (gap > 0) log.info(`the machine was suspended for ${Math.round(gap / 1000)} s`, { ms: gap });
      try {
        await store.write((db) => recordAlive(db, id, clock));
        if (await control.rebind()) log.warn("the control socket had vanished: bound again");
      } catch (error) {
        log.warn("heartbeat failed", { error });
      }
    };
    let beating: Promise<void> = Promise.resolve();
    const timer = setInterval(() => {
      beating = beating.then(beat);
    }, HEARTBEAT_MS);
    return {
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
        await beating;
      },
    };
  };
}

/** quick_check may take seconds: another process does it, while this one works. */
function checkInBackground(log: Log): void {
  log.warn("a host had ended without a word: the store is being checked");
  spawnDetached([...selfCommand(), "__check-store"], { cwd: "/", env: process.env, stderr: 2 });
}
