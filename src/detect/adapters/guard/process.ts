import { systemClock } from "../../../kernel/clock.ts";
import type { Context } from "../../../kernel/command.ts";
import { Exit } from "../../../kernel/errors.ts";
import {
  BEAT_MS,
  type GuardReport,
  type GuardRequest,
  HostWatch,
  Lines,
  readRequest,
} from "../../core/guard.ts";
import { Keeper } from "./keeper.ts";

/**
 * `stint detect __guard`: the one process that ever switches a relay on. It is told what to do on stdin and answers on
 * stdout, a line of JSON each; see core/guard.ts. At the end of stdin, or when it hears nothing of its host, it switches
 * all off.
 */
export async function guard({ output, life }: Context): Promise<number> {
  // Whoever ends a whole group means the host: that ends the guard last of all.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE"] as const) {
    process.removeAllListeners(name);
    process.on(name, () => {});
  }
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  // Only a crash comes here.
  using _ = life.own({ end: () => end(), hurry: async () => {} });
  const watch = new Sentry((report) => output.emit(report));
  const lines = new Lines();
  const timer = setInterval(() => watch.look(), BEAT_MS);
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (text: string) => {
    try {
      for (const line of lines.push(text)) watch.take(line);
    } catch {
      // Whoever speaks like this isn't a host.
      end();
    }
  });
  process.stdin.on("end", end).on("close", end).on("error", end);
  await over;
  clearInterval(timer);
  await watch.end();
  return Exit.ok;
}

class Sentry {
  readonly #report: (report: GuardReport) => void;
  readonly #watch = new HostWatch(performance.now());
  #keepers: readonly Keeper[] = [];
  /** How many turns of switching off are under way: what becomes of the boards is told at their end. */
  #turns = 0;
  /** Why all was switched off, while nobody has been told. */
  #fired: string | undefined;

  constructor(report: (report: GuardReport) => void) {
    this.#report = report;
  }

  /** @throws when no host says so */
  take(line: string): void {
    const request = readRequest(line);
    if (!request) throw new Error("a line that no host says");
    this.look();
    switch (request.ask) {
      case "hold":
        if (this.#keepers.length > 0) throw new Error("it holds boards already");
        this.#keepers = request.boards.map((board) => new Keeper(board, request.host, () => this.#changed()));
        void this.#switchOff().then(() => this.#report({ type: "ready", boards: this.#boards }));
        break;
      case "beat":
        this.#watch.beat(performance.now(), ahead(request.at));
        if (this.#fired === undefined || this.#turns > 0) this.#report({ type: "beat" });
        else this.#tellFired();
        break;
      case "set":
        void this.#set(request);
        break;
      case "off":
        void this.#off(request.id);
    }
  }

  /** Whether the host is heard still. */
  look(): void {
    const why = this.#watch.look(performance.now());
    if (why === undefined) return;
    this.#fired ??= why;
    void this.#switchOff().then(() => {
      if (!this.#watch.silent) this.#tellFired();
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.end()));
  }

  async #set(request: Extract<GuardRequest, { ask: "set" }>): Promise<void> {
    const { id, board } = request;
    const keeper = this.#keepers.find(({ name }) => name === board);
    const age = () => this.#watch.age(ahead(request.at));
    const why = keeper ? await keeper.set(request, age) : "there is no such board";
    this.#done(id, why === undefined ? [] : [{ board, why }]);
  }

  async #off(id: number): Promise<void> {
    const tried = await this.#switchOff();
    this.#done(
      id,
      tried.flatMap(({ board, why }) => (why === undefined ? [] : [{ board, why }])),
    );
  }

  async #switchOff(): Promise<{ board: string; why: string | undefined }[]> {
    this.#turns++;
    try {
      return await Promise.all(
        this.#keepers.map(async (keeper) => ({ board: keeper.name, why: await keeper.off() })),
      );
    } finally {
      this.#turns--;
    }
  }

  #done(id: number, failed: { board: string; why: string }[]): void {
    if (!this.#watch.silent) this.#report({ type: "done", id, failed, boards: this.#boards });
  }

  #tellFired(): void {
    if (this.#fired === undefined || this.#turns > 0) return;
    this.#report({ type: "fired", why: this.#fired, boards: this.#boards });
    this.#fired = undefined;
  }

  #changed(): void {
    if (this.#turns > 0 || this.#fired !== undefined || this.#watch.silent) return;
    this.#report({ type: "boards", boards: this.#boards });
  }

  get #boards() {
    return this.#keepers.map(({ report }) => report);
  }
}

/** How far this clock is ahead of the one that something came with; on Linux they are the same. */
const ahead = (at: number): number => systemClock.boot() - at;
