/** `stint detect health`, and what it is told of this process and its disk. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, statfsSync } from "node:fs";
import { Usage } from "../../src/detect/adapters/usage.ts";
import type { CameraRow, DetectView, Health, RelayRow } from "../../src/detect/core/view.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ControlServer } from "../../src/kernel/control.ts";
import { dataPath, socketPath } from "../../src/kernel/paths.ts";
import { takeSeat } from "../../src/kernel/seat.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { pty } from "../support/pty.ts";
import { stint } from "../support/sandbox.ts";

let home: Home;
beforeEach(() => {
  home = enterHome({ TZ: "Europe/Berlin" });
});
afterEach(() => home[Symbol.dispose]());

const measured: Health = {
  rss: 171 << 20,
  cpu: 21.46,
  disk: 61,
  reconnects: 3,
  latency_p95_ms: 83.7,
  cycles: 12,
  self_test: { at: Date.UTC(2026, 10, 22, 13, 5), ok: true },
  storage: null,
  hooks: null,
  mqtt: null,
  config: null,
};
const camera = { name: "hall", state: "live", fps: 5, reconnects: 3, latency_ms: 41.2, error: null };
const state = (more: Partial<DetectView> = {}): DetectView => ({
  v: 1,
  type: "detect",
  session_id: "s",
  profile: "default",
  state: "running",
  degraded: [],
  dry_run: false,
  cameras: [camera as unknown as CameraRow],
  relays: [{ id: "lamp", state: "off", board: "usb" } as RelayRow],
  zones: [],
  guard: { pid: 4119, state: "ok" },
  detector: { state: "ok", ms: 38 },
  health: measured,
  ...more,
});

/** Somebody who answers as a host would. */
async function hosting(says: DetectView): Promise<AsyncDisposable> {
  const control = new ControlServer({ state: () => says, command: async () => ({}) }, new KeptLog());
  const socket = socketPath("detect");
  await control.bind(socket);
  const seat = takeSeat("detect");
  seat.announce({ kind: "detect", profile: "default", session: "s", socket });
  return {
    async [Symbol.asyncDispose]() {
      seat[Symbol.dispose]();
      await control.close();
    },
  };
}

const command = [...stint.source, "detect", "health"];
async function run() {
  const child = Bun.spawn(command, { env: process.env, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}

test("when all is well it says so, with what it is known by, and exits with 0", async () => {
  await using _ = await hosting(state());
  const { out, code } = await run();
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    v: 1,
    type: "health",
    ok: true,
    problems: [],
    state: "running",
    dry_run: false,
    cameras: [camera],
    guard: { pid: 4119, state: "ok" },
    detector: { state: "ok", ms: 38 },
    ...measured,
  });
});

test("what isn't well is named, with what can be done, and exits with 1", async () => {
  await using _ = await hosting(
    state({ guard: { pid: null, state: "dead" }, health: { ...measured, disk: 97 } }),
  );
  const { out, code } = await run();
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    ok: false,
    problems: [
      { what: "the guard is dead: no relay can be switched on" },
      { what: "the disk is 97 % full", hint: "stint detect snapshots prune" },
    ],
  });
});

test("people see it as a table", async () => {
  await using _ = await hosting(state({ degraded: ["mqtt"] }));
  await using terminal = pty(command);
  expect(await terminal.exited).toBe(1);
  expect(terminal.screen().trimEnd().split("\n")).toEqual([
    "WHAT             NOW",
    "state            running",
    "camera hall      live, 5.0 fps, 41 ms, 3 reconnects",
    "detector         ok, 38 ms",
    "guard            ok, pid 4119",
    "frame to relay   84 ms (p95)",
    "reconnects       3",
    "RSS              171 M",
    "CPU              21.5 % of one core",
    "disk             61.0 % full",
    "relay cycles     12",
    "last relay test  ok, 2026-11-22 14:05",
    "it runs without mqtt",
  ]);
});

test("where it doesn't run it exits with 69", async () => {
  expect(await run()).toEqual({ out: "", err: expect.stringContaining("detect isn't running"), code: 69 });
});

test("usage is of this process since the last look, and of the disk that everything is on", async () => {
  mkdirSync(dataPath(), { recursive: true });
  const usage = new Usage(systemClock);
  expect(usage.now).toMatchObject({ cpu: 0, disk: null });
  for (const end = performance.now() + 100; performance.now() < end; );
  await usage.measure();
  expect(usage.now.cpu).toBeGreaterThan(30);
  expect(usage.now.rss).toBeGreaterThan(10 << 20);
  const { blocks, bfree, bavail } = statfsSync(dataPath());
  const percent = (100 * (blocks - bfree)) / (blocks - bfree + bavail);
  expect(Math.abs((usage.now.disk ?? -99) - percent)).toBeLessThan(1);
});

test("usage of no time at all, and of a disk that isn't there, is no error", async () => {
  const usage = new Usage(new TestClock());
  await usage.measure();
  expect(usage.now).toMatchObject({ cpu: 0, disk: null });
});
