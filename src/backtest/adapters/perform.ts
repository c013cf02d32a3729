import { statSync } from "node:fs";
import { newSessionId } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Host } from "../../kernel/host.ts";
import { runHost } from "../../kernel/host.ts";
import { inBackground, launch } from "../../kernel/launch.ts";
import { ENGINE_VERSION } from "../core/engine/engine.ts";
import type { Breakpoint, Run } from "../core/run.ts";
import type { RunState } from "../core/run-state.ts";
import { changedFile, findStrategy } from "./engine/strategy-file.ts";
import { feedOf } from "./live/feed.ts";
import { openLive } from "./live/live.ts";
import { command } from "./remote.ts";
import { resultFacts, summaryText } from "./report/report.ts";
import { openRun } from "./run.ts";
import { liveRuns, storedRun } from "./runs/find.ts";
import { schema } from "./runs/journal.ts";
import { showScreen } from "./screen.ts";
import { type Feed, parseFeed } from "./session-file.ts";
import { settings } from "./settings.ts";
import { specOf } from "./spec.ts";

/** Begins a run or restores one, and hosts it. */

/** A run that is over sooner than this isn't worth a full screen, ms. */
const SCREEN_AFTER_MS = 150;
/** How often a pipe is told how far it is, ms. */
const TELL_PIPE_MS = 1000;
/** How often the files of `--watch` are looked at, ms. */
const WATCH_MS = 250;

/** `stint backtest run` */
export async function run(
  context: Context,
  sessionFile: string | undefined,
  options: Options,
): Promise<number> {
  if (options["watch"] === true) return runAndWatch(context, sessionFile, options);
  const spec = await specOf(sessionFile, options);
  const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
  await perform(context, { ...spec, session, restored: false, options }).catch((error: unknown) => {
    throw said(error, sessionFile, options);
  });
  return Exit.ok;
}

/** Flags that the strategy or the data may find wrong, when both are loaded. */
const LATE_FLAGS = ["param", "timeframe", "data", "volumeLimit"] as const;

/** What a run was told wrongly is a fault of the session file, when none of the flags said it. */
function said(error: unknown, sessionFile: string | undefined, options: Options): unknown {
  const flagged = LATE_FLAGS.some((flag) => options[flag] !== undefined);
  if (sessionFile === undefined || flagged || !(error instanceof Expected) || error.exit !== Exit.usage)
    return error;
  return new Expected(Exit.config, `${sessionFile}: ${error.message}`, error.hint);
}

/** `stint backtest resume` */
export async function resume(context: Context, id: string | undefined, options: Options): Promise<number> {
  const live = liveRuns(context, id);
  if (live.length > 0) return command(context, "resume", id);
  const session = await storedRun(context, id, (found) => !found.result && !found.failure);
  const { row, run: found, result, failure, manner } = session;
  if (result) throw new Expected(Exit.no, `run ${row.id} is finished`, `stint backtest status ${row.id}`);
  const hint = "run it anew: stint backtest run";
  if (failure) throw new Expected(Exit.no, `run ${row.id} failed: ${failure}`, hint);
  if (found.engine !== ENGINE_VERSION) {
    throw new Expected(Exit.no, `run ${row.id} was begun by another version of the engine`, hint);
  }
  const { source, files } = found.strategy;
  const changed = "file" in source ? changedFile(files, findStrategy(source.file).files) : undefined;
  if (changed) throw new Expected(Exit.no, `${changed} has changed since this run was begun`, hint);
  const said = options["feed"] as string | undefined;
  const feed = said === undefined ? null : (parseFeed(said) ?? null);
  if (found.mode === "live" && feed === null) {
    throw new Expected(
      Exit.usage,
      `run ${row.id} is live: it needs its feed again`,
      "--feed - or --feed 'COMMAND'",
    );
  }
  if (feed !== null && options["detach"] === true && "stdin" in feed) {
    throw new Expected(Exit.usage, "a host in the background has no stdin to read", "--feed 'COMMAND'");
  }
  await perform(context, {
    run: found,
    session: row.id,
    restored: true,
    options,
    // As it was run before, unless a flag says otherwise.
    speed: (options["speed"] as number | undefined) ?? manner?.speed ?? 0,
    pace: (options["pace"] as number | undefined) ?? manner?.pace ?? undefined,
    breakpoints: (options["pauseAt"] as Breakpoint[] | undefined) ?? manner?.breakpoints ?? [],
    feed,
  });
  return Exit.ok;
}

