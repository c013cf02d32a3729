/** Changes to what runs, the same for the process that makes them and the test that judges what is left of them. */
import type { RunningFile } from "../../src/modules/adapters/running.ts";
import { NO_FAILURES } from "../../src/modules/core/restart.ts";
import type { Head, Left, RunningModule } from "../../src/modules/core/running.ts";

export const head = (session: string): Head => ({
  session,
  dir: "/rack/modules",
  supervisor: { pid: 4242, start: "1234", boot: "b007" },
});

export const running = (name: string, how: Partial<RunningModule> = {}): RunningModule => ({
  name,
  desired: "on",
  state: "IDLE",
  reason: null,
  since: 1_795_356_000_000,
  run: "0199-run",
  pid: 5151,
  start: "98765",
  boot: "b007",
  cgroup: null,
  startedAt: 1_795_356_000_000,
  speaks: true,
  asked: null,
  notBefore: null,
  settled: null,
  quitAsked: false,
  recording: null,
  restart: NO_FAILURES,
  lastExit: null,
  ...how,
});

/** What is left in short: each module, and the change it is from. */
export const short = (modules: Iterable<RunningModule>): string =>
  [...modules]
    .map(({ name, reason }) => `${name}=${reason}`)
    .sort()
    .join(" ");

export type Change = { do: "put" | "drop" | "running" | "given up"; module: RunningModule };

const NAMES = ["camera-1", "camera-2", "gps", "eye", "audio"];
const WEIGHTED = ["put", "put", "put", "put", "drop", "running", "given up"] as const;

/** The nth change of a sequence. */
export function changeOf(seed: number, n: number): Change {
  // Mixed as in splitmix32.
  let hash = Math.imul(seed * 7919 + n, 0x9e3779b9);
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = (hash ^ (hash >>> 15)) >>> 0;
  const name = NAMES[hash % NAMES.length] ?? "";
  const what = WEIGHTED[(hash >>> 8) % WEIGHTED.length] ?? "put";
  return { do: what, module: running(name, { reason: `${seed}:${n}` }) };
}

export function make(file: RunningFile, { do: what, module }: Change): Promise<boolean> {
  if (what === "put") return file.put(module);
  return what === "drop" ? file.drop(module.name) : file.resolve(module.name, what);
}

/** What is to be found after each change, from what was left before. */
export class Model {
  readonly #live = new Map<string, RunningModule>();
  readonly #unsettled: Map<string, RunningModule>;

  constructor(left: Left | undefined) {
    this.#unsettled = new Map(left?.modules.map((module) => [module.name, module]));
  }

  make({ do: what, module }: Change): void {
    const { name } = module;
    const left = this.#unsettled.get(name);
    if (what === "put") this.#live.set(name, module);
    else this.#unsettled.delete(name);
    if (what === "drop") this.#live.delete(name);
    if (what === "running" && left && !this.#live.has(name)) this.#live.set(name, left);
  }

  get found(): string {
    return short(new Map([...this.#unsettled, ...this.#live]).values());
  }
}
