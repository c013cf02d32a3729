/** Runs hosted in this very process, one at a time, and the commands of their clients: quicker by far than processes. */
import * as perform from "../../src/backtest/adapters/perform.ts";
import * as remote from "../../src/backtest/adapters/remote.ts";
import type { Context, Options } from "../../src/kernel/command.ts";
import { Life } from "../../src/kernel/life.ts";
import { enterHome, type Home } from "../support/home.ts";
import { inProcess } from "../support/in-process.ts";
import { KeptLog } from "../support/kept-log.ts";
import type { Line, Ran } from "../support/sandbox.ts";
import { until } from "../support/sandbox.ts";

/** A home of its own, with a run in it or not. Dispose it (`await using`) and the run is ended. */
export class Hosting implements AsyncDisposable {
  readonly home: Home;
  readonly log = new KeptLog();
  /** What the host has said so far. */
  lines: Line[] = [];
  /** What it has said to people. */
  notes: string[] = [];
  #life = new Life(() => {});
  #running: Promise<Ran> | undefined;

  constructor(env: Record<string, string> = {}) {
    this.home = enterHome(env);
  }

  /** `stint backtest run` with these options, as their parsers give them; it goes on meanwhile. */
  begin(options: Options, session?: string): void {
    this.#host((context) => perform.run(context, session, options));
  }

  /** `stint backtest run` to its end. @returns its result, its last line */
  async run(options: Options, session?: string): Promise<Line> {
    this.begin(options, session);
    return (await this.ended()).lines.at(-1) ?? {};
  }

  /** `stint backtest resume`; it goes on meanwhile. */
  resumeStored(options: Options = {}, id?: string): void {
    this.#host((context) => perform.resume(context, id, options));
  }

  #host(work: (context: Context) => Promise<number>): void {
    this.#life = new Life(() => {});
    this.lines = [];
    this.notes = [];
    const life = this.#life;
    this.#running = inProcess((context) => {
      const { output } = context;
      const emit = (line: Line) => {
        this.lines.push(line);
        output.emit(line as { type: string });
      };
      const note = (text: string) => {
        this.notes.push(text);
        output.note(text);
      };
      const told = Object.assign(Object.create(output) as object, { emit, note });
      return work({ ...context, output: told as unknown as typeof output, life, log: () => this.log });
    });
  }

  /** What the host comes to. */
  async ended(): Promise<Ran> {
    if (!this.#running) throw new Error("nothing was begun");
    return this.#running;
  }

  /** SIGTERM, and its end. */
  async terminate(): Promise<Ran> {
    this.#life.signal("SIGTERM", 15);
    return this.ended();
  }

  /** A client's command, which must end well. @returns its last line */
  async do(work: (context: Context) => Promise<number>): Promise<Line> {
    const ran = await inProcess(work);
    if (ran.code !== 0) throw new Error(ran.err);
    return ran.lines.at(-1) ?? {};
  }

  /** What a client's command is refused with. */
  async refused(work: (context: Context) => Promise<number>): Promise<{ code: number; err: string }> {
    const { code, err } = await inProcess(work);
    return { code, err };
  }

  pause = (): Promise<Line> => this.do((context) => remote.command(context, "pause", undefined));
  resume = (): Promise<Line> => this.do((context) => remote.command(context, "resume", undefined));
  status = (): Promise<Line> => this.do((context) => remote.status(context, undefined));
  inspect = (): Promise<Line> => this.do((context) => remote.inspect(context, undefined));
  stop = (): Promise<Line> => this.do((context) => remote.stop(context, undefined));
  step = (bars: number | "trade" = 1): Promise<Line> =>
    this.do((context) =>
      remote.step(context, {
        bars: bars === "trade" ? undefined : String(bars),
        toTrade: bars === "trade",
        id: undefined,
      }),
    );
  add = (symbol: string, data: string, options: Options = {}): Promise<Line> =>
    this.do((context) => remote.add(context, symbol, { ...options, data }));

  /** Its state once that holds. */
  async reached(holds: (status: Line) => boolean, ms?: number): Promise<Line> {
    return until(
      async () => {
        try {
          return await this.status();
        } catch {
          // It isn't there yet, or not any more.
          return {};
        }
      },
      holds,
      ms,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.signal("SIGTERM", 15);
    await this.#running?.catch(() => {});
    this.home[Symbol.dispose]();
  }
}
