#!/usr/bin/env bun
/**
 * A module: records numbered samples at 100 Hz, each written at once, so that whatever is lost leaves a gap in the
 * numbers and whatever held it up a pause in the times. It records into `SESSION/NAME-trialN-segmentN.txt`, a line a
 * sample: its number, from 1, and when it was written (CLOCK_MONOTONIC, µs).
 *
 * For the tests it can also misbehave, by command: `{"command":"crash","signal":"SIGSEGV"}`, `exit` (`code`), `wedge`
 * (it says and hears nothing any more, but goes on recording), `hang` (quit and every signal that can be are ignored)
 * and `spew` (`bytes` of lines). By environment, at its start: SAMPLER_START_MS (how long that takes), SAMPLER_STILL_MS
 * (how often it says meanwhile that it is still starting; 0: never), SAMPLER_EXIT (ends with this code instead).
 */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const PERIOD_MS = 10;
const STATUS_MS = 1_000;
const STDOUT = 1;

type Command = Readonly<Record<string, unknown>>;
type Recording = { file: number; samples: number; begun: number };

const env = process.env;
const name = env["STINT_MODULE"] ?? "sampler";
let recording: Recording | undefined;
let wedged = false;
let hanging = false;

/** All of it, in order: stdout may be a pipe that is full. */
function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(STDOUT, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}

function say(event: string, fields: Command = {}): void {
  if (!wedged) print(`${JSON.stringify({ event, ...fields })}\n`);
}

/** Writes the samples that are due. By the schedule, not by the timer: a late one is followed by those it held up. */
function sample(to: Recording): void {
  const due = Math.floor((performance.now() - to.begun) / PERIOD_MS);
  while (to.samples < due) {
    const us = Math.round(Number(process.hrtime.bigint()) / 1e3);
    writeSync(to.file, `${++to.samples} ${us}\n`);
  }
}

function record(): void {
  if (!recording) return;
  sample(recording);
  const next = recording.begun + (recording.samples + 1) * PERIOD_MS;
  setTimeout(record, Math.max(1, next - performance.now()));
}

function begin({ session, trial, segment }: Command): void {
  if (recording) throw new Error("it is recording already");
  if (typeof session !== "string") throw new Error("where to?");
  mkdirSync(session, { recursive: true });
  // What is there stays: a recorder overwrites nothing.
  const file = openSync(join(session, `${name}-trial${trial ?? 1}-segment${segment ?? 1}.txt`), "ax");
  recording = { file, samples: 0, begun: performance.now() };
  record();
}

/** @returns how many samples were recorded, in all */
function end(): number {
  if (!recording) return 0;
  const ended = recording;
  recording = undefined;
  sample(ended);
  closeSync(ended.file);
  return ended.samples;
}

function quit(): void {
  if (hanging) return;
  end();
  process.exit(0);
}

/** Does what it is told. @returns what to answer besides the id */
function obey(command: Command): Command | undefined {
  switch (command["command"]) {
    case "start_recording":
      begin(command);
      return {};
    case "stop_recording":
      return { samples: end() };
    case "quit":
      return hanging ? undefined : {};
    case "crash":
      process.kill(process.pid, (command["signal"] ?? "SIGKILL") as NodeJS.Signals);
      return undefined;
    case "exit":
      return process.exit(Number(command["code"] ?? 1));
    case "wedge":
      wedged = true;
      return undefined;
    case "hang":
      hanging = true;
      return {};
    case "spew": {
      const line = `${"spew ".repeat(16)}\n`;
      const chunk = line.repeat(800);
      for (let left = Number(command["bytes"] ?? 1e6); left > 0; left -= chunk.length) {
        print(chunk.slice(0, left));
      }
      print("\n");
      return {};
    }
    default:
      throw new Error("unknown command");
  }
}

function hear(line: string): void {
  if (wedged || line === "") return;
  let id: unknown;
  try {
    const command = JSON.parse(line) as Command;
    id = command["id"];
    const answer = obey(command);
    if (answer) say("ack", { id, ...answer });
    if (command["command"] === "quit") quit();
  } catch (error) {
    say("error", { id, message: (error as Error).message });
  }
}

if (env["SAMPLER_EXIT"]) process.exit(Number(env["SAMPLER_EXIT"]));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]) {
  process.on(signal, quit);
}
const still = Number(env["SAMPLER_STILL_MS"] ?? 200);
const starting = still > 0 ? setInterval(() => say("still_starting"), still) : undefined;
await Bun.sleep(Number(env["SAMPLER_START_MS"] ?? 0));
clearInterval(starting);
say("ready");
setInterval(
  () =>
    say("status", { state: recording ? "recording" : "idle", samples: recording ? recording.samples : 0 }),
  STATUS_MS,
);

let heard = "";
const decoder = new TextDecoder();
for await (const bytes of Bun.stdin.stream()) {
  const lines = (heard + decoder.decode(bytes, { stream: true })).split("\n");
  heard = lines.pop() ?? "";
  for (const line of lines) hear(line);
}
// Whoever spoke to it is gone for good: it never is while stdin is a pipe that it holds open itself.
quit();
