/** The commands as a person at a terminal and a script read them; from the source. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ModulesBox } from "../support/modules.ts";
import { pty } from "../support/pty.ts";
import { stint, until } from "../support/sandbox.ts";

const fromSource = () => new ModulesBox({}, stint.source);

/** Runs a command on a terminal to its end. @returns what it printed, and its exit code */
async function onTerminal(box: ModulesBox, ...args: string[]): Promise<{ text: string; code: number }> {
  await using terminal = pty([...box.command, "modules", ...args], {
    cwd: box.work,
    env: box.env,
    columns: 120,
    rows: 30,
  });
  const code = await terminal.exited;
  return { text: terminal.screen(), code: Number(code) };
}

test("a person sees a table, what became of a wish, and why something doesn't run", async () => {
  await using box = fromSource();
  box.tiny("camera");
  box.tiny("lamp", { enabled: "false" });
  box.plain("audio", "echo no device; exit 3", { ready: "event" });
  const up = await onTerminal(box, "up", "--detach", "--dir", box.dir);
  expect(up).toMatchObject({
    code: 0,
    text: expect.stringMatching(/2 of 3 modules of .*modules are wanted/),
  });
  await box.until("audio", ({ reason }) => /no device/.test(reason ?? ""));
  const { text, code } = await onTerminal(box, "list");
  expect(code).toBe(1);
  expect(text).toMatch(/NAME +WANTED +STATE +PID +UP +CPU +RSS +RESTARTS +LAST/);
  expect(text).toMatch(/camera +on +IDLE +\d+/);
  expect(text).toMatch(/lamp +off +DISABLED/);
  expect(text).toMatch(/audio +on +ERROR .*exit 3 before it was ready: no device/);
  expect((await onTerminal(box, "start", "lamp")).text).toMatch(/✓ lamp: IDLE \(pid \d+\)/);
  expect(await onTerminal(box, "start", "audio")).toMatchObject({
    code: 1,
    text: expect.stringMatching(/✗ audio: exit 3/),
  });
  expect((await onTerminal(box, "record", "--all")).text).toMatch(/✓ camera: RECORDING/);
  expect((await onTerminal(box, "send", "camera", '{"command":"x"}')).text).toMatch(
    /\{"event":"ack","id":\d+\}/,
  );
  expect((await onTerminal(box, "reload")).text).toContain("nothing has changed");
  expect((await onTerminal(box, "down")).text).toContain("all modules are stopped");
  expect((await onTerminal(box, "down")).code).toBe(69);
});

test("status --follow gives a line at each change, and ends with its supervisor", async () => {
  await using box = fromSource();
  box.tiny("camera");
  box.tiny("lamp", { enabled: "false" });
  await box.up();
  await box.until("camera", ({ actual }) => actual === "IDLE");
  const child = box.start(["modules", "status", "camera", "--follow"]);
  const text = child.stdout.text();
  await until(() => box.run(["modules", "status"]).then(({ code }) => code === 0));
  await box.modules("record", "camera", "--session", join(box.home, "recording"));
  await box.modules("start", "lamp");
  await box.modules("pause", "camera");
  await box.modules("down");
  expect(await child.exited).toBe(69);
  const states = (await text)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(new Set(states.map(({ name }) => name))).toEqual(new Set(["camera"]));
  const seen = states.map(({ actual }) => actual);
  expect(seen).toContain("RECORDING");
  expect(seen[0]).toBe("IDLE");
});

test("up takes the folder that is configured, and what a dead one left only from its own", async () => {
  await using box = fromSource();
  box.tiny("camera");
  const other = join(box.home, "other");
  mkdirSync(join(other, "x"), { recursive: true });
  const missing = await box.run(["modules", "up", "--detach", "--dir", join(box.home, "nowhere")]);
  expect(missing).toMatchObject({ code: 78, err: expect.stringContaining("nowhere") });
  // `modules` in the folder that one stands in, where nothing else is said.
  expect((await box.run(["modules", "up", "--detach"])).code).toBe(0);
  const { pid } = await box.until("camera", ({ actual }) => actual === "IDLE");
  await box.kill();
  const elsewhere = await box.run(["modules", "up", "--detach", "--dir", other]);
  expect(elsewhere).toMatchObject({ code: 75, err: expect.stringContaining(`up --dir ${box.dir}`) });
  // From wherever: what was left says where it is.
  const again = await box.run(["modules", "up", "--detach"], { cwd: box.home });
  expect(again).toMatchObject({ code: 0, err: expect.stringContaining("its module is taken over") });
  expect(await box.row("camera")).toMatchObject({ pid, adopted: true });
  const { lines } = await box.run(["sessions"]);
  expect(lines.filter(({ kind }) => kind === "modules")).toHaveLength(1);
});

test("profiles have supervisors of their own", async () => {
  await using box = fromSource();
  box.tiny("camera");
  await box.up();
  const others = join(box.home, "others");
  cpSync(box.dir, others, { recursive: true });
  await box.run(["modules", "up", "--detach", "--dir", others, "--profile", "other"]);
  const there = async (profile: string) =>
    (await box.run(["modules", "status", "--profile", profile])).lines[0]?.["pid"];
  await until(
    () => there("other"),
    (pid) => typeof pid === "number",
  );
  await until(
    () => there("default"),
    (pid) => typeof pid === "number",
  );
  expect(await there("other")).not.toBe(await there("default"));
  await box.run(["modules", "down", "--profile", "other"]);
  expect((await box.run(["modules", "status", "--profile", "other"])).code).toBe(69);
  expect((await box.run(["modules", "status"])).code).toBe(0);
});
