import { resolve } from "node:path";
import { Exit, Expected } from "../../kernel/errors.ts";
import { every } from "../../kernel/every.ts";
import { generation } from "../../kernel/generation.ts";
import type { Activity, Host } from "../../kernel/host.ts";
import { shownPath } from "../../kernel/paths.ts";
import { isAlive, ownIdentity } from "../../kernel/runtime.ts";
import type { Part } from "../../kernel/stack.ts";
import { EventLog } from "./event-log.ts";
import { Places } from "./places.ts";
import { Preferences } from "./preferences.ts";
import { Rack } from "./rack.ts";
import type { Outcome } from "./runner.ts";
import { RunningFile, readLeft } from "./running.ts";
import type { ModulesSettings } from "./settings.ts";
import { Trials } from "./trials.ts";

/** How often it is looked whether each module is there, and well, ms. */
const LOOK_MS = 5_000;
/** How often what is measured is shown anew while somebody looks, ms. */
const SHOW_MS = 2_000;
/** Clients are told of changes so often at most, ms. */
const TELL_MS = 25;
/** Each module's end has deadlines of its own, one after another where they depend on each other. */
const END_MS = 3_600_000;
const OPEN_MS = 120_000;
/** How long a module may take to answer what somebody sends it, at most, ms. */
const LONGEST_ANSWER_MS = 24 * 3_600_000;

/**
 * Opens the supervisor on a host.
 * @param dir the folder of the modules, absolute
 * @param random for backoffs, in [0, 1)
 */
export async function openModules(
  host: Host,
  dir: string,
  config: ModulesSettings,
  random: () => number = Math.random,
): Promise<Activity<{ rack: Rack }>> {
  const { clock, log, profile, stack } = host;
  const warn = (text: string) => log.warn(text);
  const places = new Places(profile);
  places.prepare();
  await refuseOthers(places, dir);
  const left = await readLeft(places.running, warn);
  const head = { session: host.session, dir, supervisor: ownIdentity() };
  const events = await stack.open("state", "events", async () => {
    const file = new EventLog(places, (error) => log.warn("the events can't be written", { error }));
    return Object.assign(file, { [Symbol.asyncDispose]: async () => file[Symbol.dispose]() });
  });
  let rack: Rack | undefined;
  const running = await stack.open("state", "running modules", async () => {
    const file = await RunningFile.open(places.running, head, left, {
      failed: (error) => {
        log.error(`what runs isn't remembered: ${error.message}`);
        rack?.unremembered(`what runs can't be remembered: ${error.message}`);
      },
      mended: () => {
        log.info("what runs is remembered again");
        rack?.unremembered(null);
      },
    });
    const dispose = file[Symbol.asyncDispose].bind(file);
    /** Whether there is nothing that a supervisor after this one would have to know. */
    const isOver = () => (rack ? host.endsInOrder() && !rack.runs : left === undefined);
    return Object.assign(file, {
      async [Symbol.asyncDispose]() {
        if (isOver()) await file.clear();
        await dispose();
      },
    });
  });
  // Told together: a start of many modules is one news, and so is the chatter of those that run.
  let telling = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  const changed = () => {
    if (telling) return;
    telling = true;
    setTimeout(
      () => {
        telling = false;
        toldAt = performance.now();
        host.changed();
      },
      Math.max(0, toldAt + TELL_MS - performance.now()),
    );
  };
  /** Ends what runs, or, of a supervisor that can't go on, leaves it to the next one. */
  const end = async (all: Rack) => (host.endsInOrder() ? all.end() : all.leave());
  // Below the session, so that it is ended in order also when it was told to before it had begun.
  const all = await stack.open(
    "state",
    "rack",
    async () => {
      const opened = await Rack.open({
        dir,
        profile,
        places,
        clock,
        random,
        log,
        logs: { maxBytes: config.log_bytes, keep: config.log_keep },
        running,
        preferences: new Preferences(dir, log),
        events,
        trials: new Trials(host.store, profile, clock),
        left,
        changed,
      });
      rack = opened;
      return Object.assign(opened, { [Symbol.asyncDispose]: () => end(opened) });
    },
    { openMs: OPEN_MS, disposeMs: END_MS },
  );
  host.show(() => all.view());
  const answer = async (outcomes: Promise<Outcome[]>) => ({ outcomes: await outcomes });
  return {
    given: { rack: all },
    generation: generation<{ rack: Rack }>()
      .sources(async (open, { rack }) => {
        const modules: Part = async () => ({ [Symbol.asyncDispose]: () => end(rack) });
        await open("modules", modules, { openMs: OPEN_MS, disposeMs: END_MS });
        return {};
      })
      .timers(async (open, { rack }) => {
        const look = async () => {
          rack.look();
          await running.refresh();
        };
        await open("health", every(LOOK_MS, look, log));
        const show = async () => {
          if (rack.isWatched) changed();
        };
        await open("usage", every(SHOW_MS, show, log));
        return {};
      })
      .workers(async (open, { rack }) => {
        await open("reconciler", async () => {
          rack.go();
          return { [Symbol.asyncDispose]: async () => rack.halt() };
        });
        return {};
      }),
    unwritten: () => {},
    commands: {
      enable: (args) => answer(all.toggle(namesOf(args), true, "enable", true)),
      disable: (args) => answer(all.toggle(namesOf(args), false, "disable", true)),
      start: (args) => answer(all.toggle(namesOf(args), true, "start", false)),
      // `stop` is the host's own word for its end.
      halt: (args) => answer(all.toggle(namesOf(args), false, "stop", false)),
      restart: (args) => answer(all.restart(namesOf(args))),
      reset: (args) => answer(all.reset(namesOf(args))),
      record: (args) => answer(all.record(namesOf(args), recordOf(args))),
      pause: (args) => answer(all.pause(namesOf(args), (args as { all?: unknown }).all === true)),
      reload: () => answer(all.reload()),
      send: (args) => {
        const { name, command, within_ms } = sendOf(args);
        return all.send(name, command, within_ms);
      },
      resume: () => Promise.reject(NO_PAUSE),
      toggle: () => Promise.reject(NO_PAUSE),
    },
  };
}