/** `stint backtest run --watch`: again and again, each time under a new id, until it is told to end. */
async function runAndWatch(
  context: Context,
  sessionFile: string | undefined,
  options: Options,
): Promise<number> {
  const { life, output } = context;
  const left = new AbortController();
  output.onClosed(() => left.abort());
  let watched: readonly string[] = sessionFile === undefined ? [] : [sessionFile];
  while (!left.signal.aborted) {
    let seen = stamps(watched);
    try {
      const spec = await specOf(sessionFile, options);
      watched = spec.watched;
      seen = stamps(watched);
      const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
      const changed = changeOf(watched, seen, left.signal);
      const until = { until: changed.promise, unread: () => left.abort() };
      await perform(context, { ...spec, session, restored: false, options, ...until }).finally(changed.stop);
    } catch (error) {
      // What is wrong with the file is told, and the next version of it may be right.
      if (!(error instanceof Expected) || watched.length === 0) throw error;
      output.note(error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
    }
    if (life.cause || left.signal.aborted) break;
    // It may have been ended by a change.
    if (stamps(watched) !== seen) continue;
    output.note("waiting for a change of the strategy or the session file; Ctrl+C ends it");
    using _ = life.own({ end: () => left.abort(), hurry: async () => {} });
    await changeOf(watched, seen, left.signal).promise;
  }
  return Exit.ok;
}

/** What tells one version of a file from another. */
const stamps = (files: readonly string[]): string =>
  files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : "none";
    })
    .join("\n");

/** Resolves once one of the files isn't as it was, or when the signal aborts. */
function changeOf(
  files: readonly string[],
  seen: string,
  signal: AbortSignal,
): { promise: Promise<void>; stop(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (stamps(files) !== seen) stop();
  }, WATCH_MS);
  const stop = () => {
    clearInterval(timer);
    signal.removeEventListener("abort", stop);
    resolve();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return { promise, stop };
}

type Hosted = {
  readonly run: Run;
  readonly session: string;
  readonly restored: boolean;
  readonly options: Options;
  readonly speed: number;
  readonly pace: number | undefined;
  readonly breakpoints: readonly Breakpoint[];
  readonly feed: Feed | null;
  /** When it is to end though it isn't done: what it is of has changed. */
  readonly until?: Promise<void>;
  /** Called when nobody reads what it says. */
  readonly unread?: () => void;
};

