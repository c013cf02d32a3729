import { type Clock, localOffset } from "../../kernel/clock.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { plain } from "../../kernel/core/plain.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { isAlive, ownIdentity } from "../../kernel/runtime.ts";
import { parseLogLine } from "../core/log-line.ts";
import { type By, type ModuleStateManager, needed, type Standing } from "../core/manager.ts";
import {
  type ExitStatus,
  exitText,
  type ModuleConfig,
  type ModuleRow,
  type Ready,
  type Recording,
} from "../core/module.ts";
import { parseSaid, type Said } from "../core/protocol.ts";
import { afterExit, NO_FAILURES, type RestartState } from "../core/restart.ts";
import type { RunningModule } from "../core/running.ts";
import { spokenTime } from "../core/spoken.ts";
import { hasProcess, isUp } from "../core/states.ts";
import { Conversation } from "./conversation.ts";
import { LineReader, logLines } from "./follow.ts";
import { type ModuleOutput, openOutput } from "./output.ts";
import type { Places } from "./places.ts";
import {
  adoptModule,
  endLeftovers,
  findRun,
  type ModuleProcess,
  spawnModule,
  writeLeader,
} from "./process.ts";
import { Recorder } from "./recorder.ts";
import { Run, type Verdict } from "./run.ts";
import { Wishes } from "./wishes.ts";

/** What became of what somebody asked of a module. */
export type Outcome = { readonly name: string; readonly ok: boolean; readonly text: string | null };

/** What a module's runner shares with those of the other modules. */
export type Surroundings = {
  readonly manager: ModuleStateManager;
  readonly places: Places;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly logs: { readonly maxBytes: number; readonly keep: number };
  /** Remembers what is true of a module now; resolves once that is on the disk. Never rejects. */
  remember(module: RunningModule): Promise<void>;
  /** Forgets it: it neither runs nor is wanted. */
  forget(name: string): Promise<void>;
  /** Writes into the history of events, beside what the manager tells. */
  record(event: { type: string; name: string; [key: string]: unknown }): void;
  /** Why a module has to wait for those that it depends on, and whether that may pass by itself. */
  waitsFor(name: string): { readonly reason: string; readonly passes: boolean } | undefined;
  /** Tells clients that what they are shown has changed. */
  changed(): void;
};

/** No backoff is longer, ms: core/restart.ts. */
const LONGEST_BACKOFF_MS = 30_000;
/** After `quit`, how long at most until the stop signal, ms. */
const QUIT_MS = 5_000;
/** So many of the last lines of its log are gone through when it is taken over. */
const REPLAYED = 1_000;
/** What a module said last is shown with its end, in so many characters. */
const LAST_WORDS = 200;

/**
 * Runs one module: makes its process and ends it, hears what it says, and tells the manager what is true. One loop moves
 * it towards what is desired, so that however many ask at once there is one process or none.
 */
export class Runner {
  readonly name: string;
  config: ModuleConfig;
  /** What is wrong with its configuration. */
  broken: string | undefined;
  readonly #around: Surroundings;
  readonly #output: ModuleOutput;
  readonly #conversation: Conversation;
  readonly #recorder: Recorder;
  readonly #wishes = new Wishes();
  #run: Run | undefined;
  #restart: RestartState = NO_FAILURES;
  #lastExit: string | null = null;
  #lastLine = "";
  #speaks = false;
  #quitAsked = false;
  #status: Record<string, unknown> | null = null;
  /** What was desired when nothing was asked for: what a start that fails goes back to. */
  #settled: Pick<Standing, "desired" | "enabled">;
  /** The same, of a start that a dead supervisor was asked for: nobody waits for it, and it is rolled back all the same. */
  #unsettled: Pick<Standing, "desired" | "enabled"> | null = null;
  /** What is left of the last run is being ended; until that is done nothing is started. */
  #cleaning: Promise<void> | undefined;
  /** Whether what was to be ended can't be. */
  #stuck = false;
  /** Whether it is to be stopped and started again. */
  #again = false;
  /** Until when it isn't started again by itself, on the monotonic clock, ms. */
  #notBefore = 0;
  #backoff = new AbortController();
  #moving: Promise<void> | undefined;
  #poked = false;
  /** Whether nothing is to be started any more, or ended either. */
  #halted = true;

