import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { STARTING, STOPPING, type State } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { socketPath } from "../../src/kernel/paths.ts";
import { type Alone, nothingRuns, Reach } from "../../src/kernel/reach.ts";
import { serveUnix, type Watcher } from "../../src/kernel/runtime.ts";
import { takeSeat } from "../../src/kernel/seat.ts";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

let home: Home;
let ends: (() => Promise<unknown>)[];
beforeEach(() => {
  home = enterHome();
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  home[Symbol.dispose]();
});

/** What a host answers: a state, or what it throws. */
type Answer = State | Expected;

/** A host in this process, that answers as it is told. */
async function host(answers: { state?: Answer; command?: (name: string) => Answer | Promise<Answer> } = {}) {
  const taken = takeSeat("modules.default", "default");
  const watchers = new Set<Watcher>();
  const asked: string[] = [];
  const socket = socketPath("modules.default");
  mkdirSync(join(home.path, "run/stint"), { mode: 0o700, recursive: true });
  const it = {
    state: { whole: true, n: 1 } as Answer,
    asked,
    ...answers,
    push(state: State) {
      it.state = state;
      for (const watcher of watchers) watcher.send(JSON.stringify(state));
    },
    /** Gives its seat free, and ends. */
    async leave() {
      taken[Symbol.dispose]();
      for (const watcher of watchers) watcher.close();
      await server.stop();
    },
  };
  const server = await serveUnix(socket, {
    async request(method, path) {
      asked.push(`${method} ${path}`);
      const name = path.replace("/command/", "");
      const answer = method === "GET" ? it.state : ((await it.command?.(name)) ?? it.state);
      if (!(answer instanceof Expected)) return { status: 200, body: JSON.stringify(answer) };
      return { status: 409, body: JSON.stringify({ v: 1, error: answer.message, exit: answer.exit }) };
    },
    opened(watcher) {
      watchers.add(watcher);
      watcher.send(JSON.stringify(it.state));
    },
    closed: (watcher) => void watchers.delete(watcher),
  });
  taken.announce({ kind: "modules", profile: "default", session: "s", socket });
  ends.push(it.leave);
  return it;
}

const again = (words: string) => new Expected(Exit.again, words);

function reach(alone: Partial<Alone> = {}) {
  const said: string[] = [];
  const made = new Reach({
    kind: "modules",
    profile: "default",
    called: "the supervisor",
    isWhole: (state) => state["whole"] === true,
    stored: async () => ({ host: false, stored: true }),
    command: async () => {
      throw nothingRuns("modules");
    },
    tell: (text) => void said.push(text),
    ...alone,
  });
  return { reach: made, said };
}

describe("the state", () => {
  test("is the live host's, and says so; without one, what is stored", async () => {
    const { reach: control } = reach();
    expect(await control.state()).toEqual({ host: false, stored: true });
    expect(control.host).toBeUndefined();
    const live = await host();
    expect(await control.state()).toEqual({ whole: true, n: 1, host: true });
    expect(control.host).toMatchObject({ session: "s" });
    await live.leave();
    expect(await control.state()).toEqual({ host: false, stored: true });
  });

  test("of a host that is still opening is waited for", async () => {
    const live = await host({ state: { state: "starting" } });
    const asking = reach().reach.state();
    await until(() => live.asked.length > 1);
    live.state = { whole: true, n: 2 };
    expect(await asking).toMatchObject({ n: 2 });
  });

  test("is no less told when its host goes while it is asked", async () => {
    const live = await host({ state: {} });
    const asking = reach().reach.state();
    await until(() => live.asked.length > 1);
    await live.leave();
    expect(await asking).toEqual({ host: false, stored: true });
  });
});

describe("a command", () => {
  test("is the live host's, and its refusal the answer", async () => {
    const live = await host({ command: (name) => ({ did: name }) });
    const { reach: control } = reach();
    expect(await control.command("pause")).toEqual({ did: "pause", host: true });
    live.command = () => new Expected(Exit.no, "there is nothing to undo");
    await expect(control.command("undo")).rejects.toMatchObject({
      exit: 1,
      message: "there is nothing to undo",
    });
  });

  test("that comes while the host opens is given again", async () => {
    let times = 0;
    await host({ command: () => (++times < 3 ? again(STARTING) : { times }) });
    expect(await reach().reach.command("pause")).toEqual({ times: 3, host: true });
  });

  test("that comes while the host ends begins again without it", async () => {
    const live = await host({ command: () => again(STOPPING) });
    const asked: [string, unknown][] = [];
    const { reach: control } = reach({
      async command(name, args) {
        asked.push([name, args]);
        return { alone: true };
      },
    });
    const asking = control.command("rename", { to: "x" });
    await until(() => live.asked.length > 0);
    expect(asked).toEqual([]);
    await live.leave();
    expect(await asking).toEqual({ alone: true });
    expect(asked).toEqual([["rename", { to: "x" }]]);
  });

  test("that needs a host is asked of the one that was made for it", async () => {
    const { reach: control } = reach({
      async command() {
        await host({ command: (name) => ({ did: name }) });
        return undefined;
      },
    });
    expect(await control.command("resume")).toEqual({ did: "resume", host: true });
  });

  test("for which there is nothing says how to begin", async () => {
    await expect(reach().reach.command("pause")).rejects.toMatchObject({
      exit: 1,
      message: "nothing is running",
      hint: "stint modules start",
    });
  });
});

describe("watching", () => {
  /** Watches and keeps what was told. */
  function watch(control: Reach) {
    const told: (State | undefined)[] = [];
    const watching = control.watch((state) => void told.push(state));
    ends.push(async () => watching[Symbol.asyncDispose]());
    return told;
  }

  test("follows a host as it comes and goes, with what is stored in between", async () => {
    const came: boolean[] = [];
    const { reach: control } = reach({
      async watched(_, first) {
        came.push(first);
        return Infinity;
      },
    });
    const told = watch(control);
    await until(() => told.length === 1);
    const live = await host({ state: { n: 0 } });
    live.push({ whole: true, n: 1 });
    await until(() => told.some((state) => state?.["n"] === 1));
    // What a host that opens says isn't told.
    expect(told.slice(0, 2)).toEqual([
      { host: false, stored: true },
      { whole: true, n: 1, host: true },
    ]);
    await live.leave();
    await until(() => told.at(-1)?.["stored"] === true);
    expect([came[0], came.at(-1)]).toEqual([true, false]);
  });

  test("computes what is stored anew when it is no longer true", async () => {
    let n = 0;
    const { reach: control } = reach({ stored: async () => ({ n: ++n }), watched: async () => 1 });
    const told = watch(control);
    await until(() => told.length >= 3);
    expect(told.slice(0, 3)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  test("says what keeps it from being read, and tries again", async () => {
    let times = 0;
    const { reach: control, said } = reach({
      async stored() {
        if (++times === 1) throw again("the store is busy");
        return { times };
      },
    });
    const told = watch(control);
    await until(() => told.length === 1);
    expect(told).toEqual([{ times: 2 }]);
    expect(said).toEqual(["the store is busy"]);
  });
});
