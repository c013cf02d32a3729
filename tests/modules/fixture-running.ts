/** A supervisor's memory in a process of its own: `bun fixture-running.ts WHAT PATH ARGUMENT`; what it reaches it says on stdout. */
import { mock } from "bun:test";
import { cpSync, rmSync, writeSync } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { fill } from "../support/small-disk.ts";
import { changeOf, head, Model, make, running, short } from "./running-model.ts";

const [what, path = "", argument = ""] = process.argv.slice(2);
const say = (text: string) => void writeSync(1, `${text}\n`);
const told = { failed: (error: Error) => say(`failed ${error.message}`), mended: () => say("mended") };
const nobody = () => {};

switch (what) {
  // Changes what runs until it is killed; says how many changes are acknowledged. Never more than 8 are not.
  case "change": {
    const { readLeft, RunningFile } = await import("../../src/modules/adapters/running.ts");
    const seed = Number(argument);
    say("ready");
    await using file = await RunningFile.open(path, head(`s${seed}`), await readLeft(path, nobody), told);
    await file.complete();
    say("0");
    for (let n = 1; ; n++) {
      const made = make(file, changeOf(seed, n)).then(() => say(String(n)));
      if (n % 8 === 0 || n % 5 < 2) await made;
    }
  }
  // Three supervisors, of which two die and the last ends: copies the folder before each step on the file system, and says with each copy
  // what may be found in it, as it is and with the live file damaged.
  case "steps": {
    const states = [""];
    // The changes that are acknowledged, and those that were before the last write.
    let [acknowledged, before, copies] = [0, 0, 0];
    let stepped = false;
    const copied =
      <A extends unknown[], R>(step: (...args: A) => R) =>
      (...args: A): R => {
        const copy = join(argument, String(copies++));
        cpSync(dirname(path), copy, { recursive: true });
        stepped = true;
        say(JSON.stringify({ copy, whole: states.slice(acknowledged), damaged: states.slice(before) }));
        return step(...args);
      };
    const { open, rename, link, rm } = { ...fs };
    mock.module("node:fs/promises", () => ({
      ...fs,
      open: copied(open),
      rename: copied(rename),
      link: copied(link),
      rm: copied(rm),
    }));
    const { readLeft, RunningFile } = await import("../../src/modules/adapters/running.ts");
    for (const seed of [1, 2, 3]) {
      const left = await readLeft(path, nobody);
      const model = new Model(left);
      const file = await RunningFile.open(path, head(`s${seed}`), left, told);
      if (!left) await file.complete();
      const changes = Array.from({ length: 10 }, (_, n) => changeOf(seed, n));
      if (seed === 3) {
        for (const module of left?.modules ?? []) changes.push({ do: "running", module });
        changes.push(...changes.slice(0, 10));
      }
      changes.push({ do: "put", module: running("last", { reason: String(seed) }) });
      for (const [at, change] of changes.entries()) {
        model.make(change);
        const made = states.push(model.found) - 1;
        const written = make(file, change).then(() => {
          if (stepped) before = acknowledged;
          [acknowledged, stepped] = [made, false];
        });
        if (at % 3 !== 1 || at === changes.length - 1) await written;
      }
      if (seed < 3) continue;
      states.push("");
      await file.clear();
    }
    break;
  }
  // Fills its disk, changes what runs, and makes room again.
  case "full": {
    const { readLeft, RunningFile } = await import("../../src/modules/adapters/running.ts");
    await using file = await RunningFile.open(path, head("full"), undefined, told);
    await file.complete();
    await file.put(running("gps", { reason: "before" }));
    const filler = join(dirname(path), "filler");
    fill(filler);
    const long = running("gps", { reason: "x".repeat(20_000) });
    say(`${await file.put(long)} ${await file.put(long)}`);
    say(short((await readLeft(path, say))?.modules ?? []));
    rmSync(filler);
    while (short((await readLeft(path, say))?.modules ?? []).length < 20_000) await Bun.sleep(20);
    say("kept");
    break;
  }
}
process.exit(0);
