import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

/** Has another process launch a host that does `what`. @returns what it came to, as the fixture says */
async function launched(
  what: string,
  options: { cwd?: string; env?: Record<string, string>; given?: string } = {},
) {
  const command = [process.execPath, join(import.meta.dir, "fixture-launch.ts"), "launch", what];
  const child = Bun.spawn([...command, ...(options.given === undefined ? [] : [options.given])], {
    cwd: options.cwd ?? home.path,
    env: { ...process.env, ...options.env },
    stdout: "pipe",
    stderr: "inherit",
  });
  const [out] = await Promise.all([child.stdout.text(), child.exited]);
  return JSON.parse(out) as Record<string, unknown>;
}
/** What a host that reports wrote in its folder. */
const report = (folder: string) =>
  until(() => {
    try {
      return JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
    } catch {
      return undefined;
    }
  });
const gone = (pid: unknown) => {
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch {
    return true;
  }
};

test("a host that is ready is left running, and its session is known", async () => {
  const { session, pid } = await launched("ready");
  expect(session).toBe("its-session");
  expect(gone(pid)).toBe(false);
  process.kill(Number(pid), "SIGKILL");
});

test("it has the folder and the environment of who started it, a session of its own and no terminal", async () => {
  const folder = join(home.path, "a folder");
  mkdirSync(folder);
  const { pid } = await launched("report", { cwd: folder, env: { FLAVOUR: "plum" } });
  expect(await report(folder)).toEqual({
    cwd: realpathSync(folder),
    flavour: "plum",
    sid: pid,
    terminal: false,
    ready: null,
    background: [true, false],
    argv: ["host", "report"],
  });
});

test("what it is given in its environment is its own, and on no command line", async () => {
  const env = { FLAVOUR: "plum" };
  const { ours } = await launched("report", { env, given: "FLAVOUR=pear" });
  expect(await report(home.path)).toMatchObject({ flavour: "pear", argv: ["host", "report"] });
  expect(ours).toBe("plum");
});

test("one that fails says why, with its hint and exit code", async () => {
  expect(await launched("fail")).toEqual({
    name: "Expected",
    message: "no cämera",
    hint: "plug one in",
    exit: 69,
  });
});

test("one that fails by a bug is said to", async () => {
  expect(await launched("bug")).toMatchObject({ message: "the host failed: oh no", exit: 70 });
});

test("one that dies without a word is said to have, and how, and where to look", async () => {
  const errors = join(home.path, "state/stint/host.stderr");
  expect(await launched("exit")).toEqual({
    name: "Expected",
    message: "the host died at its start (exit 7)",
    hint: `see ${errors}`,
    exit: 70,
  });
  expect(readFileSync(errors, "utf8")).toBe("its last words\n");
  expect(await launched("kill")).toMatchObject({ message: "the host died at its start (SIGKILL)" });
});

test("one whose child lives on isn't waited for", async () => {
  expect(await launched("orphan")).toMatchObject({ message: "the host died at its start (exit 7)" });
});

test("a program that has been moved away is said to be", async () => {
  expect(await launched("missing")).toMatchObject({
    name: "Expected",
    exit: 74,
    message: expect.stringContaining("can't be started"),
  });
});

test("from a folder that was removed meanwhile it isn't tried", async () => {
  const folder = join(home.path, "gone");
  mkdirSync(folder);
  const { exit, message, hint } = await launched("removed", { cwd: folder });
  expect({ exit, hint }).toEqual({ exit: 74, hint: "was one of them removed?" });
  expect(message).toEndWith(` can't be started in ${folder}`);
});
