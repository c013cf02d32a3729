import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { connect, stopHost, watchSeat } from "../../src/kernel/client.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { State } from "../../src/kernel/control.ts";
import { socketPath } from "../../src/kernel/paths.ts";
import { serveUnix, type Watcher } from "../../src/kernel/runtime.ts";
import { findHosts, type Seat, takeSeat } from "../../src/kernel/seat.ts";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

const ONE = "0198c0de-0000-7000-8000-000000000001";
const OTHER = "0198c0de-0000-7000-8000-000000000002";
const POMO = { kind: "pomo", profile: "default" } as const;

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

/** A host in a process of its own, once it runs. @param run where its socket is */
async function host(session: string, run = "run"): Promise<Seat & { kill(): Promise<unknown> }> {
  const folder = join(home.path, run);
  mkdirSync(folder, { mode: 0o700, recursive: true });
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "fixture-host.ts"), session], {
    cwd: home.path,
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = () => {
    child.kill("SIGKILL");
    return child.exited;
  };
  ends.push(kill);
  const seat = await until(() => findHosts(POMO).find((each) => each.session === session));
  await until(async () => (await connect(seat as Seat).state())["state"] === "running");
  return { ...(seat as Seat), kill };
}

/** A seat taken by this process, and how many watch it. */
async function sit(name = "pomo.default") {
  const taken = takeSeat(name);
  const watchers = new Set<Watcher>();
  const socket = socketPath(name);
  mkdirSync(join(home.path, "run/stint"), { mode: 0o700, recursive: true });
  const server = await serveUnix(socket, {
    request: async () => ({ status: 200, body: "{}" }),
    opened(watcher) {
      watchers.add(watcher);
      watcher.send(JSON.stringify({ seat: name }));
    },
    closed: (watcher) => void watchers.delete(watcher),
  });
  const [kind, profile = ""] = name.split(".");
  taken.announce({ kind: kind as "pomo", profile, session: "s", socket });
  const hangUp = () => {
    for (const watcher of watchers) watcher.close();
  };
  const leave = async () => {
    taken[Symbol.dispose]();
    hangUp();
    await server.stop();
  };
  ends.push(leave);
  return { watchers, hangUp, leave };
}

function watch(of: { kind: "pomo"; profile: string } = POMO) {
  const told: (State | undefined)[] = [];
  const watching = watchSeat(of, (state) => void told.push(state));
  ends.push(async () => watching[Symbol.asyncDispose]());
  return {
    told,
    /** The session it was told of last. */
    at: () => told.at(-1)?.["session_id"],
    end: () => watching[Symbol.asyncDispose](),
  };
}

const sockets = (): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;

describe("watching a seat", () => {
  test("tells at once that nobody sits there, once, and then whoever comes", async () => {
    const { told, at } = watch();
    expect(told).toEqual([undefined]);
    await host(ONE);
    await until(() => at() === ONE);
    expect(told.filter((state) => state === undefined)).toHaveLength(1);
  });

  test("tells no state before there is one, nor that there is nobody, while somebody sits there", async () => {
    await host(ONE);
    const { told } = watch();
    expect(told).toEqual([]);
    await until(() => told.length > 0);
    expect(told[0]).toMatchObject({ session_id: ONE, state: "running" });
  });

  test("follows it over the death of the host to another one at another address", async () => {
    const first = await host(ONE);
    const { told, at } = watch();
    await until(() => at() === ONE);
    await first.kill();
    await until(() => told.at(-1) === undefined);
    const second = await host(OTHER, "another");
    expect(second.socket).not.toBe(first.socket);
    await until(() => at() === OTHER);
    await connect(second).command("pause");
    await until(() => told.at(-1)?.["state"] === "paused");
  });

  test("a host that stopped and came back under the same session is the same to it", async () => {
    const first = await host(ONE);
    const { told, at } = watch();
    await until(() => at() === ONE);
    await stopHost(first, systemClock);
    await until(() => told.at(-1) === undefined);
    await host(ONE);
    await until(() => at() === ONE);
  });

  test("says once more that there is nobody when the one that doesn't answer is gone", async () => {
    const { leave, watchers, hangUp } = await sit();
    const { told } = watch();
    await until(() => told.length === 1);
    hangUp();
    await until(() => told.length === 3);
    // Hung up, and back: it still sits there.
    expect(told).toEqual([{ seat: "pomo.default" }, undefined, { seat: "pomo.default" }]);
    await until(() => watchers.size === 1);
    // What its watcher reads as it is told is what a dead host has left: it must be told when that is so.
    await leave();
    await until(() => told.length === 5);
    expect(told.slice(3)).toEqual([undefined, undefined]);
    expect(findHosts(POMO)).toEqual([]);
  });

  test("another profile's host is another's", async () => {
    await sit("pomo.work");
    const mine = watch();
    const work = watch({ kind: "pomo", profile: "work" });
    await until(() => work.told.length > 0);
    expect([mine.told, work.told]).toEqual([[undefined], [{ seat: "pomo.work" }]]);
  });

  test("leaves no socket behind, however often", async () => {
    const { watchers } = await sit();
    const before = sockets();
    for (let n = 0; n < 20; n++) {
      const { told, end } = watch();
      await until(() => told.length > 0);
      await end();
    }
    // Connections of earlier requests may close meanwhile.
    await until(() => watchers.size === 0 && sockets() <= before);
  });

  test("ended while it connects or while it waits for a host, it tells nothing more and opens nothing", async () => {
    const early = watch();
    await early.end();
    const { watchers } = await sit();
    const connecting = watch();
    await connecting.end();
    const other = watch();
    await until(() => other.told.length > 0);
    await until(() => watchers.size === 1);
    expect([early.told, connecting.told]).toEqual([[undefined], []]);
  });

  test("ended by what it tells, it doesn't look for another host", async () => {
    const first = await sit();
    const told: (State | undefined)[] = [];
    const watching = watchSeat(POMO, (state) => {
      told.push(state);
      if (!state) void watching[Symbol.asyncDispose]();
    });
    const other = watch();
    await until(() => told.length === 1 && other.told.length === 1);
    await first.leave();
    const second = await sit();
    // It would have looked before the other one did.
    await until(() => other.told.length > 1 && other.told.at(-1) !== undefined);
    expect(told).toEqual([{ seat: "pomo.default" }, undefined]);
    expect(second.watchers.size).toBe(1);
  });
});
