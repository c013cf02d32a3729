import { isModuleName, type Recording } from "./module.ts";
import type { RestartState } from "./restart.ts";
import { type ModuleState, STATES } from "./states.ts";

/** What is remembered of the modules that run, for the start after a crash. Times UTC ms. */

/** What is remembered of one. */
export type RunningModule = {
  readonly name: string;
  readonly desired: "on" | "off";
  readonly state: ModuleState;
  readonly reason: string | null;
  /** Since when it is in this state. */
  readonly since: number;
  /** The id of its run, which its processes have in their environment; known before there is a process. */
  readonly run: string | null;
  /** Of the leader of its group; null until it is made. */
  readonly pid: number | null;
  /** When that process was started, as the system counts it: tells it from another with its pid. */
  readonly start: string | null;
  /** The boot it was started in. */
  readonly boot: string | null;
  readonly cgroup: string | null;
  readonly startedAt: number | null;
  /** Whether it has spoken the protocol. */
  readonly speaks: boolean;
  /** Whether it was asked to end: then its end is no failure. */
  readonly quitAsked: boolean;
  readonly recording: Recording | null;
  /** The id of the command to begin or end its recording that it was told and hasn't acknowledged. */
  readonly asked: number | null;
  /** Until when it isn't started again by itself. */
  readonly notBefore: number | null;
  /** What was desired and preferred before a start was asked for that hasn't come to its end. */
  readonly settled: { readonly desired: "on" | "off"; readonly enabled: boolean } | null;
  readonly restart: RestartState;
  readonly lastExit: string | null;
};

/** What became of a module that a dead supervisor left: it is verified running, or given up on. */
export type Recovered = { readonly name: string; readonly how: "running" | "given up" };

/** The supervisor that writes, and what it runs. */
export type Head = {
  readonly session: string;
  /** The folder of the modules, absolute. */
  readonly dir: string;
  readonly supervisor: { readonly pid: number; readonly start: string; readonly boot: string };
};

/** `running_modules.json`, its previous copy and the recovery copy. */
export type Running = Head & {
  readonly v: 1;
  readonly modules: readonly RunningModule[];
  /**
   * The modules of the recovery copy that are settled. It stands here so that one write changes what runs and what is
   * settled together: no crash comes between the two.
   */
  readonly recovered: readonly Recovered[];
};

/** What a dead supervisor left. */
export type Left = Pick<Running, "session" | "dir" | "modules">;

/**
 * What is left of the modules, when a supervisor may have died while it recovered what one before it had left: what it
 * wrote itself is newer, and what it had settled doesn't come back.
 */
export function mergeRecovery(recovery: Running | undefined, live: Running | undefined): Left | undefined {
  const newest = live ?? recovery;
  if (!newest) return undefined;
  const { modules = [], recovered = [] } = live ?? {};
  const known = new Set([...modules, ...recovered].map(({ name }) => name));
  const unsettled = recovery?.modules.filter(({ name }) => !known.has(name)) ?? [];
  return { session: newest.session, dir: newest.dir, modules: [...modules, ...unsettled] };
}

/** As it stands in the file. */
export const renderRunning = (running: Running): string => `${JSON.stringify(running)}\n`;

/**
 * What a file says, if it is whole.
 * @param skipped told of each module that isn't described as one; the others are taken
 */
export function parseRunning(text: string, skipped: (what: string) => void): Running | undefined {
  const found = parsed(text);
  if (!isFile(found)) return undefined;
  const { session, dir, supervisor, recovered } = found;
  const modules = new Map<string, RunningModule>();
  found.modules.forEach((module, at) => {
    if (isModule(module)) modules.set(module.name, module);
    else skipped(`module ${at + 1}`);
  });
  return { v: 1, session, dir, supervisor, modules: [...modules.values()], recovered };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Is<T> = (value: unknown) => value is T;

const isText: Is<string> = (value) => typeof value === "string";
const isFlag: Is<boolean> = (value) => typeof value === "boolean";
const isNumber: Is<number> = (value): value is number => Number.isFinite(value);
/** Where a process is signalled, 0, 1 and what is below stand for many. */
const isPid: Is<number> = (value): value is number => Number.isSafeInteger(value) && (value as number) > 1;
const isName: Is<string> = (value): value is string => isText(value) && isModuleName(value);

const oneOf =
  <T>(values: readonly T[]): Is<T> =>
  (value): value is T =>
    values.includes(value as T);

const orNull =
  <T>(is: Is<T>): Is<T | null> =>
  (value): value is T | null =>
    value === null || is(value);

const listOf =
  <T>(is: Is<T>): Is<readonly T[]> =>
  (value): value is readonly T[] =>
    Array.isArray(value) && value.every(is);

const shaped =
  <T>(fields: { [K in keyof T]: Is<T[K]> }): Is<T> =>
  (value): value is T =>
    typeof value === "object" &&
    value !== null &&
    Object.entries<Is<unknown>>(fields).every(([key, is]) => is((value as Record<string, unknown>)[key]));

const isModule = shaped<RunningModule>({
  name: isName,
  desired: oneOf(["on", "off"]),
  state: oneOf(STATES),
  reason: orNull(isText),
  since: isNumber,
  run: orNull(isText),
  pid: orNull(isPid),
  start: orNull(isText),
  boot: orNull(isText),
  cgroup: orNull(isText),
  startedAt: orNull(isNumber),
  speaks: isFlag,
  quitAsked: isFlag,
  recording: orNull(
    shaped<Recording>({ session: isText, trial: isNumber, timestamp: isNumber, segment: isNumber }),
  ),
  asked: orNull(isNumber),
  notBefore: orNull(isNumber),
  settled: orNull(
    shaped<NonNullable<RunningModule["settled"]>>({ desired: oneOf(["on", "off"]), enabled: isFlag }),
  ),
  restart: shaped<RestartState>({ failures: listOf(isNumber), restarts: isNumber, backoff: isNumber }),
  lastExit: orNull(isText),
});

const isFile = shaped<Omit<Running, "modules"> & { modules: readonly unknown[] }>({
  v: oneOf([1]),
  session: isText,
  dir: isText,
  supervisor: shaped<Head["supervisor"]>({ pid: isNumber, start: isText, boot: isText }),
  modules: listOf((_): _ is unknown => true),
  recovered: listOf(shaped<Recovered>({ name: isText, how: oneOf(["running", "given up"]) })),
});
