import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, localOffset } from "../../kernel/clock.ts";
import { pick } from "../../kernel/core/glob.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { errnoText } from "../../kernel/errno.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { isAlive, ownIdentity } from "../../kernel/runtime.ts";
import { bareConfig } from "../core/config.ts";
import { type By, type Happening, ModuleStateManager } from "../core/manager.ts";
import type { ModuleConfig, ModuleRow, Recording } from "../core/module.ts";
import { stopWaves } from "../core/order.ts";
import { NO_FAILURES } from "../core/restart.ts";
import type { Left, RunningModule } from "../core/running.ts";
import { hasProcess, isUp } from "../core/states.ts";
import type { EventLog } from "./event-log.ts";
import { type Folder, readModules } from "./folder.ts";
import { runsOf } from "./group.ts";
import type { Places } from "./places.ts";
import type { Preferences } from "./preferences.ts";
import { endLeftovers, readLeader } from "./process.ts";
import { type Outcome, Runner, type Surroundings } from "./runner.ts";
import type { RunningFile } from "./running.ts";
import type { Trials } from "./trials.ts";
import { measure, type Sample } from "./usage.ts";

/** How long what was measured of the modules' processes is shown, ms. */
const MEASURED_MS = 1_500;
const MEASURED_ANEW_MS = 100;
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
  trials: Trials;
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
  /** The ids of runs that live and were started for this supervisor or one before it, by the module's name. */
  readonly #strays: Map<string, Set<string>>;
  /** Those whose folder is gone. */
  readonly #homeless: Runner[] = [];
  /** Those that are to be restarted and wait for their turn: nothing is started before them that depends on them. */
  readonly #restarting = new Set<string>();
  #reloading: Promise<void> = Promise.resolve();
  #live = false;
  #notice: string | null = null;
  #usage: Sample | null = null;
  #measuredPids: ReadonlyMap<string, number> = new Map();
  /** Why what runs can't be remembered, while it can't. */
  #unremembered: string | null = null;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;

  private constructor(options: RackOptions) {
    const { clock, log, running, events, changed } = options;
    this.#options = options;
    this.#strays = runsOf(options.places.folder);
    this.manager = new ModuleStateManager(
      () => clock.wall(),
      (who, error) => log.error(`${who} failed at what it was told: ${message(error)}`, { error }),
    );
    this.#around = {
      ...options,
      manager: this.manager,
      // A disk that fails is told by what writes; the modules go on.
      remember: async (module) => {
        const isOver = module.desired === "off" && !hasProcess(module.state) && module.run === null;
        if (isOver) await running.drop(module.name);
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
    const { left, log } = options;
    // What was left is to be ended, if nothing else can be done with it.
    const folder = await readModules(options.dir, { mayBeEmpty: left !== undefined });
    rack.#tellProblems(folder);
    for (const { name } of left?.modules ?? []) rack.#unsettled.add(name);
    const recovering = left !== undefined;
    for (const found of configsOf(folder, options.dir)) await rack.#add(found, recovering);
    const remembered = (left?.modules ?? []).map(({ name }) => name);
    for (const name of new Set([...remembered, ...rack.#strays.keys()])) {
      if (rack.#runners.has(name)) continue;
      // Its folder went while nobody looked: what still runs of it is to end.
      log.warn(`${name}: its folder is gone`);
      const runner = await rack.#add({ config: bareConfig(name, join(options.dir, name)) }, true);
      rack.manager.desire(name, { desired: "off", enabled: false }, "reload");
      rack.#homeless.push(runner);
    }
    await options.running.complete();
    for (const name of remembered) {
      await rack.#around.remember(rack.#runner(name).remembered);
      rack.#settle(name);
    }
    return rack;
  }

  async #add({ config, broken }: Found, recovering: boolean): Promise<Runner> {
    const { left, running } = this.#options;
    const known = recovering ? left?.modules.find(({ name }) => name === config.name) : undefined;
    const runner = await Runner.open(config, this.#around, {
      left: this.#stray(config, known) ?? known,
      recovering,
      broken,
    });
    this.#runners.set(config.name, runner);
    if (runner.standing.desired === "on" || hasProcess(runner.standing.actual)) {
      void running.put(runner.remembered);
    }
    if (this.#live) runner.go();
    return runner;
  }

  /** What is to be known of a run that nobody remembers: the disk was full, or its memory was removed. */
  #stray(config: ModuleConfig, known: RunningModule | undefined): RunningModule | undefined {
    const { log, clock, places } = this.#options;
    const { name } = config;
    const runs = [...(this.#strays.get(name) ?? [])];
    this.#strays.delete(name);
    const others = runs.filter((each) => each !== known?.run);
    // Only where the one that is remembered is gone may another be the module; what isn't taken over is ended.
    const leader = isThere(known, runs)
      ? undefined
      : others.map((each) => readLeader(places.of(name).leader, each)).find((each) => each !== undefined);
    const run = leader?.run ?? (known ? undefined : others[0]);
    for (const each of leader ? runs : others) {
      if (each !== run) void endLeftovers({ run: each }, config.stopSignal, config.stopDeadline);
    }
    if (run === undefined) return undefined;
    // Whoever is left of a run without its leader isn't the module: it is ended before that is started.
    if (leader) log.warn(`${name}: pid ${leader.pid} runs, which isn't remembered in ${places.running}`);
    else log.warn(`${name}: what is left of a run that nobody remembers is ended`);
    const now = clock.wall();
    const state = !leader ? "DISABLED" : known && hasProcess(known.state) ? known.state : "IDLE";
    return {
      name,
      desired: config.enabled ? "on" : "off",
      reason: null,
      since: now,
      startedAt: now,
      speaks: config.ready.by === "event",
      quitAsked: false,
      recording: null,
      asked: null,
      notBefore: null,
      settled: null,
      restart: NO_FAILURES,
      lastExit: null,
      ...known,
      ...(leader ?? { run, pid: null, start: null, boot: ownIdentity().boot, cgroup: null }),
      state,
    };
  }

  async #remove(runner: Runner): Promise<void> {
    const { name } = runner;
    await runner.cleaned();
    this.#runners.delete(name);
    await runner.leave("it was removed");
    await this.#around.forget(name);
    this.manager.remove(name);
    this.#options.changed();
  }

  /** From now on what is desired comes about. */
  go(): void {
    this.#live = true;
    for (const runner of this.#runners.values()) runner.go();
    for (const runner of this.#homeless.splice(0)) {
      this.#dismiss([runner]).catch((error: unknown) =>
        this.#options.log.error(`${runner.name}: ${message(error)}`, { error }),
      );
    }
  }

  /** From now on nothing is started or ended by itself. */
  halt(): void {
    this.#live = false;
    for (const runner of this.#runners.values()) runner.halt();
  }

  /** Ends what runs, those that depend on others before them. */
  async end(): Promise<void> {
    this.halt();
    for (const wave of wavesOf([...this.#runners.values()])) {
      await Promise.all(wave.map((runner) => runner.end()));
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
    const isAdopted = this.#runners.get(name)?.row.adopted === true;
    const word = how === "running" && !isAdopted ? "started again" : how;
    this.#around.record({ type: "recovered", name, how: word, reason });
    void running.resolve(name, how);
  }

  /** Configuration: what is preferred is what its file says. */
  #prefer(happening: Happening): void {
    if (happening.type !== "desired_changed" || happening.enabled === happening.was_enabled) return;
    if (happening.by === "reload" || happening.by === "unsaved") return;
    const { name, enabled, was_enabled } = happening;
    const saved = this.#options.preferences.save(name, enabled).then(
      () => {
        // What its file says now is no edit of anybody's.
        const runner = this.#runners.get(name);
        if (runner) runner.config = { ...runner.config, enabled };
        return null;
      },
      (error: unknown) => {
        this.#options.log.warn(`${name}: ${message(error)}`);
        const desired = this.manager.get(name)?.desired ?? "off";
        this.manager.desire(name, { desired, enabled: was_enabled }, "unsaved");
        return `its preference isn't saved: ${message(error)}`;
      },
    );
    this.#saving.set(name, saved);
    void saved.then(() => this.#saving.get(name) === saved && this.#saving.delete(name));
  }

  /** @param asked those that wait for this one, so that none waits for itself */
  #waitsFor(name: string, asked: ReadonlySet<string> = new Set()): ReturnType<Surroundings["waitsFor"]> {
    for (const other of this.#runners.get(name)?.config.dependsOn ?? []) {
      const needed = this.manager.get(other);
      if (!needed) return { reason: `${other}, which it depends on, isn't there`, passes: false };
      const { actual, desired } = needed;
      if (this.#restarting.has(other)) return { reason: `waits for ${other}`, passes: true };
      if (isUp(actual)) continue;
      const failed = actual === "ERROR" || actual === "CRASHED";
      if (failed || desired === "off") {
        const is = failed ? actual : "off";
        return { reason: `${other}, which it depends on, is ${is}`, passes: false };
      }
      const waits = asked.has(other) ? undefined : this.#waitsFor(other, new Set([...asked, name]));
      const why = waits && !waits.passes ? `, and ${waits.reason}` : "";
      return { reason: `waits for ${other}${why}`, passes: waits?.passes ?? true };
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
      // What was rolled back is in the file too, before anybody is told.
      const unsaved = (await saved) ?? (await this.#saving.get(runner.name)) ?? null;
      const texts = [outcome.text, unsaved, on ? null : this.#leftBehind(runner.name)];
      const text = texts.filter((each) => each !== null).join("; ");
      return { ...outcome, ok: outcome.ok && unsaved === null, text: text === "" ? null : text };
    };
    return on ? Promise.all(runners.map(one)) : this.#inWaves(runners, one);
  }

  /** Those that depend on others before them. */
  async #inWaves(runners: readonly Runner[], work: (runner: Runner) => Promise<Outcome>): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const wave of wavesOf(runners)) outcomes.push(...(await Promise.all(wave.map(work))));
    return outcomes.sort(byName);
  }

  /** Those that depend on one that is off now run on; whoever turned it off may not have thought of them. */
  #leftBehind(name: string): string | null {
    const dependents = [...this.#runners.values()].filter(
      ({ config, standing }) => config.dependsOn.includes(name) && isUp(standing.actual),
    );
    if (dependents.length === 0) return null;
    const names = dependents.map((runner) => runner.name).join(", ");
    return `${names} ${dependents.length === 1 ? "depends" : "depend"} on it, and ${dependents.length === 1 ? "runs" : "run"} on`;
  }

  /** Stops those that run and starts them: dependents stop before what they depend on, and start after it. */
  async restart(patterns: readonly string[]): Promise<Outcome[]> {
    const outcomes: Promise<Outcome>[] = [];
    let before: Promise<unknown> = Promise.resolve();
    for (const wave of wavesOf(this.#meant(patterns))) {
      const parts = wave.map((runner) => {
        const { name } = runner;
        const { outcome, stopped } = runner.restart(before);
        this.#restarting.add(name);
        const turned = Promise.race([stopped, outcome]).finally(() => {
          this.#restarting.delete(name);
          for (const other of this.#runners.values()) if (other.config.dependsOn.includes(name)) other.poke();
        });
        return { outcome, turned };
      });
      before = Promise.all(parts.map(({ turned }) => turned));
      outcomes.push(...parts.map(({ outcome }) => outcome));
    }
    return (await Promise.all(outcomes)).sort(byName);
  }

  async reset(patterns: readonly string[]): Promise<Outcome[]> {
    return Promise.all(this.#meant(patterns).map((runner) => runner.reset()));
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
    const { clock, dir, trials } = this.#options;
    const meant = this.#meant(patterns);
    // One that is wanted and isn't there is missed by the recording: that is said, too.
    const runners = wanted.all
      ? meant.filter(({ canRecord, standing }) => canRecord && standing.desired === "on")
      : meant;
    if (runners.length === 0) throw new Expected(Exit.no, "no module can record", "stint modules status");
    const timestamp = clock.wall();
    const stamp = localTime(timestamp, localOffset(timestamp)).toPlainDateTime().toString({
      smallestUnit: "second",
    });
    const session = wanted.session ?? join(dirname(dir), "recordings", stamp.replaceAll(":", "-"));
    const last = wanted.session === undefined ? trials.newest : trials.lastIn(wanted.session);
    const trial = wanted.trial ?? last + 1;
    const again =
      wanted.session !== undefined && trial <= last ? ", a number that was given there before" : "";
    if (runners.some(({ standing }) => standing.actual === "IDLE")) {
      try {
        await mkdir(session, { recursive: true });
      } catch (error) {
        throw new Expected(Exit.io, `the folder ${session} can't be made: ${errnoText(error)}`);
      }
    }
    const recording: Recording = { session, trial, timestamp, segment: 1 };
    const outcomes = await Promise.all(runners.map((runner) => runner.record(recording)));
    if (!outcomes.some(({ ok }) => ok)) return outcomes;
    await trials.took(session, trial).catch((error: unknown) => {
      this.#options.log.warn(`trial ${trial} isn't remembered: ${message(error)}`);
    });
    const text = `trial ${trial} in ${session}${again}`;
    return outcomes.map((outcome) => (outcome.ok ? { ...outcome, text } : outcome));
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
    // What somebody wished for is in the files before they are read.
    await Promise.all(this.#saving.values());
    const folder = await readModules(this.#options.dir, { mayBeEmpty: true });
    this.#tellProblems(folder);
    const outcomes: Promise<Outcome | Outcome[]>[] = [];
    const configs = configsOf(folder, this.#options.dir);
    const names = new Set(configs.map(({ config }) => config.name));
    for (const found of configs) {
      const { config, broken } = found;
      const runner = this.#runners.get(config.name);
      if (!runner) outcomes.push(this.#addNew(found));
      else if (broken !== undefined) {
        outcomes.push(
          Promise.resolve({ name: config.name, ok: false, text: `${broken}: it goes on as it was` }),
        );
      } else outcomes.push(...this.#edit(runner, config));
    }
    outcomes.push(this.#dismiss([...this.#runners.values()].filter(({ name }) => !names.has(name))));
    return (await Promise.all(outcomes)).flat().sort(byName);
  }

  async #addNew(found: Found): Promise<Outcome> {
    const added = await this.#add(found, false);
    const { name, standing } = added;
    if (standing.desired === "off") return { name, ok: true, text: "added" };
    const outcome = await added.started();
    return { ...outcome, text: outcome.text ?? "added" };
  }

  #edit(runner: Runner, config: ModuleConfig): Promise<Outcome>[] {
    const { name } = runner;
    const before = runner.config;
    const wasBroken = runner.broken !== undefined;
    const restart = runner.edit(config);
    // Its file says otherwise than it did: so wishes whoever edited it.
    if (config.enabled !== before.enabled || wasBroken) {
      const toggled = runner.toggle(config.enabled, "reload", true);
      const runsOldOne = restart && config.enabled;
      return [runsOldOne ? toggled.then(() => runner.restart(Promise.resolve()).outcome) : toggled];
    }
    if (restart) return [runner.restart(Promise.resolve()).outcome];
    if (JSON.stringify(before) === JSON.stringify(config)) return [];
    runner.poke();
    return [Promise.resolve({ name, ok: true, text: "taken in" })];
  }

  /** Ends what was removed, and forgets it. */
  #dismiss(runners: readonly Runner[]): Promise<Outcome[]> {
    return this.#inWaves(runners, async (runner) => {
      const { ok, text } = await runner.toggle(false, "reload", true);
      if (ok) await this.#remove(runner);
      return { name: runner.name, ok, text: text ?? "removed" };
    });
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

  /** Says that what runs can't be remembered, or can again. */
  unremembered(why: string | null): void {
    this.#unremembered = why;
    this.#options.changed();
  }

  // ——— what is shown

  /** What clients are shown beside the session's own. */
  view(): { dir: string; modules: ModuleRow[]; notice: string | null; trial: number; as_of: number } {
    const { clock, dir, trials } = this.#options;
    this.#lookedAt = clock.monotonic();
    const usage = this.#measured();
    const modules = [...this.#runners.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((runner) => {
        const { row } = runner;
        const measured =
          this.#measuredPids.get(row.name) === row.pid ? usage?.usage.get(row.name) : undefined;
        return { ...row, cpu: measured?.cpu ?? null, rss: measured?.rss ?? null };
      });
    const notice = this.#unremembered ?? this.#notice;
    return { dir, modules, notice, trial: trials.newest, as_of: clock.wall() };
  }

  #measured(): Sample | null {
    const now = this.#options.clock.monotonic();
    const groups = [...this.#runners.values()].flatMap(({ name, row: { pid } }) =>
      pid === null ? [] : [[name, pid] as const],
    );
    // What has come since is measured sooner: somebody has just started it, and looks.
    const isKnown = groups.every(([name, pid]) => this.#measuredPids.get(name) === pid);
    if (now - this.#measuredAt < (isKnown ? MEASURED_MS : MEASURED_ANEW_MS)) return this.#usage;
    this.#measuredAt = now;
    this.#measuredPids = new Map(groups);
    this.#usage = measure(this.#measuredPids, this.#usage);
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

/** Whether the process that is remembered of a module lives, or may: one may have been made and not be known yet. */
function isThere(known: RunningModule | undefined, runs: readonly string[]): boolean {
  if (!known || known.run === null) return false;
  const { pid, start, boot } = known;
  if (pid === null || start === null || boot === null) return runs.includes(known.run);
  return isAlive({ pid, start, boot });
}

/** A module's configuration, or what is wrong with it. */
type Found = { readonly config: ModuleConfig; readonly broken?: string };

function configsOf({ modules, problems, broken, enabledOf }: Folder, dir: string): Found[] {
  const sound = modules.filter(({ name }) => !broken.includes(name)).map((config) => ({ config }));
  const wrong = broken.map((name) => {
    const problem = problems.find((each) => each.name === name);
    return {
      config: { ...bareConfig(name, join(dir, name)), enabled: enabledOf(name) ?? true },
      broken: problem ? problemText(problem) : "its configuration is wrong",
    };
  });
  return [...sound, ...wrong];
}

/** Groups to be stopped one after another. */
const wavesOf = (runners: readonly Runner[]): Runner[][] =>
  stopWaves(
    runners.map(({ name }) => name),
    runners.map(({ config }) => config),
  ).map((wave) => wave.flatMap((name) => runners.find((runner) => runner.name === name) ?? []));

const problemText = ({ file, line, text }: Folder["problems"][number]): string =>
  `${file}${line === undefined ? "" : `:${line}`}: ${text}`;

const unknownModule = (name: string, names: readonly string[]): Expected => {
  const all = names.length > 0 ? `there are ${[...names].sort().join(", ")}` : "there is none";
  return new Expected(Exit.usage, `there is no module '${name}'`, didYouMean(name, names) ?? all);
};

const byName = (a: Outcome, b: Outcome): number => (a.name < b.name ? -1 : 1);