/** Hosts a run in this process, or has another do it in the background. */
async function perform(context: Context, hosted: Hosted): Promise<void> {
  const { output, profile, life } = context;
  const { run, session, restored, options, speed, pace, breakpoints, feed } = hosted;
  if (options["detach"] === true && !inBackground()) {
    const { session: id, pid } = await launch(context.argv);
    const facts = { id, kind: "backtest", profile, pid };
    output.emit({ type: "session", ...facts }, () => `run ${id} goes on in the background (pid ${pid})`);
    return;
  }
  const { checkpoint_seconds, log: logging } = await settings();
  const manner = { pace: pace === undefined || pace === 0 ? null : pace, speed, breakpoints };
  using log = context.log(`backtest.${profile}`, logging);
  const paused = options["paused"] === true;
  const drawn = output.terminal && !output.json && !inBackground() && run.mode === "backtest";
  const teller = new Teller(context, session, restored);
  let screenTimer: ReturnType<typeof setTimeout> | undefined;
  const hosting = { kind: "backtest", profile, session, schemas: [schema], recreated: restored } as const;
  const open = (host: Host) => {
    const request = {
      run,
      restored,
      manner,
      checkpointSeconds: checkpoint_seconds,
      began: () => teller.began(),
      told: (state: RunState) => teller.told(state),
      warn: (text: string) => output.note(text),
    };
    if (run.mode !== "live") return openRun(host, request);
    if (feed === null) throw new Error("a live run without a feed");
    return openLive(host, { ...request, feed: feedOf(feed), emit: (line) => output.emit(line) });
  };
  try {
    await runHost({ ...hosting, life, log }, async (host) => {
      output.onClosed(() => {
        host.end();
        hosted.unread?.();
      });
      hosted.until?.then(() => host.end());
      if (drawn) {
        const shown = { control: host.control, attached: false, quit: () => host.end() };
        const show = () => showScreen(context, shown, host.terminal.show).catch(host.end);
        screenTimer = setTimeout(show, paused ? 0 : SCREEN_AFTER_MS);
      }
      return { ...(await open(host)), paused };
    });
  } finally {
    clearTimeout(screenTimer);
  }
  teller.finish();
}

/** What a run says on stdout: that it began, how far it is, what it came to. */
class Teller {
  readonly #context: Context;
  readonly #session: string;
  readonly #restored: boolean;
  readonly #since = systemClock.monotonic();
  #announced = false;
  #begun = false;
  #last: RunState | undefined;
  #told = { at: Number.NEGATIVE_INFINITY, bar: -1 };

  constructor(context: Context, session: string, restored: boolean) {
    this.#context = context;
    this.#session = session;
    this.#restored = restored;
  }

  /** From here on there is something to go on with. */
  began(): void {
    this.#begun = true;
    this.#announce();
  }

  /** The first line. */
  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    const { output, profile } = this.#context;
    output.emit({ type: "session", id: this.#session, kind: "backtest", profile, restored: this.#restored });
  }

  told(state: RunState): void {
    const now = systemClock.monotonic();
    // A file that takes long to read is told of; before and after that the run may be refused, and then nothing has begun.
    const reading = state.loaded > 0 && state.loaded < 1;
    if (!this.#announced && (now - this.#since < TELL_PIPE_MS || !reading)) return;
    this.#announce();
    this.#last = state;
    if (now - this.#told.at < TELL_PIPE_MS) return;
    this.#told = { at: now, bar: state.bar };
    this.#context.output.emit(progressLine(state));
  }

  /** The last words of a run: its result, or how to go on with it. */
  finish(): void {
    const state = this.#last;
    if (!state) return;
    const { output } = this.#context;
    if (state.bar !== this.#told.bar) output.emit(progressLine(state));
    const { result, bar, bars } = state;
    if (result) {
      output.emit({ type: "result", id: this.#session, ...resultFacts(result) }, () =>
        summaryText(output, { ...state, result }, state.equity_curve),
      );
      for (const symbol of result.unseen_symbols) {
        output.note(
          `the strategy was never called for ${symbol}: it has fewer bars than the indicators need`,
        );
      }
    } else {
      output.emit(
        { type: "stopped", id: this.#session, bar, bars },
        () => `stopped at bar ${bar} of ${bars}`,
      );
      output.note(
        this.#begun
          ? `go on with it: stint backtest resume ${this.#session}`
          : "it had not begun: nothing was kept",
      );
    }
  }
}

function progressLine(state: RunState) {
  const { loaded, bar, bars, time, equity, trades, bars_per_second, return_pct, max_drawdown_pct } = state;
  const reading = bars === 0 ? { loaded } : {};
  return {
    type: "progress",
    ...reading,
    bar,
    bars,
    time,
    equity,
    return_pct,
    max_drawdown_pct,
    trades,
    bars_per_second,
  };
}
