import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, localOffset } from "../../kernel/clock.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { pick } from "../core/glob.ts";
import { type By, type Happening, ModuleStateManager } from "../core/manager.ts";
import type { ModuleConfig, ModuleRow, Recording } from "../core/module.ts";
import { stopWaves } from "../core/order.ts";
import type { Left } from "../core/running.ts";
import { hasProcess, isUp } from "../core/states.ts";
import type { EventLog } from "./event-log.ts";
import { type Folder, readModules } from "./folder.ts";
import type { Places } from "./places.ts";
import type { Preferences } from "./preferences.ts";
import { type Outcome, Runner, type Surroundings } from "./runner.ts";
import type { RunningFile } from "./running.ts";
import { measure, type Sample } from "./usage.ts";

/** How long what was measured of the modules' processes is shown, ms. */
const MEASURED_MS = 1_500;
/** What is of no use to anybody is not measured: so long after somebody last looked, ms. */
const LOOKED_MS = 10_000;

export type RackOptions = {
  /** The folder of the modules, absolute. */
  dir: string;
  profile: string;
  places: Places;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
  logs: Surroundings["logs"];
  running: RunningFile;
  preferences: Preferences;
  events: EventLog;
  /** What a dead supervisor left. */
  left: Left | undefined;
  /** Tells clients that what they are shown has changed. */
  changed(): void;
};

/** All modules of a supervisor. */
export class Rack {
  readonly manager: ModuleStateManager;
  readonly #options: RackOptions;
  readonly #around: Surroundings;
  readonly #runners = new Map<string, Runner>();
  /** Those of a dead supervisor of which it isn't known yet what becomes of them. */
  readonly #unsettled = new Set<string>();
  /** Saves of preferences that are under way, by the module's name. */
  readonly #saving = new Map<string, Promise<string | null>>();
  #reloading: Promise<void> = Promise.resolve();
  #live = false;
  #trial = 0;
  #notice: string | null = null;
  #usage: Sample | null = null;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;

