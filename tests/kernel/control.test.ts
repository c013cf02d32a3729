import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, stopHost } from "../../src/kernel/client.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ControlServer, type State } from "../../src/kernel/control.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { type Log, openLog } from "../../src/kernel/log.ts";
import { socketPath } from "../../src/kernel/paths.ts";
import { ownIdentity, requestUnix, serveUnix } from "../../src/kernel/runtime.ts";
import { type Seat, type TakenSeat, takeSeat } from "../../src/kernel/seat.ts";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

let home: Home;
let control: ControlServer;
let state: State;
let path: string;
let log: Log;
let stopped: () => void;

beforeEach(async () => {
  home = enterHome();
  state = { v: 1, type: "pomo", n: 0 };
  log = openLog("host");
  const command = async (name: string, args: unknown): Promise<State> => {
    if (name === "echo") return { args };
    if (name === "refuse") throw new Expected(75, "not now", "in a minute");
    if (name === "stop") stopped();
    if (name === "break") throw new RangeError("a bug");
    return state;
  };
  control = new ControlServer({ state: () => state, command }, log);
  path = socketPath("pomo.default");
  await control.bind(path);
});
afterEach(async () => {
  await control.close();
  log[Symbol.dispose]();
  home[Symbol.dispose]();
});

const seat = (): Seat => ({
  kind: "pomo",
  profile: "default",
  session: "s",
  socket: path,
  host: ownIdentity(),
});
const ask = (method: "GET" | "POST", at: string, body?: string) =>
  requestUnix(path, method, at, { timeoutMs: 5_000, ...(body === undefined ? {} : { body }) });