const NO_PAUSE = new Expected(
  Exit.usage,
  "a supervisor isn't paused; its modules are",
  "stint modules pause --all",
);

/**
 * Two supervisors of one folder would run everything in it twice.
 * @throws Expected 75 when another profile's modules are of this folder
 */
async function refuseOthers(places: Places, dir: string): Promise<void> {
  for (const { profile, running } of places.others) {
    const left = await readLeft(running, () => {});
    const alive = left?.modules.some(
      ({ pid, start, boot }) =>
        pid !== null && start !== null && boot !== null && isAlive({ pid, start, boot }),
    );
    if (left?.dir !== dir || !alive) continue;
    throw new Expected(
      Exit.again,
      `the modules of ${shownPath(dir)} run in profile ${profile}`,
      `stint modules status --profile ${profile}`,
    );
  }
}

const bad = (what: string): Expected => new Expected(Exit.usage, what, "stint modules --help");

const field = (args: unknown, name: string): unknown => (args as Record<string, unknown> | null)?.[name];

function namesOf(args: unknown): string[] {
  const names = field(args, "names");
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === "string"))
    return names;
  throw bad("names is to be a list of names");
}

function recordOf(args: unknown): { session?: string | undefined; trial?: number | undefined; all: boolean } {
  const [session, trial, all] = [field(args, "session"), field(args, "trial"), field(args, "all")];
  if (session !== undefined && (typeof session !== "string" || resolve(session) !== session)) {
    throw bad("session is to be an absolute path");
  }
  if (trial !== undefined && !(Number.isSafeInteger(trial) && Number(trial) > 0))
    throw bad("trial is to be 1 or more");
  return { session, trial: trial as number | undefined, all: all === true };
}

function sendOf(args: unknown): { name: string; command: Record<string, unknown>; within_ms: number } {
  const [name, command, within] = [
    field(args, "name"),
    field(args, "command"),
    field(args, "within_ms") ?? 5_000,
  ];
  if (typeof name !== "string") throw bad("name is to be a module's name");
  if (typeof command !== "object" || command === null || Array.isArray(command)) {
    throw bad("command is to be a JSON object");
  }
  if (typeof within !== "number" || !(within > 0 && within <= LONGEST_ANSWER_MS))
    throw bad("within_ms is out of range");
  return { name, command: command as Record<string, unknown>, within_ms: within };
}
