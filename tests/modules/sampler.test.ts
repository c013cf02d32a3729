import { expect, test } from "bun:test";
import { closeSync, constants, existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Folder } from "../support/folder.ts";
import { ModulesBox, readSamples } from "../support/modules.ts";
import { type Line, until } from "../support/sandbox.ts";

/** A module's process as a supervisor makes it: stdin a pipe that it holds open itself, stdout a file it appends to. */
class Told implements Disposable {
  readonly folder = new Folder();
  readonly process: Bun.Subprocess;
  readonly #stdin = this.folder.file("stdin");
  readonly #raw = this.folder.file("raw");

  constructor(argv: string[], env: Record<string, string> = {}) {
    Bun.spawnSync(["mkfifo", this.#stdin]);
    const [stdin, stdout] = [openSync(this.#stdin, constants.O_RDWR), openSync(this.#raw, "a")];
    this.process = Bun.spawn(argv, {
      cwd: this.folder.path,
      env: { ...process.env, BUN_OPTIONS: "", STINT_MODULE: "camera", ...env },
      stdin,
      stdout,
      stderr: stdout,
    });
    closeSync(stdin);
    closeSync(stdout);
  }

  static sampler(env: Record<string, string> = {}): Told {
    return new Told([process.execPath, join(import.meta.dir, "sampler.ts")], env);
  }

  /** Each time as somebody who wasn't there before. */
  tell(command: Line | string): void {
    const stdin = openSync(this.#stdin, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(stdin, `${typeof command === "string" ? command : JSON.stringify(command)}\n`);
    closeSync(stdin);
  }

  get raw(): string {
    return readFileSync(this.#raw, "utf8");
  }

  get said(): Line[] {
    return this.raw
      .split("\n")
      .slice(0, -1)
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
  }

  /** The first thing it says of which this holds. */
  hears(holds: (said: Line) => boolean): Promise<Line> {
    return until(() => this.said.find(holds)) as Promise<Line>;
  }

  ready(): Promise<Line> {
    return this.hears(({ event }) => event === "ready");
  }

  answer(to: number): Promise<Line> {
    return this.hears(({ id }) => id === to);
  }

  record(id: number, trial = 3, segment = 1): void {
    const session = this.folder.file("session");
    this.tell({ command: "start_recording", id, session, trial, segment, timestamp: 0 });
  }

  recorded(trial = 3, segment = 1): string {
    return this.folder.file(`session/camera-trial${trial}-segment${segment}.txt`);
  }

  [Symbol.dispose](): void {
    this.process.kill("SIGKILL");
    this.folder[Symbol.dispose]();
  }
}

test("the sampler records a hundred samples a second, none of them missing, and says how many", async () => {
  using told = Told.sampler();
  await told.ready();
  told.record(7);
  expect(await told.answer(7)).toEqual({ event: "ack", id: 7 });
  const begun = performance.now();
  expect(await told.hears(({ state }) => state === "recording")).toMatchObject({ event: "status" });
  told.tell({ command: "stop_recording", id: 8 });
  const { samples, ...rest } = await told.answer(8);
  const seconds = (performance.now() - begun) / 1000;
  expect(rest).toEqual({ event: "ack", id: 8 });

  const { count, gaps, largestPauseMs } = readSamples(told.recorded());
  expect({ count, gaps }).toEqual({ count: samples as number, gaps: [] });
  // As many as the time it took, give or take how late either of us was told.
  expect(Math.abs(count - 100 * seconds)).toBeLessThan(15);
  expect(largestPauseMs).toBeLessThan(500);
});

test("a sample is in the file as soon as it is taken: kill -9 loses none", async () => {
  using told = Told.sampler();
  await told.ready();
  told.record(1);
  await until(() => existsSync(told.recorded()) && readSamples(told.recorded()).count > 30);
  told.process.kill("SIGKILL");
  await told.process.exited;
  expect(readFileSync(told.recorded(), "utf8")).toEndWith("\n");
  expect(readSamples(told.recorded()).gaps).toEqual([]);
});

test("a recording is never overwritten, nor begun twice", async () => {
  using told = Told.sampler();
  await told.ready();
  told.record(1);
  told.record(2, 4);
  expect(await told.answer(2)).toMatchObject({ event: "error", message: "it is recording already" });
  told.tell({ command: "stop_recording", id: 3 });
  told.record(4);
  expect((await told.answer(4))["message"]).toContain("EEXIST");
  told.record(5, 3, 2);
  expect(await told.answer(5)).toEqual({ event: "ack", id: 5 });
  expect(existsSync(told.recorded(3, 2))).toBe(true);
});

test("it answers what it doesn't know with an error, and status every second", async () => {
  using told = Told.sampler();
  await told.ready();
  told.tell({ command: "zoom", id: 9 });
  expect(await told.answer(9)).toEqual({ event: "error", id: 9, message: "unknown command" });
  told.tell("what?");
  await told.hears(({ event, id }) => event === "error" && id === undefined);
  expect(await told.hears(({ event }) => event === "status")).toEqual({
    event: "status",
    state: "idle",
    samples: 0,
  });
});

test("it quits with 0 and closes what it records", async () => {
  using told = Told.sampler();
  await told.ready();
  told.record(1);
  await told.answer(1);
  told.tell({ command: "quit", id: 2 });
  expect(await told.process.exited).toBe(0);
  expect(await told.answer(2)).toEqual({ event: "ack", id: 2 });
});

test("it goes on when whoever spoke to it is gone, and hears the next one", async () => {
  using told = Told.sampler();
  await told.ready();
  told.record(1);
  await told.answer(1);
  // Nobody but itself has the pipe open now.
  const { count } = readSamples(told.recorded());
  await until(() => readSamples(told.recorded()).count > count + 20);
  told.tell({ command: "stop_recording", id: 2 });
  await told.answer(2);
  expect(readSamples(told.recorded()).gaps).toEqual([]);
});

test("on request it dies of a signal, or ends with a code", async () => {
  for (const signal of ["SIGKILL", "SIGSEGV"]) {
    using told = Told.sampler();
    await told.ready();
    told.tell({ command: "crash", id: 1, signal });
    await told.process.exited;
    expect(told.process.signalCode as string | null).toBe(signal);
  }
  using told = Told.sampler();
  await told.ready();
  told.tell({ command: "exit", id: 1, code: 3 });
  expect(await told.process.exited).toBe(3);
});

test("wedged, it says nothing more and goes on recording", async () => {
  using told = Told.sampler();
  await told.ready();
  told.record(1);
  await told.answer(1);
  told.tell({ command: "wedge", id: 2 });
  told.tell({ command: "stop_recording", id: 3 });
  const { count } = readSamples(told.recorded());
  // Longer than from one status to the next.
  await until(() => readSamples(told.recorded()).count > count + 120);
  expect(told.said.at(-1)).toEqual({ event: "ack", id: 1 });
});

test("hanging, it takes neither quit nor SIGTERM", async () => {
  using told = Told.sampler();
  await told.ready();
  told.tell({ command: "hang", id: 1 });
  await told.answer(1);
  told.tell({ command: "quit", id: 2 });
  told.process.kill("SIGTERM");
  told.tell({ command: "zoom", id: 3 });
  await told.answer(3);
  expect(told.process.exitCode).toBe(null);
});

test("it prints as much as it is told to", async () => {
  using told = Told.sampler();
  await told.ready();
  told.tell({ command: "spew", id: 1, bytes: 3_000_000 });
  await told.answer(1);
  expect(told.raw.length).toBeGreaterThan(3_000_000);
});

test("a slow start says that it is still starting, unless it is to be silent; it may end at once", async () => {
  using slow = Told.sampler({ SAMPLER_START_MS: "350", SAMPLER_STILL_MS: "100" });
  using silent = Told.sampler({ SAMPLER_START_MS: "350", SAMPLER_STILL_MS: "0" });
  using gone = Told.sampler({ SAMPLER_EXIT: "4" });
  await Promise.all([slow.ready(), silent.ready()]);
  expect(slow.said[0]).toEqual({ event: "still_starting" });
  expect(silent.said[0]).toEqual({ event: "ready" });
  expect(await gone.process.exited).toBe(4);
  expect(gone.raw).toBe("");
});

test("the tiny module is ready, answers and quits", async () => {
  await using box = new ModulesBox();
  using told = new Told(["/bin/sh", join(box.tiny("tiny"), "run.sh")]);
  await told.ready();
  told.tell({ command: "zoom", id: 12, factor: 2 });
  expect(await told.answer(12)).toEqual({ event: "ack", id: 12 });
  told.tell({ id: 13, command: "quit" });
  expect(await told.process.exited).toBe(0);
  expect(await told.answer(13)).toEqual({ event: "ack", id: 13 });
});

test("ffmpeg's recording of a test picture grows while it runs", async () => {
  await using box = new ModulesBox();
  const out = box.ffmpeg("camera");
  const [, command = ""] = /command = (.*)/.exec(readFileSync(join(out, "../config.txt"), "utf8")) ?? [];
  const camera = Bun.spawn(command.split(" "), { cwd: join(out, ".."), env: box.env, stderr: "ignore" });
  const size = () => (existsSync(out) ? readFileSync(out).length : 0);
  const first = await until(size, (bytes) => bytes > 0);
  await until(size, (bytes) => bytes > first);
  camera.kill("SIGTERM");
  await camera.exited;
});

test("readSamples finds what is missing and the longest pause", () => {
  using folder = new Folder();
  const path = folder.file("samples.txt");
  writeFileSync(path, "1 10000\n2 20000\n5 95000\n6 105000\n7 11");
  expect(readSamples(path)).toEqual({ count: 4, gaps: [3, 4], largestPauseMs: 75 });
  writeFileSync(path, "1 10000\n1 20000\n");
  expect(() => readSamples(path)).toThrow("1 20000 after 1");
});