/** Watches and hands out what it is told, one at a time. */
function watch(client = connect(seat())) {
  const told: (State | undefined)[] = [];
  const watching = client.watch((each) => told.push(each));
  return {
    told,
    next: async () => {
      await until(() => told.length > 0);
      return told.shift();
    },
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
}

describe("a host's socket", () => {
  test("is its owner's alone, in a folder that is", () => {
    expect(statSync(path).isSocket()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  test("is not on the network", () => {
    const listening = (file: string) =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.split(/\s+/)[4] === "0A")
        .map((line) => line.split(/\s+/)[10]);
    const inodes = new Set(
      ["/proc/self/net/tcp", "/proc/self/net/tcp6"].filter(existsSync).flatMap(listening),
    );
    const fds = Array.from(new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false }));
    const mine = fds.filter((fd) => {
      const { stdout } = Bun.spawnSync(["readlink", `/proc/${process.pid}/fd/${fd}`]);
      return inodes.has(/socket:\[(\d+)\]/.exec(String(stdout))?.[1]);
    });
    expect(mine).toEqual([]);
  });

  test("goes with its host", async () => {
    await control.close();
    expect(existsSync(path)).toBe(false);
  });

  test("takes the place of one that a killed host left behind", async () => {
    await control.close();
    writeFileSync(path, "");
    await control.bind(path);
    expect(await connect(seat()).state()).toEqual(state);
  });

  test("is bound again when its file has vanished, or the whole folder at a logout", async () => {
    expect(await control.rebind()).toBe(false);
    rmSync(path);
    expect(await control.rebind()).toBe(true);
    expect(await connect(seat()).state()).toEqual(state);
    rmSync(join(path, "../.."), { recursive: true });
    expect(await control.rebind()).toBe(true);
    expect(await connect(seat()).state()).toEqual(state);
    expect(await control.rebind()).toBe(false);
  });

  test("is tried again after a rebinding that failed", async () => {
    const run = join(path, "../..");
    rmSync(run, { recursive: true });
    writeFileSync(run, "no folder");
    await expect(control.rebind()).rejects.toThrow("can't be made");
    await expect(control.rebind()).rejects.toThrow("can't be made");
    rmSync(run);
    expect(await control.rebind()).toBe(true);
    expect(await connect(seat()).state()).toEqual(state);
  });

  test("that somebody else's has replaced isn't theirs to lose when the host leaves", async () => {
    rmSync(path);
    const foreign = await serveUnix(path, {
      request: async () => ({ status: 200, body: '{"foreign":true}' }),
      opened() {},
      closed() {},
    });
    await control.close();
    expect(await connect(seat()).state()).toEqual({ foreign: true });
    await foreign.stop();
  });

  test("is taken back from whoever replaced it while the host lives", async () => {
    rmSync(path);
    writeFileSync(path, "");
    expect(await control.rebind()).toBe(true);
    expect(await connect(seat()).state()).toEqual(state);
  });
});

describe("a client", () => {
  test("is told the state, and what a command came to", async () => {
    const client = connect(seat());
    expect(await client.state()).toEqual(state);
    expect(await client.command("echo", { bars: 3 })).toEqual({ args: { bars: 3 } });
    expect(await client.command("echo")).toEqual({ args: {} });
  });

  test("gets an expected failure as the host threw it", async () => {
    const failure = { name: "Expected", exit: 75, message: "not now", hint: "in a minute" };
    await expect(connect(seat()).command("refuse")).rejects.toMatchObject(failure);
  });

  test("gets a bug as one, and the host's log has its trace", async () => {
    await expect(connect(seat()).command("break")).rejects.toMatchObject({ exit: 70, message: "a bug" });
    const lines = readFileSync(join(home.path, "state/stint/host.log"), "utf8");
    expect(lines).toContain("RangeError: a bug");
  });

  test("is told that a host is gone", async () => {
    await control.close();
    const { state: ask, command } = connect(seat());
    for (const asked of [ask, () => command("pause")]) {
      await expect(asked()).rejects.toMatchObject({
        name: "Expected",
        exit: 69,
        message: "the pomo host of session s doesn't answer",
      });
    }
  });

  test("isn't taken in by something else that answers", async () => {
    await control.close();
    const foreign = await serveUnix(path, {
      request: async () => ({ status: 200, body: "<html>" }),
      opened() {},
      closed() {},
    });
    await expect(connect(seat()).state()).rejects.toMatchObject({ name: "Expected", exit: 69 });
    await foreign.stop();
  });
});

describe("over plain HTTP", () => {
  test("what there isn't is 404", async () => {
    for (const [method, at] of [
      ["GET", "/"],
      ["GET", "/command/pause"],
      ["POST", "/state"],
      ["POST", "/command/../x"],
      ["POST", "/command/"],
    ] as const) {
      const { status, body } = await ask(method, at);
      expect({ status, v: JSON.parse(body).v }).toEqual({ status: 404, v: 1 });
    }
  });

  test("a body that isn't JSON is refused as wrong usage", async () => {
    const { status, body } = await ask("POST", "/command/echo", "{");
    expect({ status, ...JSON.parse(body) }).toEqual({
      status: 409,
      v: 1,
      error: "the body isn't JSON",
      exit: 2,
    });
  });

  test("a body of megabytes is refused unread", async () => {
    const { status } = await ask("POST", "/command/echo", JSON.stringify("x".repeat(2 << 20)));
    expect(status).toBe(413);
    expect((await ask("GET", "/state")).status).toBe(200);
  });

  test("curl will do", async () => {
    const child = Bun.spawn(["curl", "-s", "--max-time", "5", "--unix-socket", path, "http://x/state"], {
      stdout: "pipe",
    });
    expect(await child.stdout.json()).toEqual(state);
  });
});

describe("watchers", () => {
  test("are in sync with their first message, and told every change in order", async () => {
    state["n"] = 7;
    await using first = watch();
    expect(await first.next()).toMatchObject({ n: 7 });
    for (const n of [8, 9]) {
      state["n"] = n;
      control.push();
    }
    expect([await first.next(), await first.next()]).toMatchObject([{ n: 8 }, { n: 9 }]);
    await using late = watch();
    expect(await late.next()).toMatchObject({ n: 9 });
  });

  test("may be any number, and show the same", async () => {
    const many = Array.from({ length: 100 }, () => watch());
    await Promise.all(many.map((each) => each.next()));
    state["n"] = 1;
    control.push();
    expect(await Promise.all(many.map((each) => each.next()))).toEqual(Array(100).fill(state));
    for (const each of many) await each[Symbol.asyncDispose]();
  });

  test("in the host's own process are told without the socket", async () => {
    const local = watch(control as ReturnType<typeof connect>);
    control.push();
    expect(local.told).toHaveLength(2);
    await local[Symbol.asyncDispose]();
    control.push();
    expect(local.told).toHaveLength(2);
  });

  test("are told that they can't see the host, and are in sync again once they can", async () => {
    await using client = watch();
    await client.next();
    await control.close();
    expect(await client.next()).toBeUndefined();
    state["n"] = 5;
    await control.bind(path);
    let seen = await client.next();
    while (seen === undefined) seen = await client.next();
    expect(seen).toMatchObject({ n: 5 });
  });

  test("hear nothing more once they have stopped watching", async () => {
    const client = watch();
    await client.next();
    await client[Symbol.asyncDispose]();
    control.push();
    await connect(seat()).state();
    expect(client.told).toEqual([]);
  });

  test("one that stalls a megabyte behind is cut off, and the others go on", async () => {
    const script = `const ws = new WebSocket("ws+unix://${path}:/watch");
      ws.onmessage = () => { ws.onmessage = null; console.log("watching"); process.kill(process.pid, "SIGSTOP"); };
      ws.onclose = () => { console.log("closed"); process.exit(0); };`;
    const stalled = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
    const reader = stalled.stdout.getReader();
    await reader.read();
    await using other = watch();
    await other.next();
    await until(() => readFileSync(`/proc/${stalled.pid}/stat`, "utf8").includes(") T "));
    state["filler"] = "x".repeat(100_000);
    const connections = () =>
      Bun.spawnSync(["sh", "-c", `ls -l /proc/${process.pid}/fd | grep -c socket:`])
        .stdout.toString()
        .trim();
    const before = Number(connections());
    for (let n = 0; n < 40; n++) {
      state["n"] = n;
      control.push();
      expect(await other.next()).toMatchObject({ n });
    }
    // Cut off here and now, not when it reads again.
    await until(() => Number(connections()) < before);
    stalled.kill("SIGCONT");
    let said = "";
    for (let part = await reader.read(); !part.done; part = await reader.read())
      said += Buffer.from(part.value);
    expect(said).toEndWith("closed\n");
  });
});

describe("stop", () => {
  let taken: TakenSeat;
  beforeEach(() => {
    taken = takeSeat("pomo.default");
    taken.announce({ kind: "pomo", profile: "default", session: "s", socket: path });
  });
  afterEach(() => taken[Symbol.dispose]());

  test("returns once the seat is free, not when the host has said yes", async () => {
    const asked = Promise.withResolvers<void>();
    stopped = asked.resolve;
    let over = false;
    const stopping = stopHost(seat(), systemClock).then(() => {
      over = true;
    });
    await asked.promise;
    await connect(seat()).state();
    expect(over).toBe(false);
    taken[Symbol.dispose]();
    await stopping;
  });

  test("of a host that is leaving already waits for that", async () => {
    await control.close();
    const stopping = stopHost(seat(), systemClock);
    setImmediate(() => taken[Symbol.dispose]());
    await stopping;
  });

  test("of a host that hangs gives up and says how to end it", async () => {
    stopped = () => {};
    await expect(stopHost(seat(), systemClock, 30)).rejects.toMatchObject({
      name: "Expected",
      exit: 75,
      hint: `kill -9 ${process.pid} ends it; its last checkpoint stays`,
    });
  });
});
