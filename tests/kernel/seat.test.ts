import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ownIdentity } from "../../src/kernel/runtime.ts";
import {
  checkProfile,
  clearDeadSeats,
  findHosts,
  isFree,
  type Seat,
  seatName,
  takeSeat,
} from "../../src/kernel/seat.ts";
import { enterHome, type Home, Other } from "../support/home.ts";
import { Sandbox, stint } from "../support/sandbox.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

const other = (...args: string[]) =>
  new Other([process.execPath, join(import.meta.dir, "fixture-process.ts"), ...args]);
const file = (name: string) => join(home.path, "state/stint", `${name}.host`);
const seats = () => readdirSync(join(home.path, "state/stint")).filter((name) => name.endsWith(".host"));
const refused = (message: string) => expect.objectContaining({ name: "Expected", exit: 75, message });
const announced = { kind: "pomo", profile: "default", session: "s", socket: "/nowhere" } as const;

test("one host sits on a seat; the next is told who", async () => {
  await using host = other("seat", "its-session");
  await host.line();
  const taking = () => takeSeat("pomo.default");
  expect(taking).toThrow(refused(`pomo is already running (session its-session, pid ${host.pid})`));
  expect(taking).toThrow(expect.objectContaining({ hint: "stint pomo status" }));
  using other_ = takeSeat("pomo.work");
  expect(other_).toBeDefined();
});

test("one that has yet to say who it is sits there too", async () => {
  await using host = other("seat");
  await host.line();
  expect(() => takeSeat("pomo.default")).toThrow(refused("pomo is just being started"));
  expect(findHosts()).toEqual([]);
});

test("kill -9 frees it", async () => {
  await using host = other("seat", "s");
  await host.line();
  const [seat] = findHosts({ kind: "pomo" });
  expect(isFree(seat as Seat)).toBe(false);
  await host.kill();
  expect(isFree(seat as Seat)).toBe(true);
  expect(findHosts()).toEqual([]);
  using taken = takeSeat("pomo.default");
  taken.announce(announced);
  expect(findHosts().map(({ host }) => host)).toEqual([ownIdentity()]);
});

test("a host is found by its kind, profile and session, and where it is reached", () => {
  using pomo = takeSeat(seatName("pomo", "default", "p"));
  pomo.announce({ ...announced, session: "p", socket: "/run/p.sock" });
  using run = takeSeat(seatName("backtest", "work", "b"));
  run.announce({ kind: "backtest", profile: "work", session: "b", socket: "/run/b.sock" });
  const found = (only = {}) => findHosts(only).map(({ socket }) => socket);
  expect(found().toSorted()).toEqual(["/run/b.sock", "/run/p.sock"]);
  expect(found({ kind: "pomo" })).toEqual(["/run/p.sock"]);
  expect(found({ profile: "work", session: "b" })).toEqual(["/run/b.sock"]);
  expect(found({ kind: "track" })).toEqual([]);
  expect(statSync(file("pomo.default")).mode & 0o777).toBe(0o600);
});

test("backtests sit side by side, others one a profile, of those that track there is one", () => {
  expect(seatName("backtest", "p", "a")).not.toBe(seatName("backtest", "p", "b"));
  expect(seatName("pomo", "p", "a")).toBe(seatName("pomo", "p", "b"));
  expect(seatName("pomo", "p", "a")).not.toBe(seatName("pomo", "q", "a"));
  expect(seatName("track", "p", "a")).toBe(seatName("track", "q", "b"));
});

test("one that tracks for another profile is named with it, and found by that profile alone", () => {
  const track = (profile: string) => takeSeat(seatName("track", profile, "s"), profile);
  using seat = track("acme");
  expect(() => track("work")).toThrow(refused("track is just being started"));
  seat.announce({ kind: "track", profile: "acme", session: "s", socket: "/run/t.sock" });
  const who = `session s, pid ${process.pid}`;
  expect(() => track("acme")).toThrow(refused(`track is already running (${who})`));
  expect(() => track("acme")).toThrow(expect.objectContaining({ hint: "stint track status" }));
  expect(() => track("work")).toThrow(refused(`track is already running (profile acme, ${who})`));
  const hint = "stint track status --profile acme";
  expect(() => track("work")).toThrow(expect.objectContaining({ hint }));
  expect(findHosts({ kind: "track", profile: "work" })).toEqual([]);
  const [found] = findHosts({ kind: "track", profile: "acme" });
  expect(found).toMatchObject({ socket: "/run/t.sock" });
  expect(isFree(found as Seat)).toBe(false);
  expect(seats()).toEqual(["track.host"]);
  clearDeadSeats();
  expect(seat.keep()).toBe("kept");
  seat[Symbol.dispose]();
  expect(isFree(found as Seat)).toBe(true);
  using _next = track("work");
});

