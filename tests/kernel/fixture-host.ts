/**
 * A host to be tested from outside: `bun fixture-host.ts SESSION`, steered by FIXTURE and by commands over its socket.
 * Its parts are real ones; what happens to them is appended to the file `parts` in the current folder.
 */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { findSession } from "../../src/kernel/checkpoint.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { Exit, Expected, message } from "../../src/kernel/errors.ts";
import { generation } from "../../src/kernel/generation.ts";
import { type Activity, type Host, runHost } from "../../src/kernel/host.ts";
import { Life } from "../../src/kernel/life.ts";
import { openLog } from "../../src/kernel/log.ts";
import type { Part } from "../../src/kernel/stack.ts";
import { readStore } from "../../src/kernel/store.ts";
import { never, toldToLeave } from "../support/parts.ts";
import { until } from "../support/sandbox.ts";

const fixture = process.env["FIXTURE"] ?? "";
const note = (text: string) => appendFileSync("parts", `${text}\n`);

/** The machine's time, and what it has slept by a test's word. */
let asleepMs = 0;
const clock: Clock = {
  ...systemClock,
  wall: () => systemClock.wall() + asleepMs,
  boot: () => systemClock.boot() + asleepMs,
};

/** A part with a file open for as long as it is. */
const writer: Part = async () => {
  const handle = await openFile("written", "a");
  note("open writer");
  return {
    async [Symbol.asyncDispose]() {
      await handle.close();
      note("dispose writer");
    },
  };
};

/** A camera that hangs up when told to. */
function camera() {
  let hangUp: () => void = () => {};
  let plugged = fixture !== "unplugged";
  const part = async (_signal: AbortSignal, lost: (error: unknown) => void) => {
    if (!plugged) throw new Error("no camera");
    const server = Bun.listen({ unix: join(process.cwd(), "camera.sock"), socket: { data() {} } });
    note("open camera");
    hangUp = () => lost(new Error("the camera hung up"));
    return {
      async [Symbol.asyncDispose]() {
        server.stop(true);
        note("dispose camera");
      },
    };
  };
  return {
    part,
    unplug() {
      plugged = false;
      hangUp();
    },
    plug() {
      plugged = true;
    },
  };
}

/** A lamp that must never be left on: the file `lamp` says how it is. */
const lamp: Part = async () => {
  writeFileSync("lamp", "on");
  note("open lamp");
  return {
    async [Symbol.asyncDispose]() {
      writeFileSync("lamp", "off");
      note("dispose lamp");
    },
  };
};

const ticking: Part = async () => {
  const timer = setInterval(() => {}, 10);
  note("open ticking");
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      note("dispose ticking");
    },
  };
};

async function activity(host: Host): Promise<Activity<object>> {
  const { stack } = host;
  if (fixture === "slow-state") {
    await stack.open("state", "slow", async (signal) => {
      note("opening slow");
      await toldToLeave(signal);
      throw new Error("left");
    });
  }
  await stack.open("state", "writer", writer);
  const eye = camera();
  let failing: unknown = {
    bug: new Error("a bug"),
    expected: new Expected(Exit.unavailable, "no display", "plug one in"),
  }[fixture];
  let stateless = false;
  let page: (error: Error) => void = () => {};
  let generations = 0;
  if (fixture === "page") {
    await host.slot(
      "page",
      async (_signal, lost) => {
        page = lost;
        return { async [Symbol.asyncDispose]() {} };
      },
      { retryMs: () => 20 },
    );
  }
  const worker: Part = async (signal) => {
    if (failing !== undefined) throw failing;
    if (fixture === "slow-worker") {
      note("opening worker");
      await toldToLeave(signal);
    }
    generations++;
    note("open worker");
    return {
      async [Symbol.asyncDispose]() {
        note("dispose worker");
        if (fixture.startsWith("hang")) await never();
      },
    };
  };
  host.show(() => {
    if (stateless) throw new Error("no state");
    return { generations };
  });
  const disposeMs = fixture === "hang" ? 60_000 : 50;
  return {
    paused: fixture === "paused",
    slept: (ms) => note(`slept ${Math.round(ms / 1000)} s`),
    sleptWithinMs: 20,
    ...(fixture === "carries-on" ? { unwritten: (error) => note(`unwritten: ${message(error)}`) } : {}),
    async reached(state) {
      if (fixture === "stop-slowly" && state === "stopping") {
        note("stopping");
        await until(() => existsSync("let-go"));
      }
      if (state === "stopping") writeFileSync("asked", String(host.stopAsked()));
      // One that goes on without its own writes too.
      if (fixture === "carries-on") {
        await host.store
          .write((db) => db.prepare("SELECT 1").get())
          .catch((error: unknown) => note(message(error)));
      }
    },
    generation: generation<object>()
      .sources(async (open) => ({ camera: await open.slot("camera", eye.part, { retryMs: () => 20 }) }))
      .actuators(async (open) => ({ lamp: await open("lamp", lamp) }))
      .timers(async (open) => ({ ticking: await open("ticking", ticking) }))
      .workers(async (open) => ({ worker: await open("worker", worker, { disposeMs }) })),
    given: {},
    commands: {
      async throw() {
        setTimeout(() => {
          throw new Error("nobody caught this");
        }, 0);
      },
      async reject() {
        void Promise.reject(new Error("nobody awaited this"));
      },
      async break() {
        failing = new Expected(Exit.unavailable, "no model", "fetch one");
      },
      async mend() {
        failing = undefined;
      },
      async unplug() {
        eye.unplug();
      },
      async plug() {
        eye.plug();
      },
      async done() {
        host.end();
      },
      async touch() {
        note("touched");
      },
      async sleep() {
        asleepMs += 60_000;
      },
      async unpage() {
        page(new Error("the port was taken"));
      },
      /** From here on nobody can be told the state, this command's own answer included. */
      async forget() {
        stateless = true;
      },
      async remember() {
        stateless = false;
      },
    },
  };
}

async function main(): Promise<number> {
  const session = process.argv[2] ?? "";
  // The check of the store after an unclean end starts this program anew.
  if (session === "__check-store") return Exit.ok;
  const life = new Life((code) => process.exit(code));
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => life.signal(name, constants.signals[name]));
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error) => void (life.crash(error) || process.exit(Exit.internal)));
  }
  const recreated = (await readStore([], (db) => findSession(db, session))) !== undefined;
  const options = { kind: "pomo", profile: "default", session, schemas: [], recreated, clock } as const;
  const cause = await runHost({ ...options, life, log: openLog("host", { level: "debug" }) }, activity);
  if (cause === undefined) return Exit.ok;
  return cause.kind === "signal" ? 128 + cause.number : Exit.internal;
}

void main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(String(error));
    process.exit(error instanceof Expected ? error.exit : Exit.internal);
  },
);