  private constructor(options: RackOptions) {
    const { clock, log, running, events, changed } = options;
    this.#options = options;
    this.manager = new ModuleStateManager(
      () => clock.wall(),
      (who, error) => log.error(`${who} failed at what it was told: ${message(error)}`, { error }),
    );
    this.#around = {
      ...options,
      manager: this.manager,
      // A disk that fails is told by what writes; the modules go on.
      remember: async (module) => {
        if (module.desired === "off" && !hasProcess(module.state)) await running.drop(module.name);
        else await running.put(module);
      },
      forget: async (name) => {
        await running.drop(name);
      },
      record: (event) => events.write({ at: clock.wall(), ...event }),
      waitsFor: (name) => this.#waitsFor(name),
      changed,
    };
    this.manager.observe("events", events.observe);
    this.manager.observe("preferences", (happening) => this.#prefer(happening));
    this.manager.observe("running modules", (happening) => this.#remember(happening));
    this.manager.observe("processes", (happening) => this.#move(happening));
    this.manager.observe("clients", changed);
  }

  /** Takes the modules of a folder over as they are found. @throws Expected 78 when there is no such folder */
  static async open(options: RackOptions): Promise<Rack> {
    const rack = new Rack(options);
    const { left, log, running } = options;
    const folder = await readModules(options.dir);
    rack.#tellProblems(folder);
    for (const { name } of left?.modules ?? []) rack.#unsettled.add(name);
    for (const config of configsOf(folder, options.dir)) await rack.#add(config, left !== undefined);
    for (const { name, recording } of left?.modules ?? []) {
      rack.#trial = Math.max(rack.#trial, recording?.trial ?? 0);
      if (rack.#runners.has(name)) continue;
      // Its folder went while nobody looked: what still runs of it is to end.
      log.warn(`${name}: its folder is gone`);
      const runner = await rack.#add({ config: placeholder(name, options.dir) }, true);
      rack.manager.desire(name, { desired: "off", enabled: false }, "reload");
      if (!hasProcess(runner.standing.actual)) await rack.#remove(runner);
    }
    for (const { name } of left?.modules ?? []) {
      if (!rack.#runners.has(name)) await running.resolve(name, "given up");
      else await rack.#around.remember(rack.#runner(name).remembered);
      rack.#settle(name);
    }
    return rack;
  }

  async #add({ config, broken }: Found, recovering: boolean): Promise<Runner> {
    const { left, running } = this.#options;
    const known = recovering ? left?.modules.find(({ name }) => name === config.name) : undefined;
    const runner = await Runner.open(config, this.#around, { left: known, recovering, broken });
    this.#runners.set(config.name, runner);
    if (runner.standing.desired === "on" || hasProcess(runner.standing.actual)) {
      void running.put(runner.remembered);
    }
    if (this.#live) runner.go();
    return runner;
  }

  async #remove(runner: Runner): Promise<void> {
    const { name } = runner;
    this.#runners.delete(name);
    await runner.leave();
    await this.#around.forget(name);
    this.manager.remove(name);
    this.#options.changed();
  }

  /** From now on what is desired comes about. */
  go(): void {
    this.#live = true;
    for (const runner of this.#runners.values()) runner.go();
  }

  /** From now on nothing is started or ended by itself. */
  halt(): void {
    this.#live = false;
    for (const runner of this.#runners.values()) runner.halt();
  }

  /** Ends what runs, those that depend on others before them. */
  async end(): Promise<void> {
    this.halt();
    const runners = [...this.#runners.values()];
    for (const wave of stopWaves(
      runners.map(({ name }) => name),
      runners.map(({ config }) => config),
    )) {
      await Promise.all(wave.map((name) => this.#runner(name).end()));
    }
  }

  /** Whether anything of them still runs. */
  get runs(): boolean {
    return this.manager.all.some(({ actual }) => hasProcess(actual));
  }

  /** Lets go of all of them: they go on. */
  async leave(): Promise<void> {
    this.halt();
    await Promise.all([...this.#runners.values()].map((runner) => runner.leave()));
  }

  // ——— those who observe

  /** The process manager: whoever something was wished for, or may wait for what has changed, looks what to do. */
  #move({ type, name }: Happening): void {
    if (type === "desired_changed") this.#runners.get(name)?.poke();
    if (type !== "actual_changed" && type !== "desired_changed") return;
    for (const runner of this.#runners.values()) {
      if (runner.config.dependsOn.includes(name)) runner.poke();
    }
  }

  /** Session recovery: what is true of each is on the disk. */
  #remember({ type, name }: Happening): void {
    const runner = this.#runners.get(name);
    if (!runner || (type !== "desired_changed" && type !== "actual_changed")) return;
    void this.#around.remember(runner.remembered);
    // What follows from it comes in the same turn.
    queueMicrotask(() => this.#settle(name));
  }

  /** Of a module that a dead supervisor left: it runs, or it isn't going to. */
  #settle(name: string): void {
    const { running } = this.#options;
    const standing = this.manager.get(name);
    if (!this.#unsettled.has(name) || !standing) return;
    const { actual, desired, reason } = standing;
    const failed = actual === "ERROR" || actual === "CRASHED";
    if (!isUp(actual) && !failed && (desired === "on" || hasProcess(actual))) return;
    this.#unsettled.delete(name);
    const how = isUp(actual) ? "running" : "given up";
    this.#around.record({ type: "recovered", name, how, reason });
    void running.resolve(name, how);
  }

  /** Configuration: what is preferred is what its file says. */
  #prefer(happening: Happening): void {
    if (happening.type !== "desired_changed" || happening.enabled === happening.was_enabled) return;
    if (happening.by === "reload") return;
    const { name, enabled } = happening;
    const saved = this.#options.preferences.save(name, enabled).then(
      () => null,
      (error: unknown) => {
        this.#options.log.warn(`${name}: ${message(error)}`);
        return `its preference isn't saved: ${message(error)}`;
      },
    );
    this.#saving.set(name, saved);
    void saved.then(() => this.#saving.get(name) === saved && this.#saving.delete(name));
  }

  #waitsFor(name: string): ReturnType<Surroundings["waitsFor"]> {
    for (const other of this.#runner(name).config.dependsOn) {
      const needed = this.manager.get(other);
      if (!needed) return { reason: `${other}, which it depends on, isn't there`, passes: false };
      if (isUp(needed.actual)) continue;
      const failed = needed.actual === "ERROR" || needed.actual === "CRASHED";
      if (needed.desired === "on" && !failed) return { reason: `waits for ${other}`, passes: true };
      return { reason: `${other}, which it depends on, is ${failed ? needed.actual : "off"}`, passes: false };
    }
    return undefined;
  }

  // ——— what is asked of them

  #runner(name: string): Runner {
    const runner = this.#runners.get(name);
    if (!runner) throw new Error(`there is no runner for ${name}`);
    return runner;
  }

  /** @throws Expected 2 when a name or pattern means none */
  #meant(patterns: readonly string[]): Runner[] {
    const names = [...this.#runners.keys()].sort();
    const { picked, unknown } = pick(patterns, names);
    if (unknown[0] !== undefined && patterns[0] !== "*") throw unknownModule(unknown[0], names);
    return picked.map((name) => this.#runner(name));
  }

  /** Turns modules on or off; off in the order of their dependencies. @param keep whether fresh starts follow it too */
  async toggle(patterns: readonly string[], on: boolean, by: By, keep: boolean): Promise<Outcome[]> {
    const runners = this.#meant(patterns);
    const one = async (runner: Runner): Promise<Outcome> => {
      const toggled = runner.toggle(on, by, keep);
      const saved = this.#saving.get(runner.name);
      const outcome = await toggled;
      const unsaved = (await saved) ?? null;
      if (unsaved === null) return outcome;
      return { ...outcome, ok: false, text: outcome.text === null ? unsaved : `${outcome.text}; ${unsaved}` };
    };
    if (on) return Promise.all(runners.map(one));
    const waves = stopWaves(
      runners.map(({ name }) => name),
      runners.map(({ config }) => config),
    );
    const outcomes: Outcome[] = [];
    for (const wave of waves)
      outcomes.push(...(await Promise.all(wave.map((name) => one(this.#runner(name))))));
    return outcomes.sort(byName);
  }

  async restart(patterns: readonly string[]): Promise<Outcome[]> {
    return Promise.all(this.#meant(patterns).map((runner) => runner.restart()));
  }

  async reset(patterns: readonly string[]): Promise<Outcome[]> {
    return this.#meant(patterns).map((runner) => runner.reset());
  }

  /**
   * Begins one recording in several modules: they are given one timestamp, session folder and trial number.
   * @param all whether those that can't record are passed over
   * @throws Expected 74 when the folder can't be made, 1 when none of them can record
   */
  async record(
    patterns: readonly string[],
    wanted: { session?: string | undefined; trial?: number | undefined; all: boolean },
  ): Promise<Outcome[]> {
    const { clock, dir } = this.#options;
    const meant = this.#meant(patterns);
    const runners = wanted.all
      ? meant.filter(({ canRecord, standing }) => canRecord && hasProcess(standing.actual))
      : meant;
    if (runners.length === 0)
      throw new Expected(Exit.no, "no module runs that can record", "stint modules status");
    const timestamp = clock.wall();
    const stamp = localTime(timestamp, localOffset(timestamp))
      .toPlainDateTime()
      .toString({ smallestUnit: "second" });
    const session = wanted.session ?? join(dirname(dir), "recordings", stamp.replaceAll(":", "-"));
    const trial = wanted.trial ?? this.#trial + 1;
    try {
      await mkdir(session, { recursive: true });
    } catch (error) {
      throw new Expected(Exit.io, `the folder ${session} can't be made: ${errno(error) ?? message(error)}`);
    }
    const recording: Recording = { session, trial, timestamp, segment: 1 };
    const outcomes = await Promise.all(runners.map((runner) => runner.record(recording)));
    if (outcomes.some(({ ok }) => ok)) this.#trial = trial;
    return outcomes;
  }

  async pause(patterns: readonly string[], all: boolean): Promise<Outcome[]> {
    const runners = this.#meant(patterns);
    const recording = runners.filter(({ standing }) => !all || standing.actual === "RECORDING");
    return Promise.all(recording.map((runner) => runner.pause()));
  }

  /** Tells one module something. */
  async send(name: string, command: Record<string, unknown>, withinMs: number) {
    const runner = this.#runners.get(name);
    if (!runner) throw unknownModule(name, [...this.#runners.keys()]);
    return runner.send(command, withinMs);
  }

  /** Takes in what was edited, added and removed in the folder; one time after another. */
  reload(): Promise<Outcome[]> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.then(
      () => {},
      () => {},
    );
    return reloaded;
  }

  async #reload(): Promise<Outcome[]> {
    const folder = await readModules(this.#options.dir);
    this.#tellProblems(folder);
    const outcomes: Promise<Outcome>[] = [];
    const configs = configsOf(folder, this.#options.dir);
    const names = new Set(configs.map(({ config }) => config.name));
    for (const found of configs) {
      const { config, broken } = found;
      const runner = this.#runners.get(config.name);
      if (!runner) {
        const added = await this.#add(found, false);
        const ok = broken === undefined;
        outcomes.push(Promise.resolve({ name: added.name, ok, text: broken ?? "added" }));
      } else if (broken !== undefined) {
        outcomes.push(
          Promise.resolve({ name: config.name, ok: false, text: `${broken}: it goes on as it was` }),
        );
      } else outcomes.push(...this.#edit(runner, config));
    }
    for (const runner of [...this.#runners.values()]) {
      if (!names.has(runner.name)) outcomes.push(this.#dismiss(runner));
    }
    return (await Promise.all(outcomes)).sort(byName);
  }

  #edit(runner: Runner, config: ModuleConfig): Promise<Outcome>[] {
    const { name } = runner;
    const before = runner.config;
    const wasBroken = runner.broken !== undefined;
    const restart = runner.edit(config);
    // Its file says otherwise than it did: so wishes whoever edited it.
    if (config.enabled !== this.manager.get(name)?.enabled || wasBroken) {
      return [runner.toggle(config.enabled, "reload", true)];
    }
    if (restart) return [runner.restart()];
    if (JSON.stringify({ ...before, enabled: 0 }) === JSON.stringify({ ...config, enabled: 0 })) return [];
    runner.poke();
    return [Promise.resolve({ name, ok: true, text: "taken in" })];
  }

  async #dismiss(runner: Runner): Promise<Outcome> {
    const { ok, text } = await runner.toggle(false, "reload", true);
    if (ok) await this.#remove(runner);
    return { name: runner.name, ok, text: text ?? "removed" };
  }

  #tellProblems({ problems }: Folder): void {
    const [first, ...more] = problems;
    this.#notice = first
      ? `${problemText(first)}${more.length > 0 ? `, and ${more.length} more` : ""}`
      : null;
    for (const problem of problems) {
      this.#options.log.warn(problemText(problem));
      this.#around.record({ type: "config_problem", ...problem });
    }
  }

  // ——— what is shown

  /** What clients are shown beside the session's own. */
  view(): { dir: string; modules: ModuleRow[]; notice: string | null; trial: number; as_of: number } {
    const { clock, dir } = this.#options;
    this.#lookedAt = clock.monotonic();
    const usage = this.#measured();
    const modules = [...this.#runners.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((runner) => {
        const { cpu = null, rss = null } = usage?.usage.get(runner.name) ?? {};
        return { ...runner.row, cpu, rss };
      });
    return { dir, modules, notice: this.#notice, trial: this.#trial, as_of: clock.wall() };
  }

  #measured(): Sample | null {
    const now = this.#options.clock.monotonic();
    if (now - this.#measuredAt < MEASURED_MS) return this.#usage;
    this.#measuredAt = now;
    const groups = [...this.#runners.values()].flatMap(({ name, row: { pid } }) =>
      pid === null ? [] : [[name, pid] as const],
    );
    this.#usage = measure(new Map(groups), this.#usage);
    return this.#usage;
  }

  /** Whether somebody looks. */
  get isWatched(): boolean {
    return this.#options.clock.monotonic() - this.#lookedAt < LOOKED_MS;
  }

  /** Every few seconds: whether each is there, and well. */
  look(): void {
    for (const runner of this.#runners.values()) runner.look();
  }
}

/** A module's configuration, or what is wrong with it. */
type Found = { readonly config: ModuleConfig; readonly broken?: string };

function configsOf({ modules, problems, broken }: Folder, dir: string): Found[] {
  const sound = modules.filter(({ name }) => !broken.includes(name)).map((config) => ({ config }));
  const wrong = broken.map((name) => {
    const problem = problems.find((each) => each.name === name);
    return {
      config: placeholder(name, dir),
      broken: problem ? problemText(problem) : "its configuration is wrong",
    };
  });
  return [...sound, ...wrong];
}

const problemText = ({ file, line, text }: Folder["problems"][number]): string =>
  `${file}${line === undefined ? "" : `:${line}`}: ${text}`;

/** Stands for the configuration of a module whose own can't be read: it can be ended, and not be started. */
const placeholder = (name: string, dir: string): ModuleConfig => ({
  name,
  enabled: true,
  command: [name],
  cwd: join(dir, name),
  env: {},
  stopSignal: "SIGTERM",
  startDeadline: 30_000,
  stopDeadline: 10_000,
  restart: "no",
  dependsOn: [],
  ready: { by: "event" },
  resumeRecording: false,
  watchdog: undefined,
});

const unknownModule = (name: string, names: readonly string[]): Expected =>
  new Expected(
    Exit.usage,
    `there is no module '${name}'`,
    names.length > 0 ? `there are ${[...names].sort().join(", ")}` : "the folder of the modules has none",
  );

const byName = (a: Outcome, b: Outcome): number => (a.name < b.name ? -1 : 1);