test("a host that leaves takes its seat with it", () => {
  const seat = takeSeat("pomo.default");
  seat.announce(announced);
  const [found] = findHosts();
  seat[Symbol.dispose]();
  expect(isFree(found as Seat)).toBe(true);
  expect(seats()).toEqual([]);
});

test("a seat that another host has taken since is free of the first", () => {
  using seat = takeSeat("pomo.default");
  seat.announce(announced);
  const [now] = findHosts();
  const before = { ...(now as Seat), host: { ...ownIdentity(), pid: 1, start: readStart(1) } };
  expect(isFree(before)).toBe(true);
});
const readStart = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ")[19] ?? "";

test("the seats of the dead are cleared, those of the living and of who is just starting are not", async () => {
  await using dead = other("seat", "dead");
  await dead.line();
  await dead.kill();
  writeFileSync(file("backtest.default.died-at-once"), "");
  writeFileSync(file("backtest.default.garbage"), "{");
  using living = takeSeat("track");
  living.announce({ ...announced, kind: "track" });
  using _starting = takeSeat("modules.default");
  clearDeadSeats();
  expect(seats().toSorted()).toEqual(["modules.default.host", "track.host"]);
});

test.skipIf(!canMount)("on a full disk a host isn't started, and that is said on a line", async () => {
  await using box = new Sandbox(stint.source);
  const folder = join(box.home, "state/stint");
  mkdirSync(folder, { recursive: true });
  const filled = ["sh", "-c", 'cat /dev/zero > "$0/filler"; exec "$@"', folder, ...box.command];
  const command = [...onSmallDisk(folder, filled), "pomo", "start", "--foreground"];
  const host = Bun.spawn(command, { env: box.env, stdout: "pipe", stderr: "pipe" });
  expect(await host.exited).toBe(74);
  expect((await host.stderr.text()).replaceAll(/^cat: .*\n/gm, "")).toBe(
    `stint: ${folder}/pomo.default.host can't be written: ENOSPC\n  is its disk full?\n`,
  );
});

test("a seat whose file was removed under its host isn't trusted by the next one", () => {
  using _first = takeSeat("pomo.default");
  unlinkSync(file("pomo.default"));
  using second = takeSeat("pomo.default");
  second.announce(announced);
  expect(() => takeSeat("pomo.default")).toThrow(
    refused(`pomo is already running (session s, pid ${process.pid})`),
  );
  expect(existsSync(file("pomo.default"))).toBe(true);
});

test("a host keeps its seat: one whose file was removed, or the whole folder, is taken again and announced", () => {
  using seat = takeSeat("pomo.default");
  seat.announce(announced);
  expect(seat.keep()).toBe("kept");
  unlinkSync(file("pomo.default"));
  expect(seat.keep()).toBe("taken again");
  rmSync(join(home.path, "state"), { recursive: true });
  expect(findHosts()).toEqual([]);
  expect(seat.keep()).toBe("taken again");
  expect(seat.keep()).toBe("kept");
  expect(findHosts()).toMatchObject([{ ...announced, host: ownIdentity() }]);
  expect(() => takeSeat("pomo.default")).toThrow(
    refused(`pomo is already running (session s, pid ${process.pid})`),
  );
});

test("a host whose seat another has taken meanwhile has lost it, and leaves the other's alone", async () => {
  const seat = takeSeat("pomo.default");
  seat.announce(announced);
  unlinkSync(file("pomo.default"));
  await using host = other("seat", "its-session");
  await host.line();
  expect(seat.keep()).toBe("lost");
  seat[Symbol.dispose]();
  expect(findHosts()).toMatchObject([{ session: "its-session", host: { pid: host.pid } }]);
});

test("there are no hosts where there is no state folder", () => {
  expect(findHosts()).toEqual([]);
  expect(existsSync(join(home.path, "state"))).toBe(false);
});

test("a profile's name can stand in a file's name", () => {
  for (const name of ["default", "Work-2", "a_b", "x".repeat(40)]) expect(checkProfile(name)).toBe(name);
  for (const name of ["", ".", "../x", "a/b", "a.b", "a b", "-x", "ü", "x".repeat(41)]) {
    expect(() => checkProfile(name)).toThrow(expect.objectContaining({ name: "Expected", exit: 2 }));
  }
});
