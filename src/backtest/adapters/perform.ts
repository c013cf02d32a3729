import { basename, resolve } from "node:path";
import { newSessionId } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { runHost } from "../../kernel/host.ts";
import { inBackground, launch } from "../../kernel/launch.ts";
import type { Commission } from "../core/commission.ts";
import { ENGINE_VERSION } from "../core/engine.ts";
import type { RunState } from "../core/run-state.ts";
import { liveRuns, storedRun } from "./find.ts";
import { type Run, schema } from "./journal.ts";
import { command } from "./remote.ts";
import { resultFacts, summaryText } from "./report.ts";
import { type Manner, openRun } from "./run.ts";
import { SAMPLE_SYMBOL, samplePath } from "./sample.ts";
import { showScreen } from "./screen.ts";
import { settings } from "./settings.ts";
import { changedFile, findStrategy } from "./strategy-file.ts";

/** Begins a run or restores one, and hosts it. */

/** A run that is over sooner than this isn't worth a full screen, ms. */
const SCREEN_AFTER_MS = 150;
/** How often a pipe is told how far it is, ms. */
const TELL_PIPE_MS = 1000;

/** `stint backtest run` */
export async function run(context: Context, options: Options): Promise<number> {
  const configured = await settings();
  const data = options["data"] as string | undefined;
  const strategy = findStrategy(String(options["strategy"] ?? "sma-cross"));
  const [from = null, to = null] = [options["from"], options["to"]] as (number | undefined)[];
  if (from !== null && to !== null && from >= to)
    throw new Expected(Exit.usage, "--from must come before --to");
  const begun: Run = {
    strategy,
    engine: ENGINE_VERSION,
    params: (options["param"] as Record<string, number> | undefined) ?? {},
    data: {
      path: data === undefined ? null : resolve(data),
      hash: "",
      symbol: String(
        options["symbol"] ?? (data === undefined ? SAMPLE_SYMBOL : basename(data).replace(/\.\w+$/, "")),
      ),
    },
    from,
    to,
    settings: {
      cash: (options["cash"] as number | undefined) ?? configured.cash,
      commission: (options["commission"] as Commission | undefined) ?? configured.commission,
      spread: (options["spread"] as number | undefined) ?? configured.spread,
      tradeOnClose: options["tradeOnClose"] === true,
      exclusiveOrders: options["exclusive"] === true,
      finalize: options["finalize"] === true,
    },
  };
  const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
  return perform(context, { run: begun, session, restored: false, options });
}

/** `stint backtest resume` */
export async function resume(context: Context, id: string | undefined, options: Options): Promise<number> {
  const live = liveRuns(context, id);
  if (live.length > 0) return command(context, "resume", id);
  const session = await storedRun(context, id, (found) => !found.result && !found.failure);
  const { row, run: found, result, failure } = session;
  if (result) throw new Expected(Exit.no, `run ${row.id} is finished`, `stint backtest status ${row.id}`);
  const hint = "run it anew: stint backtest run";
  if (failure) throw new Expected(Exit.no, `run ${row.id} failed: ${failure}`, hint);
  if (found.engine !== ENGINE_VERSION) {
    throw new Expected(Exit.no, `run ${row.id} was begun by another version of the engine`, hint);
  }
  const { source, files } = found.strategy;
  const changed = "file" in source ? changedFile(files, findStrategy(source.file).files) : undefined;
  if (changed) throw new Expected(Exit.no, `${changed} has changed since this run was begun`, hint);
  return perform(context, { run: found, session: row.id, restored: true, options });
}

type Hosted = { run: Run; session: string; restored: boolean; options: Options };

/** Hosts a run in this process, or has another do it in the background. */
async function perform(context: Context, hosted: Hosted): Promise<number> {
  const { output, profile, life } = context;
  const { run, session, restored, options } = hosted;
  if (options["detach"] === true && !inBackground()) {
    const { session: id, pid } = await launch(context.argv);
    const facts = { id, kind: "backtest", profile, pid };
    output.emit({ type: "session", ...facts }, () => `run ${id} goes on in the background (pid ${pid})`);
    return Exit.ok;
  }
  const pace = options["pace"] as number | undefined;
  const { checkpoint_seconds, log: logging } = await settings();
  const manner: Manner = { checkpointSeconds: checkpoint_seconds, ...(pace === undefined ? {} : { pace }) };
  const dataPath = run.data.path ?? (await samplePath());
  using log = context.log(`backtest.${profile}`, logging);
  const { paused = false } = options;
  const drawn = output.terminal && !output.json && !inBackground();
  const teller = new Teller(context, session, restored);
  let screenTimer: ReturnType<typeof setTimeout> | undefined;
  const hosting = { kind: "backtest", profile, session, schemas: [schema], recreated: restored } as const;
  try {
    await runHost({ ...hosting, life, log }, async (host) => {
      output.onClosed(() => host.end());
      if (drawn) {
        const shown = { control: host.control, attached: false, quit: () => host.end() };
        const show = () => showScreen(context, shown, host.terminal.show).catch(host.end);
        screenTimer = setTimeout(show, paused === true ? 0 : SCREEN_AFTER_MS);
      }
      const began = () => teller.began();
      const told = (state: RunState) => teller.told(state);
      const activity = await openRun(host, { run, restored, dataPath, manner, began, told });
      return { ...activity, paused: paused === true };
    });
  } finally {
    clearTimeout(screenTimer);
  }
  teller.finish();
  return Exit.ok;
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
    // A file that takes long is told of; one that is read at once may still be refused, and then nothing has begun.
    if (!this.#announced && now - this.#since < TELL_PIPE_MS) return;
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
