/** What is run when something happens. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { HookRunner } from "../../src/detect/adapters/hooks.ts";
import type { EventRow } from "../../src/detect/core/event.ts";
import type { Hooks } from "../../src/detect/core/installation.ts";
import { Folder } from "../support/folder.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";

let folder: Folder;
let log: KeptLog;
beforeEach(() => {
  folder = new Folder();
  log = new KeptLog();
});
afterEach(() => folder[Symbol.dispose]());

const none: Hooks = { trip: null, camera_lost: null, guard_dead: null, timeout_ms: 5_000 };
const runner = (hooks: Partial<Hooks>) => new HookRunner(() => ({ ...none, ...hooks }), log);
const lost = (id: number): EventRow => ({
  event: "camera_lost",
  camera: "hall",
  why: "no frame for 3 s",
  id,
  at: 1_000,
  snapshot: null,
  clip: null,
});

test("a hook gets the event in its environment and on its stdin", async () => {
  const program = folder.program("hook", `cat > "$HERE/stdin"; echo "$STINT_EVENT $1" > "$HERE/env"`);
  await using hooks = runner({ camera_lost: [program, "a word; true"] });
  process.env["STINT_PROFILE"] = "mine";
  hooks.fire("camera_lost", lost(7));
  delete process.env["STINT_PROFILE"];
  const [env = ""] = await folder.written("env");
  const [line = ""] = folder.lines("stdin");
  expect(JSON.parse(line)).toEqual({ v: 1, type: "event", ...lost(7) });
  expect(env).toBe(`${line} a word; true`);
});

test("nothing is run for what has no hook", async () => {
  const program = folder.program("hook", `touch "$HERE/ran"`);
  await using hooks = runner({ trip: [program] });
  hooks.fire("guard_dead", lost(1));
  await hooks[Symbol.asyncDispose]();
  expect(folder.lines("ran")).toEqual([]);
  expect(log.lines).toEqual([]);
});

test("they come in order, and a slow one of a kind keeps no other kind waiting", async () => {
  const slow = folder.program(
    "slow",
    `read line; until [ -e "$HERE/go" ]; do sleep 0.01; done; echo "$line" >> "$HERE/slow-ran"`,
  );
  const quick = folder.program("quick", `cat >> "$HERE/quick-ran"`);
  await using hooks = runner({ trip: [slow], guard_dead: [quick] });
  for (const id of [1, 2, 3]) hooks.fire("trip", lost(id));
  hooks.fire("guard_dead", lost(4));
  await folder.written("quick-ran");
  expect(folder.lines("slow-ran")).toEqual([]);
  folder.program("go", "");
  const lines = await folder.written("slow-ran", 3);
  expect(lines.map((line) => (JSON.parse(line) as EventRow).id)).toEqual([1, 2, 3]);
});

test("one that fails, isn't there, or takes too long is told of, once each, and ended with all it has started", async () => {
  const fails = folder.program("fails", "echo 'no bell' >&2; exit 3");
  const hangs = folder.program("hangs", `sleep 60 & echo $! > "$HERE/child"; wait`);
  await using hooks = runner({
    trip: [fails],
    camera_lost: [folder.file("missing")],
    guard_dead: [hangs],
    timeout_ms: 300,
  });
  hooks.fire("trip", lost(1));
  hooks.fire("camera_lost", lost(2));
  hooks.fire("guard_dead", lost(3));
  await until(() => log.warnings.length === 3);
  expect(log.warnings.sort()).toEqual([
    "the hook camera_lost failed: there is no such program",
    "the hook guard_dead failed: not done after 0.3 s",
    "the hook trip failed: exit 3",
  ]);
  expect(log.lines.find(({ text }) => text.includes("trip"))?.facts).toMatchObject({
    stderr: "no bell",
    event: 1,
  });
  const child = Number(folder.lines("child")[0]);
  await until(() => !isAlive(child));
});

test("it says that the last run of a hook failed, until one does well or another is configured", async () => {
  const hook = folder.program("hook", `[ -e "$HERE/well" ] || exit 3`);
  let configured: Hooks = { ...none, trip: [hook] };
  await using hooks = new HookRunner(() => configured, log);
  expect(hooks.failure).toBeNull();
  hooks.fire("trip", lost(1));
  await until(() => hooks.failure === "the hook trip failed: exit 3");
  // Another kind's success is none of this one.
  configured = { ...configured, guard_dead: [folder.program("bell", `echo rang > "$HERE/rang"`)] };
  hooks.fire("guard_dead", lost(2));
  await folder.written("rang");
  expect(hooks.failure).toBe("the hook trip failed: exit 3");
  configured = { ...configured, trip: [hook, "otherwise"] };
  expect(hooks.failure).toBeNull();
  hooks.fire("trip", lost(3));
  await until(() => hooks.failure !== null);
  folder.program("well", "");
  hooks.fire("trip", lost(4));
  await until(() => hooks.failure === null);
});

test("what is configured anew is what runs next", async () => {
  const program = folder.program("hook", `echo "$1" >> "$HERE/ran"`);
  let configured: Hooks = { ...none, trip: [program, "before"] };
  await using hooks = new HookRunner(() => configured, log);
  hooks.fire("trip", lost(1));
  configured = { ...none, trip: [program, "after"] };
  hooks.fire("trip", lost(2));
  expect(await folder.written("ran", 2)).toEqual(["before", "after"]);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