  private constructor(config: ModuleConfig, around: Surroundings, output: ModuleOutput) {
    this.name = config.name;
    this.config = config;
    this.#around = around;
    this.#output = output;
    this.#conversation = new Conversation(around.clock, output);
    this.#recorder = new Recorder({
      name: config.name,
      manager: around.manager,
      now: () => around.clock.wall(),
      nextId: () => this.#conversation.nextId(),
      tell: (command, ms, id) => this.#conversation.tell(this.#run?.process, command, ms, id),
      remember: () => around.remember(this.remembered),
      record: around.record,
    });
    const { desired, enabled } = this.standing;
    this.#settled = { desired, enabled };
  }

  /**
   * Takes a module over as it is found: fresh, or as a dead supervisor left it.
   * @param left what that one remembered; nothing for a fresh start
   * @param broken what is wrong with its configuration: then it can be ended, and not be started
   * @param recovering whether there was a dead supervisor: then what it didn't run isn't run
   */
  static async open(
    config: ModuleConfig,
    around: Surroundings,
    {
      left,
      recovering,
      broken,
    }: { left: RunningModule | undefined; recovering: boolean; broken?: string | undefined },
  ): Promise<Runner> {
    const { manager, places, logs, clock, log } = around;
    const { name, enabled } = config;
    const { log: path, raw } = places.of(name);
    const process = left && found(name, left, around);
    let runner: Runner | undefined;
    const output = await openOutput({
      raw,
      ...(process && { held: `/proc/${process.record.pid}/fd/1` }),
      log: path,
      ...logs,
      clock,
      line: (text) => runner?.hear(text),
      failed: (error) => log.warn(`${name}: its output isn't kept as it should be: ${message(error)}`),
    });
    const desired = recovering ? (left?.desired ?? "off") : enabled ? "on" : "off";
    // One that never lived, or went down with the machine, hasn't failed: it is started as it was to be.
    const vanished =
      left && hasProcess(left.state) && !process && (left.pid === null || left.boot !== ownIdentity().boot);
    if (left && !vanished) {
      manager.add(name, { desired, enabled, actual: left.state, reason: left.reason, since: left.since });
    } else manager.add(name, { desired, enabled });
    runner = new Runner(config, around, output);
    runner.broken = broken;
    if (left) runner.#takeOver(left, process, vanished === true);
    return runner;
  }

  get standing(): Standing {
    const standing = this.#around.manager.get(this.name);
    if (!standing) throw new Error(`${this.name} is forgotten`);
    return standing;
  }

  /** Whether it can be told to record. */
  get canRecord(): boolean {
    return this.#speaks;
  }

  /** The leader of its process group. */
  get pid(): number | undefined {
    return this.#run?.process?.record.pid;
  }

  /** Everything there is to show of it, but for what is measured from outside. */
  get row(): Omit<ModuleRow, "cpu" | "rss"> {
    const { name, desired, actual, since, reason, enabled } = this.standing;
    const alive = hasProcess(actual);
    return {
      name,
      desired,
      actual,
      pid: alive ? (this.pid ?? null) : null,
      since,
      started_at: alive ? (this.#run?.startedAt ?? null) : null,
      restarts: this.#restart.restarts,
      adopted: alive && this.#run?.process?.adopted === true,
      last_exit: this.#lastExit,
      reason,
      enabled,
      recording: this.#recorder.recording,
      status: this.#status,
    };
  }

  /** What a supervisor after this one has to know. */
  get remembered(): RunningModule {
    const { clock } = this.#around;
    const { name, desired, actual, reason, since } = this.standing;
    const record = this.#run?.process?.record;
    return {
      name,
      desired,
      state: actual,
      reason,
      since,
      run: this.#run?.id ?? null,
      pid: record?.pid ?? null,
      start: record?.start ?? null,
      boot: record?.boot ?? null,
      cgroup: record?.cgroup ?? null,
      startedAt: this.#run?.startedAt ?? null,
      speaks: this.#speaks,
      quitAsked: this.#quitAsked,
      ...this.#recorder.remembered,
      notBefore: this.#notBefore > 0 ? Math.round(clock.wall() + this.#notBefore - clock.monotonic()) : null,
      settled: this.#wishes.any(true) ? this.#settled : this.#unsettled,
      restart: this.#restart,
      lastExit: this.#lastExit,
    };
  }

  /** From now on it is moved towards what is desired. */
  go(): void {
    this.#halted = false;
    this.#awaitBackoff();
    this.poke();
  }

  /** From now on nothing is started, or ended, by itself. @param why what those are told who wait */
  halt(why = "the supervisor ends"): void {
    this.#halted = true;
    this.#backoff.abort();
    // A start that is under way is the next supervisor's to see to its end.
    if (this.#wishes.any(true)) this.#unsettled = this.#settled;
    for (const on of [true, false]) this.#wishes.settle(on, { ok: false, text: why });
  }

  /** Looks whether there is something to do. */
  poke(): void {
    this.#poked = true;
    this.#moving ??= this.#move().finally(() => {
      this.#moving = undefined;
      // Somebody may have poked just as it came to its end.
      if (this.#poked && !this.#halted) this.poke();
    });
  }

  async #move(): Promise<void> {
    // In a turn of its own: whoever pokes may be in the middle of something.
    await Promise.resolve();
    while (this.#poked && !this.#halted) {
      this.#poked = false;
      try {
        await this.#step();
      } catch (error) {
        this.#around.log.error(`${this.name}: ${message(error)}`, { error });
      }
    }
  }

  /** One step towards what is desired; pokes when there may be another. */
  async #step(): Promise<void> {
    const { manager } = this.#around;
    const standing = manager.get(this.name);
    if (!standing) return;
    const todo = this.#again && isRunning(standing) ? "stop" : needed(standing);
    if (standing.actual === "STOPPING") {
      // Asked for by a supervisor that didn't live to see it.
      await this.#finishStop(false);
      this.#poked = true;
    } else if (todo === "stop") {
      this.#again = false;
      await this.#stop();
      this.#poked = true;
    } else if (todo) {
      if (todo === "unwant") {
        this.#endBackoff();
        this.#recorder.drop();
      }
      if (manager.apply(this.name, todo)) this.#poked = true;
    } else if (standing.actual === "ENABLED") {
      if (!this.#mayStart()) return;
      this.#again = false;
      await this.#start();
      this.#poked = true;
    }
    this.#settle();
  }

  /** Whether nothing keeps it waiting; what does is said. */
  #mayStart(): boolean {
    const { manager, clock, waitsFor, changed } = this.#around;
    const waiting = waitsFor(this.name);
    if (waiting) {
      if (manager.explain(this.name, waiting.reason)) changed();
      if (!waiting.passes) this.#settleStarts(waiting.reason);
      return false;
    }
    if (clock.monotonic() < this.#notBefore) return false;
    if (this.#cleaning) {
      const why = this.#stuck
        ? "what ran before can't be ended"
        : "what is left of the last run is being ended";
      if (manager.explain(this.name, why)) changed();
      if (this.#stuck) this.#settleStarts(why);
    }
    return this.#cleaning === undefined;
  }

  // ——— starting

  async #start(): Promise<void> {
    const { manager, places, clock, log } = this.#around;
    const { name, config } = this;
    const { raw, stdin } = places.of(name);
    const run = this.#begin(new Run(crypto.randomUUID(), clock.wall(), clock));
    this.#quitAsked = false;
    this.#speaks = config.ready.by === "event";
    this.#status = null;
    manager.requested("start_requested", name);
    manager.apply(name, "start");
    // Its run id is on the disk before it lives: whatever happens to us, the next supervisor finds it.
    await this.#around.remember(this.remembered);
    try {
      if (this.broken !== undefined) throw new Expected(Exit.config, this.broken);
      const { command, cwd, env } = config;
      const owner = places.folder;
      run.process = await spawnModule({ name, command, cwd, env, run: run.id, owner, raw, stdin });
    } catch (error) {
      if (!(error instanceof Expected)) log.error(`${name}: ${message(error)}`, { error });
      this.#over(run);
      // What isn't there to be started won't be there in a second either.
      manager.apply(name, "fail", message(error));
      return;
    }
    run.allow(config.startDeadline);
    writeLeader(places.of(name).leader, run.process.record);
    this.#watch(run, run.process);
    this.#awaitReady(run);
    void this.#around.remember(this.remembered);
    this.#around.changed();
  }

  #begin(run: Run): Run {
    this.#lastLine = "";
    this.#run = run;
    return run;
  }

  /** Its leader is gone: nothing more is waited for, but for its last words. */
  #over(run: Run): void {
    run.end();
    void this.#output.drain().then(() => this.#conversation.hangUp());
  }

  #watch(run: Run, process: ModuleProcess): void {
    void process.exited.then((exit) => this.#exited(run, exit));
  }

  #awaitReady(run: Run): void {
    const { config } = this;
    run.awaitReady(
      config,
      () => this.#output.catchUp(),
      () => this.#ready(run),
      () => {
        if (this.#run !== run || this.standing.actual !== "STARTING") return;
        const reason = `not ready within ${spokenTime(config.startDeadline)}: ${whyNotReady(config.ready)}`;
        run.condemn({ event: "fail", reason }, config.stopSignal, config.stopDeadline);
      },
    );
  }

  #ready(run: Run): void {
    if (this.#run !== run || run.isOver || run.verdict) return;
    run.settle();
    run.statusAt = this.#around.clock.monotonic();
    if (!this.#around.manager.apply(this.name, "ready")) return;
    this.#settle();
    void this.#recorder.back(this.config.resumeRecording);
  }

  // ——— ending

  /** Its process ended: unasked, unless it is being stopped, which sees for itself. */
  #exited(run: Run, exit: ExitStatus): void {
    if (this.#run !== run || run.isOver) return;
    const { clock, manager } = this.#around;
    const { actual } = this.standing;
    this.#over(run);
    this.#lastExit = exitText(exit);
    if (actual === "STOPPING") return;
    const { event, reason } = this.#verdictOn(run, exit, actual === "STARTING");
    const at = clock.wall();
    this.#clean(this.#endLeft(run), run, reason);
    this.#recorder.cut(reason);
    const pid = run.process?.record.pid ?? null;
    if (event === "fail") manager.apply(this.name, "fail", reason);
    else manager.crash(this.name, { pid, last_exit: this.#lastExit }, reason);
    this.#settle();
    // Its process was asked to end: that it did is no failure.
    const failed = !this.#quitAsked && (event === "fail" || exit.code !== 0 || run.verdict !== undefined);
    this.#decide({ at, upMs: run.upMs, failed }, reason);
    this.poke();
  }

  #verdictOn(run: Run, exit: ExitStatus, starting: boolean): Verdict {
    if (run.verdict) return run.verdict;
    const how = exitText(exit) === "unknown" ? "it ended while nobody could see how" : exitText(exit);
    // A signal is a crash whenever it comes; a program that leaves before it is ready couldn't start.
    if (starting && exit.signal === null) {
      const unseen =
        exit.code === null ? "it ended before it was ready, while nobody could see how" : undefined;
      return { event: "fail", reason: unseen ?? `${how} before it was ready` };
    }
    return { event: "crash", reason: exit.code === 0 ? "it ended by itself (exit 0)" : how };
  }

  /** What follows an end that nobody asked for: rest, another start after a while, or no more of them. */
  #decide(exit: { at: number; upMs: number; failed: boolean }, reason: string): void {
    const { clock, manager, random } = this.#around;
    if (this.standing.desired === "off") return;
    const { state, next } = afterExit(this.#restart, exit, this.config.restart, random());
    this.#restart = state;
    if (next.do === "rest") return;
    if (next.do === "giveUp") {
      const text = `given up after ${next.failures} failures in 5 min, the last: ${reason}`;
      if (this.standing.actual === "CRASHED") manager.apply(this.name, "fail", text);
      else {
        manager.explain(this.name, text);
        this.#around.record({ type: "given_up", name: this.name, reason: text });
      }
      return;
    }
    this.#notBefore = clock.monotonic() + next.afterMs;
    const at = localTime(clock.wall() + next.afterMs, localOffset(clock.wall()));
    const time = at.toPlainTime().toString({ smallestUnit: "second" });
    manager.apply(this.name, "want", `again at ${time}, ${spokenTime(next.afterMs)} after ${reason}`);
    this.#awaitBackoff();
  }

  /** Until what is left of a run is ended nothing is started; then its last words are taken in. */
  #clean(ended: Promise<unknown>, run: Run, reason: string): void {
    const cleaning = ended
      .catch((error: unknown) => this.#around.log.warn(`${this.name}: ${message(error)}`, { error }))
      .then(() => this.#output.drain())
      .then(() => {
        if (!run.verdict) this.#addLastWords(reason);
        this.#cleaning = undefined;
        if (this.#run === run) this.#run = undefined;
        void this.#around.remember(this.remembered);
        this.poke();
      });
    this.#cleaning = cleaning;
  }

  /** What it said last is often why it ended. */
  #addLastWords(reason: string): void {
    const { manager, changed } = this.#around;
    const words = plain(this.#lastLine).slice(0, LAST_WORDS);
    const known = this.standing.reason;
    if (words === "" || !known?.endsWith(reason)) return;
    if (manager.explain(this.name, `${known}: ${words}`)) changed();
  }

  #awaitBackoff(): void {
    const { clock } = this.#around;
    const left = this.#notBefore - clock.monotonic();
    if (this.#halted || left <= 0) return;
    this.#backoff = new AbortController();
    void clock.sleep(left, this.#backoff.signal).then(() => {
      // A timer may fire a little early.
      this.#awaitBackoff();
      this.poke();
    });
  }

  #endBackoff(): void {
    this.#notBefore = 0;
    this.#backoff.abort();
  }

  /** Ends what is left of the group of a leader that is gone. */
  async #endLeft(run: Run): Promise<void> {
    const { stopSignal, stopDeadline } = this.config;
    await run.leftovers;
    await run.endGroup(stopSignal, stopDeadline);
    run.release();
  }

  /** Stops what runs, in order: the recording, the module, its group. */
  async #stop(): Promise<void> {
    const { manager } = this.#around;
    const { name } = this;
    const { actual } = this.standing;
    manager.requested("stop_requested", name);
    if (manager.apply(name, "stop")) await this.#finishStop(actual === "RECORDING");
  }

  async #finishStop(recording: boolean): Promise<void> {
    const run = this.#run;
    run?.settle();
    if (run?.process) {
      if (!(await this.#askToLeave(run, recording || this.#recorder.isBusy))) {
        return this.#stuckWith(run, run.process);
      }
      // How it ended is known once its exit was told, which comes at once.
      this.#lastExit = exitText(await run.process.exited);
    }
    await run?.leftovers;
    run?.release();
    if (run) this.#over(run);
    this.#run = undefined;
    this.#recorder.drop();
    await this.#output.drain();
    this.#around.manager.apply(this.name, "gone");
  }

  /** @returns whether nothing is left of it */
  async #askToLeave(run: Run, recording: boolean): Promise<boolean> {
    const { clock, log } = this.#around;
    const { stopSignal, stopDeadline } = this.config;
    const tell = (command: string) => this.#conversation.tell(run.process, { command }, stopDeadline);
    if (recording && this.#speaks) {
      const answer = await tell("stop_recording");
      const acknowledged = "said" in answer && answer.said.event === "ack";
      if (!acknowledged && !run.isOver) log.warn(`${this.name}: stop_recording wasn't acknowledged`);
    }
    this.#quitAsked = true;
    void this.#around.remember(this.remembered);
    const end = clock.monotonic() + stopDeadline;
    if (this.#speaks && !run.isOver) {
      void tell("quit");
      if (await run.leaves(Math.min(QUIT_MS, stopDeadline / 2))) return true;
    }
    return run.endGroup(stopSignal, Math.max(0, end - clock.monotonic()));
  }

  /** Not even SIGKILL ends it: it hangs in the kernel. Nothing is started in its place until it is gone. */
  #stuckWith(run: Run, process: ModuleProcess): void {
    this.#stuck = true;
    this.#over(run);
    this.#recorder.drop();
    const gone = process.gone(new AbortController().signal).then(() => {
      this.#stuck = false;
      run.release();
    });
    this.#clean(gone, run, "");
    const reason = `pid ${process.members().join(", ")} can't be ended`;
    this.#around.manager.apply(this.name, "fail", reason);
  }

  // ——— what it says

  /** A line that it has printed. */
  hear(line: string): void {
    const run = this.#run;
    const said = parseSaid(line);
    if (!said && line.trim() !== "") this.#lastLine = line;
    // The last words of one that is gone may be answers, and change nothing any more.
    if (said && run?.isOver) this.#conversation.heard(said);
    if (!run || run.isOver) return;
    if (said) this.#said(run, said);
    if (run.saysReady(line)) this.#ready(run);
  }

  #said(run: Run, said: Said): void {
    const { manager, clock, changed } = this.#around;
    const { event, id, message } = said;
    this.#speaks = true;
    if (event === "ready" && this.config.ready.by === "event") this.#ready(run);
    if (event === "still_starting") run.allow(this.config.startDeadline);
    if (event === "status") {
      run.statusAt = clock.monotonic();
      this.#status = { ...said.fields };
      changed();
    }
    if (event === "error" && id === undefined && message !== undefined) {
      if (manager.explain(this.name, plain(message).slice(0, LAST_WORDS))) changed();
    }
    this.#recorder.heard(said);
    this.#conversation.heard(said);
  }

  /** Tells it what somebody wants to tell it. */
  async send(
    command: Record<string, unknown>,
    withinMs: number,
  ): Promise<Outcome & { answer?: Record<string, unknown> }> {
    if (!hasProcess(this.standing.actual)) return this.#outcome(false, "it doesn't run");
    const answer = await this.#conversation.tell(this.#run?.process, command, withinMs);
    if ("silent" in answer) return this.#outcome(false, answer.silent);
    const { event, fields, message } = answer.said;
    return { ...this.#outcome(event !== "error", message ?? null), answer: { event, ...fields } };
  }

  /** Begins a recording. */
  async record(recording: Recording): Promise<Outcome> {
    const { actual } = this.standing;
    const mute = isUp(actual) && !this.#speaks ? "it doesn't speak: it can't be told to record" : null;
    const refused = mute ?? (await this.#recorder.begin(recording));
    return this.#outcome(refused === null, refused);
  }

  /** Ends its recording. */
  async pause(): Promise<Outcome> {
    const refused = await this.#recorder.end();
    return this.#outcome(refused === null, refused);
  }

  // ——— what somebody wishes

  /**
   * Turns it on or off and waits for what becomes of that. When a start doesn't come about, and nobody has wished for
   * something else meanwhile, what is desired and preferred is again what it was.
   * @param keep whether a fresh start is to follow it too
   */
  toggle(on: boolean, by: By, keep: boolean): Promise<Outcome> {
    const { manager } = this.#around;
    const { actual, desired: was, enabled } = this.standing;
    // What is wished for now takes the place of what was wished for before it.
    if (this.#wishes.any(!on)) this.#settled = { desired: was, enabled };
    this.#wishes.settle(!on, superseded(on ? "start" : "stop"));
    const desired = on ? "on" : "off";
    manager.desire(this.name, keep ? { desired, enabled: on } : { desired }, by);
    const failed = actual === "ERROR" || actual === "CRASHED";
    if (on && !isRunning({ actual })) this.#forgive();
    if (!on) {
      this.#unsettled = null;
      // A recording that was cut isn't gone on with either.
      if (!hasProcess(actual)) this.#recorder.drop();
      if (failed && !this.#stuck) manager.apply(this.name, "reset");
    }
    return this.#wait(on, undefined);
  }

  /**
   * Stops it if it runs, and starts it.
   * @param after when its turn to stop comes: once those that depend on it have stopped
   * @returns what became of it; `stopped` resolves once nothing of what ran is left
   */
  restart(after: Promise<unknown>): { outcome: Promise<Outcome>; stopped: Promise<unknown> } {
    const { manager } = this.#around;
    const { actual, desired, enabled } = this.standing;
    const run = this.#run;
    const runs = isRunning({ actual });
    // The wish is taken at once: who wishes otherwise later is later.
    if (this.#wishes.any(false)) this.#settled = { desired, enabled };
    this.#wishes.settle(false, superseded("restart"));
    manager.desire(this.name, { desired: "on" }, "restart");
    if (!runs) this.#forgive();
    const outcome = this.#wait(true, runs ? run : undefined);
    const turn = after.then(() => {
      const isWished = this.#wishes.any(true) && manager.get(this.name)?.desired === "on";
      if (!runs || !isWished || this.#run !== run) return;
      this.#again = true;
      this.poke();
    });
    return { outcome, stopped: runs && run ? turn.then(() => Promise.race([run.released, outcome])) : turn };
  }

  /** Forgets its failures; when it is wanted it is started again. */
  async reset(): Promise<Outcome> {
    const { manager, changed } = this.#around;
    const { desired } = this.standing;
    this.#restart = NO_FAILURES;
    if (desired === "off") manager.apply(this.name, "reset");
    this.#forgive();
    changed();
    return desired === "on" ? this.#wait(true, undefined) : this.#outcome(true, null);
  }

  /** Waits for what becomes of it, as somebody who had it started. */
  started(): Promise<Outcome> {
    return this.#wait(true, undefined);
  }

  /** A person's word ends a backoff, and what it failed at is forgiven. */
  #forgive(): void {
    const { manager } = this.#around;
    this.#restart = NO_FAILURES;
    this.#endBackoff();
    const { actual, desired } = this.standing;
    if (desired === "on" && (actual === "ERROR" || actual === "CRASHED")) manager.apply(this.name, "want");
    this.poke();
  }

  async #wait(on: boolean, not: Run | undefined): Promise<Outcome> {
    const fate = this.#wishes.wait(on, not);
    this.#settle();
    this.poke();
    const { ok, text } = await fate;
    // Whoever is told of it may rely on it, also when we are killed right after.
    if (this.#around.manager.get(this.name)) await this.#around.remember(this.remembered);
    return this.#outcome(ok, text);
  }

  /** Tells those whose wish has come to its end, the one way or the other. */
  #settle(): void {
    const { actual, reason } = this.standing;
    const failed = actual === "ERROR" || actual === "CRASHED";
    if (isUp(actual)) this.#unsettled = null;
    if (isUp(actual) && this.#run && !this.#again) this.#wishes.settle(true, DONE, this.#run);
    if (this.#stuck) this.#wishes.settle(false, { ok: false, text: reason });
    else if (!hasProcess(actual) && actual !== "ENABLED" && !this.#cleaning) this.#wishes.settle(false, DONE);
    if (failed) this.#settleStarts(reason);
    const { desired, enabled } = this.standing;
    if (!this.#wishes.any()) this.#settled = { desired, enabled };
  }

  /** No start will come about: what is desired is again what it was before it was asked for. */
  #settleStarts(reason: string | null): void {
    const unsettled = this.#unsettled;
    this.#unsettled = null;
    if (unsettled) this.#around.manager.desire(this.name, unsettled, "rollback");
    if (!this.#wishes.any(true)) return;
    // First what is true again, then who is told of it.
    this.#around.manager.desire(this.name, this.#settled, "rollback");
    this.#wishes.settle(true, { ok: false, text: reason });
    this.poke();
  }

  #outcome(ok: boolean, text: string | null): Outcome {
    return { name: this.name, ok, text };
  }

  // ——— being looked after

  /** Every few seconds: whether its process is there, and says what it is to say. */
  look(): void {
    const run = this.#run;
    if (!run?.process || run.isOver) return;
    if (!isAlive(run.process.record)) {
      // Its exit is told at once, as a rule; it may be on its way.
      if (!run.missed) {
        run.missed = true;
        return;
      }
      this.#around.log.warn(`${this.name}: pid ${this.pid} is gone, and nobody said so`);
      this.#exited(run, { code: null, signal: null });
      return;
    }
    const { watchdog } = this.config;
    if (watchdog === undefined || !isUp(this.standing.actual) || run.silentMs <= watchdog) return;
    // We may have been held up ourselves: what it has said meanwhile counts.
    void this.#output.catchUp().then(() => {
      if (this.#run !== run || run.isOver || run.silentMs <= watchdog) return;
      const { stopSignal, stopDeadline } = this.config;
      const reason = `wedged: no status for ${spokenTime(run.silentMs)}`;
      run.condemn({ event: "crash", reason }, stopSignal, stopDeadline);
    });
  }

  /** Takes in an edited configuration. @returns whether what runs has to be restarted for it */
  edit(config: ModuleConfig): boolean {
    const matters = ({ command, cwd, env }: ModuleConfig) => JSON.stringify([command, cwd, env]);
    const restart = matters(config) !== matters(this.config) && isRunning(this.standing);
    this.config = config;
    this.broken = undefined;
    return restart;
  }

  /** Waits for what is under way, then ends what runs. */
  async end(): Promise<void> {
    this.halt();
    await this.#moving;
    if (isRunning(this.standing)) await this.#stop();
    else if (this.standing.actual === "STOPPING") await this.#finishStop(false);
    if (!this.#stuck) await this.#cleaning;
    await this.#output[Symbol.asyncDispose]();
  }

  /** Resolves once nothing is left of what ran last. */
  async cleaned(): Promise<void> {
    await this.#cleaning;
  }

  /** Lets go of it; what runs goes on. @param why what those are told who wait */
  async leave(why?: string): Promise<void> {
    this.halt(why);
    this.#run?.end();
    this.#conversation.hangUp();
    this.#run?.release();
    await this.#output[Symbol.asyncDispose]();
  }

  // ——— after a supervisor that died

  #takeOver(left: RunningModule, process: ModuleProcess | undefined, vanished: boolean): void {
    const { clock } = this.#around;
    this.#restart = left.restart;
    this.#lastExit = left.lastExit;
    this.#speaks = left.speaks;
    this.#quitAsked = left.quitAsked;
    this.#recorder.takeOver(left, vanished);
    if (left.notBefore !== null) {
      const wait = Math.min(LONGEST_BACKOFF_MS, left.notBefore - clock.wall());
      if (wait > 0) this.#notBefore = clock.monotonic() + wait;
    }
    this.#unsettled = left.settled;
    if (!hasProcess(left.state) && (left.run === null || left.boot !== ownIdentity().boot)) return;
    const startedAt = left.startedAt ?? left.since;
    const run = this.#begin(new Run(left.run ?? "", startedAt, clock));
    run.allow(Math.max(1_000, this.config.startDeadline - run.upMs));
    if (process) {
      run.process = process;
      this.#watch(run, process);
      if (this.standing.actual === "STARTING") this.#awaitReady(run);
      this.#replay(left.since);
      return;
    }
    const { stopSignal, stopDeadline } = this.config;
    run.leftovers = endLeftovers(recordOf(left) ?? { run: run.id }, stopSignal, stopDeadline);
    // What was being stopped goes on being so.
    if (left.state === "STOPPING" && !vanished) run.end();
    else if (!vanished && hasProcess(left.state)) this.#exited(run, { code: null, signal: null });
    else {
      this.#over(run);
      this.#clean(this.#endLeft(run), run, "");
    }
  }

  /** What it said last may have been taken in by a supervisor that didn't live to do anything about it. */
  #replay(since: number): void {
    const { places, log } = this.#around;
    try {
      using reader = new LineReader(places.of(this.name).log);
      reader.seek(REPLAYED, (line) => (parseLogLine(line)?.at ?? since) < since);
      const parse = logLines();
      for (let read = reader.next(); read; read = reader.next()) {
        for (const { text, mark } of parse(read)) if (!mark) this.hear(text);
      }
    } catch (error) {
      log.warn(`${this.name}: its log can't be read: ${message(error)}`);
    }
  }
}

const isRunning = ({ actual }: Pick<Standing, "actual">): boolean =>
  hasProcess(actual) && actual !== "STOPPING";

const DONE = { ok: true, text: null };

const superseded = (by: string) => ({ ok: false, text: `superseded by a later ${by}` });

/** What it takes for one to be ready, and hasn't come about. */
function whyNotReady(ready: Ready): string {
  if (ready.by === "event") return 'it never said {"event":"ready"}';
  if (ready.by === "pattern") return `its output never matched /${ready.pattern}/`;
  if (ready.by === "tcp") return `nobody listens on port ${ready.port}`;
  return ready.by === "http" ? `${ready.url} isn't answered` : "it wasn't up for long enough";
}

const recordOf = ({ run, pid, start, boot, cgroup }: RunningModule) =>
  run !== null && pid !== null && start !== null && boot !== null
    ? { run, pid, start, boot, cgroup }
    : undefined;

/** The process that a dead supervisor left, if exactly that one lives. */
function found(name: string, left: RunningModule, { places }: Surroundings): ModuleProcess | undefined {
  if (!hasProcess(left.state) || left.run === null) return undefined;
  // It may have been made just before the supervisor died, and not be known yet.
  const record = recordOf(left) ?? findRun(left.run);
  return record && adoptModule(record, places.of(name));
}
